/**
 * Combines captured contexts with the telemetry of the present fiber: its tracer, its parent span and its log annotations.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"

const currentTelemetry = Context.pick(
  Tracer.Tracer,
  Tracer.ParentSpan,
  References.TracerEnabled,
  References.CurrentLogAnnotations
)

/**
 * Merges a context that was captured earlier over the present one. The telemetry stays the present one, so spans get the right
 * parent and log lines the right annotations.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mergeContext = <R>(captured: Context.Context<R>) => (now: Context.Context<never>): Context.Context<R> =>
  Context.merge(Context.merge(now, captured), currentTelemetry(now))

/**
 * Adds a parent span to a context.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withParentSpan = (span: Tracer.AnySpan) => <R>(context: Context.Context<R>): Context.Context<R> =>
  Context.add(context, Tracer.ParentSpan, span)
