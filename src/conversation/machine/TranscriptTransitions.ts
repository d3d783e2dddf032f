/**
 * The transitions of transcripts, of the recogniser's end-of-turn events, and of the turn detector's predictions.
 *
 * @since 0.1.0
 */
import type { TimedInput } from "../ConversationInput.ts"
import * as History from "../History.ts"
import { awaitsMoreWords, beganAtQuestionEnd, interruptionNeedsText, textInterrupts } from "./BargeIn.ts"
import { onPauseHeard, STT_FALLBACK_MS } from "./Endpointing.ts"
import { requestPrediction } from "./EndPrediction.ts"
import { applyLateTranscripts, keepLateTranscript, ofOpenTurn } from "./LateTranscripts.ts"
import { interruptReply, lacksTranscript, resumeReply } from "./ReplyControl.ts"
import type { Step } from "./Step.ts"
import { joinTexts, sameWords } from "./TranscriptText.ts"
import { completeTurn, limitTurnLength, startSpeaking, startSpeculation } from "./Turn.ts"

/**
 * A recogniser that decides turns sent a transcript for which no voice activity was detected: a soft voice, or a user who
 * continues a turn that the recogniser had ended. It opens a turn, so that it can interrupt and its end is bounded.
 */
const openSilentTurn = (step: Step): void => {
  step.set({
    userAway: false,
    user: { _tag: "Paused", atSample: undefined, extended: false },
    speechMs: undefined,
    answersQuestion: beganAtQuestionEnd(step, 0)
  })
  step.setTimer("endpoint", undefined, STT_FALLBACK_MS)
  limitTurnLength(step, undefined)
}

/** The recogniser has sent a transcript of the open turn, in a pipeline that needs transcripts. The same one is told once. */
const onOpenTranscript = (step: Step, isNew: boolean): void => {
  const { agent, lifecycle, turn, user } = step.state
  const text = step.openText
  // what is collected may be secret
  if (isNew && step.options.collecting !== true) {
    step.emit({ type: "user.transcript", turn: turn + 1, text, final: false })
  }
  if (text !== "") step.cancelTimer("noise")
  if (user._tag === "Noise" && text !== "") {
    // what was taken for noise is speech
    step.set({ userAway: false })
    startSpeaking(step, user.sinceSample, true)
  }
  const withoutActivity = (user._tag === "Quiet" && lifecycle._tag === "Open") ||
    (user._tag === "Paused" && user.atSample === undefined)
  if (step.options.turnAuthority === "stt" && !step.manual && text !== "" && withoutActivity) openSilentTurn(step)
  // a turn that the client ends is paused without being told so, and only a sound holds the agent
  const isPaused = step.state.user._tag === "Paused" ||
    (step.manual && step.state.user._tag === "Quiet" && agent._tag === "Held")
  const isSpeaking = step.state.user._tag === "Speaking" || (isPaused && withoutActivity)
  const overAgent = agent._tag === "Held" || (agent._tag === "Active" && agent.reply.audibleAt !== undefined)
  if (overAgent && (isSpeaking || isPaused) && step.interruptible && interruptionNeedsText(step)) {
    // the first words of an echo or a backchannel look like any others: the next ones decide
    if (awaitsMoreWords(step)) return
    if (textInterrupts(step)) interruptReply(step)
    else if (!isSpeaking) resumeReply(step)
  }
  if (!isPaused || step.manual) return
  requestPrediction(step)
  startSpeculation(step)
}

/**
 * An interim or final transcript.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onTranscript = (step: Step, transcript: string, final: boolean): void => {
  const { lastFinal, openTranscript } = step.state
  const { transcriptBased } = step.options
  const text = transcriptBased && !final ? ofOpenTurn(step, transcript.trim()) : transcript.trim()
  if (transcriptBased && final) {
    // an empty one says nothing about the interim words, and the same one again says nothing new
    if (text === "" || (lastFinal !== "" && sameWords(lastFinal, text))) return
    step.set({ lastFinal: text })
  }
  const isFull = History.isCut(openTranscript.finals)
  const next = final
    ? { finals: isFull ? openTranscript.finals : joinTexts(openTranscript.finals, text), interim: "" }
    : { finals: openTranscript.finals, interim: text }
  if (text === "" && next.interim === openTranscript.interim) return
  const isNew = final || text !== openTranscript.interim
  if (!isFull && History.isCut(next.finals)) step.emitCut()
  if (transcriptBased) {
    if (!final) step.set({ lastFinal: "" })
    if (final && keepLateTranscript(step, text)) return
    step.set({ openTranscript: next })
    onOpenTranscript(step, isNew)
    return
  }
  step.set({ openTranscript: next })
  // a model may send the transcript during or after its reply: it belongs to the turn of that reply
  const { agent, turn, unreportedTurn } = step.state
  const ofTurn = agent._tag !== "Silent" && lacksTranscript(agent.reply.source)
    ? agent.reply.turn
    : unreportedTurn ?? turn + 1
  if (final) step.set({ openTranscript: { finals: "", interim: "" }, unreportedTurn: undefined })
  if (final && text === "") return
  if (isNew) step.emit({ type: "user.transcript", turn: ofTurn, text: joinTexts(next.finals, next.interim), final })
  if (!final) return
  step.append({ role: "user", turn: ofTurn, kind: "speech", text, interrupted: false }, step.atMs)
}

/**
 * The recogniser has sent the whole transcript that the `Finalize` command `id` asked for.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onFinalized = (step: Step, id: number): void => {
  applyLateTranscripts(step, id)
  const { user } = step.state
  if (user._tag === "Finalizing" && user.awaits === "transcript" && user.id === id) completeTurn(step)
  if (user._tag === "Waiting" && user.owed !== undefined && user.owed <= id) step.set({ user: { _tag: "Waiting" } })
}

/**
 * The recogniser has ended the turn; ignored unless it is the turn authority.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onEndOfTurn = (step: Step): void => {
  const { lifecycle, timestamps, user } = step.state
  if (step.options.turnAuthority !== "stt" || step.manual || lifecycle._tag === "New") return
  const isQuiet = user._tag === "Quiet" || user._tag === "Noise"
  // a draining conversation takes no new turn; without a transcript, the event is about an earlier turn
  if ((lifecycle._tag === "Draining" && isQuiet) || (step.openText === "" && user._tag === "Speaking")) return
  step.set({ timestamps: { start: step.atMs, ...timestamps, endpointing: step.atMs } })
  completeTurn(step)
}

/**
 * The turn detector's prediction. That of an earlier pause or of other words is ignored.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onEndOfTurnPredicted = (
  step: Step,
  { heard, id, probability }: Extract<TimedInput, { readonly _tag: "EndOfTurnPredicted" }>
): void => {
  const { endOfTurnPrediction, user } = step.state
  if (endOfTurnPrediction?.id !== id) return
  step.set({ endOfTurnPrediction: { ...endOfTurnPrediction, probability, heard: heard === true } })
  if (user._tag === "Paused") {
    startSpeculation(step)
    if (heard === true) onPauseHeard(step, user)
  }
  if (user._tag === "Finalizing" && user.awaits === "prediction") completeTurn(step)
}
