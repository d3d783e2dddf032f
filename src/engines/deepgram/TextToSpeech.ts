/**
 * Text-to-speech by Deepgram (Aura): one text after another on a WebSocket, without the times of words.
 *
 * Protocol: https://developers.deepgram.com/reference/text-to-speech/speak-streaming
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { primaryLanguage, type SessionSpeech } from "../../speech/SessionSpeech.ts"
import * as HostedOptions from "../hosted/HostedOptions.ts"
import { hostedTts } from "../hosted/tts/HostedTts.ts"
import * as SpeakProtocol from "./SpeakProtocol.ts"

/**
 * - `apiKey`: a secret. Default: the environment variable `DEEPGRAM_API_KEY`.
 * - `url`: the endpoint, without a path. `wss://api.deepgram.com`.
 * - `voice`: a model, which is a voice in a language. `aura-2-thalia-en`.
 * - `voices`: the voices of other languages, for sessions in them: `{ de: "…" }`. Default: `voice` for each.
 * - `sampleRate`: of the audio, in Hz. 24,000.
 * - `timeout`: how long a connection may take to open. 10 s, [100 ms, 1 min].
 * - `silence`: the longest pause within a sentence. 5 s, [100 ms, 1 min].
 * - `rotateAfter`: the age at which a connection is replaced between two sentences. 50 min, [1 s, 24 h].
 *
 * @category models
 * @since 0.1.0
 */
export const DeepgramVoiceOptions = Schema.Struct({
  ...HostedOptions.connection("wss://api.deepgram.com"),
  voice: HostedOptions.Name.pipe(withDefault("aura-2-thalia-en")),
  voices: HostedOptions.Voices,
  sampleRate: Schema.Literals([8_000, 16_000, 24_000, 32_000, 48_000]).pipe(withDefault(24_000 as const)),
  silence: HostedOptions.Silence,
  rotateAfter: HostedOptions.RotateAfter
}).pipe(encodeKeys({ apiKey: "api_key", sampleRate: "sample_rate", rotateAfter: "rotate_after" }))

/**
 * @category models
 * @since 0.1.0
 */
export type DeepgramVoiceOptions = typeof DeepgramVoiceOptions.Type

/** They document no limit; a connection that was unused for so long may be dead. */
const IDLE = Duration.minutes(4)

/** The language that a name ends with: `aura-2-thalia-en`. */
const languageOf = (voice: string): string | undefined => /-([a-z]{2})$/u.exec(voice)?.[1]

/** A voice speaks one language: a session that asks for another than that of its voice gets the voice of the language. */
const voiceOf = (options: DeepgramVoiceOptions, session: SessionSpeech): string => {
  const voice = HostedOptions.voiceOf(options, session)
  const { language } = session
  return language === undefined || languageOf(voice) === primaryLanguage(language)
    ? voice
    : HostedOptions.voiceIn(options.voices, language) ?? voice
}

const refuse = (options: DeepgramVoiceOptions, session: SessionSpeech) => {
  const { language } = session
  const voice = voiceOf(options, session)
  const spoken = languageOf(voice)
  return language === undefined || spoken === undefined || primaryLanguage(language) === spoken
    ? undefined
    : new InvalidConfig({
      op: "TextToSpeech.open",
      message: `language: deepgram's voice ${voice} speaks ${spoken}, not ${language}; choose another voice`,
      details: { engine: "deepgram", field: "language", supported: [spoken] }
    })
}

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
  vendor: "deepgram",
  description: "Deepgram Aura: speech on one connection; needs DEEPGRAM_API_KEY",
  key: { variable: "DEEPGRAM_API_KEY", header: "Authorization", scheme: "Token" },
  options: DeepgramVoiceOptions,
  sampleRate: ({ sampleRate }) => sampleRate,
  maxText: 2_000,
  language: ({ voice }) => languageOf(voice),
  refuse,
  endpoint: (options, session) => {
    const url = HostedOptions.endpoint(options, "/v1/speak")
    url.searchParams.set("model", voiceOf(options, session))
    url.searchParams.set("encoding", "linear16")
    url.searchParams.set("sample_rate", String(options.sampleRate))
    return {
      _tag: "Socket",
      url: url.href,
      rotateAfter: options.rotateAfter,
      idleAfter: IDLE,
      protocol: SpeakProtocol.make
    }
  }
})
