/**
 * The user's transitions: speech starts and stops, a timer fires, the audio ends.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { TimedInput } from "../ConversationInput.ts"
import { beganAtQuestionEnd, interruptionNeedsText, onConfirmTimer, onHeldSoundStopped } from "./BargeIn.ts"
import { endpointingMs } from "./Endpointing.ts"
import { requestPrediction, soundsUnfinished } from "./EndPrediction.ts"
import { completeWithoutTranscript } from "./LateTranscripts.ts"
import { discardSpeculation, interruptReply, resumeReply } from "./ReplyControl.ts"
import { SAMPLES_PER_MS, type Step, TIMER_GRACE_MS } from "./Step.ts"
import {
  emitSpeechStopped,
  extendEndpointing,
  finalizeTurn,
  mayExtendEndpointing,
  startSpeaking,
  startSpeculation
} from "./Turn.ts"

/** The weight of the last pause in the moving average of the user's pauses. */
const PAUSE_WEIGHT = 0.3

/** A detector that reports the end of a sound later than this was held up, in ms. */
const MAX_DETECTOR_LAG_MS = 500

type Of<Tag extends TimedInput["_tag"]> = Extract<TimedInput, { readonly _tag: Tag }>

/** The user speaks on after a pause: adds its length to the moving average. */
const learnPause = (step: Step, untilSample: number): void => {
  const { pauseMs, user } = step.state
  const sinceSample = user._tag === "Paused"
    ? user.atSample
    // the pause was taken for the end of the turn
    : user._tag === "Finalizing" && !user.userStillSpeaking
    ? user.untilSample
    : undefined
  if (sinceSample === undefined) return
  const ms = Math.max(0, untilSample - sinceSample) / SAMPLES_PER_MS
  step.set({ pauseMs: pauseMs === undefined ? ms : pauseMs + PAUSE_WEIGHT * (ms - pauseMs) })
}

/**
 * The user makes a sound: the turn opens or continues, and the agent is held until it is clear whether it is interrupted.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onSpeechStarted = (step: Step, event: Of<"SpeechStarted">): void => {
  const { agent, lifecycle, user } = step.state
  const isQuiet = user._tag === "Quiet" || user._tag === "Noise"
  // a draining conversation takes no new turn
  if (user._tag === "Speaking" || (lifecycle._tag === "Draining" && isQuiet)) return
  if (user._tag === "Finalizing" && user.ended === true) {
    // the client has ended that turn: the sound does not continue it
    if (!user.userStillSpeaking) {
      step.set({ user: { ...user, userStillSpeaking: true } })
      step.emit({ type: "user.speech_started" })
    }
    return
  }
  learnPause(step, event.atSample)
  step.cancelTimer("endpoint")
  step.cancelTimer("finalize")
  discardSpeculation(step)
  const sinceMs = (event.decidedAtSample - event.atSample) / SAMPLES_PER_MS
  const opensTurn = (isQuiet && !(step.manual && step.openText !== "")) || user._tag === "Waiting"
  const spokenMs = opensTurn ? 0 : step.state.speechMs ?? 0
  step.set({
    timestamps: undefined,
    unreportedTurn: undefined,
    userAway: false,
    lastFinal: "",
    speechMs: spokenMs,
    answersQuestion: beganAtQuestionEnd(step, sinceMs) || (!opensTurn && step.state.answersQuestion)
  })
  if (user._tag !== "Noise" && !(user._tag === "Finalizing" && user.userStillSpeaking)) {
    step.emit({ type: "user.speech_started" })
  }
  startSpeaking(step, event.atSample)
  if (agent._tag !== "Active" || !step.interruptible) return
  const missingMs = Duration.toMillis(step.options.policy.interruption.minSpeech) - spokenMs
  // a sound that the detector still reports then has lasted so long
  const minSpeechMs = missingMs <= 0 ? 0 : missingMs + step.state.detectorLagMs
  if (step.options.turnAuthority === "remote" || (sinceMs >= minSpeechMs && !interruptionNeedsText(step))) {
    interruptReply(step)
    return
  }
  const { audibleAt, epoch, turn } = agent.reply
  step.set({ agent: { ...agent, _tag: "Held", sinceMs: step.atMs, awaitsTranscript: false } })
  step.commands.push({ _tag: "Hold", epoch })
  if (audibleAt !== undefined) {
    step.emit({ type: "playout.clear", turn })
    step.emit({ type: "agent.speech_paused", turn })
  }
  step.setTimer("confirm", event.atSample + minSpeechMs * SAMPLES_PER_MS, minSpeechMs - sinceMs + TIMER_GRACE_MS)
}

/** The user pauses, and the model decides turns: waits for its reply unless it has begun. */
const awaitModelReply = (step: Step, atSample: number): void => {
  const { agent } = step.state
  if (agent._tag === "Active" && agent.reply.source._tag === "ModelInitiated") {
    step.cancelTimer("longest")
    step.set({ user: { _tag: "Quiet" }, turnStart: undefined })
  } else {
    finalizeTurn(step, atSample, false)
  }
}

/**
 * The user is silent: the `endpoint` timer decides whether the turn is over.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onSpeechStopped = (step: Step, event: Of<"SpeechStopped">): void => {
  const { user } = step.state
  if (user._tag === "Noise") {
    step.set({ user: { _tag: "Quiet" } })
    step.emit({ type: "user.speech_stopped" })
    return
  }
  if (user._tag === "Finalizing" && user.userStillSpeaking) {
    step.set({ user: { ...user, userStillSpeaking: false } })
    step.emit({ type: "user.speech_stopped" })
    return
  }
  if (user._tag !== "Speaking") return
  const silentMs = Math.max(0, event.decidedAtSample - event.atSample) / SAMPLES_PER_MS
  step.set({ timestamps: { start: step.atMs - silentMs, vad: step.atMs } })
  step.emit({ type: "user.speech_stopped" })
  const speechMs = (step.state.speechMs ?? 0) + (event.atSample - user.sinceSample) / SAMPLES_PER_MS
  const detectorLagMs = Math.max(step.state.detectorLagMs, Math.min(silentMs, MAX_DETECTOR_LAG_MS))
  step.set({ user: { _tag: "Paused", atSample: event.atSample, extended: false }, speechMs, detectorLagMs })
  if (onHeldSoundStopped(step)) {
    step.cancelTimer("longest")
    step.set({ user: { _tag: "Quiet" }, turnStart: undefined, timestamps: undefined })
    return
  }
  if (step.options.turnAuthority === "remote") {
    awaitModelReply(step, event.atSample)
    return
  }
  if (step.manual) {
    // the turn is not over: what was said waits for `EndTurn`
    step.set({ user: { _tag: "Quiet" }, turnStart: undefined, timestamps: undefined })
    return
  }
  const ms = endpointingMs(step)
  step.setTimer("endpoint", event.atSample + ms * SAMPLES_PER_MS, ms - silentMs + TIMER_GRACE_MS)
  requestPrediction(step)
  startSpeculation(step)
}

/**
 * A timer has fired; ignored unless it is the one that runs now.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onTimer = (step: Step, event: Of<"TimerFired">): void => {
  if (step.state.timers[event.name] !== event.id) return
  const { [event.name]: _, ...timers } = step.state.timers
  step.set({ timers })
  const { user } = step.state
  switch (event.name) {
    case "endpoint":
      if (user._tag !== "Paused") return
      // without interim transcripts a detector that reads has not been asked about the last words yet
      if (
        mayExtendEndpointing(step) && (step.options.interimTranscripts || step.options.hearsTurns === true) &&
        user.atSample !== undefined && soundsUnfinished(step) === true
      ) {
        extendEndpointing(step, user.atSample)
      } else {
        finalizeTurn(step, user.atSample ?? event.atSample, false)
      }
      return
    case "confirm":
      return onConfirmTimer(step)
    case "longest":
      if (user._tag === "Speaking" || user._tag === "Paused") {
        finalizeTurn(step, event.atSample, user._tag === "Speaking", true)
      }
      return
    case "finalize":
      if (user._tag === "Finalizing") completeWithoutTranscript(step, user)
      return
    case "noise":
      if (user._tag !== "Speaking" || step.openText !== "") return
      step.cancelTimer("longest")
      step.set({ user: { _tag: "Noise", sinceSample: user.sinceSample }, turnStart: undefined })
      resumeReply(step)
      return
    case "away":
      return onAwayTimer(step)
  }
}

/** The user has been silent for `away.after`, or for `away.closeAfter` more. */
const onAwayTimer = (step: Step): void => {
  if (!step.state.userAway) {
    step.set({ userAway: true })
    step.emit({ type: "user.away" })
  } else if (step.state.lifecycle._tag === "Open") {
    step.set({ lifecycle: { _tag: "Draining", reason: "user_away", goodbye: true } })
  }
}

/**
 * The user's audio has ended: the open turn is over, and the conversation drains without a goodbye.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onInputEnded = (step: Step, atSample: number): void => {
  const { lifecycle, user } = step.state
  if (lifecycle._tag === "Open") {
    step.set({ lifecycle: { _tag: "Draining", reason: "input_ended", goodbye: false } })
  }
  emitSpeechStopped(step)
  if (user._tag === "Speaking") {
    step.set({ timestamps: { start: step.atMs, vad: step.atMs } })
    resumeReply(step)
    if (step.options.turnAuthority === "remote") awaitModelReply(step, atSample)
    else finalizeTurn(step, atSample, false)
  } else if (user._tag === "Paused") {
    finalizeTurn(step, atSample, false)
  } else if (user._tag === "Noise") {
    step.set({ user: { _tag: "Quiet" } })
  } else if (user._tag === "Finalizing") {
    step.set({ user: { ...user, userStillSpeaking: false } })
  }
  if (step.manual && step.state.user._tag === "Quiet" && step.openText !== "") {
    step.set({ timestamps: { start: step.atMs }, turnStart: { sample: atSample, ms: step.atMs } })
    finalizeTurn(step, atSample, false, true, true)
  }
}
