/**
 * Barge-in: whether what the user says over the agent interrupts it, or is a backchannel or an echo.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { interruptReply, resumeReply } from "./ReplyControl.ts"
import { SAMPLES_PER_MS, type Step, TIMER_GRACE_MS } from "./Step.ts"
import { isContained, isEcho, wordCount } from "./TranscriptText.ts"

/**
 * Whether the text repeats what the agent is saying, or what it finished saying since the user's turn began.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isAgentEcho = (step: Step, text: string): boolean => {
  const { agent, finishedReplyText } = step.state
  return step.options.policy.echoGuard &&
    (isEcho(text, finishedReplyText) || (agent._tag !== "Silent" && isEcho(text, agent.reply.spokenText)))
}

/**
 * Whether the open turn could be the beginning of the agent's echo.
 *
 * @category predicates
 * @since 0.1.0
 */
export const mayBeEcho = (step: Step): boolean => {
  const { agent } = step.state
  return step.options.policy.echoGuard && agent._tag !== "Silent" && isContained(step.openText, agent.reply.spokenText)
}

const isBackchannelOrEcho = (step: Step, text: string): boolean => {
  const { ignoreBackchannels } = step.options.policy.interruption
  return (ignoreBackchannels && step.options.isBackchannel(text)) || isAgentEcho(step, text)
}

/**
 * Whether the open turn's text interrupts the agent: enough words, and neither a backchannel nor an echo.
 *
 * @category predicates
 * @since 0.1.0
 */
export const textInterrupts = (step: Step): boolean => {
  const text = step.openText
  return wordCount(text) >= Math.max(1, step.options.policy.interruption.minWords) &&
    !isBackchannelOrEcho(step, text) && step.state.agent._tag !== "Silent"
}

/**
 * Whether a completed turn needs no answer: a backchannel or too few words over the agent, or the agent's echo.
 *
 * @category predicates
 * @since 0.1.0
 */
export const needsNoAnswer = (step: Step, text: string): boolean => {
  const { agent } = step.state
  if (agent._tag !== "Active" && agent._tag !== "Held") return isAgentEcho(step, text)
  return text === "" ||
    (agent.reply.audibleAt === undefined ? isBackchannelOrEcho(step, text) : !textInterrupts(step))
}

/**
 * Whether an interruption is decided by the transcript: only words tell it from a backchannel or an echo. Otherwise the
 * length of the sound decides.
 *
 * @category predicates
 * @since 0.1.0
 */
export const interruptionNeedsText = (step: Step): boolean => {
  const { interimTranscripts, policy, transcriptBased } = step.options
  const { ignoreBackchannels, minWords } = policy.interruption
  return transcriptBased && (minWords > 0 || (interimTranscripts && (ignoreBackchannels || policy.echoGuard)))
}

/** How long the held agent may still be silent: at most twice `patience` in all, however often the user makes a sound. */
const remainingHoldMs = (step: Step, sinceMs: number): number => {
  const ms = Duration.toMillis(step.options.policy.interruption.patience)
  return Math.max(0, Math.min(ms, sinceMs + 2 * ms - step.atMs))
}

/**
 * The sound that held the agent is over, after `ms`. A short one resumes the agent; after a longer one its transcript is
 * awaited. Returns true if the sound is to be ignored, which a pipeline without transcripts decides by its length.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onHeldSoundStopped = (step: Step, ms: number): boolean => {
  const { policy, transcriptBased, turnAuthority } = step.options
  const { agent } = step.state
  if (agent._tag !== "Held") return false
  const isShort = ms < Duration.toMillis(policy.interruption.minSpeech)
  if (!interruptionNeedsText(step) || isShort) resumeReply(step)
  else step.setTimer("confirm", undefined, remainingHoldMs(step, agent.sinceMs))
  return turnAuthority === "own" && !transcriptBased && isShort
}

/**
 * The `confirm` timer has fired: the sound was long enough, or its transcript takes too long. Interrupts or resumes the
 * agent, or waits once more for the transcript.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onConfirmTimer = (step: Step): void => {
  const { agent, user } = step.state
  if (agent._tag !== "Held") return
  const { interimTranscripts, policy } = step.options
  const { minSpeech, minWords, patience } = policy.interruption
  const remainingMs = remainingHoldMs(step, agent.sinceMs)
  if (!step.interruptible) {
    resumeReply(step)
  } else if (!interruptionNeedsText(step) || (textInterrupts(step) && !mayBeEcho(step))) {
    interruptReply(step)
  } else if (user._tag !== "Speaking") {
    resumeReply(step)
  } else if (!agent.awaitsTranscript && remainingMs > 0) {
    step.set({ agent: { ...agent, awaitsTranscript: true } })
    const ms = Math.max(0, Math.min(remainingMs, Duration.toMillis(patience) - Duration.toMillis(minSpeech)))
    step.setTimer("confirm", user.sinceSample + Duration.toMillis(patience) * SAMPLES_PER_MS, ms + TIMER_GRACE_MS)
  } else if (interimTranscripts && minWords === 0 && step.openText === "") {
    // the user keeps speaking and the recogniser is slow: silence is better than talking over the user
    interruptReply(step)
  } else {
    resumeReply(step)
  }
}
