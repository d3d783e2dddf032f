/**
 * Text-to-speech by ElevenLabs: several contexts on one WebSocket, and the time of each word.
 *
 * Protocol: https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input
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
import { errorOf } from "../hosted/tts/TtsErrors.ts"
import * as SpeakProtocol from "./SpeakProtocol.ts"

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))
const share = Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })))

/**
 * - `apiKey`: a secret. Default: the environment variable `ELEVENLABS_API_KEY`.
 * - `url`: the endpoint, without a path. `wss://api.elevenlabs.io`.
 * - `model`: the model. `eleven_flash_v2_5`.
 * - `voice`: the id of a voice. `21m00Tcm4TlvDq8ikWAM` (Rachel).
 * - `language`: ISO 639, where the model takes one. Default: the text's.
 * - `sampleRate`: of the audio, in Hz. 24,000.
 * - `stability`: how even it is, [0, 1]. Default: the voice's own.
 * - `similarityBoost`: how close to the voice's recording it keeps, [0, 1]. Default: the voice's own.
 * - `style`: how much it exaggerates, [0, 1]. Default: the voice's own.
 * - `speed`: 1 is the voice's own speed, [0.7, 1.2]. Default: the voice's own.
 * - `timeout`: how long a connection may take to open. 10 s, [100 ms, 1 min].
 * - `silence`: how long a sentence may go on without any message. 5 s, [100 ms, 1 min].
 * - `rotateAfter`: the age at which a connection is replaced between two sentences. 50 min, [1 s, 24 h].
 *
 * @category models
 * @since 0.1.0
 */
export const ElevenLabsVoiceOptions = Schema.Struct({
  apiKey: Schema.optionalKey(secret({ min: 1 })),
  url: VendorKey.Endpoint.pipe(withDefault("wss://api.elevenlabs.io")),
  model: Name.pipe(withDefault("eleven_flash_v2_5")),
  voice: Name.pipe(withDefault("21m00Tcm4TlvDq8ikWAM")),
  language: Schema.optionalKey(Name),
  sampleRate: Schema.Literals([8_000, 16_000, 22_050, 24_000, 44_100]).pipe(withDefault(24_000 as const)),
  stability: share,
  similarityBoost: share,
  style: share,
  speed: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0.7, maximum: 1.2 }))),
  timeout: boundedDuration("100 millis", "1 minute").pipe(withDefault("10s")),
  silence: boundedDuration("100 millis", "1 minute").pipe(withDefault("5s")),
  rotateAfter: boundedDuration("1 second", "24 hours").pipe(withDefault("50m"))
}).pipe(encodeKeys({
  apiKey: "api_key",
  sampleRate: "sample_rate",
  similarityBoost: "similarity_boost",
  rotateAfter: "rotate_after"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type ElevenLabsVoiceOptions = typeof ElevenLabsVoiceOptions.Type

const vendor = "elevenlabs"
/** The longest that they keep a connection on which nothing is said, in s; ours is replaced before. */
const INACTIVITY_S = 180
const IDLE = Duration.seconds(150)
/** What one request may hold; their quicker models take much more. */
const MAX_TEXT = 2_000

const closed = (code: number, reason: string): BackendError | undefined =>
  code === 1008 ? errorOf(vendor, SpeakProtocol.closeOf(reason)) : undefined

/**
 * The address of a voice, with what is asked for.
 *
 * @category encoding
 * @since 0.1.0
 */
export const addressOf = (
  options: ElevenLabsVoiceOptions,
  { language, voice }: Omit<TextToSpeechOptions, "sessionId">
): string => {
  const id = encodeURIComponent(voice ?? options.voice)
  const url = new URL(`${options.url.replace(/\/+$/, "")}/v1/text-to-speech/${id}/multi-stream-input`)
  const spoken = language?.split("-", 1)[0] ?? options.language
  url.searchParams.set("model_id", options.model)
  if (spoken !== undefined) url.searchParams.set("language_code", spoken)
  url.searchParams.set("output_format", `pcm_${options.sampleRate}`)
  url.searchParams.set("inactivity_timeout", String(INACTIVITY_S))
  url.searchParams.set("sync_alignment", "true")
  return url.href
}

const make = Effect.fnUntraced(function*(options: ElevenLabsVoiceOptions) {
  const key = yield* VendorKey.key(vendor, options.apiKey, "ELEVENLABS_API_KEY")
  const open = (asked: Omit<TextToSpeechOptions, "sessionId">) =>
    TtsConnection.open({
      vendor,
      sampleRate: options.sampleRate,
      url: Redacted.make(addressOf(options, asked)),
      headers: { "xi-api-key": key },
      timeout: options.timeout,
      silence: options.silence,
      rotateAfter: options.rotateAfter,
      idleAfter: IDLE,
      maxText: MAX_TEXT,
      closed,
      wire: () =>
        SpeakProtocol.make({
          sampleRate: options.sampleRate,
          voiceSettings: {
            stability: options.stability,
            similarity_boost: options.similarityBoost,
            style: options.style,
            speed: options.speed
          }
        })
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
export const layer = (options: Partial<ElevenLabsVoiceOptions> = {}): Layer.Layer<TextToSpeech, BackendError> =>
  Layer.effect(TextToSpeech, Effect.flatMap(EngineRegistry.complete(vendor, ElevenLabsVoiceOptions, options), make))

/**
 * The engine's entry in the registry.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "tts",
  name: vendor,
  description: "ElevenLabs: speech with the time of each word; needs ELEVENLABS_API_KEY",
  options: ElevenLabsVoiceOptions,
  layer
})
