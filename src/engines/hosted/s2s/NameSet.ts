/**
 * The latest names of a vendor's objects, by which late and repeated events are known.
 *
 * @since 0.1.0
 */

/**
 * A set of names that forgets the oldest of more than 256.
 *
 * @category models
 * @since 0.1.0
 */
export class NameSet {
  readonly #names = new Set<string>()

  /** Adds a name; returns false when it is there. */
  add(name: string): boolean {
    if (this.#names.has(name)) return false
    this.#names.add(name)
    for (const oldest of this.#names) {
      if (this.#names.size <= 256) break
      this.#names.delete(oldest)
    }
    return true
  }

  /** Whether the name is one of the latest. */
  has(name: string): boolean {
    return this.#names.has(name)
  }

  /** Forgets all names. */
  clear(): void {
    this.#names.clear()
  }
}
