/**
 * What a carrier remembers of calls by a key; of too many it forgets the oldest.
 *
 * @since 0.1.0
 */

const MAX_CALLS = 4_096

/**
 * @category models
 * @since 0.1.0
 */
export class RecentCalls<A> {
  readonly #calls = new Map<string, A>()

  get(key: string): A | undefined {
    return this.#calls.get(key)
  }

  set(key: string, value: A): void {
    this.#calls.delete(key)
    this.#calls.set(key, value)
    if (this.#calls.size <= MAX_CALLS) return
    for (const oldest of this.#calls.keys()) {
      this.#calls.delete(oldest)
      return
    }
  }

  /** Forgets it; gives what it was. */
  take(key: string): A | undefined {
    const value = this.#calls.get(key)
    this.#calls.delete(key)
    return value
  }
}
