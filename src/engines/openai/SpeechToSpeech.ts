/**
 * OpenAI's Realtime API (GA) as a speech-to-speech engine, over its WebSocket.
 *
 * Input and output are 24 kHz. A connection lasts an hour at most: before that it is replaced in a pause, and the
 * conversation is replayed to the next one.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { SpeechToSpeech, type SpeechToSpeechOptions } from "../../speech/SpeechToSpeech.ts"
import * as VendorKey from "../../wire/VendorKey.ts"
import * as HostedOptions from "../hosted/HostedOptions.ts"
import * as ClientOfModel from "../hosted/s2s/ClientOfModel.ts"
import * as S2sConnection from "../hosted/s2s/S2sConnection.ts"
import * as RealtimeErrors from "./RealtimeErrors.ts"
import * as RealtimeProtocol from "./RealtimeProtocol.ts"

/**
 * Options of the engine, with defaults and limits.
 *
 * - `apiKey`: a secret. Default: the environment variable `OPENAI_API_KEY`.
 * - `url`: the endpoint. Default `wss://api.openai.com/v1/realtime`.
 * - `model`: the model. Default `gpt-realtime`.
 * - `voice`: the voice, where a session has none of its own. Default `marin`.
 * - `instructions`: the system instructions.
 * - `speed`: the speed of speech. Default 1, [0.25, 1.5].
 * - `language`: the user's language, for the transcripts (ISO 639-1), where a session has none of its own.
 * - `transcription`: the model that transcribes the user; `off`: no transcripts. Default `gpt-4o-mini-transcribe`.
 * - `turnDetection`: the turn authority: the server by silence (`server_vad`) or by meaning (`semantic_vad`), or this
 *   backend (`none`). Default `server_vad`.
 * - `threshold`: with `server_vad`, the activation threshold. Default 0.5, [0, 1].
 * - `prefixPadding`: with `server_vad`, how much audio before the speech belongs to a turn. Default 300 ms, [0, 5 s].
 * - `silenceDuration`: with `server_vad`, how much silence ends a turn. Default 500 ms, [50 ms, 10 s].
 * - `eagerness`: with `semantic_vad`, how soon a turn ends. Default `auto`.
 * - `noiseReduction`: for a microphone that is near (`near_field`) or far (`far_field`), or `off`. Default `off`.
 * - `maxOutputTokens`: of one response. Default: no limit.
 * - `timeout`: how long a connection may take to be ready. Default 10 s, [100 ms, 1 min].
 * - `silenceTimeout`: how long the model may take to begin a reply, and between two messages of one. Then the connection is
 *   replaced and the reply asked for again, once; a reply that had begun fails. Default 15 s,
 *   [500 ms, 5 min].
 * - `rotateAfter`: the age at which a connection is replaced in a pause; the server closes it at 60 min. Default 55 min,
 *   [1 s, 59 min].
 * - `maxRetries`: how many times in a row a lost connection is replaced. Default 3, [0, 10].
 * - `retryDelay`: the delay before the first retry, doubled for each further one. Default 1 s, [10 ms, 30 s].
 *
 * @category models
 * @since 0.1.0
 */
export const OpenAiRealtimeOptions = Schema.Struct({
  ...HostedOptions.connection("wss://api.openai.com/v1/realtime"),
  model: HostedOptions.Name.pipe(withDefault("gpt-realtime")),
  voice: HostedOptions.Name.pipe(withDefault("marin")),
  instructions: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(65_536))),
  speed: Schema.Finite.check(Schema.isBetween({ minimum: 0.25, maximum: 1.5 })).pipe(withDefault(1)),
  language: Schema.optionalKey(HostedOptions.Name),
  transcription: HostedOptions.Name.pipe(withDefault("gpt-4o-mini-transcribe")),
  turnDetection: Schema.Literals(["server_vad", "semantic_vad", "none"]).pipe(withDefault("server_vad" as const)),
  threshold: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })).pipe(withDefault(0.5)),
  prefixPadding: boundedDuration(0, "5 seconds").pipe(withDefault("300ms")),
  silenceDuration: boundedDuration("50 millis", "10 seconds").pipe(withDefault("500ms")),
  eagerness: Schema.Literals(["low", "medium", "high", "auto"]).pipe(withDefault("auto" as const)),
  noiseReduction: Schema.Literals(["off", "near_field", "far_field"]).pipe(withDefault("off" as const)),
  maxOutputTokens: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4_096 }))),
  silenceTimeout: boundedDuration("500 millis", "5 minutes").pipe(withDefault("15s")),
  rotateAfter: boundedDuration("1 second", "59 minutes").pipe(withDefault("55m")),
  maxRetries: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 })).pipe(withDefault(3)),
  retryDelay: boundedDuration("10 millis", "30 seconds").pipe(withDefault("1s"))
}).pipe(encodeKeys({
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
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type OpenAiRealtimeOptions = typeof OpenAiRealtimeOptions.Type

/** The server closes a session after an hour. */
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

const transcription = (
  options: OpenAiRealtimeOptions,
  { keyterms = [], language }: Pick<SpeechToSpeechOptions, "keyterms" | "language">
) => {
  if (options.transcription === "off") return null
  // ISO 639-1, the primary subtag of a session's BCP 47 tag
  const primary = language?.split("-", 1)[0] ?? options.language
  return {
    model: options.transcription,
    ...(primary === undefined ? {} : { language: primary }),
    ...(keyterms.length === 0 ? {} : { prompt: keyterms.join(", ") })
  }
}

/**
 * Makes the fields of `session.update`. A session's own voice, language and key terms precede the engine's.
 *
 * @category encoding
 * @since 0.1.0
 */
export const sessionOf = (
  options: OpenAiRealtimeOptions,
  session: Pick<SpeechToSpeechOptions, "answers" | "keyterms" | "language" | "tools" | "voice">
): { readonly [key: string]: unknown } => ({
  output_modalities: ["audio"],
  ...(options.instructions === undefined ? {} : { instructions: options.instructions }),
  audio: {
    input: {
      format: PCM,
      noise_reduction: options.noiseReduction === "off" ? null : { type: options.noiseReduction },
      transcription: transcription(options, session),
      turn_detection: turnDetection(options, session.answers)
    },
    output: { format: PCM, voice: session.voice ?? options.voice, speed: options.speed }
  },
  ...(options.maxOutputTokens === undefined ? {} : { max_output_tokens: options.maxOutputTokens }),
  ...(session.tools.length === 0 ? {} : {
    tools: session.tools.map(({ description, name, parameters }) => ({
      type: "function",
      name,
      description,
      parameters
    })),
    tool_choice: "auto"
  })
})

const make = Effect.fnUntraced(function*(options: OpenAiRealtimeOptions) {
  const apiKey = yield* VendorKey.key("openai", options.apiKey, "OPENAI_API_KEY")
  const url = yield* HostedOptions.endpointOf("openai", "EngineRegistry.layer", () => {
    const parsed = new URL(options.url)
    parsed.searchParams.set("model", options.model)
    return Redacted.make(parsed.href)
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
      say: true,
      // language and key terms are those of the transcription
      languages: transcripts ? [] : undefined,
      voices: [],
      keyterms: transcripts
    },
    open: (session) =>
      S2sConnection.open({
        ...options,
        engine: "openai",
        sessionId: session.sessionId,
        silence: options.silenceTimeout,
        lifetime: LIFETIME,
        onIncident: session.onIncident,
        request: Effect.succeed({
          vendor: "openai",
          url,
          headers: { authorization: Redacted.make(`Bearer ${Redacted.value(apiKey)}`) },
          timeout: options.timeout,
          closed: RealtimeErrors.closed
        }),
        protocol: (listener) => {
          let told = options
          let asked = session
          return RealtimeProtocol.make({
            ...listener,
            session: sessionOf(told, asked),
            // the model answers in the language that it hears
            inLanguage: transcripts
              ? (language) => {
                asked = { ...asked, language }
                return {
                  session: sessionOf(told, asked),
                  change: { audio: { input: { transcription: transcription(options, asked) } } }
                }
              }
              : undefined,
            ofClient: (client) => {
              const { instructions, tools } = ClientOfModel.added(options.instructions, session.tools, client)
              told = { ...options, ...(instructions === undefined ? {} : { instructions }) }
              asked = { ...asked, tools }
              const next = sessionOf(told, asked)
              return { session: next, change: { instructions: instructions ?? "", tools: next["tools"] ?? [] } }
            },
            remote,
            answers: session.answers,
            speaksText: session.speaksText,
            history: session.history
          })
        }
      })
  })
})

/**
 * Provides `SpeechToSpeech` with these options and the defaults of the others. Fails `invalid_config` without an API key
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
 * Registers as `openai`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "s2s",
  name: "openai",
  description: "OpenAI Realtime speech-to-speech; needs OPENAI_API_KEY",
  options: OpenAiRealtimeOptions,
  layer
})
