/**
 * Speech-to-text by AssemblyAI: Universal Streaming, which tells when a turn is over.
 *
 * Protocol: https://www.assemblyai.com/docs/speech-to-text/universal-streaming
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { BackendError } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { secret } from "../../schema/Secret.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { SpeechToText } from "../../speech/SpeechToText.ts"
import * as VendorKey from "../../wire/VendorKey.ts"
import * as HostedRecogniser from "../hosted/stt/HostedRecogniser.ts"
import * as StreamingProtocol from "./StreamingProtocol.ts"

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))

/**
 * - `apiKey`: a secret. Default: the environment variable `ASSEMBLYAI_API_KEY`.
 * - `url`: the endpoint, without a path. `wss://streaming.assemblyai.com`.
 * - `model`: the model. `universal-streaming-english`.
 * - `keyterms`: words to expect. Default: none.
 * - `formatTurns`: turns with punctuation and capitals, a little later. true.
 * - `confidence`: how sure it must be that a turn is over. Default: the vendor's, [0, 1].
 * - `minTurnSilence`: so much silence before a turn that seems over is. Default: the vendor's, [0, 10 s].
 * - `maxTurnSilence`: so much silence ends a turn in any case. Default: the vendor's, [100 ms, 30 s].
 * - `timeout`: how long a connection may take to be ready. 10 s, [100 ms, 1 min].
 *
 * @category models
 * @since 0.1.0
 */
export const AssemblyAiOptions = Schema.Struct({
  apiKey: Schema.optionalKey(secret({ min: 1 })),
  url: VendorKey.Endpoint.pipe(withDefault("wss://streaming.assemblyai.com")),
  model: Name.pipe(withDefault("universal-streaming-english")),
  keyterms: Schema.Array(Name).check(Schema.isMaxLength(100)).pipe(withDefault([])),
  formatTurns: Schema.Boolean.pipe(withDefault(true)),
  confidence: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  minTurnSilence: Schema.optionalKey(boundedDuration(0, "10 seconds")),
  maxTurnSilence: Schema.optionalKey(boundedDuration("100 millis", "30 seconds")),
  timeout: boundedDuration("100 millis", "1 minute").pipe(withDefault("10s"))
}).pipe(Schema.encodeKeys({
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

const vendor = "assemblyai"
const RATE = 16_000

/**
 * The address of a stream, with what is asked for.
 *
 * @category encoding
 * @since 0.1.0
 */
export const addressOf = (options: AssemblyAiOptions, keyterms: ReadonlyArray<string> = []): string => {
  const url = new URL(`${options.url.replace(/\/+$/, "")}/v3/ws`)
  const set = (name: string, value: string | number | boolean) => url.searchParams.set(name, String(value))
  const terms = [...options.keyterms, ...keyterms].slice(0, 100)
  set("sample_rate", RATE)
  set("encoding", "pcm_s16le")
  set("speech_model", options.model)
  set("format_turns", options.formatTurns)
  if (terms.length > 0) set("keyterms_prompt", JSON.stringify(terms))
  if (options.confidence !== undefined) set("end_of_turn_confidence_threshold", options.confidence)
  if (options.minTurnSilence !== undefined) set("min_turn_silence", Duration.toMillis(options.minTurnSilence))
  if (options.maxTurnSilence !== undefined) set("max_turn_silence", Duration.toMillis(options.maxTurnSilence))
  return url.href
}

const make = Effect.fnUntraced(function*(options: AssemblyAiOptions) {
  const key = yield* VendorKey.key(vendor, options.apiKey, "ASSEMBLYAI_API_KEY")
  const clock = yield* Clock.Clock
  return SpeechToText.of({
    name: vendor,
    sampleRate: RATE,
    capabilities: { interim: true, endOfTurn: true, languages: [], keyterms: true },
    open: ({ keyterms }) =>
      HostedRecogniser.open({
        vendor,
        sampleRate: RATE,
        url: Redacted.make(addressOf(options, keyterms)),
        headers: { authorization: key },
        timeout: options.timeout,
        chunkMs: 60,
        leastMs: 50,
        graceMs: 1_000,
        closed: StreamingProtocol.closed,
        talk: () =>
          StreamingProtocol.make({ formatted: options.formatTurns, now: () => clock.currentTimeMillisUnsafe() })
      })
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Partial<AssemblyAiOptions> = {}
): Layer.Layer<SpeechToText, BackendError> =>
  Layer.effect(SpeechToText, Effect.flatMap(EngineRegistry.complete(vendor, AssemblyAiOptions, options), make))

/**
 * The engine's entry in the registry.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "stt",
  name: vendor,
  description: "AssemblyAI: streaming recognition that tells turns; needs ASSEMBLYAI_API_KEY",
  options: AssemblyAiOptions,
  layer
})
