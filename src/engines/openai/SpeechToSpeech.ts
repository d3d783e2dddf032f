/**
 * OpenAI's Realtime API (GA) as a speech-to-speech engine, over its WebSocket.
 *
 * Audio is 24 kHz both ways. A connection lives for an hour at most: before that it is replaced in a pause, and the next one
 * is told the conversation so far.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { AuthenticationFailed, type BackendError, ConnectionFailed, InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { secret } from "../../schema/Secret.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { SpeechToSpeech, type SpeechToSpeechOptions } from "../../speech/SpeechToSpeech.ts"
import * as VendorKey from "../../wire/VendorKey.ts"
import * as S2sConnection from "../hosted/s2s/S2sConnection.ts"
import * as RealtimeProtocol from "./RealtimeProtocol.ts"

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))

/**
 * - `apiKey`: a secret. Default: the environment variable `OPENAI_API_KEY`.
 * - `url`: the endpoint. `wss://api.openai.com/v1/realtime`.
 * - `model`: the model. `gpt-realtime`.
 * - `voice`: the voice. `marin`.
 * - `instructions`: what the model is told of its role.
 * - `speed`: how fast it speaks. 1, [0.25, 1.5].
 * - `language`: what the user speaks, for the transcripts: ISO 639-1.
 * - `transcription`: the model that tells the user's words; `off`: nobody does. `gpt-4o-mini-transcribe`.
 * - `turnDetection`: who decides that the user has finished: the server by silence (`server_vad`) or by meaning
 *   (`semantic_vad`), or this backend (`none`). `server_vad`.
 * - `threshold`: with `server_vad`, how loud speech is. 0.5, [0, 1].
 * - `prefixPadding`: with `server_vad`, audio that is kept from before. 300 ms, [0, 5 s].
 * - `silenceDuration`: with `server_vad`, so much silence ends a turn. 500 ms, [50 ms, 10 s].
 * - `eagerness`: with `semantic_vad`, how soon a turn is over. `auto`.
 * - `noiseReduction`: of a microphone that is near or far; `off`. `off`.
 * - `maxOutputTokens`: of one reply. Default: no limit.
 * - `timeout`: how long a connection may take to be ready. 10 s, [100 ms, 1 min].
 * - `silenceTimeout`: how long the model may owe a message before the connection is replaced. 15 s, [500 ms, 5 min].
 * - `rotateAfter`: the age at which a connection is replaced in a pause; it ends at 60 min. 55 min, [1 s, 59 min].
 * - `maxRetries`: how often in a row a lost connection is replaced. 3, [0, 10].
 * - `retryDelay`: the wait before the first of them; it grows. 1 s, [10 ms, 30 s].
 *
 * @category models
 * @since 0.1.0
 */
export const OpenAiRealtimeOptions = Schema.Struct({
  apiKey: Schema.optionalKey(secret({ min: 1 })),
  url: VendorKey.Endpoint.pipe(withDefault("wss://api.openai.com/v1/realtime")),
  model: Name.pipe(withDefault("gpt-realtime")),
  voice: Name.pipe(withDefault("marin")),
  instructions: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(65_536))),
  speed: Schema.Finite.check(Schema.isBetween({ minimum: 0.25, maximum: 1.5 })).pipe(withDefault(1)),
  language: Schema.optionalKey(Name),
  transcription: Name.pipe(withDefault("gpt-4o-mini-transcribe")),
  turnDetection: Schema.Literals(["server_vad", "semantic_vad", "none"]).pipe(withDefault("server_vad" as const)),
  threshold: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })).pipe(withDefault(0.5)),
  prefixPadding: boundedDuration(0, "5 seconds").pipe(withDefault("300ms")),
  silenceDuration: boundedDuration("50 millis", "10 seconds").pipe(withDefault("500ms")),
  eagerness: Schema.Literals(["low", "medium", "high", "auto"]).pipe(withDefault("auto" as const)),
  noiseReduction: Schema.Literals(["off", "near_field", "far_field"]).pipe(withDefault("off" as const)),
  maxOutputTokens: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4_096 }))),
  timeout: boundedDuration("100 millis", "1 minute").pipe(withDefault("10s")),
  silenceTimeout: boundedDuration("500 millis", "5 minutes").pipe(withDefault("15s")),
  rotateAfter: boundedDuration("1 second", "59 minutes").pipe(withDefault("55m")),
  maxRetries: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 })).pipe(withDefault(3)),
  retryDelay: boundedDuration("10 millis", "30 seconds").pipe(withDefault("1s"))
}).pipe(Schema.encodeKeys({
  apiKey: "api_key",
  turnDetection: "turn_detection",
  prefixPadding: "prefix_padding",
  silenceDuration: "silence_duration",
  noiseReduction: "noise_reduction",
  maxOutputTokens: "max_output_tokens",
  silenceTimeout: "silence_timeout",
  rotateAfter: "rotate_after",
  maxRetries: "max_retries",
  retryDelay: "retry_delay"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type OpenAiRealtimeOptions = typeof OpenAiRealtimeOptions.Type

/** The vendor ends a session after an hour. */
const LIFETIME = Duration.minutes(59.5)
const PCM = { type: "audio/pcm", rate: RealtimeProtocol.SAMPLE_RATE }

const turnDetection = (options: OpenAiRealtimeOptions, answers: boolean) => {
  const responds = { create_response: answers, interrupt_response: answers }
  switch (options.turnDetection) {
    case "none":
      return null
    case "semantic_vad":
      return { type: "semantic_vad", eagerness: options.eagerness, ...responds }
    case "server_vad":
      return {
        type: "server_vad",
        threshold: options.threshold,
        prefix_padding_ms: Duration.toMillis(options.prefixPadding),
        silence_duration_ms: Duration.toMillis(options.silenceDuration),
        ...responds
      }
  }
}

/**
 * The fields of `session.update`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const sessionOf = (
  options: OpenAiRealtimeOptions,
  { answers, tools }: Pick<SpeechToSpeechOptions, "answers" | "tools">
): { readonly [key: string]: unknown } => ({
  output_modalities: ["audio"],
  ...(options.instructions === undefined ? {} : { instructions: options.instructions }),
  audio: {
    input: {
      format: PCM,
      noise_reduction: options.noiseReduction === "off" ? null : { type: options.noiseReduction },
      transcription: options.transcription === "off"
        ? null
        : { model: options.transcription, ...(options.language === undefined ? {} : { language: options.language }) },
      turn_detection: turnDetection(options, answers)
    },
    output: { format: PCM, voice: options.voice, speed: options.speed }
  },
  ...(options.maxOutputTokens === undefined ? {} : { max_output_tokens: options.maxOutputTokens }),
  ...(tools.length === 0 ? {} : {
    tools: tools.map(({ description, name, parameters }) => ({ type: "function", name, description, parameters })),
    tool_choice: "auto"
  })
})

const op = "SpeechToSpeech.connect"

/**
 * What a close of the vendor's means.
 *
 * @category conversions
 * @since 0.1.0
 */
export const closed = (code: number, reason: string): BackendError => {
  const details = { vendor: "openai", code, reason }
  const message = `openai closed the connection (${code})`
  // the API closes 3000 with the error's code as the reason
  if (/invalid_api_key|authentication/u.test(reason)) return new AuthenticationFailed({ op, message, details })
  if (/model_not_found|invalid_model|invalid_request/u.test(reason)) return new InvalidConfig({ op, message, details })
  return new ConnectionFailed({ op, message, details })
}

const make = Effect.fnUntraced(function*(options: OpenAiRealtimeOptions) {
  const apiKey = yield* VendorKey.key("openai", options.apiKey, "OPENAI_API_KEY")
  const url = yield* Effect.try({
    try: () => {
      const parsed = new URL(options.url)
      parsed.searchParams.set("model", options.model)
      return Redacted.make(parsed.href)
    },
    catch: () =>
      new InvalidConfig({
        op: "EngineRegistry.layer",
        message: "engines.openai.url: not a URL",
        details: { faults: [{ path: "engines.openai.url", message: "not a URL" }] }
      })
  })
  const transcripts = options.transcription !== "off"
  const remote = options.turnDetection !== "none"
  return SpeechToSpeech.of({
    name: "openai",
    inputSampleRate: RealtimeProtocol.SAMPLE_RATE,
    outputSampleRate: RealtimeProtocol.SAMPLE_RATE,
    capabilities: {
      turnAuthority: remote ? "remote" : "own",
      agentInLoop: transcripts,
      answers: true,
      tools: true,
      interims: false,
      say: true
    },
    open: (given) =>
      S2sConnection.open({
        ...options,
        engine: "openai",
        sessionId: given.sessionId,
        silence: options.silenceTimeout,
        lifetime: LIFETIME,
        onIncident: given.onIncident,
        request: Effect.succeed({
          vendor: "openai",
          url,
          headers: { authorization: Redacted.make(`Bearer ${Redacted.value(apiKey)}`) },
          timeout: options.timeout,
          closed
        }),
        talk: (listener) =>
          RealtimeProtocol.make({
            ...listener,
            session: sessionOf(options, given),
            remote,
            answers: given.answers,
            history: given.history
          })
      })
  })
})

/**
 * The engine with these options, and the defaults for the others. Fails `invalid_config` without a key
 * (`details.missing`).
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Partial<OpenAiRealtimeOptions>): Layer.Layer<SpeechToSpeech, InvalidConfig> =>
  Layer.effect(
    SpeechToSpeech,
    Effect.flatMap(EngineRegistry.complete("openai", OpenAiRealtimeOptions, options), make)
  )

/**
 * `openai` by name.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "s2s",
  name: "openai",
  description: "OpenAI Realtime: hears, thinks and speaks; needs OPENAI_API_KEY",
  options: OpenAiRealtimeOptions,
  layer
})
