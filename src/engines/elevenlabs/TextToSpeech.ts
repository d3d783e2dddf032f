/**
 * Text-to-speech by ElevenLabs: several contexts on one WebSocket, and the time of each word.
 *
 * Protocol: https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input
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
 * - `apiKey`: a secret. Default: the environment variable `ELEVENLABS_API_KEY`.
 * - `url`: the endpoint, without a path. `wss://api.elevenlabs.io`.
 * - `model`: the model. `eleven_flash_v2_5`.
 * - `voice`: the id of a voice. `21m00Tcm4TlvDq8ikWAM` (Rachel).
 * - `voices`: the voices of other languages, for sessions in them: `{ de: "…" }`. Default: `voice` for each.
 * - `language`: ISO 639, where the model takes one. Default: the text's.
 * - `sampleRate`: of the audio, in Hz. 24,000.
 * - `stability`: how even it is, [0, 1]. Default: the voice's own.
 * - `similarityBoost`: how close to the voice's recording it keeps, [0, 1]. Default: the voice's own.
 * - `style`: how much it exaggerates, [0, 1]. Default: the voice's own.
 * - `speed`: 1 is the voice's own speed, [0.7, 1.2]. Default: the voice's own.
 * - `timeout`: how long a connection may take to open. 10 s, [100 ms, 1 min].
 * - `silence`: the longest pause within a sentence. 5 s, [100 ms, 1 min].
 * - `rotateAfter`: the age at which a connection is replaced between two sentences. 50 min, [1 s, 24 h].
 *
 * @category models
 * @since 0.1.0
 */
export const ElevenLabsVoiceOptions = Schema.Struct({
  ...HostedOptions.connection("wss://api.elevenlabs.io"),
  model: HostedOptions.Name.pipe(withDefault("eleven_flash_v2_5")),
  voice: HostedOptions.Name.pipe(withDefault("21m00Tcm4TlvDq8ikWAM")),
  voices: HostedOptions.Voices,
  language: Schema.optionalKey(HostedOptions.Name),
  sampleRate: Schema.Literals([8_000, 16_000, 22_050, 24_000, 44_100]).pipe(withDefault(24_000 as const)),
  stability: HostedOptions.between(0, 1),
  similarityBoost: HostedOptions.between(0, 1),
  style: HostedOptions.between(0, 1),
  speed: HostedOptions.between(0.7, 1.2),
  silence: HostedOptions.Silence,
  rotateAfter: HostedOptions.RotateAfter
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

/** The longest that they keep an unused connection, in s; ours is replaced before. */
const INACTIVITY_S = 180
const IDLE = Duration.seconds(150)

/** The models of the third version take stage directions in brackets, the others elements of SSML. */
const takesSsml = (model: string): boolean => !/_v3/u.test(model)

/** What a model understands; phonemes only the older English ones. */
const tagsOf = (model: string): ReadonlyArray<string> =>
  !takesSsml(model)
    ? ["[*]"]
    : /^eleven_(?:flash_v2|turbo_v2|monolingual_v1)$/u.test(model)
    ? ["break", "phoneme"]
    : ["break"]

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
  vendor: "elevenlabs",
  description: "ElevenLabs: speech with the time of each word; needs ELEVENLABS_API_KEY",
  key: { variable: "ELEVENLABS_API_KEY", header: "xi-api-key" },
  options: ElevenLabsVoiceOptions,
  sampleRate: ({ sampleRate }) => sampleRate,
  language: ({ language }) => language,
  tags: ({ model }) => tagsOf(model),
  // their quicker models take much more
  maxText: 2_000,
  endpoint: (options, session) => {
    const voice = encodeURIComponent(HostedOptions.voiceOf(options, session))
    const url = HostedOptions.endpoint(options, `/v1/text-to-speech/${voice}/multi-stream-input`)
    const language = session.language === undefined ? options.language : primaryLanguage(session.language)
    url.searchParams.set("model_id", options.model)
    if (language !== undefined) url.searchParams.set("language_code", language)
    url.searchParams.set("output_format", `pcm_${options.sampleRate}`)
    url.searchParams.set("inactivity_timeout", String(INACTIVITY_S))
    url.searchParams.set("sync_alignment", "true")
    if (takesSsml(options.model)) url.searchParams.set("enable_ssml_parsing", "true")
    return {
      _tag: "Socket",
      url: url.href,
      rotateAfter: options.rotateAfter,
      idleAfter: IDLE,
      closeKinds: SpeakProtocol.kinds,
      protocol: () =>
        SpeakProtocol.make({
          sampleRate: options.sampleRate,
          voiceSettings: {
            stability: options.stability,
            similarity_boost: options.similarityBoost,
            style: options.style,
            speed: options.speed
          }
        })
    }
  }
})
