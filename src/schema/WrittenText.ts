/**
 * Options whose numbers, booleans and lists came as text, as from the environment: the schema that reads them, which only the
 * engine or the provider has, says what each text is.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Json from "./Json.ts"

type Text = string | ReadonlyArray<Text> | { readonly [key: string]: Text }

const Text: Schema.Codec<Text> = Schema.suspend((): Schema.Codec<Text> =>
  Schema.Union([Schema.String, Schema.Array(Text), Schema.Record(Schema.String, Text)])
)

type Entries = { readonly [key: string]: unknown }

/** By identity: what has been copied otherwise than by `like` is no longer known to have come as text. */
const written = new WeakSet<object>()

/**
 * Whether the values of options came as text.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isWritten = (value: unknown): boolean => typeof value === "object" && value !== null && written.has(value)

/**
 * Says of a copy of options that its values came as text if those of the original did.
 *
 * @category combinators
 * @since 0.1.0
 */
export const like = <A extends object>(original: unknown, copy: A): A => {
  if (isWritten(original)) written.add(copy)
  return copy
}

/** The values within stay known, too: an engine may read one of them as the options of another. */
const mark = <A>(value: A): A => {
  if (typeof value !== "object" || value === null) return value
  written.add(value)
  for (const inner of Object.values(value)) mark(inner)
  return value
}

const expected = "options, or a text that is a JSON object"

/**
 * Options as Effect's `ConfigProvider` has them: an object whose leaves are texts, or one text of JSON.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Written: Schema.Codec<Entries, Text> = Schema.Union([Schema.Record(Schema.String, Text), Schema.String])
  .pipe(
    Schema.decodeTo(
      Schema.declare((value: unknown): value is Entries => Json.isRecord(value)),
      {
        decode: SchemaGetter.transformEffect((given) => {
          if (typeof given !== "string") return Effect.succeed(mark<Entries>(given))
          const parsed = Json.parseRecord(given)
          return parsed === undefined
            ? Effect.fail(new SchemaIssue.InvalidValue({ expected }))
            : Effect.succeed(parsed)
        }),
        encode: SchemaGetter.transform((entries: Entries) => JSON.stringify({ ...entries }))
      }
    )
  )

const SCALAR = /^(?:true|false|null|-?\d+(?:\.\d+)?)$/u

/** What JSON would be read from these texts, where no schema says more. */
const read = (text: Text): unknown => {
  if (typeof text === "string") return SCALAR.test(text) || /^[[{]/u.test(text) ? Json.parseOrText(text) : text
  return Array.isArray(text)
    ? text.map(read)
    : Object.fromEntries(Object.entries(text).map(([key, inner]) => [key, read(inner)]))
}

/**
 * Any value of JSON. As Effect's `ConfigProvider` has it, numbers, booleans and `null` are texts.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AnyJson = Schema.declare((value: unknown): value is unknown => value !== undefined, {
  expected: "a JSON value",
  toCodecStringTree: () =>
    Schema.link<unknown>()(
      Text,
      SchemaTransformation.transform<unknown, Text>({
        decode: read,
        encode: (value) => JSON.stringify(value) ?? "null"
      })
    )
})
