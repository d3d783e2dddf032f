/**
 * How a conversation behaves: when a turn is over, what interrupts, who speaks first.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"

const unitMs = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const
const shortForm = /^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/

/** `"1m30s"` as Effect reads it, `"90000 millis"`; anything else stays as it is. */
const longForm = (text: string): string => {
  const match = text === "" ? null : shortForm.exec(text.trim())
  if (match === null || match[0] === "") return text
  const [, h, m, s, ms] = match
  const of = (count: string | undefined, unit: keyof typeof unitMs) => Number(count ?? 0) * unitMs[unit]
  return `${of(h, "h") + of(m, "m") + of(s, "s") + of(ms, "ms")} millis`
}

/** A duration as people write it: `"500ms"`, `"1m30s"`, or Effect's `"2 seconds"`. */
const DurationText = Schema.String.pipe(
  Schema.decodeTo(Schema.DurationFromString, {
    decode: SchemaGetter.transform(longForm),
    encode: SchemaGetter.passthrough()
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
  return DurationText.check(
    Schema.makeFilter((value: Duration.Duration) =>
      Duration.between(value, { minimum, maximum }) ||
      `expected a duration between ${Duration.format(minimum)} and ${Duration.format(maximum)}`
    )
  )
}

/**
 * A schema with one default, for decoding (given in the encoded form) and for nothing else.
 *
 * @category schemas
 * @since 0.1.0
 */
export const withDefault = <S extends Schema.Constraint>(
  encoded: S["Encoded"]
): (self: S) => Schema.withDecodingDefaultKey<S> => Schema.withDecodingDefaultKey<S>(Effect.succeed(encoded))

/**
 * - `firstSpeaker`: `agent` greets with `greeting` when a user first attaches; `user` waits.
 * - `greeting`, `goodbye`, `apology`: texts that are spoken; `""` says nothing. The goodbye is heard before a close that
 *   we begin; the apology when the agent failed before its first word.
 * - `endpointing.silence`: how long the user must be silent for the turn to be over. 300 ms, [100 ms, 5 s].
 * - `interruption.enabled`: whether speaking over the agent stops it.
 * - `interruption.minSpeech`: how much speech it takes to stop the agent for good; it falls silent at once in any case,
 *   and goes on where it stopped after less. 200 ms, [0, 2 s].
 * - `longestTurn`: a turn without end is answered after this. 60 s, [5 s, 10 min].
 *
 * @category models
 * @since 0.1.0
 */
export const ConversationPolicy = Schema.Struct({
  firstSpeaker: Schema.Literals(["agent", "user"]).pipe(withDefault("agent" as const)),
  greeting: Schema.String.pipe(withDefault("")),
  goodbye: Schema.String.pipe(withDefault("")),
  apology: Schema.String.pipe(withDefault("Sorry, something went wrong. Could you say that again?")),
  endpointing: Schema.Struct({
    silence: boundedDuration("100 millis", "5 seconds").pipe(withDefault("300ms"))
  }).pipe(withDefault({})),
  interruption: Schema.Struct({
    enabled: Schema.Boolean.pipe(withDefault(true)),
    minSpeech: boundedDuration(0, "2 seconds").pipe(withDefault("200ms"))
  }).pipe(Schema.encodeKeys({ minSpeech: "min_speech" }), withDefault({})),
  longestTurn: boundedDuration("5 seconds", "10 minutes").pipe(withDefault("1 minute"))
}).pipe(Schema.encodeKeys({ firstSpeaker: "first_speaker", longestTurn: "longest_turn" }))

/**
 * @category models
 * @since 0.1.0
 */
export type ConversationPolicy = typeof ConversationPolicy.Type

/**
 * The policy of a backend that says nothing about it.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultPolicy: ConversationPolicy = Schema.decodeSync(ConversationPolicy)({})
