/**
 * Tools that a speech-to-speech model can call.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AgentError, type BackendError, describe, INTERNAL, InvalidConfig } from "../BackendError.ts"
import type { HistoryItem } from "../conversation/History.ts"
import * as Faults from "../schema/Faults.ts"
import { ToolError } from "./ToolError.ts"

export { ToolError } from "./ToolError.ts"

/**
 * The session and turn in which a tool is called.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolContext {
  readonly sessionId: string
  readonly userId: string
  readonly turn: number
  readonly history: ReadonlyArray<HistoryItem>
  readonly metadata: { readonly [key: string]: unknown }
}

/**
 * A tool. `parameters` is the JSON Schema of its input. The input comes from a model and can be anything, so `run` must check
 * it. `run` is interrupted when the user interrupts the reply that called the tool. The model reads the message of a
 * `ToolError`; of any other failure it learns only that the tool failed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tool<out R = never> {
  readonly name: string
  readonly description: string
  readonly parameters: { readonly [keyword: string]: unknown }
  /** Runs a call with the input that the model gave; its result goes to the model as JSON. */
  readonly run: (input: unknown, context: ToolContext) => Effect.Effect<unknown, BackendError | ToolError, R>
}

/** The faults of an input, which its model may read. */
const inputFaults = new WeakSet<InvalidConfig>()

/**
 * Whether an error says what is wrong with the input that the model wrote.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isInputFault = (error: unknown): error is InvalidConfig =>
  error instanceof InvalidConfig && inputFaults.has(error)

/**
 * Makes a tool from a typed function. Input that does not match the schema fails `invalid_config` with the faults, which the
 * model receives, as it does the result, as JSON. Of a failure of `run` it reads a text or the message of a `ToolError`, and of
 * any other failure or defect no more than that the tool failed: that becomes `agent_error`, and its text is for the log.
 *
 * **Example** (A look-up)
 *
 * ```ts
 * import { Tool } from "effect-voice"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * export const weather = Tool.make({
 *   name: "weather",
 *   description: "The weather in a city now",
 *   input: Schema.Struct({ city: Schema.String }),
 *   run: ({ city }) => Effect.succeed({ city, sky: "clear" })
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Input, E, R = never>(tool: {
  readonly name: string
  readonly description: string
  readonly input: Schema.Codec<Input, unknown>
  readonly run: (input: Input, context: ToolContext) => Effect.Effect<unknown, E, R>
}): Tool<R> => {
  const { name } = tool
  const codec = Schema.toCodecJson(tool.input)
  const failure = (cause: Cause.Cause<E>): Effect.Effect<never, BackendError | ToolError> => {
    if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
    const error = Cause.squash(cause)
    if (error instanceof ToolError) return Effect.fail(error)
    if (typeof error === "string" && Cause.hasFails(cause)) return Effect.fail(new ToolError({ message: error }))
    return Effect.fail(
      new AgentError({
        op: "Tool.run",
        message: `tool ${name} failed: ${describe(error)}`,
        details: { tool: name, reason: INTERNAL },
        cause: error,
        retryable: false
      })
    )
  }
  return {
    name,
    description: tool.description,
    parameters: Schema.toJsonSchemaDocument(codec).schema,
    run: (input, context) =>
      Faults.decode(codec, input, { op: "Tool.run", what: `the input of tool ${name}`, at: [] }).pipe(
        Effect.tapError((error) => Effect.sync(() => inputFaults.add(error))),
        Effect.flatMap((decoded) => Effect.catchCause(tool.run(decoded, context), failure))
      )
  }
}
