/**
 * Remembers the signed requests that were let in, so that none is let in a second time.
 *
 * Its size is bounded, and it never forgets a request that could still be let in: what is too old is refused by its time, and
 * when there are too many, the time from which on requests are let in moves up.
 *
 * @since 0.1.0
 */

/** What is wrong with a request's time or nonce. */
export type Refusal = "too_old" | "from_the_future" | "replayed"

/**
 * - `windowMs`: how far the clock of a sender may be off, either way. Default: 30,000.
 * - `maxNonces`: how many requests are remembered. Default: 200,000, about 16 MB.
 * - `sinceMs`: requests from before that time are refused: the memory does not reach back further. Unix time in ms. Default:
 *   none.
 *
 * @category models
 * @since 0.1.0
 */
export interface NonceMemoryOptions {
  readonly windowMs?: number | undefined
  readonly maxNonces?: number | undefined
  readonly sinceMs?: number | undefined
}

/**
 * How far the clocks of two machines may be apart: 30 s. Machines that keep time by NTP are some milliseconds apart.
 *
 * @category constants
 * @since 0.1.0
 */
export const WINDOW_MS = 30_000
const MAX_NONCES = 200_000

/**
 * A memory of nonces. It is only asked about requests whose signature is right, so strangers cannot fill it.
 *
 * @category models
 * @since 0.1.0
 */
export class NonceMemory {
  readonly windowMs: number
  readonly #max: number
  /** The nonces by the second in which they were signed. */
  readonly #seconds = new Map<number, Set<string>>()
  #size = 0
  /** Requests from before it are refused. Unix time in ms. */
  #floorMs: number
  #prunedAt = Number.NEGATIVE_INFINITY

  constructor(
    { maxNonces = MAX_NONCES, sinceMs = Number.NEGATIVE_INFINITY, windowMs = WINDOW_MS }: NonceMemoryOptions = {}
  ) {
    this.windowMs = windowMs
    this.#max = Math.max(1, maxNonces)
    this.#floorMs = sinceMs
  }

  /** How many are remembered. */
  get size(): number {
    return this.#size
  }

  /** Notes a request that was signed at a time, or says why it must not be let in. All times are Unix times in ms. */
  take(nonce: string, signedMs: number, nowMs: number): Refusal | undefined {
    this.#prune(nowMs)
    if (signedMs < nowMs - this.windowMs || signedMs < this.#floorMs) return "too_old"
    if (signedMs > nowMs + this.windowMs) return "from_the_future"
    const second = Math.floor(signedMs / 1_000)
    const seen = this.#seconds.get(second) ?? new Set<string>()
    if (seen.has(nonce)) return "replayed"
    this.#seconds.set(second, seen.add(nonce))
    this.#size += 1
    while (this.#size > this.#max) this.#drop(Math.min(...this.#seconds.keys()))
    return undefined
  }

  /** Forgets the requests of a second, and from then on refuses all until its end. */
  #drop(second: number): void {
    this.#size -= this.#seconds.get(second)?.size ?? 0
    this.#seconds.delete(second)
    this.#floorMs = Math.max(this.#floorMs, (second + 1) * 1_000)
  }

  #prune(nowMs: number): void {
    const first = Math.floor((nowMs - this.windowMs) / 1_000)
    // a clock that was set back must not make the memory forget: the floor then holds
    if (first <= this.#prunedAt) return
    this.#prunedAt = first
    for (const second of this.#seconds.keys()) if (second < first) this.#drop(second)
  }
}
