/**
 * The configuration of a backend: every field of the contract, with its default and its bounds.
 *
 * Encoded with snake case keys, as in YAML, JSON and the environment. Durations read `"500ms"`, `"1m30s"`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AudioBranch } from "../../audio/AudioBranch.ts"
import type { InvalidConfig } from "../../BackendError.ts"
import { ConversationPolicy } from "../../conversation/ConversationPolicy.ts"
import { RateLimits } from "../../hooks/RateLimits.ts"
import type { Periods } from "../../hooks/RetentionPolicy.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import * as Faults from "../../schema/Faults.ts"
import { isRecord } from "../../schema/Json.ts"
import { Options, secret } from "../../schema/Secret.ts"
import { AgentInLoop } from "../../session/pipeline/S2sOptions.ts"
import { PipelineType } from "../../session/SessionConfig.ts"

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))

/**
 * How a backend ends its conversations when it is stopped.
 *
 * - `mode`: what is waited for: the `turn` in flight, or the end of the `conversation`. `turn`.
 * - `deadline`: what is left after it is interrupted. 20 s, [0, 1 h].
 *
 * @category models
 * @since 0.1.0
 */
export const DrainConfig = Schema.Struct({
  mode: Schema.Literals(["turn", "conversation"]).pipe(withDefault("turn" as const)),
  deadline: boundedDuration(0, "1 hour").pipe(withDefault("20s"))
})

/** As long as what it makes: HMAC-SHA256 is 32 bytes. */
const SigningKey = secret({ min: 32, max: 512 })

/**
 * The limits of a session.
 *
 * - `connectWindow`: a session that nobody attaches to within it ends `never_connected`. 60 s.
 * - `resumeWindow`: how long a session waits for its user to come back. 60 s.
 * - `longest`: the longest session. 1 h.
 * - `tokenTtl`: how long a session's token is good; at least the resume window. 10 min.
 * - `signingKey`: what signs tokens, a secret of at least 32 characters. Default: one that is made once and kept beside the
 *   sessions, so that all processes on a store share it.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionLimits = Schema.Struct({
  connectWindow: boundedDuration("1 second", "1 hour").pipe(withDefault("1 minute")),
  resumeWindow: boundedDuration(0, "1 hour").pipe(withDefault("1 minute")),
  longest: boundedDuration("10 seconds", "24 hours").pipe(withDefault("1 hour")),
  tokenTtl: boundedDuration("10 seconds", "24 hours").pipe(withDefault("10 minutes")),
  signingKey: Schema.optionalKey(SigningKey)
}).pipe(Schema.encodeKeys({
  connectWindow: "connect_window",
  resumeWindow: "resume_window",
  tokenTtl: "token_ttl",
  signingKey: "signing_key"
}))

/**
 * Where active sessions are kept, so that they survive the process.
 *
 * - `kind`: `memory` keeps nothing beyond the process; `sqlite` is a file, `postgres` and `redis` are for several
 *   machines. `memory`; `effect-voice serve` takes `sqlite`.
 * - `path`: the file of `sqlite`. Default: `effect-voice/sessions.db` in the user's state directory.
 * - `url`: of `postgres` or `redis`, a secret.
 * - `lease`: how long a process may be silent before another may take its sessions over. 5 s, [1 s, 5 min].
 *
 * @category models
 * @since 0.1.0
 */
export const StoreConfig = Schema.Struct({
  kind: Schema.Literals(["memory", "sqlite", "postgres", "redis"]).pipe(withDefault("memory" as const)),
  path: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(4_096))),
  url: Schema.optionalKey(secret({ min: 1 })),
  lease: boundedDuration("1 second", "5 minutes").pipe(withDefault("5s"))
})

/**
 * @category models
 * @since 0.1.0
 */
export type StoreConfig = typeof StoreConfig.Type

const Period = Schema.Union([Schema.Literal("off"), boundedDuration("1 second", "3650 days")]).pipe(
  withDefault("off" as const)
)

/**
 * How long, after its end, each kind of a session's data is kept, where no `DataRetentionHook` decides; `off` is not at
 * all, and the default.
 *
 * - `directory`: where. Default: `effect-voice/kept` in the user's state directory.
 * - `audio`: a recording, the user left, the agent right.
 * - `transcript`: what was heard, as it was heard.
 * - `metadata`: the session's own, and when it was.
 * - `events`: what happened, without words.
 *
 * @category models
 * @since 0.1.0
 */
export const RetentionConfig = Schema.Struct({
  directory: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(4_096))),
  audio: Period,
  transcript: Period,
  metadata: Period,
  events: Period
})

/**
 * An audio processor by name, in the order of `order` (default: the processor's own), then of the list.
 *
 * - `name`: the name under which the application registered it.
 * - `order`: lower runs earlier. Default: the processor's own.
 * - `options`: whatever the processor takes.
 * - `appliesTo`: who hears what it makes of the audio. Default: everybody (`stt`, `vad`, `receive`).
 * - `onFailure`: a processor that fails is passed by for a while (`bypass`, the default), or ends the session (`stop`).
 *
 * @category models
 * @since 0.1.0
 */
export const ProcessorConfig = Schema.Struct({
  name: Name,
  order: Schema.optionalKey(Schema.Int),
  options: Schema.optionalKey(Options),
  appliesTo: Schema.optionalKey(Schema.NonEmptyArray(AudioBranch)),
  onFailure: Schema.optionalKey(Schema.Literals(["bypass", "stop"]))
}).pipe(Schema.encodeKeys({ appliesTo: "applies_to", onFailure: "on_failure" }))

/**
 * When there is too much to do: past either bound no new sessions are let in, from half of it on no interim words are made
 * and no answers asked for ahead. Conversations in progress go on as they are.
 *
 * - `maxLag`: how late the event loop may be, but for a tenth of the time. 50 ms, [10 ms, 10 s].
 * - `maxBacklog`: how long what was said may wait for the embedded recogniser. 2 s, [100 ms, 30 s].
 *
 * @category models
 * @since 0.1.0
 */
export const OverloadConfig = Schema.Struct({
  maxLag: boundedDuration("10 millis", "10 seconds").pipe(withDefault("50ms")),
  maxBacklog: boundedDuration("100 millis", "30 seconds").pipe(withDefault("2s"))
}).pipe(Schema.encodeKeys({ maxLag: "max_lag", maxBacklog: "max_backlog" }))

/**
 * A backend's configuration. `sttProvider` and `ttsProvider` are required with `stt_tts`, `s2sProvider` with `s2s`.
 * `turnDetectionProvider: "stt"` leaves turns to the recogniser.
 *
 * - `provider`: how users are reached. In a file `local`, when it is left out.
 * - `providerConfig`: the options of the provider.
 * - `pipelineType`: `stt_tts` hears with one engine, asks the agent, and speaks with another; `s2s` leaves all of it to
 *   one engine. In a file `stt_tts`, when it is left out.
 * - `sttProvider`: the engine that turns speech into text; required with `stt_tts`.
 * - `ttsProvider`: the engine that turns text into speech; required with `stt_tts`.
 * - `s2sProvider`: the engine that hears and speaks itself; required with `s2s`.
 * - `vadProvider`: the engine that tells voices from noise.
 * - `turnDetectionProvider`: the engine that says whether a sentence is finished; `stt` leaves turns to the recogniser.
 *   Default: silence alone decides.
 * - `noiseCancellationProvider`: the engine that takes the noise out of the user's audio.
 * - `llmProvider`: the engine whose language model answers as the agent `llm`. Default: none; `openai-compatible`, with
 *   `agent: llm`.
 * - `engines`: the options of engines, by their names.
 * - `sttFallback`: engines that take over, in this order, when the one that hears fails.
 * - `ttsFallback`: engines that take over, in this order, when the one that speaks fails.
 * - `agent`: the registered agent that answers. In a file `builtin`, when it is left out.
 * - `agentInLoop`: with `s2s`, where the agent is: `off`, the model answers by itself; `answer`, the agent answers and the
 *   model only hears and speaks; `tool`, the model asks the agent when it needs to. `off`, or `answer` with a model that
 *   has no answers of its own.
 * - `customProcessors`: what the user's audio runs through before it is recognised.
 * - `latencyTarget`: from the user's last word to the first of the answer; a slower turn is an event, and many of them
 *   degrade health. 500 ms, [100 ms, 5 s].
 * - `timeout`: how long a connect, an agent's first output or an engine's first result may take. 30 s, [1 s, 5 min].
 * - `maxRetries`: how often a failed call of an engine is tried again, within the timeout. 3, [0, 10].
 * - `retryDelay`: the wait before the first of them; it grows. 1 s, [100 ms, 30 s].
 * - `maxConcurrentSessions`: sessions at once; the next one is refused. 100.
 * - `enableTracing`: whether spans are made, where a tracer takes them; sessions keep what they began with. true.
 * - `traceSpeech`: whether spans hold what users and agents say. It is for development: traces are rarely guarded like
 *   conversations. false.
 * - `enableMetrics`: whether metrics are counted. true.
 * - `enableStructuredLogging`: whether log lines from within a session have its id and its turn as fields. true.
 * - `overload`: how much is too much: then nobody new is let in.
 * - `conversation`: when a turn is over, what interrupts, who speaks first.
 * - `drain`: how conversations end when the backend is stopped.
 * - `session`: the limits of a session.
 * - `store`: where active sessions are kept.
 * - `rateLimits`: how often users may come in, and how much they may speak.
 * - `retention`: how long each kind of data is kept of a session that has ended.
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
  llmProvider: Schema.optionalKey(Name),
  engines: Schema.Record(Schema.String, Options).pipe(withDefault({})),
  sttFallback: Schema.Array(Name).pipe(withDefault([])),
  ttsFallback: Schema.Array(Name).pipe(withDefault([])),
  agent: Schema.optionalKey(Name),
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
  conversation: ConversationPolicy.pipe(withDefault({})),
  drain: DrainConfig.pipe(withDefault({})),
  session: SessionLimits.pipe(withDefault({})),
  store: StoreConfig.pipe(withDefault({})),
  rateLimits: RateLimits.pipe(withDefault({})),
  retention: RetentionConfig.pipe(withDefault({}))
}).pipe(Schema.encodeKeys({
  providerConfig: "provider_config",
  pipelineType: "pipeline_type",
  sttProvider: "stt_provider",
  ttsProvider: "tts_provider",
  s2sProvider: "s2s_provider",
  vadProvider: "vad_provider",
  turnDetectionProvider: "turn_detection_provider",
  noiseCancellationProvider: "noise_cancellation_provider",
  llmProvider: "llm_provider",
  sttFallback: "stt_fallback",
  ttsFallback: "tts_fallback",
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
 * How long each kind of data is kept by this config; one that is off is left out.
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
 * What a config looks like before it is read: snake case, durations as text, defaults left out.
 *
 * @category models
 * @since 0.1.0
 */
export type BackendConfigEncoded = typeof BackendConfig.Encoded

/** Faults between fields. They are looked for in the raw value, so that they come together with all the others. */
const crossFaults = (raw: unknown): ReadonlyArray<Faults.Fault> => {
  if (!isRecord(raw)) return []
  const missing = (key: string) =>
    raw[key] === undefined
      ? [{ path: key, message: `required with pipeline_type ${String(raw["pipeline_type"])}` }]
      : []
  switch (raw["pipeline_type"]) {
    case "stt_tts":
      return [
        ...missing("stt_provider"),
        ...missing("tts_provider"),
        ...(raw["agent_in_loop"] === undefined
          ? []
          : [{ path: "agent_in_loop", message: "with pipeline_type stt_tts the agent always answers" }])
      ]
    case "s2s":
      return [
        ...missing("s2s_provider"),
        ...(raw["turn_detection_provider"] === "stt"
          ? [{ path: "turn_detection_provider", message: "there is no recogniser with pipeline_type s2s" }]
          : [])
      ]
    default:
      return []
  }
}

/** As above. */
const storeFaults = (raw: unknown): ReadonlyArray<Faults.Fault> => {
  const store = isRecord(raw) ? raw["store"] : undefined
  if (!isRecord(store)) return []
  const { kind, url } = store
  return (kind === "postgres" || kind === "redis") && url === undefined
    ? [{ path: "store.url", message: `required with kind ${kind}` }]
    : []
}

/** As above. */
const rateFaults = (raw: unknown): ReadonlyArray<Faults.Fault> => {
  const limits = isRecord(raw) ? raw["rate_limits"] : undefined
  return isRecord(limits) && limits["store"] === "redis" && limits["url"] === undefined
    ? [{ path: "rate_limits.url", message: "required with store redis" }]
    : []
}

/** As above; a section with faults of its own is not looked at. */
const limitFaults = (raw: unknown): ReadonlyArray<Faults.Fault> => {
  const limits = Schema.decodeUnknownResult(SessionLimits)(
    isRecord(raw) && raw["session"] !== undefined ? raw["session"] : {}
  )
  return limits._tag === "Success" && Duration.isLessThan(limits.success.tokenTtl, limits.success.resumeWindow)
    ? [{ path: "session.token_ttl", message: "expected at least session.resume_window" }]
    : []
}

const acrossFaults = (raw: unknown): ReadonlyArray<Faults.Fault> => [
  ...crossFaults(raw),
  ...storeFaults(raw),
  ...rateFaults(raw),
  ...limitFaults(raw)
]

const op = "BackendConfig.decode"
const what = "the config is not valid"

/**
 * Reads a config. *All* its faults are told at once, by their snake case paths, in the message and in
 * `details.faults`; a value never is.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (raw: unknown): Effect.Effect<BackendConfig, InvalidConfig> =>
  Schema.decodeUnknownEffect(BackendConfig, { errors: "all", onExcessProperty: "error" })(raw).pipe(
    Effect.mapError(() => Faults.toError(op, what, [...Faults.collect(BackendConfig, raw), ...acrossFaults(raw)])),
    Effect.flatMap((config) => {
      const faults = acrossFaults(raw)
      return faults.length > 0 ? Effect.fail(Faults.toError(op, what, faults)) : Effect.succeed(config)
    })
  )

/**
 * A config whose every field is at its default: provider `local`, pipeline `stt_tts`, no engine named.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: BackendConfig = Schema.decodeSync(BackendConfig)({ provider: "local", pipeline_type: "stt_tts" })

/**
 * Checks a config that a program has put together; the faults are told as by `decode`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const check = (config: BackendConfig): Effect.Effect<BackendConfig, InvalidConfig> =>
  Schema.encodeEffect(BackendConfig, { errors: "all" })(config).pipe(
    Effect.mapError((error) => Faults.toError(op, what, Faults.fromSchemaError(error))),
    Effect.flatMap(decode)
  )
