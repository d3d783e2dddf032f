/**
 * Token buckets by key, for limits within one process: plain synchronous code.
 *
 * Their number is bounded. A bucket that is full again is removed, since it is like a new one; at the maximum the least
 * recently used is removed.
 *
 * @since 0.1.0
 */

/**
 * How many buckets are kept: about 20 MB of them.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BUCKETS = 100_000

/** How many buckets are checked for removal at each use. */
const SWEEP = 4

/**
 * A bucket of `limit` tokens; one is added every `refillMs`.
 *
 * @category models
 * @since 0.1.0
 */
export class TokenBucket {
  limit: number
  refillMs: number
  /** How many sessions hold it: it is not removed while there are any. */
  holders = 0
  #tokens: number
  #refilledAt: number

  constructor(limit: number, refillMs: number, nowMs: number) {
    this.limit = limit
    this.refillMs = refillMs
    this.#tokens = limit
    this.#refilledAt = nowMs
  }

  /** Milliseconds of the current refill interval that have passed since the last `take`. */
  elapsedMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#refilledAt)
  }

  isFull(nowMs: number): boolean {
    return this.#tokens + (nowMs - this.#refilledAt) / this.refillMs >= this.limit
  }

  /**
   * Takes tokens and returns how many are left. A negative number is a refusal: nothing is taken then, unless debts are
   * allowed.
   */
  take(tokens: number, nowMs: number, debts = false): number {
    const refilled = Math.floor((nowMs - this.#refilledAt) / this.refillMs)
    if (refilled > 0) {
      this.#tokens = Math.min(this.limit, this.#tokens + refilled)
      this.#refilledAt += refilled * this.refillMs
    }
    if (this.#tokens >= this.limit) {
      this.#tokens = this.limit
      this.#refilledAt = nowMs
    }
    const left = this.#tokens - tokens
    if (debts || left >= 0) this.#tokens = left
    return left
  }

  /**
   * Takes over what another process has counted: `left` tokens at a moment when the refill interval had begun `sinceMs` ago, as seen
   * from now. It never adds any.
   */
  atMost(left: number, sinceMs: number, nowMs: number): void {
    const refilled = Math.floor(sinceMs / this.refillMs)
    const tokens = Math.min(this.limit, left + refilled)
    // for a bucket that is full or behind
    this.take(0, nowMs)
    if (tokens >= this.#tokens) return
    this.#tokens = tokens
    this.#refilledAt = nowMs - (sinceMs - refilled * this.refillMs)
  }
}

/**
 * The buckets of many keys.
 *
 * @category models
 * @since 0.1.0
 */
export class TokenBuckets {
  // In the order of their last use.
  readonly #buckets = new Map<string, TokenBucket>()
  readonly #max: number

  constructor(max: number = MAX_BUCKETS) {
    this.#max = max
  }

  get size(): number {
    return this.#buckets.size
  }

  /** The bucket of a key, with the current limits. */
  get(key: string, limit: number, refillMs: number, nowMs: number): TokenBucket {
    // Before it is added: a new bucket is full, and would be removed.
    this.#sweep(nowMs)
    const bucket = this.#buckets.get(key) ?? new TokenBucket(limit, refillMs, nowMs)
    bucket.limit = limit
    bucket.refillMs = refillMs
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    return bucket
  }

  /** Each use checks the few least recently used, so that full ones are removed faster than new ones are added. */
  #sweep(nowMs: number): void {
    let checked = 0
    for (const [key, bucket] of this.#buckets) {
      if (checked++ === SWEEP) return
      const full = this.#buckets.size >= this.#max
      if (bucket.holders > 0) {
        this.#buckets.delete(key)
        this.#buckets.set(key, bucket)
      } else if (full || bucket.isFull(nowMs)) this.#buckets.delete(key)
      else return
    }
  }
}
