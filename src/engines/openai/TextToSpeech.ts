/**
 * Text-to-speech by OpenAI: a request for each sentence, whose audio is taken as it is made. It tells no times of words.
 *
 * Protocol: https://platform.openai.com/docs/api-reference/audio/createSpeech
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Pcm from "../../audio/Pcm.ts"
import { type BackendError, ConnectionFailed, ConnectionTimeout } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { secret } from "../../schema/Secret.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { TextToSpeech } from "../../speech/TextToSpeech.ts"
import * as VendorSpan from "../../telemetry/VendorSpan.ts"
import { untraced } from "../../wire/UntracedHttp.ts"
import * as VendorKey from "../../wire/VendorKey.ts"
import { errorOf, retryAfterMs } from "../hosted/tts/TtsErrors.ts"
import * as TtsRetry from "../hosted/tts/TtsRetry.ts"
import * as SpeechProtocol from "./SpeechProtocol.ts"

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))

/**
 * - `apiKey`: a secret. Default: the environment variable `OPENAI_API_KEY`.
 * - `url`: the endpoint. `https://api.openai.com/v1/audio/speech`.
 * - `model`: the model. `gpt-4o-mini-tts`.
 * - `voice`: the voice. `marin`.
 * - `instructions`: how it shall speak, in words. Default: none.
 * - `speed`: 1 is the voice's own speed, [0.25, 4]. Default: the voice's own.
 * - `timeout`: how long an answer may take to begin. 10 s, [100 ms, 1 min].
 * - `silence`: how long a sentence may go on without any audio. 5 s, [100 ms, 1 min].
 *
 * @category models
 * @since 0.1.0
 */
export const OpenAiVoiceOptions = Schema.Struct({
  apiKey: Schema.optionalKey(secret({ min: 1 })),
  url: Schema.String.check(Schema.isPattern(/^https?:\/\/[^\s]+$/u), Schema.isMaxLength(2_048)).pipe(
    withDefault("https://api.openai.com/v1/audio/speech")
  ),
  model: Name.pipe(withDefault("gpt-4o-mini-tts")),
  voice: Name.pipe(withDefault("marin")),
  instructions: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(4_096))),
  speed: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0.25, maximum: 4 }))),
  timeout: boundedDuration("100 millis", "1 minute").pipe(withDefault("10s")),
  silence: boundedDuration("100 millis", "1 minute").pipe(withDefault("5s"))
}).pipe(encodeKeys({ apiKey: "api_key" }))

/**
 * @category models
 * @since 0.1.0
 */
export type OpenAiVoiceOptions = typeof OpenAiVoiceOptions.Type

const vendor = "openai"
const op = "TextToSpeech.speak"
/** What is read of an answer that is no audio. */
const MAX_REFUSAL = 16_384

const unreachable = () => new ConnectionFailed({ op, message: "openai could not be reached", details: { vendor } })

/** The failure that an answer tells of; what follows its first bytes is not waited for. */
const refusalOf = (response: HttpClientResponse.HttpClientResponse) =>
  response.stream.pipe(
    Stream.decodeText,
    Stream.scan(() => "", (read: string, more) => read + more),
    Stream.takeUntil((read) => read.length > MAX_REFUSAL),
    Stream.runLast,
    Effect.timeoutOption("1 second"),
    Effect.catch(() => Effect.succeedNone),
    Effect.map((body) => {
      const text = body._tag === "Some" && body.value._tag === "Some" ? body.value.value : ""
      const fault = SpeechProtocol.faultOf(response.status, text, response.headers["x-request-id"])
      return errorOf(vendor, { ...fault, retryAfterMs: retryAfterMs(response.headers["retry-after"]) })
    })
  )

const make = Effect.fnUntraced(function*(options: OpenAiVoiceOptions) {
  const key = yield* VendorKey.key(vendor, options.apiKey, "OPENAI_API_KEY")
  const client = yield* HttpClient.HttpClient
  const late = () =>
    Effect.fail(new ConnectionTimeout({ op, message: "openai did not answer in time", details: { vendor } }))

  const ask = (voice: string) => (text: string): Stream.Stream<TtsRetry.Heard, BackendError> =>
    Stream.unwrap(Effect.gen(function*() {
      const annotate = yield* VendorSpan.scoped(vendor)
      const response = yield* client.execute(
        HttpClientRequest.post(options.url).pipe(
          HttpClientRequest.bearerToken(key),
          HttpClientRequest.bodyJsonUnsafe(SpeechProtocol.bodyOf({ ...options, voice }, text))
        )
      ).pipe(
        untraced,
        Effect.mapError(unreachable),
        Effect.timeoutOrElse({ duration: options.timeout, orElse: late })
      )
      annotate({ status: response.status, requestId: response.headers["x-request-id"] })
      if (response.status < 200 || response.status > 299) {
        return yield* Effect.flatMap(refusalOf(response), Effect.fail)
      }
      const reader = new Pcm.PcmReader()
      return response.stream.pipe(
        Stream.mapError(unreachable),
        TtsRetry.watched(vendor, options.silence),
        // the reader keeps its buffer
        Stream.map((bytes): TtsRetry.Heard => ({ pcm: reader.push(bytes).slice() }))
      )
    }))

  return TextToSpeech.of({
    name: vendor,
    sampleRate: SpeechProtocol.SAMPLE_RATE,
    capabilities: { voices: [], languages: [] },
    // it finds out the language of a text by itself
    open: ({ voice = options.voice }) =>
      Effect.succeed(
        TtsRetry.make({ sampleRate: SpeechProtocol.SAMPLE_RATE, maxText: SpeechProtocol.MAX_TEXT, ask: ask(voice) })
      )
  })
})

/**
 * The voice with these options, and the defaults for the others. Fails `invalid_config` when there is no key.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Partial<OpenAiVoiceOptions> = {}): Layer.Layer<TextToSpeech, BackendError> =>
  Layer.effect(TextToSpeech, Effect.flatMap(EngineRegistry.complete(vendor, OpenAiVoiceOptions, options), make)).pipe(
    Layer.provide(FetchHttpClient.layer)
  )

/**
 * The engine's entry in the registry.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "tts",
  name: vendor,
  description: "OpenAI: speech, a request for each sentence; needs OPENAI_API_KEY",
  options: OpenAiVoiceOptions,
  layer
})
