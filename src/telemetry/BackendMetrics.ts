/**
 * What a backend counts, in Effect's metric registry: sessions, turns and where their time goes, errors, refusals, audio,
 * and how long each operation takes.
 *
 * Synchronous and cheap, so that the callbacks of sessions may call it, and nothing is done for a frame of audio. Backends
 * of one process that share a registry and a provider share their numbers.
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
 * What one session counts. One that began while metrics were off counts nothing to its end, so that what goes up comes
 * down again.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionMetrics {
  readonly opened: () => void
  /** It has ended for this reason after so long. */
  readonly ended: (reason: SessionEnd, afterMs: number) => void
  /** Its slot is free. */
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
  /** How much there is to do, now. */
  readonly load: (load: { readonly lagMs: number; readonly rank: number }) => void
  /** The counts of a session that begins now; `undefined` while metrics are off. */
  readonly session: () => SessionMetrics | undefined
  /** Measures an operation of the contract, and counts its failures. */
  readonly operation: (
    name: TelemetryNames.Operation
  ) => <A, E extends BackendError, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** Seconds: fine around the latencies that people notice (0.2 to 2 s), then up to what nobody waits for. */
const latencyBoundaries = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10]
const partBoundaries = [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10]
const sessionBoundaries = [1, 5, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200]
const operationBoundaries = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** The parts of a turn, as `turn.latency` names them. */
const parts = ["vad", "endpointing", "transcript", "agent", "clause", "tts", "playout"]
/** What sessions are refused for; those that a hook or a limit refuses go by the kind of their error. */
const reasons = ["full", "overloaded", "draining", "not_running", "rate_limit", "authentication", "authorization"]
const MAX_REASONS = 16
const isWord = (value: unknown): value is string => typeof value === "string" && /^[a-z][a-z_]{0,31}$/u.test(value)

/** Why a session was not let in; `undefined` where something went wrong instead. */
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

/** The families of a backend. With the values that are known beforehand each stands in the registry with 0. */
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
    active: MetricFamily.upDownCounter(metrics.sessionsActive, family("Sessions that hold a slot now")),
    sessions: MetricFamily.counter(metrics.sessionsTotal, family("Sessions created")),
    ended: MetricFamily.counter(metrics.sessionsEnded, family("Sessions that have ended", labels.reason)),
    duration: MetricFamily.histogram(metrics.sessionDuration, {
      ...family("From a session's creation to its end, in seconds"),
      boundaries: sessionBoundaries
    }),
    turns: MetricFamily.counter(metrics.turnsTotal, family("Turns that the agent began to answer")),
    latency: MetricFamily.histogram(metrics.turnLatency, {
      ...family("From the end of the user's speech to the first audio of the answer, in seconds"),
      boundaries: latencyBoundaries
    }),
    part: MetricFamily.histogram(metrics.turnPart, {
      ...family("Where the latency of turns went, in seconds", labels.part),
      boundaries: partBoundaries
    }),
    late: MetricFamily.counter(metrics.turnLatencyExceeded, family("Turns above the latency target")),
    interruptions: MetricFamily.counter(metrics.interruptions, family("Answers that the user cut short")),
    errors: MetricFamily.counter(metrics.errors, family("Failed operations and failed turns", labels.code)),
    refusals: MetricFamily.counter(metrics.refusals, family("Sessions that were not let in", labels.reason)),
    incidents: MetricFamily.counter(
      metrics.engineIncidents,
      family("Failures, retries, switches and recoveries of engines", labels.kind, labels.engine, labels.what)
    ),
    audio: MetricFamily.counter(
      metrics.audioSeconds,
      family("The users' audio, and the speech handed to them, in seconds", labels.direction)
    ),
    lag: MetricFamily.gauge(
      metrics.eventLoopLag,
      family("How late the event loop is, but for a tenth of 2 s, in seconds")
    ),
    level: MetricFamily.gauge(metrics.loadLevel, family("0: normal, 1: busy, 2: no new sessions")),
    operation: MetricFamily.histogram(metrics.operationDuration, {
      ...family("How long operations take, in seconds", labels.operation, labels.outcome),
      boundaries: operationBoundaries
    })
  }
  for (
    const one of [
      all.lag,
      all.level,
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
 * Makes the metrics of a backend, so that they stand in the registry with 0 from the start; while `enabled` says no,
 * nothing is counted, and where it never says yes, nothing is registered.
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

  const seen = new Set(reasons)
  const refused = (families: Families, reason: string): void => {
    // a provider may say anything
    if (!seen.has(reason) && seen.size >= MAX_REASONS) return families.refusals(1, "other")
    seen.add(reason)
    families.refusals(1, reason)
  }
  const outcomeOf = (name: TelemetryNames.Operation, exit: Exit.Exit<unknown, unknown>, families: Families): string => {
    if (Exit.isSuccess(exit)) return "ok"
    const error = fromCause(name, exit.cause)
    families.errors(1, error.code)
    if (name === "createSession" && isBackendError(Cause.squash(exit.cause))) {
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
