/**
 * What is of the moment in a context, and not of whoever captured it: the tracer, the span above, the keys of log lines.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"

const ofTheMoment = Context.pick(
  Tracer.Tracer,
  Tracer.ParentSpan,
  References.TracerEnabled,
  References.CurrentLogAnnotations
)

/**
 * A context that was captured earlier, with what belongs to the moment taken from now: spans and log lines keep theirs.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keep = <R>(captured: Context.Context<R>) => (now: Context.Context<never>): Context.Context<R> =>
  Context.merge(captured, ofTheMoment(now))
