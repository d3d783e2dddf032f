/**
 * The limits of what waits until the agent is silent: utterances to say, and typed turns to answer.
 *
 * @since 0.1.0
 */
import { SessionLimitExceeded } from "../BackendError.ts"
import type { State } from "../conversation/ConversationState.ts"

/**
 * The most utterances that may wait: 16.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX = 16

/**
 * Whether as many typed turns as may wait for the end of an uninterruptible reply.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isFullOfTexts = ({ queue }: State): boolean =>
  queue.filter((source) => source._tag === "Answer").length >= MAX

/**
 * The error for an utterance or a typed turn that does not fit.
 *
 * @category errors
 * @since 0.1.0
 */
export const full = (op: string): SessionLimitExceeded =>
  new SessionLimitExceeded({
    op,
    message: `utterance queue is full (${MAX})`,
    details: { reason: "queue_full" }
  })
