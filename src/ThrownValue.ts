/**
 * What application code and libraries throw: errors most often, but it may be any value, and reading it may throw again.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"

/** How many fields of a value that is no error are shown, and how much of each. */
const MAX_FIELDS = 8
const MAX_FIELD = 200
/** How many errors of a collection are shown. */
const MAX_ERRORS = 4
/** A longer chain of causes is logged as far as this. */
const MAX_CAUSES = 16

const UNREADABLE = "a value that cannot be read"

const read = <A>(get: () => A, otherwise: A): A => {
  try {
    return get()
  } catch {
    return otherwise
  }
}

/**
 * Makes a guard total: a value that throws when it is read is not one.
 *
 * @category guards
 * @since 0.1.0
 */
export const guard = <A>(is: (value: unknown) => value is A) => (value: unknown): value is A =>
  read(() => is(value), false)

const isError = guard((value): value is Error => value instanceof Error)

const isText = (value: unknown): value is string => typeof value === "string" && value !== ""

const ofError = (error: Error): string => {
  if (isText(error.message)) return error.message
  // the error of several attempts to connect has no message of its own
  if (error instanceof AggregateError && Array.isArray(error.errors) && error.errors.length > 0) {
    return error.errors.slice(0, MAX_ERRORS).map((each) => each === error ? error.name : textOf(each)).join("; ")
  }
  const code = "code" in error && isText(error.code) ? `: ${error.code}` : ""
  return `${isText(error.name) ? error.name : "Error"}${code}`
}

const shown = (value: unknown): string | undefined => {
  switch (typeof value) {
    case "string":
      return value.length > MAX_FIELD ? `${value.slice(0, MAX_FIELD)}…` : value
    case "number":
    case "boolean":
    case "bigint":
      return String(value)
    default:
      return undefined
  }
}

const ofObject = (value: object): string => {
  if ("message" in value && isText(value.message)) return value.message
  const text = read(() => String(value), "")
  if (isText(text) && !text.startsWith("[object ")) return text
  const fields = Object.keys(value).slice(0, MAX_FIELDS).flatMap((key) => {
    const field = read(() => shown(Reflect.get(value, key)), undefined)
    return field === undefined ? [] : [`${key}: ${field}`]
  })
  return fields.length === 0 ? text || UNREADABLE : fields.join(", ")
}

/**
 * A thrown value in words: the message of an error, of the errors that it collects, or its name; of another object its message
 * or first fields.
 *
 * @category conversions
 * @since 0.1.0
 */
export const textOf = (value: unknown): string =>
  read(
    () =>
      value instanceof Error
        ? ofError(value)
        : typeof value === "object" && value !== null
        ? ofObject(value)
        : String(value),
    UNREADABLE
  )

/** A value and its causes, to one more than are logged. */
const chainOf = (value: unknown): ReadonlyArray<unknown> => {
  const chain = new Set([value])
  for (const at of chain) {
    const cause = read(() => isError(at) ? at.cause : undefined, undefined)
    if (cause !== undefined && chain.size <= MAX_CAUSES) chain.add(cause)
  }
  return Array.from(chain)
}

const isPrintable = (cause: Cause.Cause<unknown>): boolean => {
  const values = cause.reasons.map((reason) =>
    reason._tag === "Fail" ? reason.error : reason._tag === "Die" ? reason.defect : undefined
  )
  if (values.some((value) => chainOf(value).length > MAX_CAUSES)) return false
  return read(() => typeof Cause.pretty(cause) === "string", false)
}

/** An error that has of a value and its causes what can be read. */
const readable = (value: unknown): Error => {
  const [first, ...causes] = chainOf(value).slice(0, MAX_CAUSES).toReversed()
  return causes.reduce<Error>((cause, each) => copyOf(each, cause), copyOf(first))
}

const copyOf = (value: unknown, cause?: Error): Error => {
  const error = new Error(textOf(value), cause === undefined ? undefined : { cause })
  if (isError(value)) {
    error.name = read(() => value.name, error.name)
    error.stack = read(() => value.stack, undefined) ?? `${error.name}: ${error.message}`
  }
  return error
}

/**
 * A cause that every logger can print: what cannot be read, or has thousands of causes below it, is replaced by what can be
 * read of it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const loggable = (cause: Cause.Cause<unknown>): Cause.Cause<unknown> =>
  isPrintable(cause) ? cause : Cause.fromReasons(
    cause.reasons.map((reason) =>
      reason._tag === "Fail"
        ? Cause.makeFailReason(readable(reason.error))
        : reason._tag === "Die"
        ? Cause.makeDieReason(readable(reason.defect))
        : reason
    )
  )
