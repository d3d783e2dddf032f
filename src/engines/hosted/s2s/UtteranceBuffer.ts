/**
 * What the user has said and the model has not answered yet, kept so that a lost connection loses no word.
 *
 * @since 0.1.0
 */

/**
 * Samples in the order in which they came; the oldest beyond a limit are dropped.
 *
 * @category models
 * @since 0.1.0
 */
export class UtteranceBuffer {
  #chunks: Array<Int16Array> = []
  #samples = 0

  get chunks(): ReadonlyArray<Int16Array> {
    return this.#chunks
  }

  /** Takes a copy, and keeps whole chunks of about so many samples. */
  push(pcm: Int16Array, keep: number): void {
    this.#chunks.push(pcm.slice())
    this.#samples += pcm.length
    this.trim(keep)
  }

  trim(keep: number): void {
    let drop = 0
    for (const chunk of this.#chunks) {
      if (this.#samples - chunk.length < keep) break
      this.#samples -= chunk.length
      drop++
    }
    if (drop > 0) this.#chunks = this.#chunks.slice(drop)
  }

  clear(): void {
    this.#chunks = []
    this.#samples = 0
  }
}
