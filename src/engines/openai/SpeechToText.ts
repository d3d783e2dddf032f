/**
 * Speech-to-text by OpenAI: realtime transcription.
 *
 * Protocol: https://platform.openai.com/docs/guides/realtime-transcription
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { primaryLanguage, type SessionSpeech } from "../../speech/SessionSpeech.ts"
import * as HostedOptions from "../hosted/HostedOptions.ts"
import { hostedStt } from "../hosted/stt/HostedStt.ts"
import * as TranscriptionProtocol from "./TranscriptionProtocol.ts"

/**
 * - `apiKey`: a secret. Default: the environment variable `OPENAI_API_KEY`.
 * - `url`: the endpoint. `wss://api.openai.com/v1/realtime`.
 * - `model`: the model. `gpt-4o-mini-transcribe`.
 * - `language`: what the user speaks, ISO 639-1. Default: detected.
 * - `prompt`: words to expect, or the subject. Default: none.
 * - `noiseReduction`: `near_field` or `far_field`, for a microphone that is near or far; `off`. `off`.
 * - `timeout`: how long a connection may take to be ready. 10 s, [100 ms, 1 min].
 * - `rotateAfter`: the age at which a connection is replaced in a pause; it ends at 60 min. 55 min, [1 s, 59 min].
 *
 * @category models
 * @since 0.1.0
 */
export const OpenAiTranscriptionOptions = Schema.Struct({
  ...HostedOptions.connection("wss://api.openai.com/v1/realtime"),
  model: HostedOptions.Name.pipe(withDefault("gpt-4o-mini-transcribe")),
  language: Schema.optionalKey(HostedOptions.Name),
  prompt: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(4_096))),
  noiseReduction: Schema.Literals(["off", "near_field", "far_field"]).pipe(withDefault("off" as const)),
  rotateAfter: boundedDuration("1 second", "59 minutes").pipe(withDefault("55m"))
}).pipe(encodeKeys({ apiKey: "api_key", noiseReduction: "noise_reduction", rotateAfter: "rotate_after" }))

/**
 * @category models
 * @since 0.1.0
 */
export type OpenAiTranscriptionOptions = typeof OpenAiTranscriptionOptions.Type

/**
 * The settings of a session.
 *
 * @category encoding
 * @since 0.1.0
 */
export const sessionOf = (
  options: OpenAiTranscriptionOptions,
  session: SessionSpeech
): { readonly [key: string]: unknown } => {
  const language = session.language === undefined ? options.language : primaryLanguage(session.language)
  const prompt = HostedOptions.keyterms(options.prompt === undefined ? [] : [options.prompt], session.keyterms)
  return {
    type: "transcription",
    audio: {
      input: {
        format: { type: "audio/pcm", rate: TranscriptionProtocol.SAMPLE_RATE },
        noise_reduction: options.noiseReduction === "off" ? null : { type: options.noiseReduction },
        transcription: {
          model: options.model,
          ...(language === undefined ? {} : { language }),
          // the API has no field of its own for them
          ...(prompt.length === 0 ? {} : { prompt: prompt.join(", ") })
        },
        turn_detection: null
      }
    }
  }
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
} = hostedStt({
  vendor: "openai",
  description: "OpenAI: realtime transcription; needs OPENAI_API_KEY",
  key: { variable: "OPENAI_API_KEY", header: "authorization", scheme: "Bearer" },
  options: OpenAiTranscriptionOptions,
  sampleRate: TranscriptionProtocol.SAMPLE_RATE,
  capabilities: () => ({ interim: true, endOfTurn: false, languages: [], keyterms: true }),
  language: ({ language }) => language,
  endpoint: (options, session) => {
    const url = new URL(options.url)
    url.searchParams.set("intent", "transcription")
    return {
      url: url.href,
      chunkMs: 100,
      maxAge: options.rotateAfter,
      protocol: () => TranscriptionProtocol.make(sessionOf(options, session))
    }
  }
})
