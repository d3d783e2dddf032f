/**
 * A tracer whose spans cannot tell what people said: failures are codes, requests have no URL, and log lines are no
 * events of spans.
 *
 * It stands between a session and the application's tracer, so it holds for the spans of libraries too (`effect/ai`, HTTP
 * clients). What an application writes into attributes of spans of its own is the application's affair.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"
import * as SpanFailure from "./SpanFailure.ts"
import * as TelemetryNames from "./TelemetryNames.ts"

/** Paths and queries hold ids, keys and texts. */
const never = ["url.full", "url.path", "url.query", "exception.message", "exception.stacktrace"]
/** What is said to a model and by it, as the conventions and libraries name it; `parameters` is of effect/ai's tools. */
const spoken = [
  TelemetryNames.attributes.inputMessages,
  TelemetryNames.attributes.outputMessages,
  "gen_ai.system_instructions",
  "gen_ai.tool.call.arguments",
  "gen_ai.tool.call.result",
  "gen_ai.prompt",
  "gen_ai.completion",
  "parameters"
]

const guard = (span: Tracer.Span, hidden: ReadonlySet<string>): Tracer.Span => {
  const attribute = span.attribute.bind(span)
  const end = span.end.bind(span)
  const event = span.event.bind(span)
  span.attribute = (key, value) => hidden.has(key) ? undefined : attribute(key, value)
  span.end = (at, exit) => {
    const told = SpanFailure.redact(exit)
    if (Exit.isFailure(exit) && !span.attributes.has(TelemetryNames.attributes.errorType)) {
      attribute(TelemetryNames.attributes.errorType, SpanFailure.codeOf(exit.cause))
    }
    end(at, told)
  }
  // Effect's own logger makes an event of each line
  span.event = (name, at, attributes) =>
    attributes?.["effect.logLevel"] === undefined ? event(name, at, attributes) : undefined
  return span
}

/**
 * The tracer behind a guard. With `speech`, what is said to models and tools, and by them, may stand in attributes; failures
 * are codes all the same.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (inner: Tracer.Tracer, options: { readonly speech: boolean }): Tracer.Tracer => {
  const hidden = new Set(options.speech ? never : [...never, ...spoken])
  return Tracer.make({
    span: (options) => guard(inner.span(options), hidden),
    ...(inner.context === undefined ? {} : { context: inner.context })
  })
}
