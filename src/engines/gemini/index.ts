/**
 * The Gemini Live API as a speech-to-speech engine, over its WebSocket.
 *
 * Input is 16 kHz, output 24 kHz. A connection lasts about ten minutes: before that it is replaced in a pause, by resuming
 * the session or, when that is refused, by replaying the conversation to a new one. An interrupted reply cannot be truncated
 * in the model's context.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import {
  AuthenticationFailed,
  type BackendError,
  ConnectionFailed,
  InvalidConfig,
  RateLimitExceeded
} from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { SpeechToSpeech, type SpeechToSpeechOptions } from "../../speech/SpeechToSpeech.ts"
import * as VendorKey from "../../wire/VendorKey.ts"
import * as HostedOptions from "../hosted/HostedOptions.ts"
import * as ClientOfModel from "../hosted/s2s/ClientOfModel.ts"
import * as S2sConnection from "../hosted/s2s/S2sConnection.ts"
import * as LiveMessages from "./LiveMessages.ts"
import * as LiveProtocol from "./LiveProtocol.ts"

const SERVICE = "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"

/**
 * Options of the engine, with defaults and limits.
 *
 * - `apiKey`: a secret. Default: the environment variable `GEMINI_API_KEY`.
 * - `url`: the endpoint. Default: the Gemini API, v1beta.
 * - `model`: the model. Default `gemini-3.1-flash-live-preview`.
 * - `voice`: the voice, where a session has none of its own. Default: the model's.
 * - `language`: the language that it speaks (BCP 47), where a session has none of its own. Default: the user's.
 * - `instructions`: the system instruction.
 * - `temperature`: the sampling temperature, [0, 2]. Default: the model's.
 * - `transcription`: whether the user's speech is transcribed. Default true.
 * - `turnDetection`: the turn authority: the `server`, or this backend (`none`). Default `none`, because the server does not
 *   report the start of the user's speech.
 * - `prefixPadding`: with `server`, how much speech starts a turn. Default: the server's. [0, 5 s].
 * - `silenceDuration`: with `server`, how much silence ends a turn. Default: the server's. [50 ms, 10 s].
 * - `timeout`: how long a connection may take to be ready. Default 10 s, [100 ms, 1 min].
 * - `silenceTimeout`: how long the model may take to begin a reply, and between two messages of one. Then the connection is
 *   replaced and the reply asked for again, once; a reply that had begun fails. Default 15 s,
 *   [500 ms, 5 min].
 * - `rotateAfter`: the age at which a connection is replaced in a pause; the server closes it at about 10 min. Default
 *   9 min, [1 s, 10 min].
 * - `maxRetries`: how many times in a row a lost connection is replaced. Default 3, [0, 10].
 * - `retryDelay`: the delay before the first retry, doubled for each further one. Default 1 s, [10 ms, 30 s].
 *
 * @category models
 * @since 0.1.0
 */
export const GeminiOptions = Schema.Struct({
  ...HostedOptions.connection(`wss://generativelanguage.googleapis.com/ws/${SERVICE}`),
  model: HostedOptions.Name.pipe(withDefault("gemini-3.1-flash-live-preview")),
  voice: Schema.optionalKey(HostedOptions.Name),
  language: Schema.optionalKey(HostedOptions.Name),
  instructions: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(65_536))),
  temperature: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 2 }))),
  transcription: Schema.Boolean.pipe(withDefault(true)),
  turnDetection: Schema.Literals(["server", "none"]).pipe(withDefault("none" as const)),
  prefixPadding: Schema.optionalKey(boundedDuration(0, "5 seconds")),
  silenceDuration: Schema.optionalKey(boundedDuration("50 millis", "10 seconds")),
  silenceTimeout: boundedDuration("500 millis", "5 minutes").pipe(withDefault("15s")),
  rotateAfter: boundedDuration("1 second", "10 minutes").pipe(withDefault("9m")),
  maxRetries: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 })).pipe(withDefault(3)),
  retryDelay: boundedDuration("10 millis", "30 seconds").pipe(withDefault("1s"))
}).pipe(encodeKeys({
  apiKey: "api_key",
  turnDetection: "turn_detection",
  prefixPadding: "prefix_padding",
  silenceDuration: "silence_duration",
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
export type GeminiOptions = typeof GeminiOptions.Type

/** The server announces the end of a connection with `goAway`; this limit is for one that does not. */
const LIFETIME = Duration.minutes(14.5)

const millis = (key: string, duration: Duration.Duration | undefined) =>
  duration === undefined ? {} : { [key]: Duration.toMillis(duration) }

/**
 * Makes the fields of `setup`, without those of resumption. A session's own voice and language precede the engine's.
 *
 * @category encoding
 * @since 0.1.0
 */
export const setupOf = (
  options: GeminiOptions,
  { language = options.language, tools, voice = options.voice }: Pick<
    SpeechToSpeechOptions,
    "tools" | "language" | "voice"
  >
): { readonly [key: string]: unknown } => {
  const { instructions, temperature } = options
  return {
    model: options.model.includes("/") ? options.model : `models/${options.model}`,
    generationConfig: {
      responseModalities: ["AUDIO"],
      ...(temperature === undefined ? {} : { temperature }),
      ...(voice === undefined && language === undefined ? {} : {
        speechConfig: {
          ...(voice === undefined ? {} : { voiceConfig: { prebuiltVoiceConfig: { voiceName: voice } } }),
          ...(language === undefined ? {} : { languageCode: language })
        }
      })
    },
    ...(instructions === undefined ? {} : { systemInstruction: { parts: [{ text: instructions }] } }),
    ...(tools.length === 0 ? {} : {
      tools: [{
        functionDeclarations: tools.map(({ description, name, parameters }) => ({
          name,
          description,
          parametersJsonSchema: parameters
        }))
      }]
    }),
    realtimeInputConfig: {
      automaticActivityDetection: options.turnDetection === "none" ? { disabled: true } : {
        ...millis("prefixPaddingMs", options.prefixPadding),
        ...millis("silenceDurationMs", options.silenceDuration)
      }
    },
    // without it an audio session ends after 15 minutes
    contextWindowCompression: { slidingWindow: {} },
    ...(options.transcription ? { inputAudioTranscription: {} } : {}),
    outputAudioTranscription: {}
  }
}

const op = "SpeechToSpeech.connect"

/**
 * Maps a close of the socket to an error; the vendor's reason says more than the code.
 *
 * @category conversions
 * @since 0.1.0
 */
export const closed = (code: number, reason: string): BackendError => {
  const details = { vendor: "gemini", code, reason }
  const fields = { op, message: `gemini closed the connection (${code})`, details }
  if (/api key|unauthenticated|permission/iu.test(reason)) return new AuthenticationFailed(fields)
  if (/quota|resource.?exhausted/iu.test(reason)) return new RateLimitExceeded(fields)
  return code === 1007 || code === 1008 ? new InvalidConfig(fields) : new ConnectionFailed(fields)
}

const make = Effect.fnUntraced(function*(options: GeminiOptions) {
  const apiKey = yield* VendorKey.key("gemini", options.apiKey, "GEMINI_API_KEY")
  const url = yield* HostedOptions.endpointOf("gemini", "EngineRegistry.layer", () => {
    const parsed = new URL(options.url)
    parsed.searchParams.set("key", Redacted.value(apiKey))
    return Redacted.make(parsed.href)
  })
  const remote = options.turnDetection === "server"
  return SpeechToSpeech.of({
    name: "gemini",
    inputSampleRate: LiveMessages.INPUT_RATE,
    outputSampleRate: LiveMessages.OUTPUT_RATE,
    capabilities: {
      turnAuthority: remote ? "remote" : "own",
      // the API cannot keep the model from answering
      agentInLoop: false,
      answers: true,
      tools: true,
      interims: false,
      say: true,
      languages: [],
      voices: []
    },
    open: (session) =>
      S2sConnection.open({
        ...options,
        engine: "gemini",
        sessionId: session.sessionId,
        silence: options.silenceTimeout,
        lifetime: LIFETIME,
        onIncident: session.onIncident,
        request: Effect.succeed({
          vendor: "gemini",
          url,
          headers: {},
          secret: apiKey,
          timeout: options.timeout,
          closed
        }),
        protocol: (listener) => {
          let told = options
          let asked = session
          return LiveProtocol.make({
            ...listener,
            setup: setupOf(told, asked),
            inLanguage: (language) => {
              asked = { ...asked, language }
              return setupOf(told, asked)
            },
            ofClient: (client) => {
              const { instructions, tools } = ClientOfModel.added(options.instructions, session.tools, client)
              told = { ...options, ...(instructions === undefined ? {} : { instructions }) }
              asked = { ...asked, tools }
              return setupOf(told, asked)
            },
            remote,
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
export const layer = (options?: Partial<GeminiOptions>): Layer.Layer<SpeechToSpeech, InvalidConfig> =>
  Layer.effect(SpeechToSpeech, Effect.flatMap(EngineRegistry.complete("gemini", GeminiOptions, options), make))

/**
 * Registers as `gemini`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "s2s",
  name: "gemini",
  description: "Gemini Live speech-to-speech; needs GEMINI_API_KEY",
  options: GeminiOptions,
  layer
})
