/**
 * A ring buffer of the latest samples of a stream, addressed by their absolute position: for example the pre-roll before
 * speech was detected, or an utterance.
 *
 * Memory is allocated once, with the first samples; when it is full, the oldest samples are overwritten. Reading copies.
 * Freed memory is reused by the next ring of the same size, so utterances do not allocate.
 *
 * @since 0.1.0
 */

const none = new Int16Array(0)

/** The memory of freed rings, by size in samples. */
const pool = new Map<number, Array<Int16Array<ArrayBuffer>>>()
/** Buffers that are pooled per size. */
const MAX_POOLED = 64
/** Sizes that are pooled. */
const MAX_SIZES = 8

/**
 * @category models
 * @since 0.1.0
 */
export class SampleRing {
  readonly #capacity: number
  #buffer: Int16Array<ArrayBuffer> = none
  #start = 0
  #end = 0

  /** @param capacity in samples, at least 1 */
  constructor(capacity: number) {
    this.#capacity = Math.max(1, Math.trunc(capacity))
  }

  /** The capacity in samples. */
  get capacity(): number {
    return this.#capacity
  }

  /** The number of samples held. */
  get length(): number {
    return this.#end - this.#start
  }

  /** The position of the oldest sample held. */
  get start(): number {
    return this.#start
  }

  /** The position after the newest sample, which the next push takes. */
  get end(): number {
    return this.#end
  }

  /** Appends samples, overwriting the oldest. */
  push(samples: Int16Array): void {
    const buffer = this.#memory()
    const skipped = Math.max(0, samples.length - buffer.length)
    const count = samples.length - skipped
    const at = (this.#end + skipped) % buffer.length
    const first = Math.min(count, buffer.length - at)
    if (first === samples.length) {
      buffer.set(samples, at)
    } else {
      buffer.set(samples.subarray(skipped, skipped + first), at)
      buffer.set(samples.subarray(skipped + first), 0)
    }
    this.#advance(samples.length)
  }

  /** Appends `count` zeros, so that positions stay correct across a gap. */
  pushSilence(count: number): void {
    const buffer = this.#memory()
    const total = Math.max(0, Math.trunc(count))
    const kept = Math.min(total, buffer.length)
    const at = (this.#end + total - kept) % buffer.length
    const first = Math.min(kept, buffer.length - at)
    buffer.fill(0, at, at + first)
    buffer.fill(0, 0, kept - first)
    this.#advance(total)
  }

  /** Tells whether every sample of `[from, to)` is held. */
  contains(from: number, to: number): boolean {
    return from >= this.#start && to <= this.#end && from <= to
  }

  /**
   * Copies the samples of `[from, to)` that are held. Positions that are overwritten or not written yet are left out, so the
   * result starts at `max(from, start)`.
   *
   * Writes into `out` when it is given (as much as fits) and returns the part of it that was written.
   */
  read(from: number, to: number, out?: Int16Array): Int16Array {
    const buffer = this.#buffer
    const begin = Math.max(Math.trunc(from), this.#start)
    const available = Math.max(0, Math.min(Math.trunc(to), this.#end) - begin)
    const count = out === undefined ? available : Math.min(available, out.length)
    const target = out === undefined ? new Int16Array(count) : out.subarray(0, count)
    if (count > 0) {
      const at = begin % buffer.length
      const first = Math.min(count, buffer.length - at)
      target.set(buffer.subarray(at, at + first))
      target.set(buffer.subarray(0, count - first), first)
    }
    return target
  }

  /** Drops the samples and keeps the position. */
  clear(): void {
    this.#start = this.#end
  }

  /** Drops the samples and releases the memory; the next push allocates it again. */
  free(): void {
    const buffer = this.#buffer
    this.clear()
    if (buffer === none) return
    this.#buffer = none
    const free = pool.get(buffer.length)
    if (free === undefined) {
      if (pool.size < MAX_SIZES) pool.set(buffer.length, [buffer])
    } else if (free.length < MAX_POOLED) {
      free.push(buffer)
    }
  }

  // Pooled memory is not cleared: only positions that were pushed can be read.
  #memory(): Int16Array {
    if (this.#buffer === none) this.#buffer = pool.get(this.#capacity)?.pop() ?? new Int16Array(this.#capacity)
    return this.#buffer
  }

  #advance(count: number): void {
    this.#end += count
    this.#start = Math.max(this.#start, this.#end - this.#capacity)
  }
}
