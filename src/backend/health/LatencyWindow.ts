/**
 * The share of slow turns among the last 100.
 *
 * @since 0.1.0
 */

const SIZE = 100

/**
 * @category models
 * @since 0.1.0
 */
export class LatencyWindow {
  readonly #slow = new Uint8Array(SIZE)
  #next = 0
  #count = 0
  #sum = 0

  /** Counts a turn; `exceeded` says whether it took longer than the latency target. */
  add(slowShare: boolean): void {
    const value = slowShare ? 1 : 0
    this.#sum += value - (this.#slow[this.#next] ?? 0)
    this.#slow[this.#next] = value
    this.#next = (this.#next + 1) % SIZE
    this.#count = Math.min(SIZE, this.#count + 1)
  }

  /** The share of slow turns, 0 to 1; 0 below 20 turns, which are too few to tell. */
  get exceeded(): number {
    return this.#count < 20 ? 0 : this.#sum / this.#count
  }
}
