/**
 * Buffers the user's audio that the model has not answered, so that it can be sent again on the next connection.
 *
 * @since 0.1.0
 */

/**
 * Chunks of samples in order; the oldest beyond a limit are dropped.
 *
 * @category models
 * @since 0.1.0
 */
export class UtteranceBuffer {
  #chunks: Array<Int16Array> = []
  #samples = 0

  /** The buffered chunks, the oldest first. */
  get chunks(): ReadonlyArray<Int16Array> {
    return this.#chunks
  }

  /** Appends a copy and trims to `keep` samples. */
  push(pcm: Int16Array, keep: number): void {
    this.#chunks.push(pcm.slice())
    this.#samples += pcm.length
    this.trim(keep)
  }

  /** Drops the oldest chunks, as long as at least `keep` samples remain. */
  trim(keep: number): void {
    let drop = 0
    for (const chunk of this.#chunks) {
      if (this.#samples - chunk.length < keep) break
      this.#samples -= chunk.length
      drop++
    }
    if (drop > 0) this.#chunks = this.#chunks.slice(drop)
  }

  /** Drops everything. */
  clear(): void {
    this.#chunks = []
    this.#samples = 0
  }
}
