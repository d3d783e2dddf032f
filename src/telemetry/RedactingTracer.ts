/**
 * A tracer whose spans do not contain what was said: failures are codes, requests have no URL, and log lines do not become
 * span events.
 *
 * It wraps the application's tracer for a session, so it applies to the spans of libraries as well (`effect/ai`, HTTP clients).
 * Attributes that an application sets on its own spans are not redacted, except for the keys below.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"
import * as SpanFailure from "./SpanFailure.ts"
import * as TelemetryNames from "./TelemetryNames.ts"

/** Never recorded: paths and queries contain ids, keys and texts. */
const alwaysHidden = ["url.full", "url.path", "url.query", "exception.message", "exception.stacktrace"]
/** Input and output of models, as the conventions and libraries name them; `parameters` is set by effect/ai's tools. */
const speechAttributes = [
  TelemetryNames.attributes.inputMessages,
  TelemetryNames.attributes.outputMessages,
  "gen_ai.system_instructions",
  "gen_ai.tool.call.arguments",
  "gen_ai.tool.call.result",
  "gen_ai.prompt",
  "gen_ai.completion",
  "parameters"
]

const redactSpan = (span: Tracer.Span, hidden: ReadonlySet<string>): Tracer.Span => {
  const attribute = span.attribute.bind(span)
  const end = span.end.bind(span)
  const event = span.event.bind(span)
  span.attribute = (key, value) => hidden.has(key) ? undefined : attribute(key, value)
  span.end = (at, exit) => {
    const redacted = SpanFailure.redact(exit)
    if (Exit.isFailure(exit) && !span.attributes.has(TelemetryNames.attributes.errorType)) {
      attribute(TelemetryNames.attributes.errorType, SpanFailure.codeOf(exit.cause))
    }
    end(at, redacted)
  }
  // Effect's logger adds a span event for each log line
  span.event = (name, at, attributes) =>
    attributes?.["effect.logLevel"] === undefined ? event(name, at, attributes) : undefined
  return span
}

/**
 * Wraps a tracer. With `speech`, the input and output of models and tools may be recorded in attributes; failures are still
 * codes only.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (inner: Tracer.Tracer, options: { readonly speech: boolean }): Tracer.Tracer => {
  const hidden = new Set(options.speech ? alwaysHidden : [...alwaysHidden, ...speechAttributes])
  return Tracer.make({
    span: (options) => redactSpan(inner.span(options), hidden),
    ...(inner.context === undefined ? {} : { context: inner.context })
  })
}
