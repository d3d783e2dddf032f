/**
 * Barge-in: whether what the user says over the agent interrupts it, or is a backchannel or an echo.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { endsWithQuestion } from "./Question.ts"
import { interruptReply, resumeReply } from "./ReplyControl.ts"
import { SAMPLES_PER_MS, type Step, TIMER_GRACE_MS } from "./Step.ts"
import { isContained, isEcho, wordCount } from "./TranscriptText.ts"

/** A sound that begins so short a time before the end of a question, in ms, is its answer. */
const ANSWER_MS = 1_000

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

/** Whether the open turn could be the beginning of the agent's echo. */
const mayBeEcho = (step: Step): boolean => {
  const { agent } = step.state
  return step.options.policy.echoGuard && agent._tag !== "Silent" && isContained(step.openText, agent.reply.spokenText)
}

const isQuestionEnd = ({ left }: Step, sinceMs: number): boolean =>
  left !== undefined && left.ms + sinceMs <= ANSWER_MS && endsWithQuestion(left.text)

/**
 * Whether a sound that began `sinceMs` ago began within the last second of a reply that ends with a question.
 *
 * @category predicates
 * @since 0.1.0
 */
export const beganAtQuestionEnd = (step: Step, sinceMs: number): boolean =>
  step.left?.mayGoOn !== true && isQuestionEnd(step, sinceMs)

/**
 * Whether the open turn answers a question of the agent, however short it is. A held reply stays where it was: that no more
 * has come of one that may go on is judged when the words have come.
 */
const answersQuestion = (step: Step): boolean =>
  step.state.answersQuestion || (step.state.agent._tag === "Held" && isQuestionEnd(step, 0))

/** Whether the agent was spoken over for less than `minSpeech`, so far. Words without a detected sound have no length. */
const isTooShort = (step: Step): boolean => {
  const { agent, speechMs, user } = step.state
  if (answersQuestion(step)) return false
  // the `confirm` timer measures the sound in progress
  if (user._tag === "Speaking") return agent._tag === "Held" && !agent.awaitsTranscript
  return speechMs !== undefined && speechMs < Duration.toMillis(step.options.policy.interruption.minSpeech)
}

const isBackchannelOrEcho = (step: Step, text: string): boolean => {
  const { isBackchannel, policy: { interruption } } = step.options
  return (interruption.ignoreBackchannels && isBackchannel(text) && !answersQuestion(step)) || isAgentEcho(step, text)
}

/** Whether more words may make a backchannel of the open turn's text. */
const mayBecomeBackchannel = (step: Step): boolean =>
  step.options.policy.interruption.ignoreBackchannels && step.options.mayBecomeBackchannel(step.openText) &&
  !answersQuestion(step)

/**
 * What the open turn's words do to a reply that is heard.
 *
 * - `Ignored`: no words, a backchannel, the agent's echo, or fewer words than `minWords`.
 * - `Later`: the agent speaks on, and they are answered after the reply: it cannot be interrupted, or the user spoke for
 *   less than `minSpeech`.
 * - `Interrupts`: they stop the agent.
 *
 * An answer to the agent's question is none of the small things that are ignored or wait.
 */
const effectOfWords = (step: Step): "Ignored" | "Later" | "Interrupts" => {
  const text = step.openText
  const count = wordCount(text)
  if (count === 0 || isBackchannelOrEcho(step, text)) return "Ignored"
  if (!step.interruptible) return "Later"
  if (count < step.options.policy.interruption.minWords && !answersQuestion(step)) return "Ignored"
  return isTooShort(step) ? "Later" : "Interrupts"
}

/**
 * Whether the open turn's words stop the agent now.
 *
 * @category predicates
 * @since 0.1.0
 */
export const textInterrupts = (step: Step): boolean =>
  step.state.agent._tag !== "Silent" && effectOfWords(step) === "Interrupts"

/**
 * Whether the open turn's words look like an interruption and may still turn out to be none: the first words of a
 * backchannel, or, while the user speaks, of the agent's echo.
 *
 * @category predicates
 * @since 0.1.0
 */
export const awaitsMoreWords = (step: Step): boolean => {
  const { user } = step.state
  const speaking = user._tag === "Speaking" || (user._tag === "Paused" && user.atSample === undefined)
  return mayBecomeBackchannel(step) || (speaking && mayBeEcho(step))
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
    (agent.reply.audibleAt === undefined ? isBackchannelOrEcho(step, text) : effectOfWords(step) === "Ignored")
}

/**
 * Whether a completed turn is answered after the reply in progress.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isAnsweredLater = (step: Step): boolean => {
  const { agent } = step.state
  if (agent._tag !== "Active" && agent._tag !== "Held") return false
  return !step.interruptible ||
    (step.options.transcriptBased && agent.reply.audibleAt !== undefined && effectOfWords(step) === "Later")
}

/**
 * Whether an interruption is decided by the transcript: only words tell it from a backchannel or an echo, and can be
 * counted. Otherwise the length of the sound decides.
 *
 * @category predicates
 * @since 0.1.0
 */
export const interruptionNeedsText = (step: Step): boolean => {
  const { policy, transcriptBased } = step.options
  const { ignoreBackchannels, minWords } = policy.interruption
  return transcriptBased && (minWords > 0 || ignoreBackchannels || policy.echoGuard)
}

/** How long the held agent may still be silent: at most twice `patience` in all, however often the user makes a sound. */
const remainingHoldMs = (step: Step, sinceMs: number): number => {
  const ms = Duration.toMillis(step.options.policy.interruption.patience)
  return Math.max(0, Math.min(ms, sinceMs + 2 * ms - step.atMs))
}

/**
 * The sound that held the agent is over. A short one resumes the agent; after a longer one its transcript is awaited.
 * Returns true if the sound is to be ignored, which a pipeline without transcripts decides by its length.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onHeldSoundStopped = (step: Step): boolean => {
  const { transcriptBased, turnAuthority } = step.options
  const { agent } = step.state
  if (agent._tag !== "Held") return false
  const isShort = isTooShort(step)
  if (isShort) resumeReply(step)
  else if (interruptionNeedsText(step)) step.setTimer("confirm", undefined, remainingHoldMs(step, agent.sinceMs))
  else interruptReply(step)
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
  const { minSpeech, minWords, patience } = step.options.policy.interruption
  const remainingMs = remainingHoldMs(step, agent.sinceMs)
  const isSpeaking = user._tag === "Speaking"
  const isFirst = isSpeaking && !agent.awaitsTranscript
  // the sound is long enough
  if (isFirst) step.set({ agent: { ...agent, awaitsTranscript: true } })
  if (!step.interruptible) {
    resumeReply(step)
  } else if (
    !interruptionNeedsText(step) ||
    (textInterrupts(step) && !mayBeEcho(step) && !(isSpeaking && mayBecomeBackchannel(step)))
  ) {
    interruptReply(step)
  } else if (!isSpeaking) {
    resumeReply(step)
  } else if (isFirst && remainingMs > 0) {
    const ms = Math.max(0, Math.min(remainingMs, Duration.toMillis(patience) - Duration.toMillis(minSpeech)))
    step.setTimer("confirm", user.sinceSample + Duration.toMillis(patience) * SAMPLES_PER_MS, ms + TIMER_GRACE_MS)
  } else if (minWords === 0 && step.openText === "") {
    // the user keeps speaking and the recogniser is slow: silence is better than talking over the user
    interruptReply(step)
  } else {
    resumeReply(step)
  }
}
