/**
 * How much of a sentence was delivered, so that another attempt at it repeats nothing. Plain synchronous code.
 *
 * @since 0.1.0
 */
import type { SpeechChunk } from "../TextToSpeech.ts"

const silence = new Int16Array(0)

/**
 * One sentence's speech over several attempts of one engine: each attempt speaks it from the beginning, and of what was
 * delivered before, samples, words and text are left out.
 *
 * @category models
 * @since 0.1.0
 */
export class DeliveredSpeech {
  #samples = 0
  #words = 0
  #text = false
  #attemptSamples = 0
  #attemptWords = 0
  #progressed = false

  /** Audio of the sentence was delivered: only the same voice can finish it. */
  get begun(): boolean {
    return this.#samples > 0
  }

  /** The current attempt has given audio, new or not. */
  get attemptBegun(): boolean {
    return this.#attemptSamples > 0
  }

  /** The current attempt has given audio that no earlier one had. */
  get progressed(): boolean {
    return this.#progressed
  }

  /** Another attempt begins. */
  attempt(): void {
    this.#attemptSamples = 0
    this.#attemptWords = 0
    this.#progressed = false
  }

  /** What of an attempt's next chunk is new; `undefined` when nothing is. */
  take(chunk: SpeechChunk): SpeechChunk | undefined {
    const repeatedSamples = Math.min(chunk.pcm.length, Math.max(0, this.#samples - this.#attemptSamples))
    this.#attemptSamples += chunk.pcm.length
    if (this.#attemptSamples > this.#samples) {
      this.#samples = this.#attemptSamples
      this.#progressed = true
    }
    const count = chunk.words?.length ?? 0
    const repeatedWords = Math.min(count, Math.max(0, this.#words - this.#attemptWords))
    this.#attemptWords += count
    this.#words = Math.max(this.#words, this.#attemptWords)
    const text = this.#text ? "" : chunk.text
    this.#text = this.#text || chunk.text !== ""
    if (repeatedSamples === 0 && repeatedWords === 0 && text === chunk.text) return chunk
    const pcm = repeatedSamples === chunk.pcm.length ? silence : chunk.pcm.subarray(repeatedSamples)
    const words = chunk.words?.slice(repeatedWords)
    if (pcm.length === 0 && text === "" && (words === undefined || words.length === 0)) return undefined
    return {
      pcm,
      text,
      ...(words === undefined || words.length === 0 ? {} : { words }),
      ...(text === "" || chunk.lengths === undefined ? {} : { lengths: chunk.lengths })
    }
  }
}
