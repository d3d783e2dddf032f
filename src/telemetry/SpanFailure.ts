/**
 * How a span says that something failed: by a code, and never by a message, a cause or a stack, which may hold what people
 * said, or a key.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import { isBackendError } from "../BackendError.ts"

const isWord = (value: unknown): value is string => typeof value === "string" && /^[A-Za-z][\w./-]{0,63}$/u.test(value)

/**
 * The code of a failure: that of a `BackendError`, else the tag or the name of what was thrown.
 *
 * @category accessors
 * @since 0.1.0
 */
export const codeOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.hasInterruptsOnly(cause)) return "context_canceled"
  const error = Cause.squash(cause)
  if (isBackendError(error)) return error.code
  if (typeof error !== "object" || error === null) return "unknown"
  // what wraps a reason says less than the reason
  const reason = "reason" in error ? error.reason : undefined
  if (typeof reason === "object" && reason !== null && "_tag" in reason && isWord(reason._tag)) return reason._tag
  const tag = "_tag" in error ? error._tag : undefined
  if (isWord(tag)) return tag
  const name = "name" in error ? error.name : undefined
  return isWord(name) ? name : "unknown"
}

/**
 * A failed exit that says nothing but a code.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromCode = (code: string): Exit.Exit<never, Error> => {
  const error = new Error(code)
  error.name = code
  // exporters write it out, with the paths of this machine
  error.stack = code
  return Exit.fail(error)
}

/**
 * The exit without what it says; success and interruption stay as they are.
 *
 * @category conversions
 * @since 0.1.0
 */
export const redact = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> => {
  if (Exit.isSuccess(exit)) return Exit.void
  return Cause.hasInterruptsOnly(exit.cause) ? exit : fromCode(codeOf(exit.cause))
}
