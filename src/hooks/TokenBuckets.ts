/**
 * Token buckets by key, bounded: plain synchronous code, for limits within one process.
 *
 * A bucket that is full again says nothing, so it is forgotten; beyond the maximum the one that was used longest ago is.
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

/** How many are looked at, at each use. */
const SWEEP = 4

/**
 * A bucket of `limit` tokens; one comes back every `refillMs`.
 *
 * @category models
 * @since 0.1.0
 */
export class TokenBucket {
  limit: number
  refillMs: number
  /** Whoever keeps it in hand: while there is anybody, it is not forgotten. */
  holders = 0
  #tokens: number
  #refilledAt: number

  constructor(limit: number, refillMs: number, nowMs: number) {
    this.limit = limit
    this.refillMs = refillMs
    this.#tokens = limit
    this.#refilledAt = nowMs
  }

  /** Milliseconds of the present refill interval that have passed, at the last `take`. */
  elapsedMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#refilledAt)
  }

  isFull(nowMs: number): boolean {
    return this.#tokens + (nowMs - this.#refilledAt) / this.refillMs >= this.limit
  }

  /**
   * Takes tokens, and returns how many are left; a negative number is a refusal, and then nothing is taken, unless debts are
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
}

/**
 * The buckets of many keys.
 *
 * @category models
 * @since 0.1.0
 */
export class TokenBuckets {
  // in the order of their last use
  readonly #buckets = new Map<string, TokenBucket>()
  readonly #max: number

  constructor(max: number = MAX_BUCKETS) {
    this.#max = max
  }

  get size(): number {
    return this.#buckets.size
  }

  /** The bucket of a key, with the limits as they are now. */
  get(key: string, limit: number, refillMs: number, nowMs: number): TokenBucket {
    // before it is there itself: a new bucket is a full one
    this.#sweep(nowMs)
    const bucket = this.#buckets.get(key) ?? new TokenBucket(limit, refillMs, nowMs)
    bucket.limit = limit
    bucket.refillMs = refillMs
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    return bucket
  }

  /** Each use looks at the few that were used longest ago, so that what is full goes faster than others come. */
  #sweep(nowMs: number): void {
    let looked = 0
    for (const [key, bucket] of this.#buckets) {
      if (looked++ === SWEEP) return
      const full = this.#buckets.size >= this.#max
      if (bucket.holders > 0) {
        this.#buckets.delete(key)
        this.#buckets.set(key, bucket)
      } else if (full || bucket.isFull(nowMs)) this.#buckets.delete(key)
      else return
    }
  }
}
