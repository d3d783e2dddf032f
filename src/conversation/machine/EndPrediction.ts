/**
 * What the turn detector is asked about the open turn, and how its answer counts.
 *
 * One that hears the audio is asked at each pause, before the words are there; any is asked when the words change.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { User } from "../ConversationState.ts"
import type { Step } from "./Step.ts"

/** Where the user fell silent, in a pause. */
const pausedAtOf = (user: User): number | undefined => {
  switch (user._tag) {
    case "Paused":
      return user.atSample
    case "Finalizing":
      return user.untilSample
    default:
      return undefined
  }
}

/** What an answer holds for: these words, and this pause where the audio of it was heard. */
const subjectOf = (step: Step): { readonly transcript: string; readonly pausedAt: number | undefined } => ({
  transcript: step.openText,
  pausedAt: step.options.hearsTurns === true ? pausedAtOf(step.state.user) : undefined
})

const isAskedAbout = (step: Step): boolean => {
  const { endOfTurnPrediction } = step.state
  const { pausedAt, transcript } = subjectOf(step)
  return endOfTurnPrediction?.transcript === transcript && endOfTurnPrediction.pausedAt === pausedAt
}

/**
 * Asks the turn detector about the open turn, unless it was asked the same.
 *
 * @category transitions
 * @since 0.1.0
 */
export const requestPrediction = (step: Step): void => {
  const { endOfTurnPrediction, history, turnStart } = step.state
  const { hearsTurns, turnAuthority, turnDetector } = step.options
  const { pausedAt, transcript } = subjectOf(step)
  const hasSubject = transcript !== "" || (hearsTurns === true && pausedAt !== undefined)
  if (!turnDetector || turnAuthority !== "own" || !hasSubject || isAskedAbout(step)) return
  const id = (endOfTurnPrediction?.id ?? 0) + 1
  step.set({ endOfTurnPrediction: { id, transcript, pausedAt, probability: undefined, heard: false } })
  const agentSaid = history.findLast((item) => item.role === "agent")?.text ?? ""
  step.commands.push({
    _tag: "PredictEndOfTurn",
    id,
    transcript,
    agentSaid,
    pausedAt,
    sinceSample: turnStart?.sample
  })
}

/**
 * Whether the turn detector takes the open turn for unfinished; `undefined` while its answer is missing.
 *
 * @category predicates
 * @since 0.1.0
 */
export const soundsUnfinished = (step: Step): boolean | undefined => {
  const probability = isAskedAbout(step) ? step.state.endOfTurnPrediction?.probability : undefined
  return probability === undefined ? undefined : probability < step.options.policy.endpointing.threshold
}

/** A turn whose probability of an end, by its sound, is at least this share of the threshold may be finished as well as not. */
const UNSURE = 0.5

/**
 * The silence that ends the open turn, which the turn detector takes for unfinished, in ms: `unsureSilence` where it sounds as
 * if it may be over, otherwise `maxSilence`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const unfinishedMs = (step: Step): number => {
  const { maxSilence, silence, threshold, unsureSilence } = step.options.policy.endpointing
  const prediction = isAskedAbout(step) ? step.state.endOfTurnPrediction : undefined
  const maxMs = Duration.toMillis(maxSilence)
  if (prediction?.heard !== true || (prediction.probability ?? 0) < threshold * UNSURE) return maxMs
  return Math.min(maxMs, Math.max(Duration.toMillis(silence), Duration.toMillis(unsureSilence)))
}
