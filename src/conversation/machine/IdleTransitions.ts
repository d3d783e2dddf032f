/**
 * What happens when nobody speaks: the next item of the queue, the goodbye, and the detection of an absent user. On hold nothing is
 * said, and nobody counts as absent.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { answerRequest } from "./ClientControl.ts"
import { completeWaitingTurn } from "./LateTranscripts.ts"
import { answerQueuedQuestions, closeConversation, startReply } from "./ReplyControl.ts"
import type { Step } from "./Step.ts"

/** Runs the `away` timer while nobody speaks: first until `user.away`, then until the session ends. */
const updateAwayTimer = (step: Step): void => {
  const { agent, lifecycle, timers, user, userAway } = step.state
  const idle = lifecycle._tag === "Open" && agent._tag === "Silent" &&
    (user._tag === "Quiet" || user._tag === "Noise")
  if (!idle) {
    step.cancelTimer("away")
    return
  }
  if (step.options.held === true || step.options.quiet === true) {
    step.cancelTimer("away")
    return
  }
  if (timers.away !== undefined) return
  const { after, closeAfter } = step.options.policy.away
  const ms = Duration.toMillis(userAway ? closeAfter : after)
  if (ms > 0) step.setTimer("away", undefined, ms)
}

/**
 * Finishes every step: answers what waited, starts the next reply of the queue, ends a conversation that drains, and
 * publishes the state.
 *
 * @category transitions
 * @since 0.1.0
 */
export const applyIdleTransitions = (step: Step): void => {
  answerQueuedQuestions(step)
  const waiting = step.state.user
  if (waiting._tag === "Waiting" && step.state.agent._tag === "Silent") completeWaitingTurn(step, waiting)
  answerRequest(step)
  const { agent, lifecycle, queue, user } = step.state
  if (lifecycle._tag !== "New" && lifecycle._tag !== "Closed" && agent._tag === "Silent") {
    if (user._tag === "Quiet" || user._tag === "Noise") {
      const [head, ...rest] = queue
      const { held = false, quiet = false } = step.options
      if (head !== undefined && !held && !quiet) {
        step.set({ queue: rest })
        startReply(step, head, undefined)
      } else if (lifecycle._tag === "Draining") {
        const { goodbye } = step.options.policy
        if (lifecycle.goodbye && goodbye !== "" && !held && !quiet) {
          step.set({ lifecycle: { ...lifecycle, goodbye: false } })
          startReply(step, { _tag: "Text", text: goodbye, optional: true }, undefined)
        } else {
          closeConversation(step, lifecycle.reason)
        }
      }
    }
  }
  updateAwayTimer(step)
  step.publishState()
}
