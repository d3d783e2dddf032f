/**
 * The spans of one reply, for the pipeline that produces it: the parents of the agent's and of the voice's work.
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
  /** The parent of the agent's spans; `undefined` for a reply without an agent. */
  readonly think: Tracer.AnySpan | undefined
  /** The parent of the voice's spans. */
  readonly speak: Tracer.AnySpan
  /** Called when the agent has finished. */
  readonly agentFinished: (exit: Exit.Exit<unknown, unknown>) => void
  /** Called with the agent's text, where it may be traced. */
  readonly onText: ((piece: string) => void) | undefined
}

/**
 * Runs the agent under its span.
 *
 * @category combinators
 * @since 0.1.0
 */
export const thinking =
  (trace: ReplyTrace | undefined) => <E, R>(text: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> => {
    const span = trace?.think
    if (trace === undefined || span === undefined) return text
    const { onText } = trace
    return (onText === undefined ? text : Stream.tap(text, (piece) => Effect.sync(() => onText(piece)))).pipe(
      // here, and not after the voice: only the agent's own end and failures count
      Stream.onEnd(Effect.sync(() => trace.agentFinished(Exit.void))),
      Stream.tapCause((cause) => Effect.sync(() => trace.agentFinished(Exit.failCause(cause)))),
      Stream.updateContext(TelemetryContext.withParentSpan(span))
    )
  }

/**
 * Runs the voice under its span.
 *
 * @category combinators
 * @since 0.1.0
 */
export const speaking =
  (trace: ReplyTrace | undefined) => <A, E, R>(speech: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
    trace === undefined ? speech : Stream.updateContext(speech, TelemetryContext.withParentSpan(trace.speak))
