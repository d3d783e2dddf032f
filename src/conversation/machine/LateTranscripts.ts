/**
 * Final transcripts that arrive after their turn was completed without them.
 *
 * They are not put in front of what the user says next, unless the agent has not been asked yet. If the agent was asked
 * nothing, it is asked when the transcript arrives. If it was asked only a part, and nothing of the answer was audible, the
 * answer is replaced by one to the whole.
 *
 * @since 0.1.0
 */
import type { AwaitedTranscript, User } from "../ConversationState.ts"
import { awaitTranscript } from "./AwaitedTranscripts.ts"
import { requestAnswer, withdrawQuestion } from "./ReplyControl.ts"
import type { Step } from "./Step.ts"
import { joinTexts, sameWords, withoutBeginning } from "./TranscriptText.ts"
import { completeTurn } from "./Turn.ts"

/**
 * The final transcript has not come in time: completes the turn with the text so far, and keeps waiting for the rest.
 *
 * @category transitions
 * @since 0.1.0
 */
export const completeWithoutTranscript = (
  step: Step,
  { awaits, id }: Extract<User, { readonly _tag: "Finalizing" }>
): void => {
  const usedText = step.openText
  const question = completeTurn(step, true)
  if (awaits !== "transcript" || !step.options.transcriptBased) return
  // a turn that waits for the end of the agent's speech still takes final transcripts itself
  if (step.state.user._tag === "Waiting") step.set({ user: { _tag: "Waiting", owed: id } })
  else awaitTranscript(step, id, usedText, question)
}

/**
 * The agent has ended what it may not be interrupted in: completes the turn that waited, again, because its transcript may
 * have been taken back meanwhile.
 *
 * @category transitions
 * @since 0.1.0
 */
export const completeWaitingTurn = (step: Step, { owed }: Extract<User, { readonly _tag: "Waiting" }>): void => {
  const usedText = step.openText
  const question = completeTurn(step)
  if (owed !== undefined) awaitTranscript(step, owed, usedText, question)
}

/** Whether the words that come are of a turn that was dropped. */
const isDropped = ({ atMs }: Step, { droppedUntilMs }: AwaitedTranscript): boolean =>
  droppedUntilMs !== undefined && atMs <= droppedUntilMs

/**
 * What of an interim transcript belongs to the open turn: a recogniser that owes the final transcript of an earlier turn sends
 * that turn's words again in front of it. Without a sound of the user they are all of the earlier turn.
 *
 * @category transitions
 * @since 0.1.0
 */
export const ofOpenTurn = (step: Step, interim: string): string => {
  const { awaitedTranscripts, user } = step.state
  if (awaitedTranscripts.some((awaited) => isDropped(step, awaited))) return ""
  const earlier = joinTexts(...awaitedTranscripts.map(({ lateText, usedText }) => lateText === "" ? usedText : ""))
  if (earlier === "") return interim
  return user._tag === "Quiet" ? "" : withoutBeginning(interim, earlier)
}

/**
 * Keeps a final transcript that belongs to a turn completed without it. Recognisers send transcripts in order, so it
 * belongs to the first turn that waits. Returns false if it belongs to the open turn.
 *
 * @category transitions
 * @since 0.1.0
 */
export const keepLateTranscript = (step: Step, text: string): boolean => {
  const { openTranscript } = step.state
  const [first, ...others] = step.state.awaitedTranscripts.filter((awaited) =>
    awaited.droppedUntilMs === undefined || isDropped(step, awaited)
  )
  if (first === undefined || (first.usedText === "" && first.droppedUntilMs === undefined)) return false
  step.set({
    awaitedTranscripts: [{ ...first, lateText: joinTexts(first.lateText, text) }, ...others],
    // the interim transcript may contain an early form of this text; what belongs to the open turn is sent again
    openTranscript: { finals: openTranscript.finals, interim: "" }
  })
  return true
}

/** Uses a transcript that is now complete. */
const applyLateTranscript = (step: Step, awaited: AwaitedTranscript): void => {
  const { lateText, question, usedText } = awaited
  const { agent, lifecycle, openTranscript, user } = step.state
  if (awaited.droppedUntilMs !== undefined) return
  if (usedText !== "" && (lateText === "" || sameWords(lateText, usedText))) return
  const idle = lifecycle._tag === "Open" && user._tag === "Quiet"
  if (question === undefined) {
    // the agent was not asked: the text joins the open turn, or is a turn of its own
    step.set({
      openTranscript: { finals: joinTexts(lateText, openTranscript.finals), interim: openTranscript.interim }
    })
    if (idle && step.openText !== "") completeTurn(step, true)
    return
  }
  if (!idle || agent._tag !== "Active") return
  const { reply } = agent
  if (reply.audibleAt !== undefined || reply.source._tag !== "Answer" || reply.source.transcript !== question) return
  // a question that was told as a part of the history stays as it was told
  if (reply.source.asked === true) return
  const transcript = joinTexts(question.slice(0, question.length - usedText.length), lateText)
  withdrawQuestion(step, reply)
  step.set({ openTranscript })
  requestAnswer(
    step,
    { _tag: "Answer", transcript, kind: "speech" },
    reply.timestamps === undefined ? undefined : {
      start: reply.timestamps.start,
      vad: reply.timestamps.vad,
      endpointing: reply.timestamps.endpointing,
      transcript: step.atMs
    }
  )
}

/**
 * The recogniser has sent every transcript up to the `Finalize` command `id`: uses those that were late.
 *
 * @category transitions
 * @since 0.1.0
 */
export const applyLateTranscripts = (step: Step, id: number): void => {
  const { awaitedTranscripts, finalizeId } = step.state
  if (awaitedTranscripts.length === 0 || id > finalizeId) return
  step.set({ awaitedTranscripts: awaitedTranscripts.filter((other) => other.id > id) })
  for (const awaited of awaitedTranscripts) {
    if (awaited.id > id) return
    // an answer for a later turn only: what follows the words that were used is new text
    const lateText = withoutBeginning(awaited.lateText, awaited.usedText)
    applyLateTranscript(step, awaited.id < id ? { ...awaited, lateText, usedText: "", question: undefined } : awaited)
  }
}
