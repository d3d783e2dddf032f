/**
 * A token bucket with a cap: how much of something may come at once, and how much a second in the long run. What is not used
 * is not saved up beyond the burst. Pure: the caller passes the time.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export class BurstLimit {
  readonly #burstMs: number
  readonly #msEach: number
  /** When the bucket is full again for all that was spent, on the caller's clock. */
  #paidMs = Number.NEGATIVE_INFINITY

  /** @param burst how much may come at once; `perSecond`: how much may come permanently */
  constructor(burst: number, perSecond: number) {
    this.#msEach = 1_000 / perSecond
    this.#burstMs = burst * this.#msEach
  }

  /** Spends so much, whether it is there or not. Returns how many ms to wait before taking more; 0 or less for none. */
  spend(amount: number, nowMs: number): number {
    this.#paidMs = Math.max(this.#paidMs, nowMs - this.#burstMs) + amount * this.#msEach
    return this.waitMs(nowMs)
  }

  /** Spends so much. `false` when it is more than may come now. */
  takes(amount: number, nowMs: number): boolean {
    return this.spend(amount, nowMs) <= 0
  }

  /** How many ms to wait, without spending. */
  waitMs(nowMs: number): number {
    return this.#paidMs - nowMs
  }
}
