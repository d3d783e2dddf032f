/**
 * Refuses a signed request that was accepted before.
 *
 * Only what a carrier has signed is remembered, so no stranger can fill it; of more than `MAX_REMEMBERED` the oldest is
 * forgotten first. Plain and synchronous; the caller passes the time.
 *
 * @since 0.1.0
 */

/**
 * How many requests are remembered at most: more than a carrier sends in five minutes of 50 calls a second.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_REMEMBERED = 65_536

/**
 * @category models
 * @since 0.1.0
 */
export class Replays {
  readonly #withinMs: number
  // in the order of their time: a Map keeps it
  readonly #seen = new Map<string, number>()

  /** @param withinMs how long a request is remembered: as long as its signature is accepted, or longer */
  constructor(withinMs: number) {
    this.#withinMs = withinMs
  }

  /** How many are remembered. */
  get size(): number {
    return this.#seen.size
  }

  /** Remembers what makes a request the only one of its kind. `false` when it was accepted before. */
  accepts(id: string, nowMs: number): boolean {
    for (const [known, atMs] of this.#seen) {
      if (atMs + this.#withinMs > nowMs && this.#seen.size < MAX_REMEMBERED) break
      this.#seen.delete(known)
    }
    if (this.#seen.has(id)) return false
    this.#seen.set(id, nowMs)
    return true
  }
}
