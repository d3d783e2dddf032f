/**
 * Takes the secrets of the process out of what is exported: an application may log one, or write it to a span of its own.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { OtlpSerialization } from "effect/observability/OtlpSerialization"
import * as KnownKeys from "../KnownKeys.ts"

/** A copy of plain data without the secrets in its texts. */
const clean = (value: unknown): unknown => {
  if (typeof value === "string") return KnownKeys.without(value)
  if (Array.isArray(value)) return value.map(clean)
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, clean(each)]))
    : value
}

const cleaned = <A>(data: A): A => clean(data) as A // the same shape

/**
 * Exports log lines and spans without secrets.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (serialization: Layer.Layer<OtlpSerialization>): Layer.Layer<OtlpSerialization> =>
  Layer.effect(
    OtlpSerialization,
    Effect.map(OtlpSerialization, (own) => ({
      ...own,
      traces: (data) => own.traces(cleaned(data)),
      logs: (data) => own.logs(cleaned(data))
    }))
  ).pipe(Layer.provide(serialization))
