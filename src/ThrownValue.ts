/**
 * What application code and libraries throw: errors most often, but it may be any value, and reading it may throw again.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as KnownKeys from "./KnownKeys.ts"

/** How many fields of a value that is no error are shown, and how much of each. */
const MAX_FIELDS = 8
const MAX_FIELD = 200
/** How many errors of a collection are shown. */
const MAX_ERRORS = 4
/** A longer chain of causes is logged as far as this. */
const MAX_CAUSES = 16
/** How many values in the fields of an error are looked at, for secrets in them. */
const MAX_VALUES = 1_000

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
      // before it is cut: half of a secret is not found
      return value.length > MAX_FIELD ? `${KnownKeys.without(value).slice(0, MAX_FIELD)}…` : value
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
 * or first fields. Without the secrets of this process, which libraries write into their messages.
 *
 * @category conversions
 * @since 0.1.0
 */
export const textOf = (value: unknown): string =>
  KnownKeys.without(read(
    () =>
      value instanceof Error
        ? ofError(value)
        : typeof value === "object" && value !== null
        ? ofObject(value)
        : String(value),
    UNREADABLE
  ))

/** A value and its causes, to one more than are logged. */
const chainOf = (value: unknown): ReadonlyArray<unknown> => {
  const chain = new Set([value])
  for (const at of chain) {
    const cause = read(() => isError(at) ? at.cause : undefined, undefined)
    if (cause !== undefined && chain.size <= MAX_CAUSES) chain.add(cause)
  }
  return Array.from(chain)
}

/** The errors that an error collects, such as those of several attempts to connect: no logger shows them. */
const collectedBy = (value: unknown): ReadonlyArray<unknown> =>
  read(() => value instanceof AggregateError && Array.isArray(value.errors) ? value.errors : [], [])

const hasJson = guard((value): value is { readonly toJSON: () => unknown } =>
  typeof value === "object" && value !== null && "toJSON" in value && typeof value.toJSON === "function"
)

/** Whether a secret of this process is in the fields of a value. One that has too many of them may have one. */
const holdsKey = (value: unknown): boolean => {
  const values = new Set<unknown>([value])
  for (const each of values) {
    if (values.size > MAX_VALUES) return true
    if (typeof each === "string" && KnownKeys.without(each) !== each) return true
    if (typeof each !== "object" || each === null) continue
    if (hasJson(each)) values.add(read(() => each.toJSON(), undefined))
    for (const key of read(() => Object.keys(each), [])) values.add(read(() => Reflect.get(each, key), undefined))
  }
  return false
}

const isPrintable = (cause: Cause.Cause<unknown>): boolean => {
  const values = cause.reasons.flatMap((reason) =>
    reason._tag === "Fail" ? [reason.error] : reason._tag === "Die" ? [reason.defect] : []
  )
  const chains = values.map(chainOf)
  if (chains.some((chain) => chain.length > MAX_CAUSES)) return false
  if (chains.flat().some((each) => collectedBy(each).length > 0 || holdsKey(each))) return false
  return read(() => {
    const text = Cause.pretty(cause)
    return KnownKeys.without(text) === text
  }, false)
}

/** An error that has of a value and its causes what can be read. */
const readable = (value: unknown): Error => {
  const [first, ...causes] = chainOf(value).slice(0, MAX_CAUSES).toReversed()
  return causes.reduce<Error>((cause, each) => copyOf(each, cause), copyOf(first))
}

const messageOf = (value: unknown): string => {
  const text = textOf(value)
  const collected = collectedBy(value).slice(0, MAX_ERRORS).map(textOf).join("; ")
  return text.includes(collected) ? text : `${text}: ${collected}`
}

const copyOf = (value: unknown, cause?: Error): Error => {
  const message = messageOf(value)
  const error = new Error(message, cause === undefined ? undefined : { cause })
  // no stack of ours, for what has none
  error.stack = `${error.name}: ${message}`
  if (!isError(value)) return error
  error.name = KnownKeys.without(String(read(() => value.name, error.name)))
  const frames = read(() => /\n\s+at [^]*$/u.exec(String(value.stack))?.[0], undefined) ?? ""
  error.stack = `${error.name}: ${message}${KnownKeys.without(frames)}`
  // what tells the kind of a failure, such as the code of a system's error
  for (const key of read(() => Object.keys(value), [])) {
    const field = read(() => Reflect.get(value, key), undefined)
    if (key in error || (typeof field !== "number" && typeof field !== "boolean" && !isShort(field))) continue
    Object.defineProperty(error, key, {
      value: typeof field === "string" ? KnownKeys.without(field) : field,
      enumerable: true
    })
  }
  return error
}

const isShort = (value: unknown): value is string => typeof value === "string" && value.length <= MAX_FIELD

/**
 * A cause that every logger can print, without the secrets of this process: an error in which one is, or that cannot be read,
 * collects others, or has thousands of causes below it, is replaced by what can be read of it.
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
