/**
 * The configuration of a backend: every field of the contract, with its default and its bounds.
 *
 * Encoded with snake case keys, as in YAML, JSON and the environment. Durations read `"500ms"`, `"1m30s"`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import { HistorySettings } from "../../agent/HistorySettings.ts"
import { CallToolOptions } from "../../agent/tools/CallToolOptions.ts"
import { HttpTools } from "../../agent/tools/HttpToolOptions.ts"
import { McpServers } from "../../agent/tools/McpServerOptions.ts"
import { OpenApis } from "../../agent/tools/OpenApiOptions.ts"
import type { InvalidConfig } from "../../BackendError.ts"
import { ConversationPolicy } from "../../conversation/ConversationPolicy.ts"
import { RateLimits } from "../../hooks/RateLimits.ts"
import type { Periods } from "../../hooks/RetentionPolicy.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import * as Faults from "../../schema/Faults.ts"
import { Options, redact } from "../../schema/Secret.ts"
import { AgentInLoop } from "../../session/pipeline/S2sOptions.ts"
import { PipelineType } from "../../session/SessionConfig.ts"
import { TextSettings } from "../../speech/TextSettings.ts"
import { ClusterConfig } from "./ClusterConfig.ts"
import * as ConfigRules from "./ConfigRules.ts"
import {
  DrainConfig,
  Name,
  OverloadConfig,
  ProcessorConfig,
  RetentionConfig,
  SessionLimits,
  StoreConfig
} from "./ConfigSections.ts"

export { ClusterConfig } from "./ClusterConfig.ts"
export {
  DrainConfig,
  OverloadConfig,
  ProcessorConfig,
  RetentionConfig,
  SessionLimits,
  StoreConfig
} from "./ConfigSections.ts"

/**
 * A backend's configuration. `sttProvider` and `ttsProvider` are required with `stt_tts`, `s2sProvider` with `s2s`.
 * `turnDetectionProvider: "stt"` makes the speech-to-text engine the turn authority.
 *
 * - `provider`: how users are reached. In a file, the default is `local`.
 * - `providerConfig`: the options of the provider.
 * - `pipelineType`: `stt_tts` transcribes with one engine, asks the agent, and speaks with another engine; `s2s` leaves all
 *   of it to one speech-to-speech engine. In a file, the default is `stt_tts`.
 * - `sttProvider`: the speech-to-text engine; required with `stt_tts`.
 * - `ttsProvider`: the text-to-speech engine; required with `stt_tts`. With `s2s` it speaks what the model writes instead of
 *   speaking it, and given texts where the model cannot. Default with `s2s`: none.
 * - `s2sProvider`: the speech-to-speech engine; required with `s2s`.
 * - `vadProvider`: the voice activity detector.
 * - `turnDetectionProvider`: the engine that decides whether the user has finished; `stt` leaves the end of turn to the
 *   speech-to-text engine, `silence` to silence alone. Default: `smart-turn` where it is registered and an ONNX runtime is
 *   installed, else `text`, else silence; with a speech-to-speech model silence.
 * - `noiseCancellationProvider`: the engine that removes noise from the user's audio.
 * - `echoCancellation`: whether the echo of the agent's voice is removed from the user's audio, for devices, kiosks, telephones
 *   and other clients that have a loudspeaker near their microphone and no canceller of their own; browsers have one. It needs
 *   the package `@livekit/rtc-node`, and about 1 % of a core for a session in which the agent speaks. false.
 * - `llmProvider`: the engine whose language model answers as the agent `llm`. Default: none; `openai-compatible` with
 *   `agent: llm`.
 * - `engines`: the options of engines, by engine name.
 * - `sttFallback`: speech-to-text engines that take over, in this order, when the first one fails.
 * - `ttsFallback`: text-to-speech engines that take over, in this order, when the first one fails.
 * - `agent`: the registered agent that answers. In a file, the default is `builtin`.
 * - `history`: how much of the conversation a language model that answers is told: the agent `llm`, and agents of the
 *   application that say nothing else.
 * - `mcp`: servers of the Model Context Protocol whose tools the agent `llm` may call. Default: none.
 * - `tools`: requests over HTTP that the agent `llm` may make. Default: none.
 * - `openapi`: APIs whose operations the agent `llm` may call. Default: none.
 * - `callTools`: what the agent `llm` may do with the telephone call that it answers. Default: nothing.
 * - `agentInLoop`: with `s2s`, the role of the agent: `off`, the model answers by itself; `answer`, the agent answers and the
 *   model only transcribes and speaks; `tool`, the model calls the agent as a tool. Default: `off`, or `answer` with a model
 *   that cannot answer by itself.
 * - `customProcessors`: processors of the user's audio, before it is recognised.
 * - `latencyTarget`: from the user's last word to the first audio of the reply; a slower turn is an event, and many slow
 *   turns degrade health. 500 ms, [100 ms, 5 s].
 * - `timeout`: the time limit of a connect, of an agent's first output and of an engine's first result. 30 s, [1 s, 5 min].
 * - `maxRetries`: how often a failed call of an engine is retried, within the timeout. 3, [0, 10].
 * - `retryDelay`: the delay before the first retry; it grows with each one. 1 s, [100 ms, 30 s].
 * - `maxConcurrentSessions`: how many sessions may be active; the next one is refused. 100.
 * - `enableTracing`: whether spans are made, where there is a tracer; running sessions keep their setting. true.
 * - `traceSpeech`: whether spans contain what users and agents say. For development: traces are rarely protected like
 *   conversations. false.
 * - `enableMetrics`: whether metrics are recorded. true.
 * - `enableStructuredLogging`: whether log lines of a session have its id and its turn as fields. true.
 * - `overload`: when the backend rejects new sessions to protect those in progress.
 * - `text`: how text is prepared for the voice: its language, the tags that are kept, pronunciations.
 * - `conversation`: end of turn, interruptions, and who speaks first.
 * - `drain`: how conversations end when the backend is stopped.
 * - `session`: the limits of a session.
 * - `store`: where active sessions are stored.
 * - `rateLimits`: how often users may create sessions and connect, and how much audio they may send.
 * - `retention`: how long each kind of data is kept after a session has ended.
 * - `cluster`: one backend of several processes, on one machine or many. Default: none, this process is alone.
 *
 * @category models
 * @since 0.1.0
 */
export const BackendConfig = Schema.Struct({
  provider: Name,
  providerConfig: Options.pipe(withDefault({})),
  pipelineType: PipelineType,
  sttProvider: Schema.optionalKey(Name),
  ttsProvider: Schema.optionalKey(Name),
  s2sProvider: Schema.optionalKey(Name),
  vadProvider: Schema.optionalKey(Name),
  turnDetectionProvider: Schema.optionalKey(Name),
  noiseCancellationProvider: Schema.optionalKey(Name),
  echoCancellation: Schema.Boolean.pipe(withDefault(false)),
  llmProvider: Schema.optionalKey(Name),
  engines: Schema.Record(Schema.String, Options).pipe(withDefault({})),
  sttFallback: Schema.Array(Name).pipe(withDefault([])),
  ttsFallback: Schema.Array(Name).pipe(withDefault([])),
  agent: Schema.optionalKey(Name),
  history: HistorySettings.pipe(withDefault({})),
  mcp: McpServers.pipe(withDefault([])),
  tools: HttpTools.pipe(withDefault([])),
  openapi: OpenApis.pipe(withDefault([])),
  callTools: CallToolOptions.pipe(withDefault({})),
  agentInLoop: Schema.optionalKey(AgentInLoop),
  customProcessors: Schema.Array(ProcessorConfig).pipe(withDefault([])),
  latencyTarget: boundedDuration("100 millis", "5 seconds").pipe(withDefault("500ms")),
  timeout: boundedDuration("1 second", "5 minutes").pipe(withDefault("30s")),
  maxRetries: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 })).pipe(withDefault(3)),
  retryDelay: boundedDuration("100 millis", "30 seconds").pipe(withDefault("1s")),
  maxConcurrentSessions: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).pipe(withDefault(100)),
  enableTracing: Schema.Boolean.pipe(withDefault(true)),
  traceSpeech: Schema.Boolean.pipe(withDefault(false)),
  enableMetrics: Schema.Boolean.pipe(withDefault(true)),
  enableStructuredLogging: Schema.Boolean.pipe(withDefault(true)),
  overload: OverloadConfig.pipe(withDefault({})),
  text: TextSettings.pipe(withDefault({})),
  conversation: ConversationPolicy.pipe(withDefault({})),
  drain: DrainConfig.pipe(withDefault({})),
  session: SessionLimits.pipe(withDefault({})),
  store: StoreConfig.pipe(withDefault({})),
  rateLimits: RateLimits.pipe(withDefault({})),
  retention: RetentionConfig.pipe(withDefault({})),
  cluster: Schema.optionalKey(ClusterConfig)
}).pipe(encodeKeys({
  providerConfig: "provider_config",
  pipelineType: "pipeline_type",
  sttProvider: "stt_provider",
  ttsProvider: "tts_provider",
  s2sProvider: "s2s_provider",
  vadProvider: "vad_provider",
  turnDetectionProvider: "turn_detection_provider",
  noiseCancellationProvider: "noise_cancellation_provider",
  echoCancellation: "echo_cancellation",
  llmProvider: "llm_provider",
  sttFallback: "stt_fallback",
  ttsFallback: "tts_fallback",
  callTools: "call_tools",
  agentInLoop: "agent_in_loop",
  customProcessors: "custom_processors",
  latencyTarget: "latency_target",
  maxRetries: "max_retries",
  retryDelay: "retry_delay",
  maxConcurrentSessions: "max_concurrent_sessions",
  enableTracing: "enable_tracing",
  traceSpeech: "trace_speech",
  enableMetrics: "enable_metrics",
  enableStructuredLogging: "enable_structured_logging",
  rateLimits: "rate_limits"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type BackendConfig = typeof BackendConfig.Type

/**
 * The retention period of each kind of data; a kind that is `off` is absent.
 *
 * @category accessors
 * @since 0.1.0
 */
export const periodsOf = ({ retention: { audio, events, metadata, transcript } }: BackendConfig): Periods => ({
  ...(audio === "off" ? {} : { audio }),
  ...(transcript === "off" ? {} : { transcript }),
  ...(metadata === "off" ? {} : { metadata }),
  ...(events === "off" ? {} : { events })
})

/**
 * The encoded form of a config: snake case keys, durations as text, defaults absent.
 *
 * @category models
 * @since 0.1.0
 */
export type BackendConfigEncoded = typeof BackendConfig.Encoded

const context = { op: "BackendConfig.decode", what: "the config is not valid" }

/** The faults of the fields, if there are any, and those between them. */
const withRules = <A>(decoding: Effect.Effect<A, InvalidConfig>, read: ConfigRules.ReadField) =>
  Effect.suspend(() => {
    const rules = ConfigRules.faultsOf(read)
    const failed = (faults: ReadonlyArray<Faults.Fault>, more?: number) =>
      Effect.fail(Faults.toError(context.op, context.what, faults, more))
    return Effect.matchEffect(decoding, {
      onFailure: (error) =>
        rules.length === 0
          ? Effect.fail(error)
          : failed([...Faults.fromError(error, ""), ...rules], Faults.moreOf(error)),
      onSuccess: (value) => rules.length === 0 ? Effect.succeed(value) : failed(rules)
    })
  })

/**
 * Decodes a config. *All* its faults are reported at once, by their snake case paths, in the message and in
 * `details.faults`; a value is never part of them.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (raw: unknown): Effect.Effect<BackendConfig, InvalidConfig> =>
  withRules(Faults.decode(BackendConfig, raw, context), ConfigRules.ofEncoded(raw))

/**
 * A config whose every field is at its default: provider `local`, pipeline `stt_tts`, no engine named.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: BackendConfig = Schema.decodeSync(BackendConfig)({ provider: "local", pipeline_type: "stt_tts" })

/**
 * Checks a config that a program has put together; the faults are reported as by `decode`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const check = (config: BackendConfig): Effect.Effect<BackendConfig, InvalidConfig> =>
  Effect.map(
    withRules(Faults.check(BackendConfig, config, context), ConfigRules.ofDecoded(config)),
    // options may hold keys, and a program's own objects would show them to logs
    ({ customProcessors, engines, providerConfig, ...rest }) => ({
      ...rest,
      providerConfig: redact(providerConfig),
      engines: Record.map(engines, redact),
      customProcessors: customProcessors.map(({ options, ...processor }) => ({
        ...processor,
        ...(options === undefined ? {} : { options: redact(options) })
      }))
    })
  )
