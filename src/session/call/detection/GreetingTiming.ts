/**
 * Tells by speech and pauses alone whether a person or a machine has answered a call: a person says a word or two and waits, a
 * machine speaks on. Pure; it counts the time of the audio that it is given.
 *
 * The thresholds and their defaults are those of Asterisk's AMD application (`amd.conf`). Unlike there, nothing said at all is
 * `unknown`: a person who waits for the caller to speak must not be taken for a machine.
 *
 * @since 0.1.0
 */

/**
 * The thresholds, in ms.
 *
 * - `initialSilenceMs`: nobody speaks for so long.
 * - `greetingMs`: so much speech is a machine's.
 * - `afterGreetingSilenceMs`: so much silence after speech is a person's, who waits for an answer.
 * - `totalMs`: it is decided within this.
 * - `minWordMs`: shorter sounds are no words.
 * - `betweenWordsMs`: the silence between two words.
 * - `maxWords`: more words are a machine's.
 * - `maxWordMs`: a longer sound is a machine's.
 *
 * @category models
 * @since 0.1.0
 */
export interface GreetingThresholds {
  readonly initialSilenceMs: number
  readonly greetingMs: number
  readonly afterGreetingSilenceMs: number
  readonly totalMs: number
  readonly minWordMs: number
  readonly betweenWordsMs: number
  readonly maxWords: number
  readonly maxWordMs: number
}

/**
 * Asterisk's defaults.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultThresholds: GreetingThresholds = {
  initialSilenceMs: 2_500,
  greetingMs: 1_500,
  afterGreetingSilenceMs: 800,
  totalMs: 5_000,
  minWordMs: 100,
  betweenWordsMs: 50,
  maxWords: 3,
  maxWordMs: 5_000
}

/**
 * The timing of one greeting.
 *
 * @category models
 * @since 0.1.0
 */
export class GreetingTiming {
  readonly #thresholds: GreetingThresholds
  #totalMs = 0
  #silenceMs = 0
  #voiceMs = 0
  /** Of the sound in progress. */
  #soundMs = 0
  #words = 0
  #inWord = false

  constructor(thresholds: GreetingThresholds = defaultThresholds) {
    this.#thresholds = thresholds
  }

  /** Takes a piece of audio, of at most 50 ms: whether it has voice. The result is `undefined` while it is not known. */
  push(voiced: boolean, ms: number): "human" | "machine" | "unknown" | undefined {
    const t = this.#thresholds
    this.#totalMs += ms
    if (voiced) {
      this.#silenceMs = 0
      this.#soundMs += ms
      this.#voiceMs += ms
      if (!this.#inWord && this.#soundMs >= t.minWordMs) {
        this.#inWord = true
        this.#words++
      }
      if (this.#words > t.maxWords || this.#soundMs >= t.maxWordMs) return "machine"
      if (this.#words > 0 && this.#voiceMs >= t.greetingMs) return "machine"
    } else {
      this.#silenceMs += ms
      if (this.#silenceMs >= t.betweenWordsMs) {
        // a click is no part of a greeting
        if (!this.#inWord) this.#voiceMs -= this.#soundMs
        this.#inWord = false
        this.#soundMs = 0
      }
      if (this.#words > 0 && this.#silenceMs >= t.afterGreetingSilenceMs) return "human"
      if (this.#words === 0 && this.#totalMs >= t.initialSilenceMs && this.#silenceMs >= t.betweenWordsMs) {
        return "unknown"
      }
    }
    return this.#totalMs >= t.totalMs ? "unknown" : undefined
  }
}
