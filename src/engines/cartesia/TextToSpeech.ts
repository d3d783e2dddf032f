/**
 * Text-to-speech by Cartesia: contexts on one WebSocket, and the time of each word.
 *
 * Protocol: https://docs.cartesia.ai/api-reference/tts/websocket
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
const between = (minimum: number, maximum: number) =>
  Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum, maximum })))

/**
 * - `apiKey`: a secret. Default: the environment variable `CARTESIA_API_KEY`.
 * - `url`: the endpoint, without a path. `wss://api.cartesia.ai`.
 * - `version`: of their API, a date. `2026-08-14`.
 * - `model`: the model. `sonic-3`.
 * - `voice`: the id of a voice. `694f9389-aac1-45b6-b726-9d9369183238`.
 * - `language`: ISO 639. Default: the voice's.
 * - `sampleRate`: of the audio, in Hz. 24,000.
 * - `speed`: 1 is the voice's own speed, [0.6, 1.5]. Default: the voice's own.
 * - `volume`: 1 is the voice's own volume, [0.5, 2]. Default: the voice's own.
 * - `timeout`: how long a connection may take to open. 10 s, [100 ms, 1 min].
 * - `silence`: how long a sentence may go on without any message. 5 s, [100 ms, 1 min].
 * - `rotateAfter`: the age at which a connection is replaced between two sentences. 50 min, [1 s, 24 h].
 *
 * @category models
 * @since 0.1.0
 */
export const CartesiaVoiceOptions = Schema.Struct({
  apiKey: Schema.optionalKey(secret({ min: 1 })),
  url: VendorKey.Endpoint.pipe(withDefault("wss://api.cartesia.ai")),
  version: Schema.String.check(Schema.isPattern(/^\d{4}-\d{2}-\d{2}$/u)).pipe(withDefault("2026-08-14")),
  model: Name.pipe(withDefault("sonic-3")),
  voice: Name.pipe(withDefault("694f9389-aac1-45b6-b726-9d9369183238")),
  language: Schema.optionalKey(Name),
  sampleRate: Schema.Literals([8_000, 16_000, 22_050, 24_000, 44_100, 48_000]).pipe(withDefault(24_000 as const)),
  speed: between(0.6, 1.5),
  volume: between(0.5, 2),
  timeout: boundedDuration("100 millis", "1 minute").pipe(withDefault("10s")),
  silence: boundedDuration("100 millis", "1 minute").pipe(withDefault("5s")),
  rotateAfter: boundedDuration("1 second", "24 hours").pipe(withDefault("50m"))
}).pipe(encodeKeys({ apiKey: "api_key", sampleRate: "sample_rate", rotateAfter: "rotate_after" }))

/**
 * @category models
 * @since 0.1.0
 */
export type CartesiaVoiceOptions = typeof CartesiaVoiceOptions.Type

const vendor = "cartesia"
/** They close a connection on which nothing was said for 5 min. */
const IDLE = Duration.minutes(4)
const MAX_TEXT = 2_000

const make = Effect.fnUntraced(function*(options: CartesiaVoiceOptions) {
  const key = yield* VendorKey.key(vendor, options.apiKey, "CARTESIA_API_KEY")
  const open = ({ language, voice }: Omit<TextToSpeechOptions, "sessionId">) =>
    TtsConnection.open({
      vendor,
      sampleRate: options.sampleRate,
      url: Redacted.make(`${options.url.replace(/\/+$/, "")}/tts/websocket?cartesia_version=${options.version}`),
      headers: { "X-API-Key": key, "Cartesia-Version": Redacted.make(options.version) },
      timeout: options.timeout,
      silence: options.silence,
      rotateAfter: options.rotateAfter,
      idleAfter: IDLE,
      maxText: MAX_TEXT,
      wire: () =>
        SpeakProtocol.make({
          model: options.model,
          voice: voice ?? options.voice,
          language: language?.split("-", 1)[0] ?? options.language,
          sampleRate: options.sampleRate,
          speed: options.speed,
          volume: options.volume
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
export const layer = (options: Partial<CartesiaVoiceOptions> = {}): Layer.Layer<TextToSpeech, BackendError> =>
  Layer.effect(TextToSpeech, Effect.flatMap(EngineRegistry.complete(vendor, CartesiaVoiceOptions, options), make))

/**
 * The engine's entry in the registry.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "tts",
  name: vendor,
  description: "Cartesia Sonic: speech with the time of each word; needs CARTESIA_API_KEY",
  options: CartesiaVoiceOptions,
  layer
})
