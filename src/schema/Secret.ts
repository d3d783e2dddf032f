/**
 * Secrets in values from outside: they are never printed.
 *
 * @since 0.1.0
 */
import * as Redactable from "effect/Redactable"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as SecretValues from "../SecretValues.ts"
import * as WrittenText from "./WrittenText.ts"

/** RFC 9110, 5.5: what a header's value may have, besides inner spaces and tabs. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/u

/** As a file of variables leaves them that its reader does not take off. */
const QUOTED = /^(["'`])[^]*\1$/u

/**
 * Why no HTTP header can carry a secret as it was meant: what no header can carry, or quotation marks around it. Undefined
 * when one can. The secret is not told.
 *
 * @category checks
 * @since 0.1.0
 */
export const headerFault = (value: string): string | undefined =>
  QUOTED.test(value)
    ? "it is in quotation marks, which are no part of a key: take them off"
    : HEADER_VALUE.test(value)
    ? undefined
    : /[\r\n]/u.test(value)
    ? "it has a line break, which no header can carry: expected one key"
    : "it has characters that no header can carry"

/**
 * A secret text, decoded to a `Redacted`, and `writeOnly` in JSON Schema. White space and line breaks around it, as a file or
 * a shell leaves them, are dropped. Its minimum length is counted in code points. With `header` it must fit an HTTP header.
 *
 * From then on it is taken out of what is logged (`KnownKeys`). With `named` it is not: the value of a header or a variable, of
 * which only the name says whether it is a secret (`SecretValues`).
 *
 * @category schemas
 * @since 0.1.0
 */
export const secret = (
  options: { readonly min?: number; readonly max?: number; readonly header?: boolean; readonly named?: boolean } = {}
): Schema.Codec<Redacted.Redacted<string>, string> => {
  const bounds = [Schema.isMinCodePoints(options.min ?? 0), Schema.isMaxLength(options.max ?? 4_096)] as const
  const text = Schema.String.check(...bounds)
  const trimmed = options.header === true
    ? text.check(Schema.makeFilter((value: string) => headerFault(value) ?? true))
    : text
  return Schema.String.annotate({ writeOnly: true }).check(...bounds).pipe(
    Schema.decodeTo(trimmed, SchemaTransformation.trim()),
    // a key that a program gives is trimmed and checked where it is used, with its vendor's name
    Schema.decodeTo(text, {
      decode: SchemaGetter.transform((value: string) => {
        if (options.named !== true) SecretValues.rememberSecret(value)
        return value
      }),
      encode: SchemaGetter.passthrough()
    }),
    Schema.RedactedFromValue
  )
}

type Entries = { readonly [key: string]: unknown }

function keysOnly(this: object): unknown {
  return Object.fromEntries(Object.keys(this).map((key) => [key, "<redacted>"]))
}

/** The prototype of redacted entries: how they are shown, out of sight of code that reads them. */
const RedactedEntries: object = Object.defineProperties({}, {
  toJSON: { value: keysOnly },
  [Symbol.for("nodejs.util.inspect.custom")]: { value: keysOnly },
  [Redactable.symbolRedactable]: { value: keysOnly }
})

/**
 * Copies entries into an object that shows only its keys to JSON, logs and inspection: options that no schema has decoded yet
 * may hold secrets. A copy by spreading shows the values again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const redact = (entries: Entries): Entries =>
  WrittenText.like(
    entries,
    Object.create(
      RedactedEntries,
      // accessors: an uncaught exception prints own values without asking the prototype, but calls no accessor
      Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, { enumerable: true, get: () => value }]))
    )
  )

const isEntries = (value: unknown): value is Entries =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Any object, whose values are not looked at; for Effect's `Config` a tree of texts. */
const AnyEntries = Schema.declare(isEntries, {
  expected: "object",
  toCodecJson: () =>
    Schema.link<Entries>()(Schema.Record(Schema.String, Schema.Unknown), SchemaTransformation.passthrough()),
  toCodecStringTree: () => Schema.link<Entries>()(WrittenText.Written, SchemaTransformation.passthrough())
})

/**
 * The options of an engine, a provider or a processor, before its own schema decodes them.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Options = AnyEntries.pipe(
  // a declaration: decoding a record would copy it, and show the values again
  Schema.decodeTo(Schema.declare(isEntries), {
    decode: SchemaGetter.transform(redact),
    encode: SchemaGetter.transform((entries: Entries) => ({ ...entries }))
  })
)
