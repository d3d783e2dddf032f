/**
 * Records the model, the finish reason and the token usage of a language model on the span of the agent's turn.
 *
 * @since 0.1.0
 */
import type * as Response from "effect/ai/Response"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as TelemetryNames from "../telemetry/TelemetryNames.ts"

type Part = Pick<Response.AnyPart, "type">

/** The tokens of all requests of a turn add up: a model is asked again after its tools. */
const add = (span: Tracer.Span, key: string, tokens: number | undefined): void => {
  if (tokens === undefined) return
  const before = span.attributes.get(key)
  span.attribute(key, tokens + (typeof before === "number" ? before : 0))
}

const isFinish = (part: Part): part is Response.FinishPart => part.type === "finish"
const isMetadata = (part: Part): part is Response.ResponseMetadataPart => part.type === "response-metadata"

const record = (span: Tracer.Span, part: Part): void => {
  if (isFinish(part)) {
    add(span, TelemetryNames.attributes.inputTokens, part.usage.inputTokens.total)
    add(span, TelemetryNames.attributes.outputTokens, part.usage.outputTokens.total)
    span.attribute(TelemetryNames.attributes.finishReasons, [part.reason])
  } else if (isMetadata(part)) {
    const { modelId } = part
    if (typeof modelId === "string") span.attribute(TelemetryNames.attributes.responseModel, modelId.slice(0, 128))
  }
}

/**
 * Records an answer on the span of the agent's turn, where there is one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const annotate = <A extends Part, E, R>(answer: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
  Stream.unwrap(Effect.map(Effect.serviceOption(Tracer.ParentSpan), (above) => {
    const span = Option.getOrUndefined(above)
    if (span?._tag !== "Span" || span.name !== TelemetryNames.spans.think) return answer
    return Stream.map(answer, (part) => {
      record(span, part)
      return part
    })
  }))
