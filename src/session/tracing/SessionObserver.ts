/**
 * The observability of a session: its metrics, its spans, and the keys of its log lines.
 *
 * Synchronous and driven by events: nothing is done for a frame of audio.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import type { Command } from "../../conversation/ConversationCommand.ts"
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { SessionMetrics } from "../../telemetry/BackendMetrics.ts"
import * as MonotonicTracer from "../../telemetry/MonotonicTracer.ts"
import * as RedactingTracer from "../../telemetry/RedactingTracer.ts"
import * as SpanFailure from "../../telemetry/SpanFailure.ts"
import * as TelemetryNames from "../../telemetry/TelemetryNames.ts"
import type { SessionEnd, SessionEvent } from "../SessionEvent.ts"
import type { ReplyTrace } from "./ReplyTrace.ts"
import { SessionTrace, type SessionTraceOptions } from "./SessionTrace.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionObserver {
  /** The session has been made. */
  readonly opened: () => void
  /** The session could not be made. */
  readonly failed: (cause: Cause.Cause<unknown>) => void
  readonly event: (event: SessionEvent) => void
  readonly dispatched: (input: ConversationInput) => void
  /** A reply begins. `agent` answers; `undefined` for the speech-to-speech model itself. */
  readonly start: (
    command: Extract<Command, { readonly _tag: "Start" }>,
    agent: { readonly name: string | undefined } | undefined
  ) => ReplyTrace | undefined
  readonly commit: (epoch: number) => void
  readonly discard: (epoch: number) => void
  readonly end: (epoch: number, reason: "completed" | "interrupted" | "failed", heard: string) => void
  /** How much audio, in ms, has come in and gone out since the session began. */
  readonly audio: (inMs: number, outMs: number) => void
  readonly ended: (reason: SessionEnd) => void
  /** All resources of the session have been released. */
  readonly closed: () => void
  /** Runs an effect with the session's parent span and log keys. */
  readonly within: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Adds the log key of a turn. */
  readonly withinTurn: (turn: number) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionObserverOptions extends Omit<SessionTraceOptions, "tracer" | "creator"> {
  /** `undefined` while metrics are off. */
  readonly metrics: SessionMetrics | undefined
  /** Whether spans are made, where a tracer takes them. */
  readonly tracing: boolean
  /** The backend's tracer, for sessions that are created without one. */
  readonly tracer: Tracer.Tracer
  /** Whether log lines have the session's keys. */
  readonly logging: boolean
}

const count = (metrics: SessionMetrics, event: SessionEvent): void => {
  switch (event.type) {
    case "turn.latency":
      return metrics.turnAnswered(event.totalMs, event.parts)
    case "turn.latency_exceeded":
      return metrics.turnLatencyExceeded()
    case "agent.speech_stopped":
      return event.reason === "interrupted" ? metrics.interrupted() : undefined
    case "error":
      return metrics.failed(event.code)
    case "engine.incident":
      return metrics.incident(event.kind, event.engine, event.what)
  }
}

const annotated = (key: string, value: unknown) => <R>(context: Context.Context<R>): Context.Context<R> =>
  Context.add(context, References.CurrentLogAnnotations, {
    ...Context.get(context, References.CurrentLogAnnotations),
    [key]: value
  })

/**
 * Makes the observer of a session. Effect's native tracer exports nothing: with it, no spans are made.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: SessionObserverOptions): Effect.fn.Return<SessionObserver> {
  const { logging, metrics, now, tracing } = options
  const own = yield* Tracer.Tracer
  const tracer = own === Tracer.nativeTracer ? options.tracer : own
  // by its ids only: the span of a request references the request, which would live as long as the session
  const creator = Option.getOrUndefined(
    Option.map(
      yield* Effect.serviceOption(Tracer.ParentSpan),
      ({ sampled, spanId, traceId }) => Tracer.externalSpan({ spanId, traceId, sampled })
    )
  )
  const redacting = tracing && tracer !== Tracer.nativeTracer ? RedactingTracer.make(tracer, options) : undefined
  // what the fibers of the session trace themselves; the session's own spans have its timestamps
  const ambient = redacting === undefined ? undefined : MonotonicTracer.make(redacting, yield* Clock.Clock)
  const trace = redacting === undefined ? undefined : new SessionTrace({ ...options, tracer: redacting, creator })
  const withLogKeys = logging
    ? annotated(TelemetryNames.logKeys.session, options.id)
    : <R>(context: Context.Context<R>) => context
  const withTelemetry = <R>(context: Context.Context<R>): Context.Context<R> => {
    const keyed = withLogKeys(context)
    return ambient === undefined || trace === undefined
      ? Context.add(keyed, References.TracerEnabled, false)
      : Context.add(Context.add(keyed, Tracer.Tracer, ambient), Tracer.ParentSpan, trace.span)
  }
  const startedAt = now()
  let countedInMs = 0
  let countedOutMs = 0
  return {
    opened: () => metrics?.opened(),
    failed: (cause) => trace?.close({ failed: SpanFailure.codeOf(cause) }),
    event: (event) => {
      trace?.event(event)
      if (metrics !== undefined) count(metrics, event)
    },
    dispatched: (input) => trace?.dispatched(input),
    start: (command, agent) => trace?.start(command, agent),
    commit: (epoch) => trace?.commit(epoch),
    discard: (epoch) => trace?.discard(epoch),
    end: (epoch, reason, heard) => trace?.end(epoch, reason, heard),
    audio: (inMs, outMs) => {
      if (metrics === undefined) return
      metrics.audio("in", (inMs - countedInMs) / 1_000)
      metrics.audio("out", (outMs - countedOutMs) / 1_000)
      countedInMs = inMs
      countedOutMs = outMs
    },
    ended: (reason) => {
      trace?.close(reason)
      metrics?.ended(reason, now() - startedAt)
    },
    closed: () => metrics?.closed(),
    within: (effect) => Effect.updateContext(effect, withTelemetry),
    withinTurn: (turn) => (effect) =>
      logging ? Effect.updateContext(effect, annotated(TelemetryNames.logKeys.turn, turn)) : effect
  }
})
