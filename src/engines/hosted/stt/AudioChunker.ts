/**
 * A user's audio in the pieces that a vendor takes. Plain synchronous code.
 *
 * @since 0.1.0
 */

/**
 * Collects PCM until a piece is full. A piece that is sent before, because a final transcript is wanted, is filled up with
 * silence where the vendor refuses short ones.
 *
 * @category models
 * @since 0.1.0
 */
export class AudioChunker {
  readonly #chunk: Int16Array
  readonly #least: number
  #filled = 0

  /** `sampleRate` in Hz; the size of a piece, and of the smallest that may be sent, in ms. */
  constructor(sampleRate: number, chunkMs: number, leastMs = 0) {
    this.#chunk = new Int16Array(Math.round(sampleRate * chunkMs / 1_000))
    this.#least = Math.min(this.#chunk.length, Math.round(sampleRate * leastMs / 1_000))
  }

  /** Takes PCM and calls back for each piece that is full; the piece is only valid during the call. */
  push(pcm: Int16Array, full: (piece: Int16Array) => void): void {
    for (let at = 0; at < pcm.length;) {
      const taken = pcm.subarray(at, at + this.#chunk.length - this.#filled)
      this.#chunk.set(taken, this.#filled)
      this.#filled += taken.length
      at += taken.length
      if (this.#filled < this.#chunk.length) continue
      this.#filled = 0
      full(this.#chunk)
    }
  }

  /** The piece so far, and how many samples of silence at its end fill it up; nothing when there is no audio. */
  flush(): { readonly piece: Int16Array; readonly padding: number } | undefined {
    const filled = this.#filled
    if (filled === 0) return undefined
    const length = Math.max(filled, this.#least)
    this.#chunk.fill(0, filled, length)
    this.#filled = 0
    return { piece: this.#chunk.subarray(0, length), padding: length - filled }
  }
}
