/**
 * What the engine of a language model adds to each prompt by itself.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * The estimated tokens of the instructions in an engine's options, which are part of each prompt's budget.
 *
 * @category references
 * @since 0.1.0
 */
export const EngineInstructions = Context.Reference<{ readonly tokens: number }>(
  "effect-voice/agent/EngineInstructions",
  { defaultValue: () => ({ tokens: 0 }) }
)
