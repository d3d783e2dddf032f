/**
 * Text-to-speech by Deepgram (Aura): one text after another on a WebSocket. It tells no times of words.
 *
 * Protocol: https://developers.deepgram.com/reference/text-to-speech/speak-streaming
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { BackendError } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { secret } from "../../schema/Secret.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { TextToSpeech, type TextToSpeechOptions } from "../../speech/TextToSpeech.ts"
import * as VendorKey from "../../wire/VendorKey.ts"
import * as TtsConnection from "../hosted/tts/TtsConnection.ts"
import * as SpeakProtocol from "./SpeakProtocol.ts"

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))

/**
 * - `apiKey`: a secret. Default: the environment variable `DEEPGRAM_API_KEY`.
 * - `url`: the endpoint, without a path. `wss://api.deepgram.com`.
 * - `voice`: a model, which is a voice in a language. `aura-2-thalia-en`.
 * - `sampleRate`: of the audio, in Hz. 24,000.
 * - `timeout`: how long a connection may take to open. 10 s, [100 ms, 1 min].
 * - `silence`: how long a sentence may go on without any message. 5 s, [100 ms, 1 min].
 * - `rotateAfter`: the age at which a connection is replaced between two sentences. 50 min, [1 s, 24 h].
 *
 * @category models
 * @since 0.1.0
 */
export const DeepgramVoiceOptions = Schema.Struct({
  apiKey: Schema.optionalKey(secret({ min: 1 })),
  url: VendorKey.Endpoint.pipe(withDefault("wss://api.deepgram.com")),
  voice: Name.pipe(withDefault("aura-2-thalia-en")),
  sampleRate: Schema.Literals([8_000, 16_000, 24_000, 32_000, 48_000]).pipe(withDefault(24_000 as const)),
  timeout: boundedDuration("100 millis", "1 minute").pipe(withDefault("10s")),
  silence: boundedDuration("100 millis", "1 minute").pipe(withDefault("5s")),
  rotateAfter: boundedDuration("1 second", "24 hours").pipe(withDefault("50m"))
}).pipe(encodeKeys({ apiKey: "api_key", sampleRate: "sample_rate", rotateAfter: "rotate_after" }))

/**
 * @category models
 * @since 0.1.0
 */
export type DeepgramVoiceOptions = typeof DeepgramVoiceOptions.Type

const vendor = "deepgram"
/** They tell no limit; a connection that is used again after so long would be one to mistrust. */
const IDLE = Duration.minutes(4)
const MAX_TEXT = 2_000

/**
 * The address of a voice, with what is asked for.
 *
 * @category encoding
 * @since 0.1.0
 */
export const addressOf = (options: DeepgramVoiceOptions, voice: string = options.voice): string => {
  const url = new URL(`${options.url.replace(/\/+$/, "")}/v1/speak`)
  url.searchParams.set("model", voice)
  url.searchParams.set("encoding", "linear16")
  url.searchParams.set("sample_rate", String(options.sampleRate))
  return url.href
}

const make = Effect.fnUntraced(function*(options: DeepgramVoiceOptions) {
  const key = yield* VendorKey.key(vendor, options.apiKey, "DEEPGRAM_API_KEY")
  // a voice has one language: there is none to ask for
  const open = ({ voice }: Omit<TextToSpeechOptions, "sessionId">) =>
    TtsConnection.open({
      vendor,
      sampleRate: options.sampleRate,
      url: Redacted.make(addressOf(options, voice)),
      headers: { Authorization: Redacted.make(`Token ${Redacted.value(key)}`) },
      timeout: options.timeout,
      silence: options.silence,
      rotateAfter: options.rotateAfter,
      idleAfter: IDLE,
      maxText: MAX_TEXT,
      wire: SpeakProtocol.make
    })
  return TextToSpeech.of({
    name: vendor,
    sampleRate: options.sampleRate,
    probe: Effect.scoped(Effect.asVoid(open({}))),
    capabilities: { voices: [], languages: [] },
    open
  })
})

/**
 * The voice with these options, and the defaults for the others. Fails `invalid_config` when there is no key.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Partial<DeepgramVoiceOptions> = {}): Layer.Layer<TextToSpeech, BackendError> =>
  Layer.effect(TextToSpeech, Effect.flatMap(EngineRegistry.complete(vendor, DeepgramVoiceOptions, options), make))

/**
 * The engine's entry in the registry.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "tts",
  name: vendor,
  description: "Deepgram Aura: speech on one connection; needs DEEPGRAM_API_KEY",
  options: DeepgramVoiceOptions,
  layer
})
