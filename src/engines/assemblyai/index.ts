/**
 * Speech-to-text by AssemblyAI: Universal Streaming, which ends turns.
 *
 * Protocol: https://www.assemblyai.com/docs/speech-to-text/universal-streaming
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { primaryLanguage } from "../../speech/SessionSpeech.ts"
import * as HostedOptions from "../hosted/HostedOptions.ts"
import { hostedStt } from "../hosted/stt/HostedStt.ts"
import * as StreamingProtocol from "./StreamingProtocol.ts"

/**
 * - `apiKey`: a secret. Default: the environment variable `ASSEMBLYAI_API_KEY`.
 * - `url`: the endpoint, without a path. `wss://streaming.assemblyai.com`.
 * - `model`: the model. `universal-streaming-english`.
 * - `keyterms`: words to expect. Default: none.
 * - `formatTurns`: turns with punctuation and capitals, a little later. true.
 * - `confidence`: the confidence that ends a turn. Default: the vendor's, [0, 1].
 * - `minTurnSilence`: the silence that ends a turn which seems complete. Default: the vendor's, [0, 10 s].
 * - `maxTurnSilence`: the silence that ends a turn in any case. Default: the vendor's, [100 ms, 30 s].
 * - `timeout`: how long a connection may take to be ready. 10 s, [100 ms, 1 min].
 *
 * @category models
 * @since 0.1.0
 */
export const AssemblyAiOptions = Schema.Struct({
  ...HostedOptions.connection("wss://streaming.assemblyai.com"),
  model: HostedOptions.Name.pipe(withDefault("universal-streaming-english")),
  keyterms: HostedOptions.Keyterms,
  formatTurns: Schema.Boolean.pipe(withDefault(true)),
  confidence: HostedOptions.between(0, 1),
  minTurnSilence: Schema.optionalKey(boundedDuration(0, "10 seconds")),
  maxTurnSilence: Schema.optionalKey(boundedDuration("100 millis", "30 seconds"))
}).pipe(encodeKeys({
  apiKey: "api_key",
  formatTurns: "format_turns",
  minTurnSilence: "min_turn_silence",
  maxTurnSilence: "max_turn_silence"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type AssemblyAiOptions = typeof AssemblyAiOptions.Type

const RATE = 16_000
/** Of a telephone. */
const SAMPLE_RATES = [8_000]

/** Their model for English takes no other language, and no language at all in its query. */
const isEnglish = ({ model }: AssemblyAiOptions): boolean => model.endsWith("-english")

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
  vendor: "assemblyai",
  description: "AssemblyAI: streaming recognition that ends turns; needs ASSEMBLYAI_API_KEY",
  key: { variable: "ASSEMBLYAI_API_KEY", header: "authorization" },
  options: AssemblyAiOptions,
  sampleRate: RATE,
  sampleRates: SAMPLE_RATES,
  capabilities: (options) => ({
    interim: true,
    endOfTurn: true,
    languages: isEnglish(options) ? ["en"] : [],
    keyterms: true
  }),
  language: (options) => isEnglish(options) ? "en" : undefined,
  endpoint: (options, session, sampleRate) => {
    const url = HostedOptions.endpoint(options, "/v3/ws")
    const set = (name: string, value: string | number | boolean | undefined) =>
      value === undefined ? undefined : url.searchParams.set(name, String(value))
    const millis = (duration: Duration.Duration | undefined) =>
      duration === undefined ? undefined : Duration.toMillis(duration)
    const keyterms = HostedOptions.keyterms(options.keyterms, session.keyterms)
    set("sample_rate", sampleRate)
    set("encoding", "pcm_s16le")
    set("speech_model", options.model)
    set("format_turns", options.formatTurns)
    if (session.language !== undefined && !isEnglish(options)) set("language_code", primaryLanguage(session.language))
    if (keyterms.length > 0) set("keyterms_prompt", JSON.stringify(keyterms))
    set("end_of_turn_confidence_threshold", options.confidence)
    set("min_turn_silence", millis(options.minTurnSilence))
    set("max_turn_silence", millis(options.maxTurnSilence))
    return {
      url: url.href,
      chunkMs: 60,
      minChunkMs: 50,
      emptyAnswerMs: 1_000,
      closeKinds: StreamingProtocol.closeKinds,
      protocol: (nowMs) => StreamingProtocol.make({ formatted: options.formatTurns, nowMs })
    }
  }
})
