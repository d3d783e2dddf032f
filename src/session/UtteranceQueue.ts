/**
 * How much may wait for the agent's silence: what it is to say, and typed turns that it is to answer.
 *
 * @since 0.1.0
 */
import { SessionLimitExceeded } from "../BackendError.ts"
import type { State } from "../conversation/ConversationState.ts"

/**
 * @category constants
 * @since 0.1.0
 */
export const MAX = 16

/**
 * Whether as many typed turns as may wait for the end of what nobody may talk over.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isFullOfTexts = ({ queue }: State): boolean =>
  queue.filter((source) => source._tag === "Answer").length >= MAX

/**
 * The refusal of what is too much.
 *
 * @category errors
 * @since 0.1.0
 */
export const full = (op: string): SessionLimitExceeded =>
  new SessionLimitExceeded({
    op,
    message: `${MAX} utterances wait to be said already`,
    details: { reason: "queue_full" }
  })
