/**
 * Decodes values from outside, once, and reports *every* fault with its path.
 *
 * Values never appear in a message: they may be keys, tokens or a user's words.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { present } from "./Defined.ts"
import * as EncodedShape from "./EncodedShape.ts"
import { isRecord } from "./Json.ts"
import { nearest } from "./NearestName.ts"
import { isWritten } from "./WrittenText.ts"

/**
 * One thing that is wrong: where (`session.resume_window`) and what.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fault {
  readonly path: string
  readonly message: string
}

/**
 * How many faults an error lists. No person writes more, and listing all of a hostile body would cost more than reading it.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_FAULTS = 100

/** A document with broken syntax has values, secrets included, where its keys should be. */
const keyName = (key: string): string => /^[\w.-]{1,64}$/.test(key) ? key : "(invalid key)"

/**
 * A path that is safe to print.
 *
 * @category conversions
 * @since 0.1.0
 */
export const pathOf = (path: ReadonlyArray<string>): string => path.map(keyName).join(".")

/**
 * The message for a key that is not known, with the closest one that is: "unknown key `stt_provder`; did you
 * mean `stt_provider`?"
 *
 * @category conversions
 * @since 0.1.0
 */
export const unknownKey = (key: string, known: Iterable<string>): string => {
  const close = nearest(key, known)
  return `unknown key \`${keyName(key)}\`${close === undefined ? "" : `; did you mean \`${close}\`?`}`
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const keysOf = (path: ReadonlyArray<unknown> | undefined): ReadonlyArray<string> =>
  (path ?? []).map((key) => String(typeof key === "object" && key !== null && "key" in key ? key.key : key))

/** Effect's sentences begin in capitals, ours do not. */
const inSmall = (message: string): string => message.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())

interface Found {
  readonly path: ReadonlyArray<string>
  readonly message: string
  /** The last key is not one of the schema's. */
  readonly unknown?: boolean
}

/** The leaves of an issue, in the order of the document. Tags decide, not the wording of a message. */
const leavesOf = (
  issue: SchemaIssue.Issue,
  path: ReadonlyArray<string>,
  /** Only so many get a suggestion: a document may have a hundred thousand unknown keys. */
  budget: { suggestions: number }
): ReadonlyArray<Found> => {
  switch (issue._tag) {
    case "Pointer":
      return leavesOf(issue.issue, [...path, ...keysOf(issue.path)], budget)
    case "Encoding":
      return leavesOf(issue.issue, path, budget)
    case "Composite":
      return issue.issues.flatMap((each) => leavesOf(each, path, budget))
    case "AnyOf":
      return issue.issues.length === 0
        ? formatted(issue, path)
        : alternatives(issue.issues.flatMap((each) => leavesOf(each, path, budget)))
    case "MissingKey":
      return [{ path, message: "required" }]
    case "UnexpectedKey": {
      const known = issue.ast._tag !== "Objects" || budget.suggestions-- <= 0
        ? []
        : issue.ast.propertySignatures.map(({ name }) => String(name))
      return [{ path, message: unknownKey(path.at(-1) ?? "", known), unknown: true }]
    }
    default:
      return formatted(issue, path)
  }
}

const formatted = (issue: SchemaIssue.Issue, path: ReadonlyArray<string>): ReadonlyArray<Found> =>
  format(issue).issues.map((each) => ({ path: [...path, ...keysOf(each.path)], message: inSmall(each.message) }))

/** What each member of a union says of the same place becomes one sentence. */
const alternatives = (found: ReadonlyArray<Found>): ReadonlyArray<Found> => {
  const places = new Map<string, Found>()
  for (const each of found) {
    const place = each.path.join("\0")
    const former = places.get(place)
    places.set(
      place,
      former === undefined || former.message === each.message
        ? each
        : { ...former, message: `${former.message}, or ${each.message}` }
    )
  }
  return Array.from(places.values())
}

/**
 * The path as it was written. A schema that renames keys by `Schema.encodeKeys` calls `resumeWindow` what came as
 * `resume_window`, and so does a value that a program has put together.
 */
const written = (schema: Schema.Constraint, { path, unknown = false }: Found): ReadonlyArray<string> => {
  const out: Array<string> = []
  for (const [i, key] of path.entries()) {
    const snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const renamed = snake !== key && !(unknown && i === path.length - 1) &&
      EncodedShape.at(schema, [...out, key]) === undefined && EncodedShape.at(schema, [...out, snake]) !== undefined
    out.push(renamed ? snake : key)
  }
  return out
}

/**
 * The faults of a schema's error, each with its path from `at`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromSchemaError = (
  schema: Schema.Constraint,
  { issue }: Schema.SchemaError,
  at: ReadonlyArray<string> = []
): ReadonlyArray<Fault> =>
  leavesOf(issue, [], { suggestions: MAX_FAULTS }).map((found) => ({
    path: pathOf([...at, ...written(schema, found)]),
    message: found.message
  }))

/**
 * The error for a list of faults: all are in the message and in `details.faults`, up to `MAX_FAULTS`; `details.more` counts the
 * rest, with those that an error behind it has left out already (`more`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const toError = (op: string, what: string, faults: ReadonlyArray<Fault>, more = 0): InvalidConfig => {
  const listed = faults.slice(0, MAX_FAULTS)
  const rest = faults.length - listed.length + more
  return new InvalidConfig({
    op,
    message: `${what}: ${listed.map((fault) => `${fault.path || "(root)"}: ${fault.message}`).join("; ")}${
      rest > 0 ? `; and ${rest} more` : ""
    }`,
    details: { faults: listed, ...(rest > 0 ? { more: rest } : {}) }
  })
}

/**
 * The faults without repetitions: several parts may report the same one of an option or a key that they share.
 *
 * @category combinators
 * @since 0.1.0
 */
export const distinct = (faults: ReadonlyArray<Fault>): ReadonlyArray<Fault> =>
  Array.from(new Map(faults.map((fault) => [`${fault.path}\0${fault.message}`, fault])).values())

/**
 * How many faults an error has left out of its list.
 *
 * @category accessors
 * @since 0.1.0
 */
export const moreOf = (error: BackendError): number => {
  const more = error.details?.["more"]
  return typeof more === "number" ? more : 0
}

const isFault = (value: unknown): value is Fault =>
  isRecord(value) && typeof value["path"] === "string" && typeof value["message"] === "string"

/**
 * The faults that an error lists, or its message as the one fault at `path`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromError = (error: BackendError, path: string): ReadonlyArray<Fault> => {
  const faults = error.details?.["faults"]
  return Array.isArray(faults) && faults.length > 0 && faults.every(isFault)
    ? faults
    : [{ path, message: error.message }]
}

/**
 * How an error names what it is about: the operation, the subject of the sentence, and where the value stands.
 *
 * @category models
 * @since 0.1.0
 */
export interface Context {
  readonly op: string
  readonly what: string
  readonly at?: ReadonlyArray<string> | undefined
}

const all = { errors: "all", onExcessProperty: "error" } as const

/**
 * The faults of an unknown value; none when it decodes.
 *
 * @category decoding
 * @since 0.1.0
 */
export const collect = (
  schema: Schema.Codec<unknown, unknown>,
  value: unknown,
  at?: ReadonlyArray<string>
): ReadonlyArray<Fault> => {
  const result = Schema.decodeUnknownResult(schema, all)(
    isWritten(value) ? EncodedShape.coerceAll(schema, value) : value
  )
  return result._tag === "Success" ? [] : fromSchemaError(schema, result.failure, at)
}

/**
 * Decodes an unknown value, once; all its faults become one `invalid_config`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = <A, I>(
  schema: Schema.Codec<A, I>,
  value: unknown,
  { at, op, what }: Context
): Effect.Effect<A, InvalidConfig> =>
  Schema.decodeUnknownEffect(schema, all)(
    isWritten(value) ? EncodedShape.coerceAll(schema, present(value)) : present(value)
  ).pipe(
    Effect.mapError((error) => toError(op, what, fromSchemaError(schema, error, at)))
  )

/**
 * Checks a value that a program has put together, without encoding or decoding it: the types and bounds of the decoded side.
 * The faults have the paths of the encoded side, as those of `decode`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const check = <A, I>(
  schema: Schema.Codec<A, I>,
  value: A,
  { at, op, what }: Context
): Effect.Effect<A, InvalidConfig> =>
  Schema.decodeUnknownEffect(Schema.toType(schema), { errors: "all" })(present(value)).pipe(
    Effect.mapError((error) => toError(op, what, fromSchemaError(schema, error, at)))
  )
