/**
 * What a speech-to-speech model may call while it speaks.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AgentError, type BackendError, describe, isBackendError } from "../BackendError.ts"
import type { HistoryItem } from "../conversation/History.ts"
import * as Faults from "../schema/Faults.ts"

/**
 * In which turn of which session a tool is called.
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
 * A tool by its name. `parameters` is the JSON Schema of its input. The input comes from a model: `run` takes anything,
 * and fails on what it cannot use. It is interrupted when the user interrupts the reply that called it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tool<out R = never> {
  readonly name: string
  readonly description: string
  readonly parameters: { readonly [keyword: string]: unknown }
  readonly run: (input: unknown, context: ToolContext) => Effect.Effect<unknown, BackendError, R>
}

/**
 * Makes a tool of a typed function. Input that does not fit its schema fails `invalid_config` with the faults, which the
 * model is told; any failure or defect of `run` becomes `agent_error`. What it gives is told to the model as JSON.
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
      Faults.decode(codec, input, { op: "Tool.run", what: `the input of the tool ${name}`, at: [] }).pipe(
        Effect.flatMap((decoded) => tool.run(decoded, context)),
        Effect.catchCause((cause) => {
          if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
          const error = Cause.squash(cause)
          return Effect.fail(
            isBackendError(error) ? error : new AgentError({
              op: "Tool.run",
              message: `the tool ${name} failed: ${describe(error)}`,
              details: { tool: name },
              cause: error,
              retryable: false
            })
          )
        })
      )
  }
}
