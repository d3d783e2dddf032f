/**
 * Work that a tool leaves behind.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import * as CallContext from "./CallContext.ts"
import { CurrentSession } from "./HandOver.ts"

/**
 * Starts work that outlives the tool and the answer, from the handler of a tool: `AgentSession.background`. It keeps the call
 * (`CallContext`), is interrupted when the session ends, and its failure is logged. Fails `invalid_config` outside of a session.
 *
 * @category operations
 * @since 0.1.0
 */
export const background = <R>(work: Effect.Effect<void, never, R>): Effect.Effect<void, BackendError, R> =>
  Effect.flatMap(CurrentSession, (session) =>
    session === undefined
      ? Effect.fail(
        new InvalidConfig({ op: "Agent.background", message: "cannot work in the background outside of a session" })
      )
      : Effect.flatMap(
        Effect.context<R>(),
        (context) => session.background(Effect.updateContext(work, CallContext.mergeContext(context)))
      ))
