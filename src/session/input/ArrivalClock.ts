/**
 * When the user's samples were heard by the microphone, on the playout clock: by their position, and the least delay with which
 * they have arrived lately, because packets come in bursts.
 *
 * @since 0.1.0
 */
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"

const SAMPLES_PER_MS = TIMELINE_RATE / 1_000

/** How long the least delay of arrival holds, in ms: for this long, and up to twice as long. */
const DELAY_MS = 1_000
/** After a pause of this length, in ms, the sender may have left time out. */
const PAUSE_MS = 250

/**
 * @category models
 * @since 0.1.0
 */
export class ArrivalClock {
  readonly #now: () => number
  #arrivedAtMs = Number.NEGATIVE_INFINITY
  #delaySinceMs = Number.NEGATIVE_INFINITY
  #delayMs = Number.POSITIVE_INFINITY
  #formerDelayMs = Number.POSITIVE_INFINITY

  /** `now`: the playout clock, in ms. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** The samples before this position have just arrived: the time of the last of them, in ms. */
  arrived(position: number): number {
    const nowMs = this.#now()
    const positionMs = position / SAMPLES_PER_MS
    const delayMs = nowMs - positionMs
    if (nowMs - this.#arrivedAtMs > PAUSE_MS) this.reset()
    this.#arrivedAtMs = nowMs
    if (nowMs - this.#delaySinceMs > DELAY_MS) {
      this.#formerDelayMs = this.#delayMs
      this.#delayMs = delayMs
      this.#delaySinceMs = nowMs
    } else if (delayMs < this.#delayMs) this.#delayMs = delayMs
    return positionMs + Math.min(this.#delayMs, this.#formerDelayMs)
  }

  /** Another connection, or another sender. */
  reset(): void {
    this.#delaySinceMs = Number.NEGATIVE_INFINITY
    this.#delayMs = Number.POSITIVE_INFINITY
    this.#formerDelayMs = Number.POSITIVE_INFINITY
  }
}
