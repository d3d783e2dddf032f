/**
 * The time that one operation may take over several engines. Plain synchronous code.
 *
 * @since 0.1.0
 */

/**
 * Each engine is allowed an equal share of what is left, so that one that hangs leaves time for the others. Times in ms.
 *
 * @category models
 * @since 0.1.0
 */
export class FailoverBudget {
  readonly #totalMs: number
  readonly #engines: number
  #tried = 0
  #deadline = 0
  #until = 0

  constructor(totalMs: number, engines: number, now: number) {
    this.#totalMs = totalMs
    this.#engines = engines
    this.restart(now)
  }

  /** The end of the current engine's share, in ms. */
  get until(): number {
    return this.#until
  }

  /** The end of the time of all engines together, in ms. */
  get deadline(): number {
    return this.#deadline
  }

  /** Begins anew: an engine has worked. */
  restart(now: number): void {
    this.#deadline = now + this.#totalMs
    this.retryAll(now)
  }

  /** Lets each engine have a turn once more in the time that is left. */
  retryAll(now: number): void {
    this.#tried = 0
    this.#share(now)
  }

  /** Gives the next engine its turn; false when each has had one. */
  next(now: number): boolean {
    if (this.#tried + 1 >= this.#engines) return false
    this.#tried++
    this.#share(now)
    return true
  }

  #share(now: number): void {
    this.#until = now + Math.max(0, this.#deadline - now) / (this.#engines - this.#tried)
  }
}
