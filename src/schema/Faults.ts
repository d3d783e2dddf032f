/**
 * Decodes what comes from outside and names *every* fault by its path.
 *
 * Values never appear in a message: they may be keys, tokens or a user's words.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { InvalidConfig } from "../BackendError.ts"
import * as EncodedShape from "./EncodedShape.ts"

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

/** A key as it may be told: a document with broken syntax has values, secrets included, where its keys should be. */
const keyName = (key: string): string => /^[\w.-]{1,64}$/.test(key) ? key : "(a key that is no name)"

/**
 * A path as it may be told.
 *
 * @category conversions
 * @since 0.1.0
 */
export const pathOf = (path: ReadonlyArray<string>): string => path.map(keyName).join(".")

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/**
 * The faults of a schema error, each with its path from `at`, in the order of the document.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromSchemaError = (error: Schema.SchemaError, at: ReadonlyArray<string> = []): ReadonlyArray<Fault> =>
  format(error.issue).issues.map((issue) => ({
    path: pathOf([...at, ...(issue.path ?? []).map((key) => String(typeof key === "object" ? key.key : key))]),
    message: issue.message
  }))

/**
 * How many faults an error tells: more come from no person, and telling them all would cost more than the request did.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_FAULTS = 100

/**
 * The error for a list of faults: they all stand in the message and in `details.faults`, up to `MAX_FAULTS`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toError = (op: string, what: string, faults: ReadonlyArray<Fault>): InvalidConfig =>
  new InvalidConfig({
    op,
    message: `${what}: ${
      faults.slice(0, MAX_FAULTS).map((fault) => `${fault.path || "(root)"}: ${fault.message}`).join("; ")
    }${faults.length > MAX_FAULTS ? `; and ${faults.length - MAX_FAULTS} more` : ""}`,
    details: { faults: faults.slice(0, MAX_FAULTS) }
  })

const isKeyed = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null

/** A copy with something else at a path, or without what is there; a faulty item takes its whole array along. */
const patched = (node: unknown, path: ReadonlyArray<string>, value: unknown): unknown => {
  const [key, ...rest] = path
  if (key === undefined || !isKeyed(node)) return value
  const next = patched(node[key], rest, value)
  if (Array.isArray(node)) {
    return next === undefined
      ? undefined
      : node.map((item, i) => String(i) === key ? next : item)
  }
  const { [key]: _, ...others } = node
  return next === undefined ? others : { ...others, [key]: next }
}

const excess = "Expected no excess property"

/** The path as it was written: what a later stage calls `resumeWindow` came as `resume_window`. */
const written = (schema: Schema.Constraint, path: ReadonlyArray<string>, message: string): ReadonlyArray<string> => {
  const out: Array<string> = []
  for (const key of path) {
    const snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const renamed = snake !== key && message !== excess && EncodedShape.at(schema, [...out, key]) === undefined &&
      EncodedShape.at(schema, [...out, snake]) !== undefined
    out.push(renamed ? snake : key)
  }
  return out
}

/**
 * Every fault of a value. A schema with renamed keys decodes in stages and stops after the first with a fault; so what is
 * faulty is taken out, what is missing is put in, and the rest is looked at again.
 *
 * @category decoding
 * @since 0.1.0
 */
export const collect = <A, I>(
  schema: Schema.Codec<A, I>,
  value: unknown,
  at: ReadonlyArray<string> = []
): ReadonlyArray<Fault> => {
  const faults: Array<Fault> = []
  const seen = new Set<string>()
  let rest = value
  // Each round takes out at least one thing, and there are but a few stages.
  for (let round = 0; round < 16; round++) {
    const result = Schema.decodeUnknownResult(schema, { errors: "all", onExcessProperty: "error" })(rest)
    if (result._tag === "Success") return faults
    const issues = format(result.failure.issue).issues.map((issue) => ({
      path: written(
        schema,
        (issue.path ?? []).map((key) => String(typeof key === "object" ? key.key : key)),
        issue.message
      ),
      message: issue.message
    }))
    const found = issues.filter((issue) => !seen.has(issue.path.join(".")))
    for (const issue of found) {
      seen.add(issue.path.join("."))
      faults.push({ path: pathOf([...at, ...issue.path]), message: issue.message })
    }
    // Taking so many out one by one would take seconds.
    if (faults.length > MAX_FAULTS) return faults
    if (!isKeyed(rest) || issues.some((issue) => issue.path.length === 0)) return faults
    for (const { message, path } of issues) {
      const missing = message === "Missing key"
      rest = patched(rest, path, missing ? EncodedShape.placeholder(EncodedShape.at(schema, path)) : undefined)
    }
  }
  return faults
}

/**
 * Decodes an unknown value; all its faults become one `invalid_config`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = <A, I>(
  schema: Schema.Codec<A, I>,
  value: unknown,
  options: { readonly op: string; readonly what: string; readonly at?: ReadonlyArray<string> | undefined }
): Effect.Effect<A, InvalidConfig> =>
  Schema.decodeUnknownEffect(schema, { errors: "all", onExcessProperty: "error" })(value).pipe(
    Effect.mapError(() => toError(options.op, options.what, collect(schema, value, options.at)))
  )

/**
 * Checks a value that a program has put together, as `decode` checks one from outside.
 *
 * @category decoding
 * @since 0.1.0
 */
export const check = <A, I>(
  schema: Schema.Codec<A, I>,
  value: A,
  options: { readonly op: string; readonly what: string; readonly at?: ReadonlyArray<string> | undefined }
): Effect.Effect<A, InvalidConfig> =>
  Schema.encodeEffect(schema, { errors: "all" })(value).pipe(
    Effect.mapError((error) => toError(options.op, options.what, fromSchemaError(error, options.at))),
    Effect.flatMap((encoded) => decode(schema, encoded, options))
  )
