/**
 * Hands a session over from one agent to another.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { CurrentSession } from "./CurrentSession.ts"

/**
 * Hands the session over to another agent of the `AgentRegistry`, from the handler of a tool of `fromLanguageModel`. The new
 * agent continues the present turn, unless that was interrupted, and answers the following ones. Fails `invalid_config` for
 * an unknown agent, outside of a session, and after four hand-overs in a turn.
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
 *   description: "Hands the user over to the billing assistant",
 *   success: Schema.String,
 *   failure: Schema.String
 * })
 *
 * export const toolkit = Toolkit.make(Billing)
 * export const handlers = toolkit.toLayer({
 *   billing: () => Agent.handOver("billing").pipe(Effect.as("handed over"), Effect.mapError(({ message }) => message))
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
          message: "cannot hand over outside of a session",
          details: { agent: name }
        })
      )
      : Effect.asVoid(session.handOver(name)))
