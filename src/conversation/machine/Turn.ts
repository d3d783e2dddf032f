/**
 * The user's turn: opened, checked by the turn detector, given more time, finalized and completed into a question.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { awaitTranscript } from "./AwaitedTranscripts.ts"
import { isAgentEcho, isAnsweredLater, needsNoAnswer } from "./BargeIn.ts"
import { requestPrediction, soundsUnfinished, unfinishedMs } from "./EndPrediction.ts"
import { discardSpeculation, queueAnswer, requestAnswer, resumeReply, withdrawQuestion } from "./ReplyControl.ts"
import { SAMPLES_PER_MS, type Step, TIMER_GRACE_MS } from "./Step.ts"
import { sameWords } from "./TranscriptText.ts"

/** How long a turn waits for the turn detector before it is completed without a prediction. */
const PREDICTION_TIMEOUT_MS = 300

const noTranscript = { finals: "", interim: "" }

/**
 * Starts a preemptive reply at the user's pause: it is used if the turn ends with the same words.
 *
 * @category transitions
 * @since 0.1.0
 */
export const startSpeculation = (step: Step): void => {
  const { busy, collecting, policy, transcriptBased, turnAuthority, turnDetector } = step.options
  const { agent, history, lifecycle, speculation, turn, user } = step.state
  const transcript = step.openText
  if (
    !policy.speculation || policy.answers === "on_request" || step.manual || busy === true || collecting === true ||
    !transcriptBased || turnAuthority !== "own" ||
    transcript === ""
  ) return
  if (isAgentEcho(step, transcript)) return
  if (lifecycle._tag !== "Open" || agent._tag !== "Silent" || user._tag !== "Paused") return
  if (speculation !== undefined && sameWords(speculation.transcript, transcript)) return
  if (turnDetector && soundsUnfinished(step) !== false) return
  discardSpeculation(step)
  const epoch = step.state.epoch + 1
  step.set({ epoch, speculation: { epoch, transcript, timestamps: {}, failed: false } })
  step.commands.push({
    _tag: "Start",
    epoch,
    turn: turn + 1,
    source: { _tag: "Answer", transcript, kind: "speech" },
    history,
    speculative: true
  })
}

/**
 * Starts the `longest` timer: the open turn is answered after `longestTurn`, counted from the turn's beginning.
 *
 * @category transitions
 * @since 0.1.0
 */
export const limitTurnLength = (step: Step, sinceSample: number | undefined): void => {
  const turnStart = step.state.turnStart ?? { sample: sinceSample, ms: step.atMs }
  step.set({ turnStart })
  if (step.manual || step.state.timers.longest !== undefined) return
  const ms = Duration.toMillis(step.options.policy.longestTurn)
  const atSample = turnStart.sample === undefined ? undefined : turnStart.sample + ms * SAMPLES_PER_MS
  step.setTimer("longest", atSample, Math.max(0, turnStart.ms + ms - step.atMs) + TIMER_GRACE_MS)
}

/**
 * The user speaks since `sinceSample`: starts the timers of the turn's length and of noise. `late`: the sample is long past,
 * so the timers count from now.
 *
 * @category transitions
 * @since 0.1.0
 */
export const startSpeaking = (step: Step, sinceSample: number, late = false): void => {
  step.set({ user: { _tag: "Speaking", sinceSample } })
  limitTurnLength(step, late ? undefined : sinceSample)
  const { interimTranscripts, policy, transcriptBased } = step.options
  if (
    step.manual || !transcriptBased || !interimTranscripts || step.state.timers.noise !== undefined ||
    step.openText !== ""
  ) return
  const ms = Duration.toMillis(policy.longestNoise)
  step.setTimer("noise", late ? undefined : sinceSample + ms * SAMPLES_PER_MS, ms + TIMER_GRACE_MS)
}

/**
 * Emits `user.speech_stopped` if the user was making a sound.
 *
 * @category transitions
 * @since 0.1.0
 */
export const emitSpeechStopped = (step: Step): void => {
  const { user } = step.state
  if (
    user._tag === "Speaking" || user._tag === "Noise" || (user._tag === "Finalizing" && user.userStillSpeaking)
  ) {
    step.emit({ type: "user.speech_stopped" })
  }
}

/**
 * The turn sounds unfinished: waits for the user to continue, until `endpointing.maxSilence`, or `unsureSilence`.
 *
 * @category transitions
 * @since 0.1.0
 */
export const extendEndpointing = (step: Step, atSample: number): void => {
  const ms = unfinishedMs(step)
  const start = step.state.timestamps?.start ?? step.atMs
  discardSpeculation(step)
  step.set({ user: { _tag: "Paused", atSample, extended: true } })
  step.setTimer("endpoint", atSample + ms * SAMPLES_PER_MS, ms - (step.atMs - start) + TIMER_GRACE_MS)
  limitTurnLength(step, atSample)
}

/**
 * Whether an unfinished turn may still get more time: once per pause, and only with a turn detector.
 *
 * @category predicates
 * @since 0.1.0
 */
export const mayExtendEndpointing = (step: Step): boolean => {
  const { user } = step.state
  return step.options.turnDetector && step.options.turnAuthority === "own" &&
    (user._tag === "Finalizing" || user._tag === "Paused") && !user.extended
}

/** Whether the turn is not completed yet: it sounds unfinished, or the turn detector is still to be asked about it. */
const awaitsTurnDetector = (step: Step): boolean => {
  const { lifecycle, user } = step.state
  if (!mayExtendEndpointing(step) || lifecycle._tag !== "Open" || user._tag !== "Finalizing") return false
  if (user.userStillSpeaking) return false
  const unfinished = soundsUnfinished(step)
  if (unfinished === undefined) {
    requestPrediction(step)
    step.set({ user: { ...user, awaits: "prediction" } })
    step.setTimer("finalize", undefined, PREDICTION_TIMEOUT_MS)
    return true
  }
  if (unfinished) extendEndpointing(step, user.untilSample)
  return unfinished
}

/** Drops a turn that needs no answer, and resumes the agent. */
const dropTurn = (step: Step, text: string): void => {
  if (text !== "") step.emit({ type: "user.backchannel", text })
  discardSpeculation(step)
  step.set({
    user: { _tag: "Quiet" },
    openTranscript: noTranscript,
    turnStart: undefined,
    timestamps: undefined,
    endOfTurnPrediction: undefined,
    finishedReplyText: ""
  })
  resumeReply(step)
}

/**
 * The open turn is over: its transcript, if any, becomes the agent's question, which is returned if the agent is asked.
 * `final`: the turn detector is not asked again.
 *
 * @category transitions
 * @since 0.1.0
 */
export const completeTurn = (step: Step, final = false): string | undefined => {
  const { agent, lifecycle, openTranscript, user } = step.state
  const { transcriptBased, turnAuthority } = step.options
  for (const name of ["endpoint", "finalize", "longest", "noise"] as const) step.cancelTimer(name)
  const text = step.openText
  // while the conversation drains, the rest of the user's speech starts no new turn
  const userStillSpeaking = user._tag === "Finalizing" && user.userStillSpeaking && lifecycle._tag === "Open"
  // a recogniser that decides turns may end one while the voice activity detector still hears speech
  if (!userStillSpeaking) emitSpeechStopped(step)
  // a model that decides turns starts its reply by itself
  const nothingToAsk = turnAuthority === "remote" || (transcriptBased && text === "")
  const agentSpeaks = agent._tag === "Active" || agent._tag === "Held"
  const ended = user._tag === "Finalizing" && user.ended === true
  // of a turn that the client has ended no more than the agent's echo is ignored
  const ignored = ended && text !== "" ? isAgentEcho(step, text) : needsNoAnswer(step, text)
  if (transcriptBased && !userStillSpeaking && ignored) {
    dropTurn(step, text)
    return undefined
  }
  const later = ended && agentSpeaks ? !step.interruptible : isAnsweredLater(step)
  if (!nothingToAsk && later && !ended) {
    resumeReply(step)
    step.set({ turnStart: undefined })
    if (userStillSpeaking) startSpeaking(step, user.untilSample)
    else step.set({ user: { _tag: "Waiting" } })
    return undefined
  }
  if (!nothingToAsk && !final && awaitsTurnDetector(step)) return undefined
  if (!nothingToAsk && !later && agentSpeaks && agent.reply.audibleAt === undefined) withdrawQuestion(step, agent.reply)
  const { timestamps } = step.state
  const transcript = transcriptBased ? step.openText : ""
  step.set({
    user: { _tag: "Quiet" },
    openTranscript: transcriptBased ? noTranscript : openTranscript,
    turnStart: undefined,
    timestamps: undefined,
    endOfTurnPrediction: undefined,
    finishedReplyText: ""
  })
  if (userStillSpeaking) startSpeaking(step, user.untilSample)
  if (nothingToAsk) {
    discardSpeculation(step)
    return undefined
  }
  if (step.options.collecting === true && transcriptBased) {
    discardSpeculation(step)
    step.commands.push({ _tag: "Collected", text: transcript })
    return undefined
  }
  const source = { _tag: "Answer", transcript, kind: "speech" } as const
  if (later) {
    resumeReply(step)
    queueAnswer(step, source)
    return transcript
  }
  requestAnswer(
    step,
    source,
    timestamps === undefined ? undefined : { ...timestamps, transcript: transcriptBased ? step.atMs : undefined }
  )
  return transcript
}

/**
 * The user has typed a turn. It interrupts the agent; where the user may not, it is answered next, in the order of
 * what was said and typed meanwhile.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onUserText = (step: Step, transcript: string, kind: "speech" | "text"): void => {
  const { agent, lifecycle, user } = step.state
  if (lifecycle._tag !== "Open" || transcript === "") return
  step.set({ userAway: false })
  const spoken = step.openText
  if (user._tag === "Waiting" && (agent._tag === "Active" || agent._tag === "Held") && spoken !== "") {
    step.set({
      user: { _tag: "Quiet" },
      openTranscript: noTranscript,
      timestamps: undefined,
      endOfTurnPrediction: undefined
    })
    requestAnswer(step, { _tag: "Answer", transcript: spoken, kind: "speech" }, undefined)
    if (user.owed !== undefined) awaitTranscript(step, user.owed, spoken, spoken)
  }
  requestAnswer(step, { _tag: "Answer", transcript, kind }, { start: step.atMs })
}

/**
 * The turn seems over at `untilSample`: asks for its final transcript. `final`: the turn detector gives it no more time. `ended`:
 * by the client.
 *
 * @category transitions
 * @since 0.1.0
 */
export const finalizeTurn = (
  step: Step,
  untilSample: number,
  userStillSpeaking: boolean,
  final = false,
  ended = false
): void => {
  const { user } = step.state
  const { finalizeTimeoutMs, transcriptBased, turnAuthority } = step.options
  step.cancelTimer("endpoint")
  step.cancelTimer("longest")
  step.cancelTimer("noise")
  step.set({ timestamps: { start: step.atMs, ...step.state.timestamps, endpointing: step.atMs } })
  const id = step.state.finalizeId + 1
  const extended = final || (user._tag === "Paused" && user.extended)
  step.set({
    finalizeId: id,
    user: { _tag: "Finalizing", id, untilSample, userStillSpeaking, extended, awaits: "transcript", ended }
  })
  if (turnAuthority !== "remote" && !transcriptBased) {
    completeTurn(step)
    return
  }
  step.setTimer("finalize", undefined, finalizeTimeoutMs)
  // with a model that decides turns, its reply is awaited and not a transcript
  if (turnAuthority !== "remote") step.commands.push({ _tag: "Finalize", id, untilSample })
}
