/**
 * What a model is told of a tool call that has failed.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as LanguageModelErrors from "./LanguageModelErrors.ts"
import * as ToolError from "./ToolError.ts"
import type { ToolOutcome } from "./ToolHistory.ts"

/**
 * The outcome of a call that failed, in words for the model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failed = (error: string): ToolOutcome => ({ ok: false, output: { error } })

/**
 * What is told of a call that a model made wrongly: it names no tool, or its input does not fit. It may have what the user said,
 * so it is no text for the log.
 *
 * @category accessors
 * @since 0.1.0
 */
export const mistakeOf = (cause: Cause.Cause<unknown>): string | undefined => {
  const error = Cause.squash(cause)
  return LanguageModelErrors.isAiError(error) &&
      (error.reason._tag === "ToolNotFoundError" || error.reason._tag === "ToolParameterValidationError")
    ? error.reason.message
    : undefined
}

/**
 * The outcome of a call that ended so: the model reads the words that the tool has for it, and of any other failure no more
 * than that the tool failed.
 *
 * @category conversions
 * @since 0.1.0
 */
export const outcomeOf = (name: string, cause: Cause.Cause<unknown>): ToolOutcome => {
  if (Cause.hasInterruptsOnly(cause)) return failed(`tool ${name} was interrupted`)
  const mistake = mistakeOf(cause)
  if (mistake !== undefined) return failed(mistake)
  const words = ToolError.wordsOf(cause)
  return words === undefined
    ? { ok: false, output: ToolError.withoutWords(name) }
    : failed(`tool ${name} failed: ${words}`)
}
