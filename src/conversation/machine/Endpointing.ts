/**
 * How much silence ends a turn: that of the policy, or less where the turn was heard to be finished.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { User } from "../ConversationState.ts"
import { soundsUnfinished } from "./EndPrediction.ts"
import { SAMPLES_PER_MS, type Step, TIMER_GRACE_MS } from "./Step.ts"
import { extendEndpointing, finalizeTurn } from "./Turn.ts"

/**
 * With `turnAuthority: "stt"`: silence after which the turn is over although the recogniser has not ended it.
 *
 * @category constants
 * @since 0.1.0
 */
export const STT_FALLBACK_MS = 3_000

/** With `endpointing.mode: "adaptive"`, the end of a turn takes this many average pauses of silence. */
const ADAPTIVE_PAUSES = 1.5
/** So much less silence ends a turn that was heard to be finished: with 300 ms, the pause at which the detector is asked. */
const HEARD_EARLIER_MS = 100

/**
 * The silence that ends a turn, in ms.
 *
 * @category accessors
 * @since 0.1.0
 */
export const endpointingMs = (step: Step): number => {
  const { policy, turnAuthority } = step.options
  if (turnAuthority === "stt") return STT_FALLBACK_MS
  const { maxSilence, mode, silence } = policy.endpointing
  const minMs = Duration.toMillis(silence)
  const { pauseMs } = step.state
  return mode === "fixed" || pauseMs === undefined
    ? minMs
    : Math.min(Math.max(minMs, ADAPTIVE_PAUSES * pauseMs), Math.max(minMs, Duration.toMillis(maxSilence)))
}

/**
 * The turn detector has heard the present pause: a finished turn ends at once, an unfinished one gets more time.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onPauseHeard = (step: Step, { atSample }: Extract<User, { readonly _tag: "Paused" }>): void => {
  const unfinished = soundsUnfinished(step)
  if (unfinished === undefined || atSample === undefined) return
  // again when the words are there: they may change for how long
  if (unfinished) return extendEndpointing(step, atSample)
  const ms = endpointingMs(step) - HEARD_EARLIER_MS
  const leftMs = ms - (step.atMs - (step.state.timestamps?.start ?? step.atMs))
  if (leftMs <= 0) finalizeTurn(step, atSample, false)
  else step.setTimer("endpoint", atSample + ms * SAMPLES_PER_MS, leftMs + TIMER_GRACE_MS)
}
