/**
 * Exponential backoff with jitter between attempts to reconnect, within a window.
 *
 * Pure: the caller passes the elapsed time and the random number.
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
  /** When to give up, in milliseconds since the connection was lost; default 60,000, the server's resume window. */
  readonly windowMs?: number | undefined
}

/**
 * Counts the attempts since a connection was lost, and computes the wait before each.
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

  /** How many attempts there were. */
  get attempt(): number {
    return this.#attempt
  }

  /**
   * The next wait in milliseconds: between half and one and a half of the doubling delay, never past the end of the
   * window. `undefined` when the window is over.
   */
  next(elapsedMs: number, random: number): number | undefined {
    const left = this.#windowMs - elapsedMs
    if (left <= 0) return undefined
    const delay = Math.min(this.#maxMs, this.#baseMs * 2 ** Math.min(this.#attempt, 30))
    this.#attempt++
    return Math.min(delay * (0.5 + random), this.#maxMs, left)
  }
}
