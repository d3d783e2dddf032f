/**
 * The transcripts that a recogniser still owes for turns which were completed without them.
 *
 * @since 0.1.0
 */
import type { AwaitedTranscript } from "../ConversationState.ts"
import type { Step } from "./Step.ts"

/** Transcripts of at most this many turns are awaited. */
const MAX_AWAITED = 8

/**
 * Adds one that is awaited; the oldest of too many is given up.
 *
 * @category transitions
 * @since 0.1.0
 */
export const addAwaited = (step: Step, awaited: AwaitedTranscript): void =>
  step.set({ awaitedTranscripts: [...step.state.awaitedTranscripts, awaited].slice(-MAX_AWAITED) })

/**
 * A turn was completed with `usedText`, before the `Finalize` command `id` was answered: waits for its transcript.
 *
 * @category transitions
 * @since 0.1.0
 */
export const awaitTranscript = (
  step: Step,
  id: number,
  usedText: string,
  question: string | undefined
): void => {
  addAwaited(step, { id, usedText, question, lateText: "" })
  // a stream that leaves it unanswered would otherwise be followed by one that hears the same utterance again
  if (usedText !== "") step.commands.push({ _tag: "Abandon", id })
}
