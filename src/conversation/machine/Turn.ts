/**
 * The user's turn: begun, looked at, given more time, and completed into a question.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { asksNothing, echoes } from "./BargeIn.ts"
import { GRACE_MS, SAMPLES_PER_MS, type Step, wordsOf } from "./Step.ts"
import { sameWords } from "./Words.ts"

/** How long the turn detector may take before the turn goes on without it. */
const JUDGE_MS = 300

/**
 * Asks the agent ahead of the end of the turn, should its words be all.
 *
 * @category transitions
 * @since 0.1.0
 */
export const speculate = (draft: Step): void => {
  const { policy } = draft.options
  const { agent, heard, history, judged, lifecycle, speculation, turn, user } = draft.state
  const transcript = wordsOf(heard)
  if (
    !policy.speculation || draft.options.busy === true || !draft.options.textual ||
    draft.options.turnAuthority !== "own" ||
    transcript === ""
  ) return
  if (echoes(draft, transcript)) return
  if (lifecycle._tag !== "Open" || agent._tag !== "Silent" || user._tag !== "Paused") return
  if (speculation !== undefined && sameWords(speculation.transcript, transcript)) return
  const finished = !draft.options.detector ||
    (judged?.transcript === transcript && (judged.probability ?? 0) >= policy.endpointing.threshold)
  if (!finished) return
  draft.discard()
  const epoch = draft.state.epoch + 1
  draft.set({ epoch, speculation: { epoch, transcript, marks: {}, failed: false } })
  draft.commands.push({
    _tag: "Start",
    epoch,
    turn: turn + 1,
    source: { _tag: "Answer", transcript, kind: "speech" },
    history,
    speculative: true
  })
}

/**
 * Has the detector look at the words, unless it has.
 *
 * @category transitions
 * @since 0.1.0
 */
export const judge = (draft: Step): void => {
  const { heard, history, judged } = draft.state
  const transcript = wordsOf(heard)
  const asks = draft.options.detector && draft.options.turnAuthority === "own"
  if (!asks || transcript === "" || judged?.transcript === transcript) return
  const id = (judged?.id ?? 0) + 1
  draft.set({ judged: { id, transcript, probability: undefined } })
  const agentSaid = history.findLast((item) => item.role === "agent")?.text ?? ""
  draft.commands.push({ _tag: "Judge", id, transcript, agentSaid })
}

/**
 * Whether the detector takes the words for unfinished; `undefined` while it does not say.
 *
 * @category predicates
 * @since 0.1.0
 */
export const unfinished = (draft: Step): boolean | undefined => {
  const { heard, judged } = draft.state
  return judged?.transcript !== wordsOf(heard) || judged.probability === undefined
    ? undefined
    : judged.probability < draft.options.policy.endpointing.threshold
}

/**
 * The open turn is answered after `longestTurn`, however often it was thought to be over.
 *
 * @category transitions
 * @since 0.1.0
 */
export const bound = (draft: Step, sinceSample: number | undefined): void => {
  const since = draft.state.since ?? { sample: sinceSample, ms: draft.atMs }
  draft.set({ since })
  if (draft.state.timers.longest !== undefined) return
  const ms = Duration.toMillis(draft.options.policy.longestTurn)
  const atSample = since.sample === undefined ? undefined : since.sample + ms * SAMPLES_PER_MS
  draft.setTimer("longest", atSample, Math.max(0, since.ms + ms - draft.atMs) + GRACE_MS)
}

/**
 * The user speaks since a sample, but not for ever from now on. `late`: the sample was long ago.
 *
 * @category transitions
 * @since 0.1.0
 */
export const speaking = (draft: Step, sinceSample: number, late = false): void => {
  draft.set({ user: { _tag: "Speaking", sinceSample } })
  bound(draft, late ? undefined : sinceSample)
  const { heard, timers } = draft.state
  if (!draft.options.textual || !draft.options.interims || timers.noise !== undefined || wordsOf(heard) !== "") return
  const ms = Duration.toMillis(draft.options.policy.longestNoise)
  draft.setTimer("noise", late ? undefined : sinceSample + ms * SAMPLES_PER_MS, ms + GRACE_MS)
}

/**
 * The user does not make a sound any more, or nobody waits for the end of it.
 *
 * @category transitions
 * @since 0.1.0
 */
export const stopped = (draft: Step): void => {
  const { user } = draft.state
  if (user._tag === "Speaking" || user._tag === "Noise" || (user._tag === "Finalizing" && user.still)) {
    draft.emit({ type: "user.speech_stopped" })
  }
}

/**
 * The turn sounds unfinished: the user gets until `maxSilence`.
 *
 * @category transitions
 * @since 0.1.0
 */
export const extend = (draft: Step, atSample: number): void => {
  const maxMs = Duration.toMillis(draft.options.policy.endpointing.maxSilence)
  const start = draft.state.marks?.start ?? draft.atMs
  draft.discard()
  draft.set({ user: { _tag: "Paused", atSample, extended: true } })
  draft.setTimer("endpoint", atSample + maxMs * SAMPLES_PER_MS, maxMs - (draft.atMs - start) + GRACE_MS)
  bound(draft, atSample)
}

/**
 * Whether an unfinished turn may get more time: once.
 *
 * @category predicates
 * @since 0.1.0
 */
export const mayExtend = (draft: Step): boolean => {
  const { user } = draft.state
  return draft.options.detector && draft.options.turnAuthority === "own" &&
    (user._tag === "Finalizing" || user._tag === "Paused") && !user.extended
}

/** An unfinished turn gets more time; a turn that nobody has looked at waits for the detector, briefly. */
const waitsForJudgement = (draft: Step): boolean => {
  const { lifecycle, user } = draft.state
  if (!mayExtend(draft) || lifecycle._tag !== "Open" || user._tag !== "Finalizing" || user.still) return false
  const waits = unfinished(draft)
  if (waits === undefined) {
    judge(draft)
    draft.set({ user: { ...user, awaits: "judgement" } })
    draft.setTimer("finalize", undefined, JUDGE_MS)
    return true
  }
  if (waits) extend(draft, user.untilSample)
  return waits
}

/** What was said while the agent had the word was nothing to answer. */
const dropAside = (draft: Step, words: string): void => {
  if (words !== "") draft.emit({ type: "user.backchannel", text: words })
  draft.discard()
  draft.set({
    user: { _tag: "Quiet" },
    heard: { finals: "", interim: "" },
    since: undefined,
    marks: undefined,
    judged: undefined,
    over: ""
  })
  draft.release()
}

/**
 * The open turn is over: its words, if any, become a question. `judged`: the detector has had its say. Returns the
 * question, when the agent is asked.
 *
 * @category transitions
 * @since 0.1.0
 */
export const complete = (draft: Step, judged = false): string | undefined => {
  const { agent, heard, lifecycle, user } = draft.state
  for (const name of ["endpoint", "finalize", "longest", "noise"] as const) draft.cancelTimer(name)
  const words = wordsOf(heard)
  // a conversation that is ending does not listen on
  const still = user._tag === "Finalizing" && user.still && lifecycle._tag === "Open"
  // a recogniser may take a turn for complete that is still being spoken
  if (!still) stopped(draft)
  // a model asks itself
  const nothing = draft.options.turnAuthority === "remote" || (draft.options.textual && words === "")
  const busy = agent._tag === "Active" || agent._tag === "Held"
  if (draft.options.textual && !still && asksNothing(draft, words)) {
    dropAside(draft, words)
    return undefined
  }
  if (!nothing && busy && !draft.mayInterrupt) {
    draft.release()
    draft.set({ since: undefined })
    if (still) speaking(draft, user.untilSample)
    else draft.set({ user: { _tag: "Waiting" } })
    return undefined
  }
  if (!nothing && !judged && waitsForJudgement(draft)) return undefined
  if (!nothing && busy && agent.reply.audibleAt === undefined) draft.withdraw(agent.reply)
  const { marks } = draft.state
  const transcript = draft.options.textual ? wordsOf(draft.state.heard) : ""
  draft.set({
    user: { _tag: "Quiet" },
    heard: draft.options.textual ? { finals: "", interim: "" } : heard,
    since: undefined,
    marks: undefined,
    judged: undefined,
    over: ""
  })
  if (still) speaking(draft, user.untilSample)
  if (nothing) {
    draft.discard()
    return undefined
  }
  draft.ask(
    { _tag: "Answer", transcript, kind: "speech" },
    marks === undefined ? undefined : {
      ...marks,
      transcript: draft.options.textual ? draft.atMs : undefined
    }
  )
  return transcript
}

/**
 * The user has typed a turn. It cuts the agent off, unless nobody may talk over it; then it is answered after it, and
 * after what was said before.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onText = (draft: Step, transcript: string): void => {
  const { agent, heard, lifecycle, user } = draft.state
  if (lifecycle._tag !== "Open" || transcript === "") return
  draft.set({ away: false })
  if (user._tag === "Waiting" && (agent._tag === "Active" || agent._tag === "Held") && wordsOf(heard) !== "") {
    draft.set({ user: { _tag: "Quiet" }, heard: { finals: "", interim: "" }, marks: undefined, judged: undefined })
    draft.ask({ _tag: "Answer", transcript: wordsOf(heard), kind: "speech" }, undefined)
  }
  draft.ask({ _tag: "Answer", transcript, kind: "text" }, { start: draft.atMs })
}

/**
 * The turn seems over: ask for its final words. `longest`: it is, however it sounds.
 *
 * @category transitions
 * @since 0.1.0
 */
export const finalize = (draft: Step, untilSample: number, still: boolean, longest = false): void => {
  const { user } = draft.state
  draft.cancelTimer("endpoint")
  draft.cancelTimer("longest")
  draft.cancelTimer("noise")
  draft.set({ marks: { start: draft.atMs, ...draft.state.marks, endpointing: draft.atMs } })
  const id = draft.state.finalizeId + 1
  const extended = longest || (user._tag === "Paused" && user.extended)
  draft.set({ finalizeId: id, user: { _tag: "Finalizing", id, untilSample, still, extended, awaits: "words" } })
  if (draft.options.turnAuthority !== "remote" && !draft.options.textual) {
    complete(draft)
    return
  }
  draft.setTimer("finalize", undefined, draft.options.finalizeTimeoutMs)
  // a model that decides turns is not asked for words: its answer is awaited
  if (draft.options.turnAuthority !== "remote") draft.commands.push({ _tag: "Finalize", id, untilSample })
}
