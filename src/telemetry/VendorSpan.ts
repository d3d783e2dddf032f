/**
 * A span for a request to somebody else's service: who, how it went, under which id. Never a URL, a key or a text.
 *
 * There is one only below another span: a session that is not traced makes none.
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
 * What a span of a request says. Ids of vendors are cut to 200 characters.
 *
 * @category models
 * @since 0.1.0
 */
export interface VendorResponse {
  readonly status?: number | undefined
  readonly requestId?: string | undefined
}

/**
 * Tells a span what came of its request.
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

/** What an error tells of the request. */
const ofError = (error: unknown): VendorResponse => {
  if (!isBackendError(error)) return {}
  const { requestId, status } = error.details ?? {}
  return {
    status: typeof status === "number" ? status : undefined,
    requestId: typeof requestId === "string" ? requestId : undefined
  }
}

/** The span above, if it is of any use. */
const parent: Effect.Effect<Tracer.AnySpan | undefined> = Effect.gen(function*() {
  if (!(yield* References.TracerEnabled)) return undefined
  return Option.getOrUndefined(yield* Effect.serviceOption(Tracer.ParentSpan))
})

const optionsOf = (vendor: string): Tracer.SpanOptionsNoTrace => ({
  kind: "client",
  attributes: { [TelemetryNames.attributes.vendor]: vendor }
})

const nameOf = (vendor: string) => `${TelemetryNames.spans.vendor} ${vendor}`

/**
 * Runs a request within a span of its own.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withSpan = <A, E, R>(
  vendor: string,
  request: (annotate: Annotate) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(parent, (above) =>
    above === undefined
      ? request(nothing)
      : Effect.useSpan(nameOf(vendor), { ...optionsOf(vendor), parent: above }, (span) =>
        Effect.tapError(request(annotate(span)), (error) => Effect.sync(() => annotate(span)(ofError(error))))))

/**
 * A span that lasts as long as the scope: for an answer that is streamed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const scoped = (vendor: string): Effect.Effect<Annotate, never, Scope.Scope> =>
  Effect.flatMap(parent, (above) =>
    above === undefined
      ? Effect.succeed(nothing)
      : Effect.map(
        Effect.acquireRelease(
          Effect.makeSpan(nameOf(vendor), { ...optionsOf(vendor), parent: above }),
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
