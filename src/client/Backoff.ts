/**
 * How long to wait before the next attempt to reach the server again: exponential, jittered, bounded as a whole.
 *
 * Pure: the caller brings the elapsed time and the random number.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface BackoffOptions {
  /** The middle of the first wait, in milliseconds; default 250. */
  readonly baseMs?: number | undefined
  /** The longest single wait, in milliseconds; default 5,000. */
  readonly maxMs?: number | undefined
  /** When to give up, in milliseconds since the link was lost; default 60,000, the server's resume window. */
  readonly windowMs?: number | undefined
}

/**
 * Counts the attempts since a link was lost and says how long to wait before each.
 *
 * @category models
 * @since 0.1.0
 */
export class Backoff {
  readonly #baseMs: number
  readonly #maxMs: number
  readonly #windowMs: number
  #attempt = 0

  constructor(options: BackoffOptions = {}) {
    this.#baseMs = options.baseMs ?? 250
    this.#maxMs = options.maxMs ?? 5_000
    this.#windowMs = options.windowMs ?? 60_000
  }

  /** How many waits were handed out. */
  get attempt(): number {
    return this.#attempt
  }

  /**
   * The next wait in milliseconds: between half and one and a half of the doubling delay, never past the end of the
   * window. `undefined` when the window is over and it is time to give up.
   */
  next(elapsedMs: number, random: number): number | undefined {
    const left = this.#windowMs - elapsedMs
    if (left <= 0) return undefined
    const delay = Math.min(this.#maxMs, this.#baseMs * 2 ** Math.min(this.#attempt, 30))
    this.#attempt++
    return Math.min(delay * (0.5 + random), this.#maxMs, left)
  }
}
