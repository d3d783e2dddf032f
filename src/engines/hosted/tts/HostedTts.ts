/**
 * A hosted voice out of one definition and one codec: options, key, endpoint, capabilities, layer.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { BackendError, InvalidConfig } from "../../../BackendError.ts"
import * as EngineRegistry from "../../../speech/EngineRegistry.ts"
import type { SessionSpeech } from "../../../speech/SessionSpeech.ts"
import { TextToSpeech } from "../../../speech/TextToSpeech.ts"
import { endpointOf, type HostedOptions, type KeyHeader, secretHeaders } from "../HostedOptions.ts"
import * as SpeechPieces from "./SpeechPieces.ts"
import * as TtsConnection from "./TtsConnection.ts"
import * as TtsRequest from "./TtsRequest.ts"

/**
 * What every voice's options have.
 *
 * - `timeout`: how long a connection may take to open, or an answer to begin.
 * - `silence`: the longest pause within a sentence.
 *
 * @category models
 * @since 0.1.0
 */
export interface TtsOptions extends HostedOptions {
  readonly timeout: Duration.Duration
  readonly silence: Duration.Duration
}

/**
 * How a session's speech travels: over a socket that serves one sentence after another, or by a request for each. See
 * `TtsConnectionOptions` and `TtsRequestOptions`.
 *
 * @category models
 * @since 0.1.0
 */
export type TtsEndpoint =
  | (
    & { readonly _tag: "Socket"; readonly url: string; readonly headers?: { readonly [name: string]: string } }
    & Pick<TtsConnection.TtsConnectionOptions, "rotateAfter" | "idleAfter" | "closeKinds" | "protocol">
  )
  | ({ readonly _tag: "Request"; readonly url: string } & Pick<TtsRequest.TtsRequestOptions, "body" | "codeKinds">)

/**
 * One vendor's voice.
 *
 * - `sampleRate`: of the audio that it gives, in Hz.
 * - `maxText`: the limit of one request, in characters; longer texts are sent in pieces.
 * - `language`: of the speech, where the options name one. Default: the text's.
 * - `tags`: what `capabilities.tags` is. Default: none.
 * - `refuse`: what a session may not ask for together. Default: anything goes.
 * - `endpoint`: pure; gets the options, and what the session asks for.
 *
 * @category models
 * @since 0.1.0
 */
export interface TtsDefinition<Options extends TtsOptions> {
  readonly vendor: string
  readonly description: string
  readonly key: KeyHeader
  readonly options: Schema.Codec<Options, unknown>
  readonly sampleRate: (options: Options) => number
  readonly maxText: number
  readonly language?: ((options: Options) => string | undefined) | undefined
  readonly tags?: ((options: Options) => ReadonlyArray<string>) | undefined
  readonly refuse?: ((options: Options, session: SessionSpeech) => InvalidConfig | undefined) | undefined
  readonly endpoint: (options: Options, session: SessionSpeech) => TtsEndpoint
}

const make = Effect.fnUntraced(
  function*<Options extends TtsOptions>(
    { endpoint, key, language, maxText, refuse, sampleRate: rateOf, tags, vendor }: TtsDefinition<Options>,
    options: Options
  ) {
    const headers = yield* secretHeaders(vendor, key, options)
    const client = yield* HttpClient.HttpClient
    const sampleRate = rateOf(options)
    const endpointFor = (session: SessionSpeech) =>
      endpointOf(vendor, "TextToSpeech.open", () => endpoint(options, session))

    const speakAt = (
      to: TtsEndpoint
    ): Effect.Effect<SpeechPieces.SpeakText, BackendError, Scope.Scope> => {
      const common = { vendor, timeout: options.timeout }
      if (to._tag === "Request") return Effect.succeed(TtsRequest.make({ ...to, ...common, headers }, client))
      const more = Object.entries(to.headers ?? {}).map(([name, value]) => [name, Redacted.make(value)])
      return TtsConnection.open({
        ...to,
        ...common,
        sampleRate,
        url: Redacted.make(to.url),
        headers: { ...headers, ...Object.fromEntries(more) }
      })
    }
    const open = Effect.fnUntraced(function*(session: SessionSpeech) {
      const refusal = refuse?.(options, session)
      if (refusal !== undefined) return yield* refusal
      const speak = yield* speakAt(yield* endpointFor(session))
      return SpeechPieces.make({ sampleRate, maxText, speak })
    })
    const isSocket = (yield* endpointFor({}))._tag === "Socket"
    return TextToSpeech.of({
      name: vendor,
      sampleRate,
      stallTimeout: options.silence,
      // longer than `timeout`, which the connection itself keeps, so that its error is the one that is reported
      startTimeout: Duration.sum(options.timeout, options.silence),
      // a request would have to speak, and be paid for
      probe: isSocket ? Effect.scoped(Effect.asVoid(open({}))) : undefined,
      capabilities: { voices: [], languages: [], language: language?.(options), tags: tags?.(options) },
      refuse: refuse === undefined ? undefined : (session) => refuse(options, session),
      open
    })
  }
)

/**
 * Makes the layer and the registry's entry of a vendor's voice. The layer takes some of the options, the defaults hold for
 * the others; without a key it fails `invalid_config`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hostedTts = <Options extends TtsOptions>(vendor: TtsDefinition<Options>): {
  readonly layer: (options?: Partial<Options>) => Layer.Layer<TextToSpeech, BackendError>
  readonly definition: EngineRegistry.EngineDefinition<"tts">
} => ({
  layer: (options) =>
    Layer.effect(
      TextToSpeech,
      Effect.flatMap(
        EngineRegistry.complete(vendor.vendor, vendor.options, options),
        (complete) => make(vendor, complete)
      )
    ).pipe(Layer.provide(FetchHttpClient.layer)),
  definition: EngineRegistry.define({
    kind: "tts",
    name: vendor.vendor,
    description: vendor.description,
    options: vendor.options,
    layer: (options) => Layer.effect(TextToSpeech, make(vendor, options)).pipe(Layer.provide(FetchHttpClient.layer))
  })
})
