/**
 * Whether an utterance has just become quiet, sooner than a voice activity detector says that its speech has stopped. Plain
 * and synchronous.
 *
 * Quiet is 25 dB below the loudest 10 ms of the utterance. Where the noise is louder than that, nothing is found.
 *
 * @since 0.1.0
 */

/** 10 ms at 16 kHz. */
const WINDOW = 160
/** In a row, 100 ms: a stop within a word is shorter. */
const WINDOWS = 10
/** 25 dB. */
const BELOW = 10 ** -2.5

/**
 * Follows the level of one utterance.
 *
 * @category models
 * @since 0.1.0
 */
export class QuietTail {
  #energy = 0
  #filled = 0
  #loudest = 0
  #quietWindows = 0

  /** Whether the last 100 ms, or more, were quiet. */
  get isQuiet(): boolean {
    return this.#quietWindows >= WINDOWS
  }

  /** Takes the next samples of the utterance. */
  push(pcm: Int16Array): void {
    for (let i = 0; i < pcm.length; i++) {
      this.#energy += pcm[i]! * pcm[i]!
      if (++this.#filled < WINDOW) continue
      this.#quietWindows = this.#energy < this.#loudest * BELOW ? this.#quietWindows + 1 : 0
      this.#loudest = Math.max(this.#loudest, this.#energy)
      this.#energy = 0
      this.#filled = 0
    }
  }

  /** Forgets the utterance: another begins. */
  reset(): void {
    this.#energy = 0
    this.#filled = 0
    this.#loudest = 0
    this.#quietWindows = 0
  }
}
