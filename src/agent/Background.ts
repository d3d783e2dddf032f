/**
 * Work that a tool leaves behind.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { AgentError, type BackendError, InvalidConfig } from "../BackendError.ts"
import type { AgentSession } from "./Agent.ts"
import * as CallContext from "./CallContext.ts"
import { CurrentSession } from "./CurrentSession.ts"

/**
 * Starts work that outlives the tool and the answer, from the handler of a tool: `AgentSession.background`. It keeps the call
 * (`CallContext`), is interrupted when the session ends, and its failure is logged. Fails `invalid_config` outside of a session,
 * and `agent_error` where 256 works of the session run already.
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

/** Works of one session that run at once: more than any application leaves, and few enough for a call that lasts a day. */
const MAX_RUNNING = 256

const counts = new WeakMap<AgentSession, { running: number }>()

/**
 * The `background` of a session for the handlers of its tools, which may leave only so much.
 *
 * @category constructors
 * @since 0.1.0
 */
export const limited = (session: AgentSession) => {
  const count = counts.get(session) ?? { running: 0 }
  counts.set(session, count)
  return (work: Effect.Effect<void>): Effect.Effect<void, AgentError> =>
    Effect.suspend(() => {
      if (count.running >= MAX_RUNNING) {
        return Effect.fail(
          new AgentError({
            op: "Agent.background",
            message: `${MAX_RUNNING} works of this session run in the background already`,
            retryable: false
          })
        )
      }
      count.running++
      return session.background(Effect.ensuring(work, Effect.sync(() => void count.running--)))
    })
}
