/**
 * Secrets in what is read from outside: values that nothing prints.
 *
 * @since 0.1.0
 */
import * as Redactable from "effect/Redactable"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"

/**
 * A secret text, decoded to a `Redacted`; `writeOnly` for whoever shows the schema. Its length is counted in characters.
 *
 * @category schemas
 * @since 0.1.0
 */
export const secret = (options: { readonly min?: number; readonly max?: number } = {}) =>
  Schema.String.annotate({ writeOnly: true }).check(
    Schema.isMinCodePoints(options.min ?? 0),
    Schema.isMaxLength(options.max ?? 4_096)
  ).pipe(Schema.RedactedFromValue)

type Entries = { readonly [key: string]: unknown }

function shown(this: object): unknown {
  return Object.fromEntries(Object.keys(this).map((key) => [key, "<redacted>"]))
}

/** Behind the entries, where no reader of them meets it. */
const Concealed: object = Object.defineProperties({}, {
  toJSON: { value: shown },
  [Symbol.for("nodejs.util.inspect.custom")]: { value: shown },
  [Redactable.symbolRedactable]: { value: shown }
})

/**
 * The same entries in an object that tells its keys alone, to JSON, to logs and to inspection: options whose schema is
 * another's to know may hold keys. A copy by spreading tells all again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const redact = (entries: Entries): Entries =>
  Object.create(
    Concealed,
    // Accessors, for Node tells of values that crash it without asking them how, but calls none.
    Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, { enumerable: true, get: () => value }]))
  )

const isEntries = (value: unknown): value is Entries =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * Options of an engine, a provider or a processor, before its own schema has read them.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Options = Schema.Record(Schema.String, Schema.Unknown).pipe(
  // A declaration, for a record would be copied, and tell all again.
  Schema.decodeTo(Schema.declare(isEntries), {
    decode: SchemaGetter.transform(redact),
    encode: SchemaGetter.transform((entries: Entries) => ({ ...entries }))
  })
)
