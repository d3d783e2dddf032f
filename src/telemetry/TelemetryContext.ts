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
 * The context of now with one that was captured earlier over it, but for what belongs to the moment: spans and log lines
 * keep theirs.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mergeContext = <R>(captured: Context.Context<R>) => (now: Context.Context<never>): Context.Context<R> =>
  Context.merge(Context.merge(now, captured), ofTheMoment(now))

/**
 * A context in which a span is above what runs.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withParentSpan = (span: Tracer.AnySpan) => <R>(context: Context.Context<R>): Context.Context<R> =>
  Context.add(context, Tracer.ParentSpan, span)
