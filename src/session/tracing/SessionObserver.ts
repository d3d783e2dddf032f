/**
 * Who watches a session: what happens in it becomes counts, spans, and the keys of its log lines.
 *
 * Synchronous, plain, and fed with events: nothing is done for a frame of audio.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import type { Command } from "../../conversation/ConversationCommand.ts"
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { SessionMetrics } from "../../telemetry/BackendMetrics.ts"
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
  /** It could not be made. */
  readonly failed: (cause: Cause.Cause<unknown>) => void
  readonly event: (event: SessionEvent) => void
  readonly happened: (happening: ConversationInput) => void
  /** A reply begins; `agent` is asked, or the speech-to-speech model itself. */
  readonly start: (
    command: Extract<Command, { readonly _tag: "Start" }>,
    agent: { readonly name: string | undefined } | undefined
  ) => ReplyTrace | undefined
  readonly commit: (epoch: number) => void
  readonly discard: (epoch: number) => void
  readonly end: (epoch: number, reason: "completed" | "interrupted" | "failed", heard: string) => void
  /** So much audio, in ms since the session began, has come in and gone out. */
  readonly audio: (inMs: number, outMs: number) => void
  readonly ended: (reason: SessionEnd) => void
  /** Nothing is left of it. */
  readonly closed: () => void
  /** What runs here belongs to the session: its spans, its log lines. */
  readonly within: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** And to a turn of it. */
  readonly withinTurn: (turn: number) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionObserverOptions extends Omit<SessionTraceOptions, "tracer" | "creator"> {
  /** `undefined`: nothing is counted. */
  readonly metrics: SessionMetrics | undefined
  /** Spans are made, where somebody takes them. */
  readonly tracing: boolean
  /** The backend's own tracer, for sessions whose creator has none. */
  readonly tracer: Tracer.Tracer
  /** Log lines have keys. */
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
 * Makes the watch of a session. Effect's own tracer keeps nothing: where it is in use, nobody takes spans and none are made.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: SessionObserverOptions): Effect.fn.Return<SessionObserver> {
  const { logging, metrics, now, tracing } = options
  const own = yield* Tracer.Tracer
  const tracer = own === Tracer.nativeTracer ? options.tracer : own
  // by its ids alone: the span of a request holds the request, and would live as long as the session
  const creator = Option.getOrUndefined(
    Option.map(
      yield* Effect.serviceOption(Tracer.ParentSpan),
      ({ sampled, spanId, traceId }) => Tracer.externalSpan({ spanId, traceId, sampled })
    )
  )
  const quiet = tracing && tracer !== Tracer.nativeTracer ? RedactingTracer.make(tracer, options) : undefined
  const trace = quiet === undefined ? undefined : new SessionTrace({ ...options, tracer: quiet, creator })
  const keyed = logging
    ? annotated(TelemetryNames.logKeys.session, options.id)
    : <R>(context: Context.Context<R>) => context
  const place = <R>(context: Context.Context<R>): Context.Context<R> => {
    const named = keyed(context)
    return quiet === undefined || trace === undefined
      ? Context.add(named, References.TracerEnabled, false)
      : Context.add(Context.add(named, Tracer.Tracer, quiet), Tracer.ParentSpan, trace.span)
  }
  const begunAt = now()
  let countedInMs = 0
  let countedOutMs = 0
  return {
    opened: () => metrics?.opened(),
    failed: (cause) => trace?.close({ failed: SpanFailure.codeOf(cause) }),
    event: (event) => {
      trace?.event(event)
      if (metrics !== undefined) count(metrics, event)
    },
    happened: (happening) => trace?.happened(happening),
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
      metrics?.ended(reason, now() - begunAt)
    },
    closed: () => metrics?.closed(),
    within: (effect) => Effect.updateContext(effect, place),
    withinTurn: (turn) => (effect) =>
      logging ? Effect.updateContext(effect, annotated(TelemetryNames.logKeys.turn, turn)) : effect
  }
})
