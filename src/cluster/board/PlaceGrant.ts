/**
 * The places that the board has granted to this process: how many new sessions it may have without asking.
 *
 * Plain: times are given to it, in ms of a monotonic clock.
 *
 * @since 0.1.0
 */
import { type BoardAnswer, FORGET_MS, type NodeReport, STALL_MS } from "./BoardReport.ts"

/** The places kept in reserve, so that most sessions are admitted without a question: at least 4, and a tenth of those taken. */
const RESERVE = 4
const RESERVE_SHARE = 0.1

/** A grant counts here for less time than at the board, however the clocks drift. */
const BELIEVE_MS = FORGET_MS - 2_500

/**
 * @category models
 * @since 0.1.0
 */
export class PlaceGrant {
  readonly #isLimited: () => boolean
  #granted = 0
  #untilMs = Number.NEGATIVE_INFINITY
  #askedMs = Number.NEGATIVE_INFINITY
  #seq = 0
  #scarce = false

  /** `isLimited`: whether the cluster has a maximum. */
  constructor(isLimited: () => boolean) {
    this.#isLimited = isLimited
  }

  /** For how many sessions there are places: none when the last answer is too old, or the process was stopped since. */
  limit(nowMs: number): number {
    if (!this.#isLimited()) return Number.POSITIVE_INFINITY
    return nowMs >= this.#untilMs || nowMs - this.#askedMs > STALL_MS ? 0 : this.#granted
  }

  /**
   * The part of the next report that is about places; until its answer comes, the limit is the `granted` in it.
   *
   * - `taken`: places that are taken. `waiting`: sessions that wait for one.
   * - `max`: how many sessions the process may have. `ready`: whether it accepts new ones.
   */
  ask({ max, nowMs, ready, taken, waiting }: {
    readonly nowMs: number
    readonly taken: number
    readonly waiting: number
    readonly max: number
    readonly ready: boolean
  }): Pick<NodeReport, "seq" | "granted" | "want"> {
    const reserve = this.#scarce ? 0 : Math.max(RESERVE, Math.ceil(taken * RESERVE_SHARE))
    const want = ready ? Math.min(max, taken + waiting + reserve) : taken
    this.#granted = Math.min(this.limit(nowMs), want)
    this.#askedMs = nowMs
    return { seq: ++this.#seq, granted: this.#granted, want }
  }

  /** Takes the answer to the report that was sent at `sentMs`. */
  answered({ granted, scarce }: Pick<BoardAnswer, "granted" | "scarce">, sentMs: number): void {
    this.#granted = granted
    this.#untilMs = sentMs + BELIEVE_MS
    this.#scarce = scarce
  }
}
