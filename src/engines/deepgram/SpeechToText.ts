/**
 * Speech-to-text by Deepgram: streaming recognition (v1), or Flux (v2), which ends turns.
 *
 * Protocol: https://developers.deepgram.com/reference/speech-to-text/listen-streaming and …/listen-flux
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { primaryLanguage, type SessionSpeech } from "../../speech/SessionSpeech.ts"
import type { CodeKinds } from "../../wire/VendorError.ts"
import * as HostedOptions from "../hosted/HostedOptions.ts"
import { hostedStt, type SttEndpoint } from "../hosted/stt/HostedStt.ts"
import * as FluxProtocol from "./FluxProtocol.ts"
import * as ListenProtocol from "./ListenProtocol.ts"

const share = (minimum: number, maximum: number) => Schema.Finite.check(Schema.isBetween({ minimum, maximum }))

/**
 * - `apiKey`: a secret. Default: the environment variable `DEEPGRAM_API_KEY`.
 * - `url`: the endpoint, without a path. `wss://api.deepgram.com`.
 * - `model`: one whose name begins with `flux-` ends turns. `nova-3`.
 * - `language`: BCP 47. Default: the model's; with Flux it is a hint.
 * - `keyterms`: words to expect. Default: none.
 * - `smartFormat`: numbers, dates and the like in writing. true; Flux does not have it.
 * - `eotThreshold`: with Flux, the confidence that ends a turn. 0.7, [0.5, 0.9].
 * - `eotTimeout`: with Flux, the silence that ends a turn in any case. 5 s, [500 ms, 10 s].
 * - `timeout`: how long a connection may take to be ready. 10 s, [100 ms, 1 min].
 *
 * @category models
 * @since 0.1.0
 */
export const DeepgramOptions = Schema.Struct({
  ...HostedOptions.connection("wss://api.deepgram.com"),
  model: HostedOptions.Name.pipe(withDefault("nova-3")),
  language: Schema.optionalKey(HostedOptions.Name),
  keyterms: HostedOptions.Keyterms,
  smartFormat: Schema.Boolean.pipe(withDefault(true)),
  eotThreshold: share(0.5, 0.9).pipe(withDefault(0.7)),
  eotTimeout: boundedDuration("500 millis", "10 seconds").pipe(withDefault("5s"))
}).pipe(encodeKeys({
  apiKey: "api_key",
  smartFormat: "smart_format",
  eotThreshold: "eot_threshold",
  eotTimeout: "eot_timeout"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type DeepgramOptions = typeof DeepgramOptions.Type

const RATE = 16_000
/** Of a telephone. */
const SAMPLE_RATES = [8_000]

/** 1011 and 1008 come with a code as their reason: the audio, or a message, could not be read. */
const closeKinds: CodeKinds = {
  "DATA-0000": "input",
  "DATA-0001": "input",
  "DATA-0002": "input"
}

const isFlux = ({ model }: DeepgramOptions): boolean => model.startsWith("flux-")

/** Flux has a model for each language, and one for many, which takes hints. */
const languages = ({ model }: DeepgramOptions): ReadonlyArray<string> => {
  const single = /^flux-.*-([a-z]{2})$/u.exec(model)?.[1]
  return single === undefined ? [] : [single]
}

const flux = (
  options: DeepgramOptions,
  { keyterms, language = options.language }: SessionSpeech,
  sampleRate: number
): SttEndpoint => {
  const url = HostedOptions.endpoint(options, "/v2/listen")
  const query = url.searchParams
  query.set("model", options.model)
  query.set("encoding", "linear16")
  query.set("sample_rate", String(sampleRate))
  for (const term of HostedOptions.keyterms(options.keyterms, keyterms)) query.append("keyterm", term)
  query.set("eot_threshold", String(options.eotThreshold))
  query.set("eot_timeout_ms", String(Duration.toMillis(options.eotTimeout)))
  if (language !== undefined && languages(options).length === 0) query.set("language_hint", primaryLanguage(language))
  // the size of messages that Deepgram asks for with Flux
  return { url: url.href, chunkMs: 80, emptyAnswerMs: 1_000, closeKinds, protocol: FluxProtocol.make }
}

const listen = (
  options: DeepgramOptions,
  { keyterms, language = options.language }: SessionSpeech,
  sampleRate: number
): SttEndpoint => {
  const url = HostedOptions.endpoint(options, "/v1/listen")
  const query = url.searchParams
  query.set("model", options.model)
  query.set("encoding", "linear16")
  query.set("sample_rate", String(sampleRate))
  query.set("channels", "1")
  query.set("interim_results", "true")
  query.set("punctuate", "true")
  query.set("smart_format", String(options.smartFormat))
  if (language !== undefined) query.set("language", language)
  for (const term of HostedOptions.keyterms(options.keyterms, keyterms)) query.append("keyterm", term)
  return { url: url.href, chunkMs: 60, emptyAnswerMs: 1_000, closeKinds, protocol: ListenProtocol.make }
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
  vendor: "deepgram",
  description: "Deepgram: streaming recognition, and turns with Flux; needs DEEPGRAM_API_KEY",
  key: { variable: "DEEPGRAM_API_KEY", header: "authorization", scheme: "Token" },
  options: DeepgramOptions,
  sampleRate: RATE,
  sampleRates: SAMPLE_RATES,
  capabilities: (options) => ({
    interim: true,
    endOfTurn: isFlux(options),
    languages: languages(options),
    keyterms: true
  }),
  language: (options) => options.language ?? (isFlux(options) ? languages(options)[0] : undefined),
  endpoint: (options, session, sampleRate) =>
    isFlux(options) ? flux(options, session, sampleRate) : listen(options, session, sampleRate)
})
