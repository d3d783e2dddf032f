/**
 * The metrics of a backend, in Effect's metric registry: sessions, turns and their latency, errors, refusals, audio, and the
 * duration of operations.
 *
 * Synchronous and cheap enough for the callbacks of sessions; nothing is done per frame of audio. Backends of one process
 * with the same registry and provider share their series.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { BackendErrorCode, fromCause, isBackendError } from "../BackendError.ts"
import type { BackendError } from "../BackendError.ts"
import { SessionEnd } from "../conversation/ConversationEvent.ts"
import type { LatencyPart } from "../conversation/ConversationEvent.ts"
import * as MetricFamily from "./MetricFamily.ts"
import * as TelemetryNames from "./TelemetryNames.ts"

/**
 * The metrics of one session. A session that began while metrics were off records nothing until its end, so the number of
 * active sessions stays right.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionMetrics {
  readonly opened: () => void
  /** The session has ended, for this reason, after this long. */
  readonly ended: (reason: SessionEnd, afterMs: number) => void
  /** The session's slot is free again. */
  readonly closed: () => void
  readonly turnAnswered: (latencyMs: number, parts: ReadonlyArray<LatencyPart>) => void
  readonly turnLatencyExceeded: () => void
  readonly interrupted: () => void
  readonly failed: (code: BackendErrorCode) => void
  readonly incident: (kind: string, engine: string, what: string) => void
  readonly audio: (direction: "in" | "out", seconds: number) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface BackendMetrics {
  /** Records the load level and the event-loop lag. */
  readonly load: (load: { readonly lagMs: number; readonly rank: number }) => void
  /** Records the places for sessions of this process. */
  readonly places: (places: { readonly taken: number; readonly max: number }) => void
  /** Records the health of a part. */
  readonly health: (part: string, status: keyof typeof statusRanks) => void
  /** The metrics of a session that begins now; `undefined` while metrics are off. */
  readonly session: () => SessionMetrics | undefined
  /** Measures an operation and counts its failures. */
  readonly operation: (
    name: TelemetryNames.Operation
  ) => <A, E extends BackendError, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** The values of the metric of health. */
const statusRanks = { healthy: 0, degraded: 1, unhealthy: 2 } as const

/** In seconds: fine around the latencies that people notice (0.2 to 2 s), then coarse up to 10 s. */
const latencyBoundaries = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10]
const partBoundaries = [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10]
const sessionBoundaries = [1, 5, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200]
const operationBoundaries = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** The latency parts of a turn, as in `turn.latency`. */
const parts = ["vad", "endpointing", "transcript", "agent", "clause", "tts", "playout"]
/** The known reasons for which sessions are refused. */
const reasons = ["full", "overloaded", "draining", "not_running", "rate_limit", "authentication", "authorization"]
const MAX_REASONS = 16
const isWord = (value: unknown): value is string => typeof value === "string" && /^[a-z][a-z_]{0,31}$/u.test(value)

/** Why a session was refused; `undefined` for a failure that is no refusal. */
const refusalOf = ({ code, details }: BackendError): string | undefined => {
  switch (code) {
    case "session_limit_exceeded":
      return isWord(details?.["reason"]) ? details["reason"] : "full"
    case "rate_limit_exceeded":
      return "rate_limit"
    case "authentication_failed":
      return "authentication"
    case "authorization_failed":
      return "authorization"
    case "connection_failed":
      return details?.["state"] === undefined ? undefined : "not_running"
    default:
      return undefined
  }
}

/**
 * Makes the metric of the connections that are passed on to other nodes: the amount is added. Backends and servers of one
 * process with the same registry and provider share its series.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connectionsPassedOn = (provider: string): Effect.Effect<MetricFamily.Family> =>
  Effect.map(Effect.context(), (context) =>
    MetricFamily.upDownCounter(TelemetryNames.metrics.connectionsPassedOn, {
      description: "Connections of clients that this process passes on to other nodes of its cluster",
      attributes: { [TelemetryNames.labels.provider]: provider },
      context
    }))

/** Registers the metrics, with 0 for every label value that is known beforehand. */
const register = Effect.fnUntraced(function*(provider: string, engines: { readonly [kind: string]: string }) {
  const context = yield* Effect.context()
  const attributes = { [TelemetryNames.labels.provider]: provider }
  const family = (description: string, ...labels: ReadonlyArray<string>) => ({
    description,
    labels,
    attributes,
    context
  })
  const { labels, metrics } = TelemetryNames
  const all = {
    active: MetricFamily.upDownCounter(metrics.sessionsActive, family("Active sessions")),
    sessions: MetricFamily.counter(metrics.sessionsTotal, family("Sessions created")),
    ended: MetricFamily.counter(metrics.sessionsEnded, family("Sessions ended, by reason", labels.reason)),
    duration: MetricFamily.histogram(metrics.sessionDuration, {
      ...family("Session duration from creation to end, in seconds"),
      boundaries: sessionBoundaries
    }),
    turns: MetricFamily.counter(metrics.turnsTotal, family("Turns answered")),
    latency: MetricFamily.histogram(metrics.turnLatency, {
      ...family("Turn latency from the end of the user's speech to the first audio of the answer, in seconds"),
      boundaries: latencyBoundaries
    }),
    part: MetricFamily.histogram(metrics.turnPart, {
      ...family("Turn latency by part, in seconds", labels.part),
      boundaries: partBoundaries
    }),
    late: MetricFamily.counter(metrics.turnLatencyExceeded, family("Turns with a latency above the target")),
    interruptions: MetricFamily.counter(metrics.interruptions, family("Answers that the user interrupted")),
    errors: MetricFamily.counter(metrics.errors, family("Failed operations and turns, by error code", labels.code)),
    refusals: MetricFamily.counter(metrics.refusals, family("Refused sessions, by reason", labels.reason)),
    incidents: MetricFamily.counter(
      metrics.engineIncidents,
      family("Failures, retries, fail-overs and recoveries of engines", labels.kind, labels.engine, labels.what)
    ),
    audio: MetricFamily.counter(
      metrics.audioSeconds,
      family("Audio received from users (in) and sent to them (out), in seconds", labels.direction)
    ),
    lag: MetricFamily.gauge(
      metrics.eventLoopLag,
      family("Event-loop lag, 90th percentile of the last 2 s, in seconds")
    ),
    level: MetricFamily.gauge(
      metrics.loadLevel,
      family("Load level: 0 normal, 1 busy, 2 overloaded (new sessions are refused)")
    ),
    placesTaken: MetricFamily.gauge(metrics.placesTaken, family("Places for sessions of this process that are taken")),
    places: MetricFamily.gauge(metrics.places, family("Places for sessions of this process")),
    placesTakenRatio: MetricFamily.gauge(
      metrics.placesTakenRatio,
      family("Share of the places for sessions of this process that are taken, 0 to 1")
    ),
    passedOn: yield* connectionsPassedOn(provider),
    health: MetricFamily.gauge(
      metrics.healthStatus,
      family("Health by part: 0 healthy, 1 degraded, 2 unhealthy", labels.part)
    ),
    operation: MetricFamily.histogram(metrics.operationDuration, {
      ...family("Operation duration, in seconds", labels.operation, labels.outcome),
      boundaries: operationBoundaries
    })
  }
  for (
    const one of [
      all.lag,
      all.level,
      all.placesTaken,
      all.places,
      all.placesTakenRatio,
      all.passedOn,
      all.active,
      all.sessions,
      all.duration,
      all.turns,
      all.latency,
      all.late,
      all.interruptions
    ]
  ) {
    one(undefined)
  }
  for (const reason of SessionEnd.literals) all.ended(undefined, reason)
  for (const part of parts) all.part(undefined, part)
  for (const code of BackendErrorCode.literals) all.errors(undefined, code)
  for (const reason of reasons) all.refusals(undefined, reason)
  for (const kind of ["stt", "tts", "s2s"]) {
    const engine = engines[kind]
    if (engine !== undefined) all.incidents(undefined, kind, engine, "failed")
  }
  all.audio(undefined, "in")
  all.audio(undefined, "out")
  for (const operation of TelemetryNames.operations) all.operation(undefined, operation, "ok")
  return all
})

type Families = Effect.Success<ReturnType<typeof register>>

const makeSession = (all: Families): SessionMetrics => ({
  opened: () => {
    all.sessions(1)
    all.active(1)
  },
  ended: (reason, afterMs) => {
    all.ended(1, reason)
    all.duration(afterMs / 1_000)
  },
  closed: () => all.active(-1),
  turnAnswered: (latencyMs, parts) => {
    all.turns(1)
    all.latency(latencyMs / 1_000)
    for (const { ms, name } of parts) all.part(ms / 1_000, name)
  },
  turnLatencyExceeded: () => all.late(1),
  interrupted: () => all.interruptions(1),
  failed: (code) => all.errors(1, code),
  incident: (kind, engine, what) => all.incidents(1, kind, engine, what),
  audio: (direction, seconds) => {
    if (seconds > 0) all.audio(seconds, direction)
  }
})

/**
 * Makes the metrics of a backend. They are registered with 0 as soon as `enabled` returns true; while it returns false,
 * nothing is recorded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly provider: string
  readonly enabled: () => boolean
  /** The names of the engines, by kind. */
  readonly engines?: { readonly [kind: string]: string } | undefined
}): Effect.fn.Return<BackendMetrics> {
  const clock = yield* Clock.Clock
  const context = yield* Effect.context()
  const registering = register(options.provider, options.engines ?? {})
  let all: Families | undefined
  let counts: SessionMetrics | undefined
  const families = (): Families | undefined => {
    if (!options.enabled()) return undefined
    return all ??= Effect.runSyncWith(context)(registering)
  }
  families()

  const knownReasons = new Set(reasons)
  const refused = (families: Families, reason: string): void => {
    // a provider chooses its own reasons: their number is bounded
    if (!knownReasons.has(reason) && knownReasons.size >= MAX_REASONS) return families.refusals(1, "other")
    knownReasons.add(reason)
    families.refusals(1, reason)
  }
  const outcomeOf = (name: TelemetryNames.Operation, exit: Exit.Exit<unknown, unknown>, families: Families): string => {
    if (Exit.isSuccess(exit)) return "ok"
    const error = fromCause(name, exit.cause)
    families.errors(1, error.code)
    if ((name === "createSession" || name === "dial") && isBackendError(Cause.squash(exit.cause))) {
      const reason = refusalOf(error)
      if (reason !== undefined) refused(families, reason)
    }
    return error.code
  }
  return {
    load: ({ lagMs, rank }) => {
      const now = families()
      if (now === undefined) return
      now.lag(lagMs / 1_000)
      now.level(rank)
    },
    places: ({ max, taken }) => {
      const now = families()
      if (now === undefined) return
      now.placesTaken(taken)
      now.places(max)
      now.placesTakenRatio(max === 0 ? 1 : taken / max)
    },
    health: (part, status) => families()?.health(statusRanks[status], part),
    session: () => {
      const now = families()
      return now === undefined ? undefined : counts ??= makeSession(now)
    },
    operation: (name) => (effect) =>
      Effect.suspend(() => {
        const now = families()
        if (now === undefined) return effect
        const startedAt = clock.monotonicTimeNanosUnsafe()
        return Effect.onExit(effect, (exit) =>
          Effect.sync(() => {
            const seconds = Number(clock.monotonicTimeNanosUnsafe() - startedAt) / 1e9
            now.operation(seconds, name, outcomeOf(name, exit, now))
          }))
      })
  }
})
