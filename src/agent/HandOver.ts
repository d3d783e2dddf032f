/**
 * What a session is to its agent, beyond the turn: room for work that outlives an answer, who is told of it, and who
 * answers next.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import type { Agent } from "./Agent.ts"

/**
 * The session for which a tool runs, in its handler.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentSession = Context.Reference<
  { readonly handOver: (name: string) => Effect.Effect<Agent, BackendError> } | undefined
>("effect-voice/agent/CurrentSession", { defaultValue: () => undefined })

/**
 * Hands the session over to another agent of the `AgentRegistry`, out of a handler of a tool of `fromLanguageModel`: the
 * new agent goes on with this turn, when it has not been interrupted, and answers those that follow. Fails
 * `invalid_config` when there is no such agent, outside of a session, and more than four times in a turn.
 *
 * **Example** (A tool that hands over)
 *
 * ```ts
 * import { Agent } from "effect-voice"
 * import { Tool, Toolkit } from "effect/ai"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const Billing = Tool.make("billing", {
 *   description: "Hands the user over to the colleague who knows of bills",
 *   success: Schema.String
 * })
 *
 * export const toolkit = Toolkit.make(Billing)
 * export const handlers = toolkit.toLayer({
 *   billing: () => Agent.handOver("billing").pipe(Effect.as("handed over"), Effect.orDie)
 * })
 * export const reception = Agent.fromLanguageModel({ name: "reception", toolkit })
 * ```
 *
 * @category operations
 * @since 0.1.0
 */
export const handOver = (name: string): Effect.Effect<void, BackendError> =>
  Effect.flatMap(CurrentSession, (session) =>
    session === undefined
      ? Effect.fail(
        new InvalidConfig({
          op: "Agent.handOver",
          message: "there is no session to hand over",
          details: { agent: name }
        })
      )
      : Effect.asVoid(session.handOver(name)))
