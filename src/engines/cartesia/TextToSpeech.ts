/**
 * Text-to-speech by Cartesia: contexts on one WebSocket, and the time of each word.
 *
 * Protocol: https://docs.cartesia.ai/api-reference/tts/websocket
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { primaryLanguage } from "../../speech/SessionSpeech.ts"
import * as HostedOptions from "../hosted/HostedOptions.ts"
import { hostedTts } from "../hosted/tts/HostedTts.ts"
import * as SpeakProtocol from "./SpeakProtocol.ts"

/**
 * - `apiKey`: a secret. Default: the environment variable `CARTESIA_API_KEY`.
 * - `url`: the endpoint, without a path. `wss://api.cartesia.ai`.
 * - `version`: the version of the API, a date. `2026-08-14`.
 * - `model`: the model. `sonic-3`.
 * - `voice`: the id of a voice. `694f9389-aac1-45b6-b726-9d9369183238`.
 * - `voices`: the voices of other languages, for sessions in them: `{ de: "…" }`. Default: `voice` for each.
 * - `language`: ISO 639. Default: the voice's.
 * - `sampleRate`: of the audio, in Hz. 24,000.
 * - `speed`: 1 is the voice's own speed, [0.6, 1.5]. Default: the voice's own.
 * - `volume`: 1 is the voice's own volume, [0.5, 2]. Default: the voice's own.
 * - `timeout`: how long a connection may take to open. 10 s, [100 ms, 1 min].
 * - `silence`: the longest pause within a sentence. 5 s, [100 ms, 1 min].
 * - `rotateAfter`: the age at which a connection is replaced between two sentences. 50 min, [1 s, 24 h].
 *
 * @category models
 * @since 0.1.0
 */
export const CartesiaVoiceOptions = Schema.Struct({
  ...HostedOptions.connection("wss://api.cartesia.ai"),
  version: Schema.String.check(Schema.isPattern(/^\d{4}-\d{2}-\d{2}$/u, { expected: "a date, such as 2026-08-14" }))
    .pipe(withDefault("2026-08-14")),
  model: HostedOptions.Name.pipe(withDefault("sonic-3")),
  voice: HostedOptions.Name.pipe(withDefault("694f9389-aac1-45b6-b726-9d9369183238")),
  voices: HostedOptions.Voices,
  language: Schema.optionalKey(HostedOptions.Name),
  sampleRate: Schema.Literals([8_000, 16_000, 22_050, 24_000, 44_100, 48_000]).pipe(withDefault(24_000 as const)),
  speed: HostedOptions.between(0.6, 1.5),
  volume: HostedOptions.between(0.5, 2),
  silence: HostedOptions.Silence,
  rotateAfter: HostedOptions.RotateAfter
}).pipe(encodeKeys({ apiKey: "api_key", sampleRate: "sample_rate", rotateAfter: "rotate_after" }))

/**
 * @category models
 * @since 0.1.0
 */
export type CartesiaVoiceOptions = typeof CartesiaVoiceOptions.Type

/** They close a connection that was unused for 5 min. */
const IDLE = Duration.minutes(4)

/** The tags of Sonic 3 and later. */
const soundTags = ["break", "spell", "speed", "volume", "emotion", "[laughter]"]

export const {
  /**
   * The engine's entry in the registry.
   *
   * @category definitions
   * @since 0.1.0
   */
  definition,
  /**
   * The engine as a layer, with these options.
   *
   * @category layers
   * @since 0.1.0
   */
  layer
} = hostedTts({
  vendor: "cartesia",
  description: "Cartesia Sonic: speech with the time of each word; needs CARTESIA_API_KEY",
  key: { variable: "CARTESIA_API_KEY", header: "X-API-Key" },
  options: CartesiaVoiceOptions,
  sampleRate: ({ sampleRate }) => sampleRate,
  maxText: 2_000,
  language: ({ language }) => language,
  // https://docs.cartesia.ai/build-with-cartesia/sonic-3/ssml-tags
  tags: ({ model }) => /^sonic(?:-2|-turbo|-english|-multilingual|$)/u.test(model) ? ["break", "spell"] : soundTags,
  endpoint: (options, session) => {
    const url = HostedOptions.endpoint(options, "/tts/websocket")
    url.searchParams.set("cartesia_version", options.version)
    return {
      _tag: "Socket",
      url: url.href,
      headers: { "Cartesia-Version": options.version },
      rotateAfter: options.rotateAfter,
      idleAfter: IDLE,
      protocol: () =>
        SpeakProtocol.make({
          model: options.model,
          voice: HostedOptions.voiceOf(options, session),
          language: session.language === undefined ? options.language : primaryLanguage(session.language),
          sampleRate: options.sampleRate,
          speed: options.speed,
          volume: options.volume
        })
    }
  }
})
