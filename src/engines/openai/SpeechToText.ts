/**
 * Speech-to-text by OpenAI: realtime transcription.
 *
 * Protocol: https://platform.openai.com/docs/guides/realtime-transcription
 *
 * @since 0.1.0
 */
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
import * as SttProtocol from "../hosted/stt/SttProtocol.ts"
import * as TranscriptionProtocol from "./TranscriptionProtocol.ts"

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))

/**
 * - `apiKey`: a secret. Default: the environment variable `OPENAI_API_KEY`.
 * - `url`: the endpoint. `wss://api.openai.com/v1/realtime`.
 * - `model`: the model. `gpt-4o-mini-transcribe`.
 * - `language`: what the user speaks, ISO 639-1. Default: found out.
 * - `prompt`: words to expect, or what it is about. Default: nothing.
 * - `noiseReduction`: of a microphone that is near or far; `off`. `off`.
 * - `timeout`: how long a connection may take to be ready. 10 s, [100 ms, 1 min].
 * - `rotateAfter`: the age at which a connection is replaced in a pause; it ends at 60 min. 55 min, [1 s, 59 min].
 *
 * @category models
 * @since 0.1.0
 */
export const OpenAiTranscriptionOptions = Schema.Struct({
  apiKey: Schema.optionalKey(secret({ min: 1 })),
  url: VendorKey.Endpoint.pipe(withDefault("wss://api.openai.com/v1/realtime")),
  model: Name.pipe(withDefault("gpt-4o-mini-transcribe")),
  language: Schema.optionalKey(Name),
  prompt: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(4_096))),
  noiseReduction: Schema.Literals(["off", "near_field", "far_field"]).pipe(withDefault("off" as const)),
  timeout: boundedDuration("100 millis", "1 minute").pipe(withDefault("10s")),
  rotateAfter: boundedDuration("1 second", "59 minutes").pipe(withDefault("55m"))
}).pipe(Schema.encodeKeys({ apiKey: "api_key", noiseReduction: "noise_reduction", rotateAfter: "rotate_after" }))

/**
 * @category models
 * @since 0.1.0
 */
export type OpenAiTranscriptionOptions = typeof OpenAiTranscriptionOptions.Type

const vendor = "openai"

/**
 * What a session is asked to be.
 *
 * @category encoding
 * @since 0.1.0
 */
export const sessionOf = (
  options: OpenAiTranscriptionOptions,
  language: string | undefined,
  keyterms: ReadonlyArray<string> = []
): { readonly [key: string]: unknown } => {
  const spoken = language?.split("-", 1)[0] ?? options.language
  const prompt = [...(options.prompt === undefined ? [] : [options.prompt]), ...keyterms].join(", ")
  return {
    type: "transcription",
    audio: {
      input: {
        format: { type: "audio/pcm", rate: TranscriptionProtocol.SAMPLE_RATE },
        noise_reduction: options.noiseReduction === "off" ? null : { type: options.noiseReduction },
        transcription: {
          model: options.model,
          ...(spoken === undefined ? {} : { language: spoken }),
          ...(prompt === "" ? {} : { prompt })
        },
        turn_detection: null
      }
    }
  }
}

const make = Effect.fnUntraced(function*(options: OpenAiTranscriptionOptions) {
  const key = yield* VendorKey.key(vendor, options.apiKey, "OPENAI_API_KEY")
  const url = new URL(options.url)
  url.searchParams.set("intent", "transcription")
  return SpeechToText.of({
    name: vendor,
    sampleRate: TranscriptionProtocol.SAMPLE_RATE,
    capabilities: { interim: true, endOfTurn: false, languages: [], keyterms: true },
    open: ({ keyterms, language }) =>
      HostedRecogniser.open({
        vendor,
        sampleRate: TranscriptionProtocol.SAMPLE_RATE,
        url: Redacted.make(url.href),
        headers: { authorization: Redacted.make(`Bearer ${Redacted.value(key)}`) },
        timeout: options.timeout,
        chunkMs: 100,
        maxAge: options.rotateAfter,
        closed: (code, reason) => SttProtocol.lost(vendor, code, reason),
        talk: () => TranscriptionProtocol.make(sessionOf(options, language, keyterms))
      })
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Partial<OpenAiTranscriptionOptions> = {}
): Layer.Layer<SpeechToText, BackendError> =>
  Layer.effect(SpeechToText, Effect.flatMap(EngineRegistry.complete(vendor, OpenAiTranscriptionOptions, options), make))

/**
 * The engine's entry in the registry.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "stt",
  name: vendor,
  description: "OpenAI: realtime transcription; needs OPENAI_API_KEY",
  options: OpenAiTranscriptionOptions,
  layer
})
