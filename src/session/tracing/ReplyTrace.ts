/**
 * The spans of one reply, for the pipeline that makes it: where the agent's work and the voice's belong.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import * as TelemetryContext from "../../telemetry/TelemetryContext.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface ReplyTrace {
  /** Above what the agent does; none where nobody is asked. */
  readonly think: Tracer.AnySpan | undefined
  /** Above what the voice does. */
  readonly speak: Tracer.AnySpan
  /** The agent has finished. */
  readonly thought: (exit: Exit.Exit<unknown, unknown>) => void
  /** The agent's words, where they may be told. */
  readonly said: ((piece: string) => void) | undefined
}

/**
 * The agent's text, made under its span.
 *
 * @category combinators
 * @since 0.1.0
 */
export const thinking =
  (trace: ReplyTrace | undefined) => <E, R>(text: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> => {
    const span = trace?.think
    if (trace === undefined || span === undefined) return text
    const { said } = trace
    return (said === undefined ? text : Stream.tap(text, (piece) => Effect.sync(() => said(piece)))).pipe(
      // its own end and its own failures: what fails after it is not the agent's
      Stream.onEnd(Effect.sync(() => trace.thought(Exit.void))),
      Stream.tapCause((cause) => Effect.sync(() => trace.thought(Exit.failCause(cause)))),
      Stream.updateContext(TelemetryContext.withParentSpan(span))
    )
  }

/**
 * The voice's speech, made under its span.
 *
 * @category combinators
 * @since 0.1.0
 */
export const speaking =
  (trace: ReplyTrace | undefined) => <A, E, R>(speech: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
    trace === undefined ? speech : Stream.updateContext(speech, TelemetryContext.withParentSpan(trace.speak))
