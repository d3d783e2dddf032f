/**
 * A first-in, first-out queue of samples, between a producer and a consumer that use pieces of different lengths. It grows to
 * the largest backlog, and allocates nothing per piece after that.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export class SampleQueue {
  #buffer: Int16Array
  #start = 0
  #end = 0

  /** @param silence the number of zeros it starts with: the delay that it adds */
  constructor(silence = 0) {
    this.#buffer = new Int16Array(Math.max(2_048, 2 * silence))
    this.#end = silence
  }

  /** The number of queued samples. */
  get length(): number {
    return this.#end - this.#start
  }

  /** Appends a copy of the samples. */
  push(samples: Int16Array): void {
    if (this.#end + samples.length > this.#buffer.length) this.#makeRoom(samples.length)
    this.#buffer.set(samples, this.#end)
    this.#end += samples.length
  }

  /** Fills `out` with the oldest samples, padded with zeros, and returns it. */
  take(out: Int16Array): Int16Array {
    const count = Math.min(out.length, this.length)
    for (let i = 0; i < count; i++) out[i] = this.#buffer[this.#start + i]!
    out.fill(0, count)
    this.#start += count
    return out
  }

  #makeRoom(samples: number): void {
    const { length } = this
    if (length + samples > this.#buffer.length) {
      const grown = new Int16Array(2 * (length + samples))
      grown.set(this.#buffer.subarray(this.#start, this.#end))
      this.#buffer = grown
    } else {
      this.#buffer.copyWithin(0, this.#start, this.#end)
    }
    this.#start = 0
    this.#end = length
  }
}
