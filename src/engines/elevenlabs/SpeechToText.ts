/**
 * Speech-to-text by ElevenLabs: Scribe in real time.
 *
 * Protocol: https://elevenlabs.io/docs/api-reference/speech-to-text/v-1-speech-to-text-realtime
 *
 * @since 0.1.0
 */
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
import * as ScribeProtocol from "./ScribeProtocol.ts"

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))

/**
 * - `apiKey`: a secret. Default: the environment variable `ELEVENLABS_API_KEY`.
 * - `url`: the endpoint, without a path. `wss://api.elevenlabs.io`.
 * - `model`: the model. `scribe_v2_realtime`.
 * - `language`: what the user speaks, ISO 639. Default: found out.
 * - `keyterms`: words to expect. Default: none.
 * - `timeout`: how long a connection may take to be ready. 10 s, [100 ms, 1 min].
 * - `rotateAfter`: the age at which a connection is replaced in a pause. 50 min, [1 s, 24 h].
 *
 * @category models
 * @since 0.1.0
 */
export const ElevenLabsScribeOptions = Schema.Struct({
  apiKey: Schema.optionalKey(secret({ min: 1 })),
  url: VendorKey.Endpoint.pipe(withDefault("wss://api.elevenlabs.io")),
  model: Name.pipe(withDefault("scribe_v2_realtime")),
  language: Schema.optionalKey(Name),
  keyterms: Schema.Array(Name).check(Schema.isMaxLength(100)).pipe(withDefault([])),
  timeout: boundedDuration("100 millis", "1 minute").pipe(withDefault("10s")),
  rotateAfter: boundedDuration("1 second", "24 hours").pipe(withDefault("50m"))
}).pipe(Schema.encodeKeys({ apiKey: "api_key", rotateAfter: "rotate_after" }))

/**
 * @category models
 * @since 0.1.0
 */
export type ElevenLabsScribeOptions = typeof ElevenLabsScribeOptions.Type

const vendor = "elevenlabs"
const RATE = 16_000

const closed = (code: number, reason: string): BackendError =>
  code === 1008
    ? new InvalidConfig({
      op: "SpeechToText.connect",
      message: `elevenlabs refused what was asked for: ${reason}`,
      details: { vendor, closeCode: code }
    })
    // 1000 without anybody having asked for it is a loss as well
    : SttProtocol.lost(vendor, code, reason)

/**
 * The address of a stream, with what is asked for.
 *
 * @category encoding
 * @since 0.1.0
 */
export const addressOf = (
  options: ElevenLabsScribeOptions,
  { keyterms = [], language }: Omit<SpeechToTextOptions, "sessionId">
): string => {
  const url = new URL(`${options.url.replace(/\/+$/, "")}/v1/speech-to-text/realtime`)
  const spoken = language ?? options.language
  url.searchParams.set("model_id", options.model)
  url.searchParams.set("audio_format", `pcm_${RATE}`)
  url.searchParams.set("commit_strategy", "manual")
  url.searchParams.set("include_timestamps", "true")
  if (spoken !== undefined) url.searchParams.set("language_code", spoken)
  for (const term of [...options.keyterms, ...keyterms].slice(0, 100)) url.searchParams.append("keyterms", term)
  return url.href
}

const make = Effect.fnUntraced(function*(options: ElevenLabsScribeOptions) {
  const key = yield* VendorKey.key(vendor, options.apiKey, "ELEVENLABS_API_KEY")
  return SpeechToText.of({
    name: vendor,
    sampleRate: RATE,
    capabilities: { interim: true, endOfTurn: false, languages: [], keyterms: true },
    open: (asked) =>
      HostedRecogniser.open({
        vendor,
        sampleRate: RATE,
        url: Redacted.make(addressOf(options, asked)),
        headers: { "xi-api-key": key },
        timeout: options.timeout,
        chunkMs: 100,
        graceMs: 1_500,
        maxAge: options.rotateAfter,
        closed,
        talk: () => ScribeProtocol.make(RATE)
      })
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Partial<ElevenLabsScribeOptions> = {}
): Layer.Layer<SpeechToText, BackendError> =>
  Layer.effect(SpeechToText, Effect.flatMap(EngineRegistry.complete(vendor, ElevenLabsScribeOptions, options), make))

/**
 * The engine's entry in the registry.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "stt",
  name: vendor,
  description: "ElevenLabs Scribe: recognition in real time; needs ELEVENLABS_API_KEY",
  options: ElevenLabsScribeOptions,
  layer
})
