/**
 * Tools that a speech-to-speech model can call.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AgentError, type BackendError, describe, INTERNAL, isBackendError } from "../BackendError.ts"
import type { HistoryItem } from "../conversation/History.ts"
import * as Faults from "../schema/Faults.ts"

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
 * it. `run` is interrupted when the user interrupts the reply that called the tool.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tool<out R = never> {
  readonly name: string
  readonly description: string
  readonly parameters: { readonly [keyword: string]: unknown }
  /** Runs a call with the input that the model gave; its result goes to the model as JSON. */
  readonly run: (input: unknown, context: ToolContext) => Effect.Effect<unknown, BackendError, R>
}

/**
 * Makes a tool from a typed function. Input that does not match the schema fails `invalid_config` with the faults, which the
 * model receives. Any failure or defect of `run` becomes `agent_error`. The model receives the result as JSON; of a failure
 * the message, of a defect no more than that the tool failed: its text is for the log.
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
  return {
    name,
    description: tool.description,
    parameters: Schema.toJsonSchemaDocument(codec).schema,
    run: (input, context) =>
      Faults.decode(codec, input, { op: "Tool.run", what: `the input of tool ${name}`, at: [] }).pipe(
        Effect.flatMap((decoded) => tool.run(decoded, context)),
        Effect.catchCause((cause) => {
          if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
          const error = Cause.squash(cause)
          return Effect.fail(
            isBackendError(error) ? error : new AgentError({
              op: "Tool.run",
              message: `tool ${name} failed: ${describe(error)}`,
              details: { tool: name, ...(Cause.hasFails(cause) ? {} : { reason: INTERNAL }) },
              cause: error,
              retryable: false
            })
          )
        })
      )
  }
}
