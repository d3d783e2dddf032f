/**
 * A span for one call of a tool, by the conventions of OpenTelemetry for generative models. It has the tool's name, never
 * what goes in or comes out.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import type * as Tracer from "effect/Tracer"
import * as SpanFailure from "./SpanFailure.ts"
import * as TelemetryContext from "./TelemetryContext.ts"
import * as TelemetryNames from "./TelemetryNames.ts"

const isId = (id: string) => /^[\w.:-]{1,64}$/u.test(id)

/**
 * Runs a call below the span that asked for it; without one there is no span. A tool that exists has a `name`: what else a
 * model calls may be made of what people said. `ok` says of an outcome whether the tool succeeded.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withSpan = <A>(options: {
  readonly name: string | undefined
  readonly id: string
  readonly parent: Tracer.AnySpan | undefined
  readonly ok: (outcome: A) => boolean
}) =>
<E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(References.TracerEnabled, (enabled) => {
    const { id, name = "unknown", ok, parent } = options
    if (!enabled || parent === undefined) return call
    const attributes = {
      [TelemetryNames.attributes.operationName]: "execute_tool",
      [TelemetryNames.attributes.toolName]: name,
      ...(isId(id) ? { [TelemetryNames.attributes.toolCallId]: id } : {})
    }
    return Effect.useSpan(`${TelemetryNames.spans.tool} ${name}`, { parent, attributes }, (span) =>
      Effect.updateContext(call, TelemetryContext.withParentSpan(span)<R>).pipe(
        Effect.tap((outcome) =>
          Effect.clockWith((clock) =>
            Effect.sync(() => {
              if (ok(outcome)) {
                return
              }
              span.attribute(TelemetryNames.attributes.errorType, "tool_failed")
              span.end(clock.currentTimeNanosUnsafe(), SpanFailure.fromCode("tool_failed"))
            })
          )
        )
      ))
  })
