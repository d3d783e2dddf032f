/**
 * The limits of what waits until the agent is silent: utterances to say, and typed turns to answer.
 *
 * @since 0.1.0
 */
import { SessionLimitExceeded } from "../BackendError.ts"
import type { ReplySource, State } from "../conversation/ConversationState.ts"
import * as History from "../conversation/History.ts"
import * as JsonBytes from "../schema/JsonBytes.ts"

/**
 * The most utterances that may wait: 16.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX = 16

/**
 * The most text of utterances that may wait, in bytes of JSON: 128 KiB, which is stored with each snapshot.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BYTES = 131_072

/** The text of what waits for an answer, or to be said, with one more, in bytes of JSON. */
const bytesOf = (queue: ReadonlyArray<ReplySource>, text: string): number => {
  let bytes = JsonBytes.lengthOf(text)
  for (const source of queue) {
    if (source._tag === "Answer") bytes += JsonBytes.lengthOf(source.transcript) + 1
    if (source._tag === "Text") bytes += JsonBytes.lengthOf(source.text) + 1
  }
  return bytes
}

/**
 * Whether one more utterance does not fit: 16 wait, or its text makes the texts that wait too long. `text` is empty for audio.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isFull = ({ queue }: State, text: string): boolean =>
  queue.length >= MAX || (text !== "" && bytesOf(queue, text) > MAX_BYTES)

/**
 * Whether one more typed turn does not fit: 16 wait for the end of an uninterruptible reply, or it makes the one question that
 * they become too long.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isFullOfTexts = ({ queue }: State, text: string): boolean => {
  const answers = queue.filter((source) => source._tag === "Answer")
  return answers.length >= MAX || (answers.length > 0 && bytesOf(answers, text) > History.MAX_TEXT_BYTES)
}

/**
 * The error for an utterance or a typed turn that does not fit.
 *
 * @category errors
 * @since 0.1.0
 */
export const full = (op: string): SessionLimitExceeded =>
  new SessionLimitExceeded({
    op,
    message: `utterance queue is full (${MAX} utterances, or ${MAX_BYTES / 1_024} KiB of text)`,
    details: { reason: "queue_full" }
  })
