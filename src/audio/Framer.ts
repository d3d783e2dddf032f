/**
 * Splits a stream of samples, which arrives in pieces of any length, into frames of one length.
 *
 * The frame passed to the callback is the framer's own buffer: it is valid only during the call, so copy what you keep.
 * Nothing is allocated per frame. The callback must not push into the same framer.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export class Framer {
  readonly #frame: Int16Array
  readonly #onFrame: (frame: Int16Array, position: number) => void
  #fill = 0
  #position = 0

  /**
   * @param samples the length of a frame, at least 1
   * @param onFrame receives each full frame and the position of its first sample, counted from the first sample pushed
   */
  constructor(samples: number, onFrame: (frame: Int16Array, position: number) => void) {
    this.#frame = new Int16Array(Math.max(1, Math.trunc(samples)))
    this.#onFrame = onFrame
  }

  /** The number of samples in the incomplete frame. */
  get pending(): number {
    return this.#fill
  }

  /** The position of the next sample that is pushed. */
  get position(): number {
    return this.#position + this.#fill
  }

  /** Takes samples, and calls back for every frame that they complete before it returns. */
  push(samples: Int16Array): void {
    const frame = this.#frame
    let at = 0
    while (at < samples.length) {
      const count = Math.min(frame.length - this.#fill, samples.length - at)
      if (count === samples.length) {
        frame.set(samples, this.#fill)
      } else {
        // A loop, because `set` would need a view of the part, and so an allocation.
        for (let i = 0; i < count; i++) {
          frame[this.#fill + i] = samples[at + i]!
        }
      }
      at += count
      this.#fill += count
      if (this.#fill === frame.length) {
        this.#emit()
      }
    }
  }

  /**
   * Emits the incomplete frame, padded with zeros, and returns how many of its samples are real (0: no frame).
   *
   * The padding counts in the positions of later samples.
   */
  flush(): number {
    const real = this.#fill
    if (real > 0) {
      this.#frame.fill(0, real)
      this.#emit()
    }
    return real
  }

  /** Drops the incomplete frame, and starts again at position 0. */
  reset(): void {
    this.#fill = 0
    this.#position = 0
  }

  #emit(): void {
    const position = this.#position
    // Before the call, so that the framer still works after a callback that throws.
    this.#fill = 0
    this.#position += this.#frame.length
    this.#onFrame(this.#frame, position)
  }
}
