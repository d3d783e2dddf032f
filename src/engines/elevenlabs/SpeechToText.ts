/**
 * Speech-to-text by ElevenLabs: Scribe in real time.
 *
 * Protocol: https://elevenlabs.io/docs/api-reference/speech-to-text/v-1-speech-to-text-realtime
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { primaryLanguage } from "../../speech/SessionSpeech.ts"
import * as HostedOptions from "../hosted/HostedOptions.ts"
import { hostedStt } from "../hosted/stt/HostedStt.ts"
import * as ScribeProtocol from "./ScribeProtocol.ts"

/**
 * - `apiKey`: a secret. Default: the environment variable `ELEVENLABS_API_KEY`.
 * - `url`: the endpoint, without a path. `wss://api.elevenlabs.io`.
 * - `model`: the model. `scribe_v2_realtime`.
 * - `language`: what the user speaks, ISO 639. Default: detected.
 * - `keyterms`: words to expect. Default: none.
 * - `timeout`: how long a connection may take to be ready. 10 s, [100 ms, 1 min].
 * - `rotateAfter`: the age at which a connection is replaced in a pause. 50 min, [1 s, 24 h].
 *
 * @category models
 * @since 0.1.0
 */
export const ElevenLabsScribeOptions = Schema.Struct({
  ...HostedOptions.connection("wss://api.elevenlabs.io"),
  model: HostedOptions.Name.pipe(withDefault("scribe_v2_realtime")),
  language: Schema.optionalKey(HostedOptions.Name),
  keyterms: HostedOptions.Keyterms,
  rotateAfter: HostedOptions.RotateAfter
}).pipe(encodeKeys({ apiKey: "api_key", rotateAfter: "rotate_after" }))

/**
 * @category models
 * @since 0.1.0
 */
export type ElevenLabsScribeOptions = typeof ElevenLabsScribeOptions.Type

const RATE = 16_000
/** Of a telephone. */
const SAMPLE_RATES = [8_000]

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
  vendor: "elevenlabs",
  description: "ElevenLabs Scribe: realtime recognition; needs ELEVENLABS_API_KEY",
  key: { variable: "ELEVENLABS_API_KEY", header: "xi-api-key" },
  options: ElevenLabsScribeOptions,
  sampleRate: RATE,
  sampleRates: SAMPLE_RATES,
  capabilities: () => ({ interim: true, endOfTurn: false, languages: [], keyterms: true }),
  language: ({ language }) => language,
  endpoint: (options, session, sampleRate) => {
    const url = HostedOptions.endpoint(options, "/v1/speech-to-text/realtime")
    const language = session.language === undefined ? options.language : primaryLanguage(session.language)
    url.searchParams.set("model_id", options.model)
    url.searchParams.set("audio_format", `pcm_${sampleRate}`)
    url.searchParams.set("commit_strategy", "manual")
    url.searchParams.set("include_timestamps", "true")
    if (language !== undefined) url.searchParams.set("language_code", language)
    for (const term of HostedOptions.keyterms(options.keyterms, session.keyterms)) {
      url.searchParams.append("keyterms", term)
    }
    return {
      url: url.href,
      chunkMs: 100,
      emptyAnswerMs: 1_500,
      maxAge: options.rotateAfter,
      // 1000 is a lost connection like any other: the vendor closes idle ones with it
      closeKinds: { 1008: "input" },
      protocol: () => ScribeProtocol.make(sampleRate)
    }
  }
})
