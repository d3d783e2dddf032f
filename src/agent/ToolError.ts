/**
 * The words of a failed tool that its model may read.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Schema from "effect/Schema"

/**
 * A failure of a tool in words for the model: `yield* new ToolError({ message: "There is no table at eight." })`. Of any other
 * error the model learns only that the tool failed, as its text may come from a library; the log has its cause. A failure that
 * is a text counts as words for the model, too, and so does one that the tool of an `effect/ai` toolkit declares (`failure`).
 *
 * **Example** (A tool that says why it failed)
 *
 * ```ts
 * import { Agent } from "effect-voice"
 * import { Tool, Toolkit } from "effect/ai"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const Book = Tool.make("book", {
 *   description: "Books a table",
 *   parameters: Schema.Struct({ at: Schema.String }),
 *   success: Schema.String,
 *   failure: Agent.ToolError
 * })
 *
 * export const toolkit = Toolkit.make(Book)
 * export const handlers = toolkit.toLayer({
 *   book: ({ at }) =>
 *     at === "20:00"
 *       ? Effect.fail(new Agent.ToolError({ message: "There is no table at eight." }))
 *       : Effect.succeed(`booked for ${at}`)
 * })
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class ToolError extends Schema.TaggedError<ToolError>()("ToolError", { message: Schema.String }) {}

/**
 * The words for the model in the failure of a tool; `undefined` if it has none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const wordsOf = (cause: Cause.Cause<unknown>): string | undefined => {
  if (!Cause.hasFails(cause)) return undefined
  const error = Cause.squash(cause)
  return typeof error === "string" ? error : error instanceof ToolError ? error.message : undefined
}

/**
 * What a model is told of a tool that failed without words for it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const withoutWords = (name: string): { readonly error: string; readonly code: string } => ({
  error: `tool ${name} failed`,
  code: "tool_failed"
})
