/**
 * A hosted recogniser out of one definition and one codec: options, key, endpoint, capabilities, layer.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import type { BackendError } from "../../../BackendError.ts"
import * as EngineRegistry from "../../../speech/EngineRegistry.ts"
import { canonical, type SessionSpeech } from "../../../speech/SessionSpeech.ts"
import { SpeechToText } from "../../../speech/SpeechToText.ts"
import { endpointOf, type HostedOptions, type KeyHeader, secretHeaders } from "../HostedOptions.ts"
import * as SttConnection from "./SttConnection.ts"
import type { SttProtocol } from "./SttProtocol.ts"

/**
 * What every recogniser's options have.
 *
 * @category models
 * @since 0.1.0
 */
export interface SttOptions extends HostedOptions {
  readonly timeout: Duration.Duration
}

/**
 * The connection of one session: its URL with the session's parameters, and the codec. See `SttConnectionOptions`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SttEndpoint extends
  Pick<
    SttConnection.SttConnectionOptions,
    "chunkMs" | "minChunkMs" | "emptyAnswerMs" | "maxAge" | "closeKinds"
  >
{
  readonly url: string
  /** Makes the codec of a connection; `nowMs` gives Unix time. */
  readonly protocol: (nowMs: () => number) => SttProtocol
}

/**
 * One vendor's recogniser.
 *
 * - `sampleRate`: of the audio that it takes, in Hz; `sampleRates`: others that it takes as well. Default: none.
 * - `language`: what the options have it recognise, where they name one language. Default: unknown.
 * - `endpoint`: pure; gets the options, what the session asks for, and the rate of the audio.
 *
 * @category models
 * @since 0.1.0
 */
export interface SttDefinition<Options extends SttOptions> {
  readonly vendor: string
  readonly description: string
  readonly key: KeyHeader
  readonly options: Schema.Codec<Options, unknown>
  readonly sampleRate: number
  readonly sampleRates?: ReadonlyArray<number> | undefined
  readonly capabilities: (options: Options) => SpeechToText["Service"]["capabilities"]
  readonly language?: ((options: Options) => string | undefined) | undefined
  readonly endpoint: (options: Options, session: SessionSpeech, sampleRate: number) => SttEndpoint
}

const languageOf = <Options extends SttOptions>({ language }: SttDefinition<Options>, options: Options) => {
  const own = language?.(options)
  return own === undefined ? undefined : canonical(own)
}

const make = Effect.fnUntraced(
  function*<Options extends SttOptions>(vendor: SttDefinition<Options>, options: Options) {
    const headers = yield* secretHeaders(vendor.vendor, vendor.key, options)
    const clock = yield* Clock.Clock
    const nowMs = () => clock.currentTimeMillisUnsafe()
    const endpointFor = (session: SessionSpeech, sampleRate = vendor.sampleRate) =>
      endpointOf(vendor.vendor, "SpeechToText.open", () => vendor.endpoint(options, session, sampleRate))
    // so that an invalid URL is reported when the backend starts, not to its first user
    yield* endpointFor({})
    return SpeechToText.of({
      name: vendor.vendor,
      sampleRate: vendor.sampleRate,
      sampleRates: vendor.sampleRates,
      capabilities: { ...vendor.capabilities(options), language: languageOf(vendor, options) },
      open: (session) =>
        Effect.flatMap(
          endpointFor(session, session.sampleRate),
          ({ protocol, url, ...connection }) =>
            SttConnection.open({
              ...connection,
              vendor: vendor.vendor,
              sampleRate: session.sampleRate ?? vendor.sampleRate,
              url: Redacted.make(url),
              headers,
              timeout: options.timeout,
              protocol: () => protocol(nowMs)
            })
        )
    })
  }
)

/**
 * Makes the layer and the registry's entry of a vendor's recogniser. The layer takes some of the options, the defaults hold
 * for the others; without a key it fails `invalid_config`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hostedStt = <Options extends SttOptions>(vendor: SttDefinition<Options>): {
  readonly layer: (options?: Partial<Options>) => Layer.Layer<SpeechToText, BackendError>
  readonly definition: EngineRegistry.EngineDefinition<"stt">
} => ({
  layer: (options) =>
    Layer.effect(
      SpeechToText,
      Effect.flatMap(
        EngineRegistry.complete(vendor.vendor, vendor.options, options),
        (complete) => make(vendor, complete)
      )
    ),
  definition: EngineRegistry.define({
    kind: "stt",
    name: vendor.vendor,
    description: vendor.description,
    options: vendor.options,
    layer: (options) => Layer.effect(SpeechToText, make(vendor, options))
  })
})
