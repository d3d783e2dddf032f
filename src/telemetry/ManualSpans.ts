/**
 * Spans that are started and ended explicitly, at given times: for work that is known by events and has no fiber of its own.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import * as SpanFailure from "./SpanFailure.ts"
import * as TelemetryNames from "./TelemetryNames.ts"

/**
 * Times are ms of Unix time.
 *
 * @category models
 * @since 0.1.0
 */
export interface ManualSpans {
  /** Starts a span; without a parent it is the root of a new trace. */
  readonly begin: (name: string, options: {
    readonly parent?: Tracer.AnySpan | undefined
    readonly atMs?: number | undefined
    readonly attributes?: { readonly [key: string]: unknown } | undefined
    readonly links?: Array<Tracer.SpanLink> | undefined
  }) => Tracer.Span
  /** Ends a span now; with a code it is marked as failed. */
  readonly end: (span: Tracer.Span, code?: string) => void
}

const nanos = (ms: number): bigint => BigInt(Math.round(ms * 1_000)) * 1_000n

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (tracer: Tracer.Tracer, now: () => number): ManualSpans => ({
  begin: (name, { atMs = now(), attributes = {}, links = [], parent }) => {
    const span = tracer.span({
      name,
      parent: Option.fromUndefinedOr(parent),
      annotations: Context.empty(),
      links,
      startTime: nanos(atMs),
      kind: "internal",
      root: parent === undefined,
      sampled: true
    })
    for (const [key, value] of Object.entries(attributes)) span.attribute(key, value)
    return span
  },
  end: (span, code) => {
    if (code !== undefined) span.attribute(TelemetryNames.attributes.errorType, code)
    span.end(nanos(now()), code === undefined ? Exit.void : SpanFailure.fromCode(code))
  }
})

/**
 * Makes a parent span that is looked up when its first child needs it, and stays the same from then on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lazySpan = (find: () => Tracer.AnySpan): Tracer.ExternalSpan => {
  let found: Tracer.AnySpan | undefined
  const span = () => found ??= find()
  return {
    _tag: "ExternalSpan",
    get spanId() {
      return span().spanId
    },
    get traceId() {
      return span().traceId
    },
    get sampled() {
      return span().sampled
    },
    annotations: Context.empty()
  }
}
