/**
 * Durations in config files, between two bounds.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"

const unitMs = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const
const shortForm = /^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/

/** `"1m30s"` in Effect's notation, `"90000 millis"`; any other text is returned unchanged. */
const longForm = (text: string): string => {
  const match = text === "" ? null : shortForm.exec(text.trim())
  if (match === null || match[0] === "") return text
  const [, h, m, s, ms] = match
  const of = (count: string | undefined, unit: keyof typeof unitMs) => Number(count ?? 0) * unitMs[unit]
  return `${of(h, "h") + of(m, "m") + of(s, "s") + of(ms, "ms")} millis`
}

const amount = "\\d+(?:\\.\\d+)?"
/** The texts that `longForm` and Effect accept, for editors. */
const pattern = `^\\s*(?=\\d)(?:${amount}h)?(?:${amount}m(?!s))?(?:${amount}s)?(?:${amount}ms)?\\s*$|` +
  `^${amount}\\s+(?:nano|micro|milli|second|minute|hour|day|week)s?$`

const expected = "a duration such as \"500ms\" or \"1m30s\""

/** A duration as text: `"500ms"`, `"1m30s"`, or Effect's `"2 seconds"`. */
const durationText = (description: string) =>
  Schema.String.annotate({
    pattern,
    description,
    message: `expected ${expected}`,
    examples: ["500ms", "1m30s", "2 seconds"]
  }).pipe(
    Schema.decodeTo(Schema.Duration, {
      decode: SchemaGetter.transformEffect((text: string) => {
        const duration = Duration.fromInput(longForm(text) as Duration.Input)
        return duration._tag === "Some"
          ? Effect.succeed(duration.value)
          : Effect.fail(new SchemaIssue.InvalidValue({ expected }))
      }),
      encode: SchemaGetter.transform(String)
    })
  )

/**
 * A duration between two bounds. Read from `"500ms"`, `"1m30s"` or `"2 seconds"`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const boundedDuration = (min: Duration.Input, max: Duration.Input) => {
  const minimum = Duration.fromInputUnsafe(min)
  const maximum = Duration.fromInputUnsafe(max)
  const range = `between ${Duration.format(minimum)} and ${Duration.format(maximum)}`
  return durationText(`A duration ${range}.`).check(
    Schema.makeFilter((value: Duration.Duration) =>
      Duration.between(value, { minimum, maximum }) || `expected a duration ${range}`
    )
  )
}
