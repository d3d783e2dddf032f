/**
 * What the agent does by itself when nobody speaks: the next in the queue, the goodbye, watching whether the user is there.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Step } from "./Step.ts"
import { complete } from "./Turn.ts"

/** While nobody speaks, the time runs until the user counts as away, and then until the session ends. */
const watchAway = (draft: Step): void => {
  const { agent, away, lifecycle, timers, user } = draft.state
  const idle = lifecycle._tag === "Open" && agent._tag === "Silent" &&
    (user._tag === "Quiet" || user._tag === "Noise")
  if (!idle) {
    draft.cancelTimer("away")
    return
  }
  if (timers.away !== undefined) return
  const { after, closeAfter } = draft.options.policy.away
  const ms = Duration.toMillis(away ? closeAfter : after)
  if (ms > 0) draft.setTimer("away", undefined, ms)
}

/**
 * What the agent may do by itself, now that the event has been dealt with.
 *
 * @category transitions
 * @since 0.1.0
 */
export const settle = (draft: Step): void => {
  draft.answerWaiting()
  // the words of a turn that waited may have been taken back
  if (draft.state.user._tag === "Waiting" && draft.state.agent._tag === "Silent") complete(draft)
  const { agent, lifecycle, queue, user } = draft.state
  if (lifecycle._tag !== "New" && lifecycle._tag !== "Closed" && agent._tag === "Silent") {
    if (user._tag === "Quiet" || user._tag === "Noise") {
      const [head, ...rest] = queue
      if (head !== undefined) {
        draft.set({ queue: rest })
        draft.start(head, undefined)
      } else if (lifecycle._tag === "Draining") {
        const { goodbye } = draft.options.policy
        if (lifecycle.goodbye && goodbye !== "") {
          draft.set({ lifecycle: { ...lifecycle, goodbye: false } })
          draft.start({ _tag: "Text", text: goodbye, optional: true }, undefined)
        } else {
          draft.close(lifecycle.reason)
        }
      }
    }
  }
  watchAway(draft)
  draft.tell()
}
