/**
 * Failures of spans: a code only, because a message, a cause or a stack may contain what was said, or a key.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import { isBackendError } from "../BackendError.ts"

const isWord = (value: unknown): value is string => typeof value === "string" && /^[A-Za-z][\w./-]{0,63}$/u.test(value)

/**
 * Returns the code of a failure: that of a `BackendError`, else the tag or the name of the error.
 *
 * @category accessors
 * @since 0.1.0
 */
export const codeOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.hasInterruptsOnly(cause)) return "context_canceled"
  const error = Cause.squash(cause)
  if (isBackendError(error)) return error.code
  try {
    return nameOf(error)
  } catch {
    // application code may throw what throws when it is read
    return "unknown"
  }
}

const nameOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return "unknown"
  // the reason inside an error is more specific than the error
  const reason = "reason" in error ? error.reason : undefined
  if (typeof reason === "object" && reason !== null && "_tag" in reason && isWord(reason._tag)) return reason._tag
  const tag = "_tag" in error ? error._tag : undefined
  if (isWord(tag)) return tag
  const name = "name" in error ? error.name : undefined
  return isWord(name) ? name : "unknown"
}

/**
 * Makes a failed exit that contains only a code.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromCode = (code: string): Exit.Exit<never, Error> => {
  const error = new Error(code)
  error.name = code
  // exporters send the stack, which contains paths of this machine
  error.stack = code
  return Exit.fail(error)
}

/**
 * Replaces a failure by its code, and a success by `void`; an interruption is kept.
 *
 * @category conversions
 * @since 0.1.0
 */
export const redact = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> => {
  if (Exit.isSuccess(exit)) return Exit.void
  return Cause.hasInterruptsOnly(exit.cause) ? exit : fromCode(codeOf(exit.cause))
}
