/**
 * The span of a request to a vendor: its name, the HTTP status and the request id. Never a URL, a key or a text.
 *
 * Without a parent span there is none, so a session that is not traced makes no spans.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { isBackendError } from "../BackendError.ts"
import * as SpanFailure from "./SpanFailure.ts"
import * as TelemetryNames from "./TelemetryNames.ts"

/**
 * What is recorded of a response. Request ids are cut to 200 characters.
 *
 * @category models
 * @since 0.1.0
 */
export interface VendorResponse {
  readonly status?: number | undefined
  readonly requestId?: string | undefined
}

/**
 * Records a response on the span of its request.
 *
 * @category models
 * @since 0.1.0
 */
export type Annotate = (answer: VendorResponse) => void

const nothing: Annotate = () => {}

const annotate = (span: Tracer.Span): Annotate => ({ requestId, status }) => {
  if (status !== undefined) span.attribute(TelemetryNames.attributes.status, status)
  if (requestId !== undefined) span.attribute(TelemetryNames.attributes.requestId, requestId.slice(0, 200))
}

/** The status and request id in the details of an error. */
const ofError = (error: unknown): VendorResponse => {
  if (!isBackendError(error)) return {}
  const { requestId, status } = error.details ?? {}
  return {
    status: typeof status === "number" ? status : undefined,
    requestId: typeof requestId === "string" ? requestId : undefined
  }
}

/** The parent span, where tracing is on. */
const parentSpan: Effect.Effect<Tracer.AnySpan | undefined> = Effect.gen(function*() {
  if (!(yield* References.TracerEnabled)) return undefined
  return Option.getOrUndefined(yield* Effect.serviceOption(Tracer.ParentSpan))
})

const optionsOf = (vendor: string): Tracer.SpanOptionsNoTrace => ({
  kind: "client",
  attributes: { [TelemetryNames.attributes.vendor]: vendor }
})

const nameOf = (vendor: string) => `${TelemetryNames.spans.vendor} ${vendor}`

/**
 * Runs a request in its own span.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withSpan = <A, E, R>(
  vendor: string,
  request: (annotate: Annotate) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(parentSpan, (parent) =>
    parent === undefined
      ? request(nothing)
      : Effect.useSpan(nameOf(vendor), { ...optionsOf(vendor), parent }, (span) =>
        Effect.tapError(request(annotate(span)), (error) => Effect.sync(() => annotate(span)(ofError(error))))))

/**
 * Makes a span that lasts as long as the scope: for a streamed response.
 *
 * @category constructors
 * @since 0.1.0
 */
export const scoped = (vendor: string): Effect.Effect<Annotate, never, Scope.Scope> =>
  Effect.flatMap(parentSpan, (parent) =>
    parent === undefined
      ? Effect.succeed(nothing)
      : Effect.map(
        Effect.acquireRelease(
          Effect.makeSpan(nameOf(vendor), { ...optionsOf(vendor), parent }),
          (span, exit) =>
            Effect.clockWith((clock) =>
              Effect.sync(() => {
                if (Exit.isFailure(exit)) {
                  for (const reason of exit.cause.reasons) {
                    if (reason._tag === "Fail") annotate(span)(ofError(reason.error))
                  }
                }
                span.end(clock.currentTimeNanosUnsafe(), SpanFailure.redact(exit))
              })
            )
        ),
        annotate
      ))
