/**
 * Speech-to-text by Deepgram: streaming recognition (v1), or Flux (v2), which tells when a turn is over.
 *
 * Protocol: https://developers.deepgram.com/reference/speech-to-text/listen-streaming and …/listen-flux
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { secret } from "../../schema/Secret.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { SpeechToText, type SpeechToTextOptions } from "../../speech/SpeechToText.ts"
import * as VendorKey from "../../wire/VendorKey.ts"
import * as HostedRecogniser from "../hosted/stt/HostedRecogniser.ts"
import * as SttProtocol from "../hosted/stt/SttProtocol.ts"
import * as FluxProtocol from "./FluxProtocol.ts"
import * as ListenProtocol from "./ListenProtocol.ts"

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))
const share = (minimum: number, maximum: number) => Schema.Finite.check(Schema.isBetween({ minimum, maximum }))

/**
 * - `apiKey`: a secret. Default: the environment variable `DEEPGRAM_API_KEY`.
 * - `url`: the endpoint, without a path. `wss://api.deepgram.com`.
 * - `model`: one whose name begins with `flux-` tells turns. `nova-3`.
 * - `language`: BCP 47. Default: the model's; with Flux it is a hint.
 * - `keyterms`: words to expect. Default: none.
 * - `smartFormat`: numbers, dates and the like in writing. true; Flux does not have it.
 * - `eotThreshold`: with Flux, how sure it must be that a turn is over. 0.7, [0.5, 0.9].
 * - `eotTimeout`: with Flux, so much silence ends a turn in any case. 5 s, [500 ms, 10 s].
 * - `timeout`: how long a connection may take to be ready. 10 s, [100 ms, 1 min].
 *
 * @category models
 * @since 0.1.0
 */
export const DeepgramOptions = Schema.Struct({
  apiKey: Schema.optionalKey(secret({ min: 1 })),
  url: VendorKey.Endpoint.pipe(withDefault("wss://api.deepgram.com")),
  model: Name.pipe(withDefault("nova-3")),
  language: Schema.optionalKey(Name),
  keyterms: Schema.Array(Name).check(Schema.isMaxLength(100)).pipe(withDefault([])),
  smartFormat: Schema.Boolean.pipe(withDefault(true)),
  eotThreshold: share(0.5, 0.9).pipe(withDefault(0.7)),
  eotTimeout: boundedDuration("500 millis", "10 seconds").pipe(withDefault("5s")),
  timeout: boundedDuration("100 millis", "1 minute").pipe(withDefault("10s"))
}).pipe(Schema.encodeKeys({
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

const vendor = "deepgram"
const RATE = 16_000
/** 1011 is a line on which nothing came, or audio that could not be read: the reason begins with a code. */
const closed = (code: number, reason: string): BackendError =>
  reason.startsWith("DATA-")
    ? new InvalidConfig({
      op: "SpeechToText.connect",
      message: `deepgram could not read the audio: ${reason}`,
      details: { vendor, closeCode: code }
    })
    : SttProtocol.lost(vendor, code, reason)

/**
 * The address of a stream, with what is asked for.
 *
 * @category encoding
 * @since 0.1.0
 */
export const addressOf = (
  options: DeepgramOptions,
  { keyterms = [], language }: Omit<SpeechToTextOptions, "sessionId">
): string => {
  const isFlux = options.model.startsWith("flux-")
  const url = new URL(`${options.url.replace(/\/+$/, "")}/${isFlux ? "v2" : "v1"}/listen`)
  const set = (name: string, value: string | number | boolean) => url.searchParams.append(name, String(value))
  const spoken = language ?? options.language
  set("model", options.model)
  set("encoding", "linear16")
  set("sample_rate", RATE)
  for (const term of [...options.keyterms, ...keyterms].slice(0, 100)) set("keyterm", term)
  if (isFlux) {
    set("eot_threshold", options.eotThreshold)
    set("eot_timeout_ms", Duration.toMillis(options.eotTimeout))
    if (spoken !== undefined && options.model.includes("multi")) set("language_hint", spoken)
  } else {
    set("channels", 1)
    set("interim_results", true)
    set("punctuate", true)
    set("smart_format", options.smartFormat)
    if (spoken !== undefined) set("language", spoken)
  }
  return url.href
}

const make = Effect.fnUntraced(function*(options: DeepgramOptions) {
  const key = yield* VendorKey.key(vendor, options.apiKey, "DEEPGRAM_API_KEY")
  const isFlux = options.model.startsWith("flux-")
  return SpeechToText.of({
    name: vendor,
    sampleRate: RATE,
    capabilities: { interim: true, endOfTurn: isFlux, languages: [], keyterms: true },
    open: (asked) =>
      HostedRecogniser.open({
        vendor,
        sampleRate: RATE,
        url: Redacted.make(addressOf(options, asked)),
        headers: { authorization: Redacted.make(`Token ${Redacted.value(key)}`) },
        timeout: options.timeout,
        // what Deepgram asks for with Flux, and a good size for the other
        chunkMs: isFlux ? 80 : 60,
        graceMs: 1_000,
        closed,
        talk: isFlux ? FluxProtocol.make : ListenProtocol.make
      })
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Partial<DeepgramOptions> = {}
): Layer.Layer<SpeechToText, BackendError> =>
  Layer.effect(SpeechToText, Effect.flatMap(EngineRegistry.complete(vendor, DeepgramOptions, options), make))

/**
 * The engine's entry in the registry.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "stt",
  name: vendor,
  description: "Deepgram: streaming recognition, and turns with Flux; needs DEEPGRAM_API_KEY",
  options: DeepgramOptions,
  layer
})
