/**
 * A buffer of samples that are addressed by their absolute position in the stream.
 *
 * Unlike a ring buffer it grows with an utterance and shrinks afterwards, so that a silent session needs little memory.
 * Reading copies. It has no limit of its own: the owner bounds it with `drop`.
 *
 * @since 0.1.0
 */

const SMALL = 16_000

/**
 * Holds samples from the oldest that was not dropped to the newest.
 *
 * @category models
 * @since 0.1.0
 */
export class SampleBuffer {
  #buffer = new Int16Array(SMALL)
  #start = 0
  #end = 0

  /** The position of the oldest sample held. */
  get start(): number {
    return this.#start
  }

  /** The position after the newest sample. */
  get end(): number {
    return this.#end
  }

  /** How many samples are allocated. */
  get capacity(): number {
    return this.#buffer.length
  }

  /** Appends samples. Position `#start` is always at index 0: dropping moves the rest. */
  push(samples: Int16Array): void {
    const held = this.#end - this.#start
    if (held + samples.length > this.#buffer.length) {
      this.#resize(Math.max(2 * this.#buffer.length, held + samples.length))
    }
    this.#buffer.set(samples, held)
    this.#end += samples.length
  }

  /** Drops the samples before `position`. */
  drop(position: number): void {
    const count = Math.min(this.#end, position) - this.#start
    if (count <= 0) return
    this.#buffer.copyWithin(0, count, this.#end - this.#start)
    this.#start += count
    const held = this.#end - this.#start
    if (this.#buffer.length > 2 * SMALL && held <= SMALL) this.#resize(SMALL)
  }

  /** Copies the held samples of `[from, to)` as floats in [-1, 1), with zeros before and after them. */
  floats(from: number, to: number, before: number, after: number): Float32Array {
    const begin = Math.max(from, this.#start)
    const count = Math.max(0, Math.min(to, this.#end) - begin)
    const out = new Float32Array(before + count + after)
    const at = begin - this.#start
    for (let i = 0; i < count; i++) out[before + i] = this.#buffer[at + i]! / 32768
    return out
  }

  /** The mean square of the 16-bit samples in `[from, to)`; the range must be held. */
  power(from: number, to: number): number {
    const at = from - this.#start
    const count = to - from
    let sum = 0
    for (let i = 0; i < count; i++) sum += this.#buffer[at + i]! * this.#buffer[at + i]!
    return count <= 0 ? 0 : sum / count
  }

  #resize(capacity: number): void {
    const next = new Int16Array(capacity)
    next.set(this.#buffer.subarray(0, this.#end - this.#start))
    this.#buffer = next
  }
}
