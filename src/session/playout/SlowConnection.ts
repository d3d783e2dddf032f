/**
 * Detects that a connection accepts no audio.
 *
 * @since 0.1.0
 */

/** A connection that accepts nothing for this long is slow, in ms. */
const SLOW_MS = 1_000
/** After this long, in ms, it is detached. */
const DEAD_MS = 10_000

/**
 * @category models
 * @since 0.1.0
 */
export class SlowConnection {
  /** Since when frames have been refused. */
  #refusedAt: number | undefined
  #reported = false

  /** A frame was accepted, or another connection or reply begins. */
  reset(): void {
    this.#refusedAt = undefined
    this.#reported = false
  }

  /** A frame was refused. Returns `slow` once, and then `dead`. */
  refused(nowMs: number): "slow" | "dead" | undefined {
    this.#refusedAt ??= nowMs
    const forMs = nowMs - this.#refusedAt
    if (forMs >= DEAD_MS) {
      this.#refusedAt = undefined
      return "dead"
    }
    if (forMs < SLOW_MS || this.#reported) return undefined
    this.#reported = true
    return "slow"
  }
}
