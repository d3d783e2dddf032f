/**
 * The requests of a session to its speech-to-speech model, and which of them a reply answers: by id, never by count.
 *
 * Plain and synchronous.
 *
 * @since 0.1.0
 */

/** A request that waits for its reply. */
interface Waiting<Owner> {
  /** `undefined`: it is not wanted any more. */
  owner: Owner | undefined
  /** Until when a reply may begin, in ms of the monotonic clock. */
  readonly untilMs: number
}

/** Requests that wait at once; the oldest of more is given up. */
const MAX_WAITING = 64

/**
 * What a reply answers: a request of this owner, a request that is not wanted any more, or none.
 *
 * @category models
 * @since 0.1.0
 */
export type Answered<Owner> =
  | { readonly _tag: "Wanted"; readonly owner: Owner }
  | { readonly _tag: "Unwanted" }
  | { readonly _tag: "Unasked" }

/**
 * @category models
 * @since 0.1.0
 */
export class S2sRequests<Owner> {
  readonly #now: () => number
  readonly #waiting = new Map<string, Waiting<Owner>>()
  /** Whether a reply has named its request: the engine can tell, and a reply without a name is the model's own. */
  #named = false
  #count = 0

  /** `now`: the monotonic clock, in ms. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Adds a request whose reply must begin within this time, in ms, and returns its id. */
  add(owner: Owner, withinMs: number): string {
    const id = `request-${++this.#count}`
    this.#waiting.set(id, { owner, untilMs: this.#now() + withinMs })
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= MAX_WAITING) break
      this.#waiting.delete(oldest)
    }
    return id
  }

  /**
   * A request is not wanted any more. Its reply may still begin, also from an engine that does not name it, and is then
   * not taken for another's. Returns whether it waited.
   */
  abandon(id: string): boolean {
    const waiting = this.#waiting.get(id)
    if (waiting?.owner === undefined) return false
    waiting.owner = undefined
    return true
  }

  /** Abandons the requests of these owners, and returns their ids. */
  abandonAll(of: (owner: Owner) => boolean): ReadonlyArray<string> {
    return Array.from(this.#waiting).flatMap(([id, { owner }]) =>
      owner !== undefined && of(owner) && this.abandon(id) ? [id] : []
    )
  }

  /** A request whose reply has not begun in time is lost: a reply without a name is not taken for it. */
  lose(id: string): void {
    this.#waiting.delete(id)
  }

  /** No reply will begin for this request. Returns its owner, if it is wanted. */
  failed(id: string): Owner | undefined {
    const owner = this.#waiting.get(id)?.owner
    this.#waiting.delete(id)
    return owner
  }

  /**
   * A reply begins. One without a name, from an engine that names none, answers the oldest request that waits: such an
   * engine answers in order.
   */
  answered(id: string | undefined): Answered<Owner> {
    if (id !== undefined) this.#named = true
    const named = id ?? (this.#named ? undefined : this.#oldest())
    if (named === undefined) return { _tag: "Unasked" }
    const owner = this.#waiting.get(named)?.owner
    this.#waiting.delete(named)
    return owner === undefined ? { _tag: "Unwanted" } : { _tag: "Wanted", owner }
  }

  #oldest(): string | undefined {
    const now = this.#now()
    for (const [id, { untilMs }] of this.#waiting) {
      if (untilMs > now) return id
      this.#waiting.delete(id)
    }
    return undefined
  }
}
