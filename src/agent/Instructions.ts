/**
 * The instructions of a language model: a text, or a function of the call.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { AgentError } from "../BackendError.ts"
import * as AgentAnswer from "./AgentAnswer.ts"
import { CallContext } from "./CallContext.ts"

/**
 * A text, or a function that gives the text for a call, at once or as an effect.
 *
 * @category models
 * @since 0.1.0
 */
export type Instructions<R = never> = string | ((call: CallContext) => string | Effect.Effect<string, unknown, R>)

/**
 * The instructions for the present call. Whatever the function throws or fails with, it fails with; anything but a text fails
 * `agent_error`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const ask = <R>(instructions: Instructions<R> | undefined): Effect.Effect<string | undefined, unknown, R> =>
  typeof instructions === "function"
    ? Effect.flatMap(CallContext, (call) => {
      const given = instructions(call)
      return Effect.isEffect(given) ? Effect.flatMap(given, checked) : checked(given)
    })
    : Effect.succeed(instructions)

const checked = (given: unknown): Effect.Effect<string, AgentError> =>
  typeof given === "string"
    ? Effect.succeed(given)
    : AgentAnswer.refuse(given, "instructions that are a text, or an Effect of one")

/**
 * The agent's own instructions, and what the user's client adds to them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const join = (own: string | undefined, client: string | undefined): string | undefined =>
  own === undefined || own === "" ? client || own : client === undefined || client === "" ? own : `${own}\n\n${client}`
