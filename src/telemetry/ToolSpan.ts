/**
 * The span of a tool call, by OpenTelemetry's conventions for generative AI. It has the tool's name, but never its input or
 * output.
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
 * Runs a call in a span below `parent`; without a parent there is no span. `name` is undefined for a tool that does not exist,
 * because a name that the model made up may contain what was said. `ok` tells whether the tool succeeded.
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
