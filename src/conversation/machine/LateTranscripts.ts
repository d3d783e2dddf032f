/**
 * Final words that come when the turn they belong to has gone on without them.
 *
 * They are never glued in front of what the user says next, unless nobody has been asked yet: a question that is not
 * answered is asked when its words are there, and who has heard nothing of the answer to half of it gets one to the whole.
 *
 * @since 0.1.0
 */
import type { AwaitedTranscript, User } from "../ConversationState.ts"
import { type Step, wordsOf } from "./Step.ts"
import { complete } from "./Turn.ts"
import { join, sameWords } from "./Words.ts"

/** More than this many turns are not waited for. */
const MAX_OWED = 8

/**
 * The final words have not come in time: the turn goes on with what there is.
 *
 * @category transitions
 * @since 0.1.0
 */
export const giveUp = (draft: Step, { awaits, id }: Extract<User, { readonly _tag: "Finalizing" }>): void => {
  const words = wordsOf(draft.state.heard)
  const asked = complete(draft, true)
  // a turn that waits for the agent's end keeps its words open
  if (awaits !== "words" || !draft.options.textual || draft.state.user._tag === "Waiting") return
  draft.set({ owed: [...draft.state.owed, { id, words, asked, late: "" }].slice(-MAX_OWED) })
}

/**
 * Whether final words belong to a turn that went on with others; they are kept then. The recogniser tells everything in
 * its order.
 *
 * @category transitions
 * @since 0.1.0
 */
export const takeLate = (draft: Step, words: string): boolean => {
  const { heard, owed: [first, ...others] } = draft.state
  if (first === undefined || first.words === "") return false
  draft.set({
    owed: [{ ...first, late: join(first.late, words) }, ...others],
    // an early form of them may be among the words of the open turn; what is not, is told again
    heard: { finals: heard.finals, interim: "" }
  })
  return true
}

/** The words are all there: what becomes of them? */
const settle = (draft: Step, { asked, late, words }: AwaitedTranscript): void => {
  const { agent, heard, lifecycle, user } = draft.state
  if (words !== "" && (late === "" || sameWords(late, words))) return
  const free = lifecycle._tag === "Open" && user._tag === "Quiet"
  if (asked === undefined) {
    // nobody has answered: they belong to the open turn, or are one
    draft.set({ heard: { finals: join(late, heard.finals), interim: heard.interim } })
    if (free && wordsOf(draft.state.heard) !== "") complete(draft, true)
    return
  }
  if (!free || agent._tag !== "Active") return
  const { reply } = agent
  if (reply.audibleAt !== undefined || reply.source._tag !== "Answer" || reply.source.transcript !== asked) return
  const transcript = join(asked.slice(0, asked.length - words.length), late)
  draft.withdraw(reply)
  draft.set({ heard })
  draft.ask(
    { _tag: "Answer", transcript, kind: "speech" },
    reply.marks === undefined ? undefined : {
      start: reply.marks.start,
      vad: reply.marks.vad,
      endpointing: reply.marks.endpointing,
      transcript: draft.atMs
    }
  )
}

/**
 * The recogniser has told everything up to an answer.
 *
 * @category transitions
 * @since 0.1.0
 */
export const settleLate = (draft: Step, id: number): void => {
  const { finalizeId, owed } = draft.state
  if (owed.length === 0 || id > finalizeId) return
  draft.set({ owed: owed.filter((other) => other.id > id) })
  for (const due of owed) {
    if (due.id > id) return
    // an answer that was left out tells nothing of whose words they were: none is lost
    settle(draft, due.id < id ? { ...due, words: "", asked: undefined } : due)
  }
}
