/**
 * Text-to-speech by OpenAI: a request for each sentence, whose audio is taken as it is made, without the times of words.
 *
 * Protocol: https://platform.openai.com/docs/api-reference/audio/createSpeech
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { secret } from "../../schema/Secret.ts"
import * as HostedOptions from "../hosted/HostedOptions.ts"
import { hostedTts } from "../hosted/tts/HostedTts.ts"
import * as SpeechProtocol from "./SpeechProtocol.ts"

/**
 * - `apiKey`: a secret. Default: the environment variable `OPENAI_API_KEY`.
 * - `url`: the endpoint. `https://api.openai.com/v1/audio/speech`.
 * - `model`: the model. `gpt-4o-mini-tts`.
 * - `voice`: the voice. `marin`.
 * - `voices`: the voices of other languages, for sessions in them: `{ de: "…" }`. Default: `voice` for each.
 * - `instructions`: the manner of speaking, in words. Default: none.
 * - `speed`: 1 is the voice's own speed, [0.25, 4]. Default: the voice's own.
 * - `timeout`: how long an answer may take to begin. 10 s, [100 ms, 1 min].
 * - `silence`: the longest pause within a sentence. 5 s, [100 ms, 1 min].
 *
 * @category models
 * @since 0.1.0
 */
export const OpenAiVoiceOptions = Schema.Struct({
  apiKey: Schema.optionalKey(secret({ min: 1, header: true })),
  url: Schema.String.check(
    Schema.isPattern(/^https?:\/\/[^\s]+$/u, { expected: "an http:// or https:// URL" }),
    Schema.isMaxLength(2_048)
  ).pipe(
    withDefault("https://api.openai.com/v1/audio/speech")
  ),
  model: HostedOptions.Name.pipe(withDefault("gpt-4o-mini-tts")),
  voice: HostedOptions.Name.pipe(withDefault("marin")),
  voices: HostedOptions.Voices,
  instructions: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(4_096))),
  speed: HostedOptions.between(0.25, 4),
  timeout: boundedDuration("100 millis", "1 minute").pipe(withDefault("10s")),
  silence: HostedOptions.Silence
}).pipe(encodeKeys({ apiKey: "api_key" }))

/**
 * @category models
 * @since 0.1.0
 */
export type OpenAiVoiceOptions = typeof OpenAiVoiceOptions.Type

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
  vendor: "openai",
  description: "OpenAI: speech, a request for each sentence; needs OPENAI_API_KEY",
  key: { variable: "OPENAI_API_KEY", header: "authorization", scheme: "Bearer" },
  options: OpenAiVoiceOptions,
  sampleRate: () => SpeechProtocol.SAMPLE_RATE,
  maxText: SpeechProtocol.MAX_TEXT,
  endpoint: (options, session) => ({
    _tag: "Request",
    url: new URL(options.url).href,
    // the model finds out the language of a text by itself
    body: (text) => SpeechProtocol.bodyOf({ ...options, voice: HostedOptions.voiceOf(options, session) }, text),
    codeKinds: SpeechProtocol.codeKinds
  })
})
