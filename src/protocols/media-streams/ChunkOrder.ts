/**
 * Puts the numbered chunks of a media stream in order: duplicates and late ones are dropped, and missing ones counted.
 *
 * It keeps at most `capacity` chunks that have come too early, by reference, until the missing one comes or their number
 * is exceeded. It reads no clock. With a capacity of 0, for a carrier that keeps the order, nothing is ever kept.
 *
 * @since 0.1.0
 */

/** A chunk that lies further behind is no late one: the sender may have begun to count anew. */
const MAX_LATE = 100
/** So many chunks in a row are believed to be lost: 10 s of 20 ms. */
const MAX_MISSING = 500

/**
 * @category models
 * @since 0.1.0
 */
export class ChunkOrder<A extends {} | null> {
  readonly #capacity: number
  readonly #numbers: Array<number> = []
  readonly #chunks: Array<A> = []
  #next = 0
  #started = false
  #ended = false
  // an unlikely number; its successor confirms that the sender counts anew
  #unlikely = Number.NaN
  #missing = 0

  /** `capacity`: how many chunks may wait for one that is missing. */
  constructor(capacity: number) {
    this.#capacity = Math.max(0, Math.trunc(capacity))
  }

  /** How many chunks were lost just before the one that `take` gave last. */
  get missing(): number {
    return this.#missing
  }

  /** How many chunks wait. */
  get size(): number {
    return this.#chunks.length
  }

  /** Whether a chunk is the next in order and none waits: it counts as taken then, and is not added. Otherwise nothing changes. */
  passes(number: number): boolean {
    if (!this.#started || number !== this.#next || this.#chunks.length > 0) return false
    this.#unlikely = Number.NaN
    this.#missing = 0
    this.#next++
    return true
  }

  /** Adds a chunk; call `take` until it gives nothing. Returns whether the chunk was not dropped. */
  push(number: number, chunk: A): boolean {
    if (!this.#started) {
      this.#started = true
      // chunks are counted from 1, and the first to come need not be the first
      this.#next = number <= this.#capacity ? Math.min(number, 1) : number
    }
    if (number < this.#next - MAX_LATE || number > this.#next + MAX_MISSING) {
      if (number !== this.#unlikely + 1) {
        this.#unlikely = number
        return false
      }
      this.#numbers.length = 0
      this.#chunks.length = 0
      this.#next = number
    }
    this.#unlikely = Number.NaN
    return number >= this.#next && this.#insert(number, chunk)
  }

  /** The next chunk in order; `undefined` when it has not come yet. */
  take(): A | undefined {
    const number = this.#numbers[0]
    if (number === undefined) return undefined
    if (number !== this.#next && this.#chunks.length <= this.#capacity && !this.#ended) return undefined
    this.#missing = number - this.#next
    this.#next = number + 1
    this.#numbers.shift()
    return this.#chunks.shift()
  }

  /** Nothing more comes: `take` gives what waits. */
  end(): void {
    this.#ended = true
  }

  #insert(number: number, chunk: A): boolean {
    let at = this.#numbers.length
    while (at > 0 && this.#numbers[at - 1]! >= number) at--
    if (this.#numbers[at] === number) return false
    if (at === this.#numbers.length) {
      this.#numbers.push(number)
      this.#chunks.push(chunk)
    } else {
      this.#numbers.splice(at, 0, number)
      this.#chunks.splice(at, 0, chunk)
    }
    return true
  }
}
