/**
 * How loud the echo is beside what is played, learnt from what a canceller takes away: decides whether the recogniser gets the
 * audio as it came or cleaned. A canceller also takes something from a user who speaks over the agent, so that a weak echo does
 * the recogniser less harm.
 *
 * @since 0.1.0
 */

/** An echo below this is weak, as a part of the power of what is played: -25 dB. */
const WEAK = 10 ** -2.5
/** A strong echo was taken for weak only below this: -28 dB. */
const WEAKER = 10 ** -2.8
/** The part of an average that a frame of 10 ms replaces: it reaches back for about a second. */
const STEP = 0.01
/**
 * Frames of 10 ms with the agent's voice in a row in which little was left: half a second. More is left of a user who speaks, and
 * by a canceller that has not learnt yet.
 */
const CERTAIN = 50
/** Mean square below which the agent is not heard: -50 dBFS. */
const SILENT = (32_768 * 10 ** (-50 / 20)) ** 2

/**
 * @category models
 * @since 0.1.0
 */
export class EchoStrength {
  #played = 0
  #taken = 0
  #certain = 0
  #isStrong = true

  /** Whether the recogniser needs the cleaned audio; so it does until the echo is known. */
  get isStrong(): boolean {
    return this.#isStrong
  }

  /** Takes the mean squares of a frame: of what was played, of what was heard, and of what is left of that. */
  frame(played: number, heard: number, left: number): void {
    this.#played += STEP * (played - this.#played)
    if (this.#played < SILENT) return
    if (left > this.#played * WEAK) {
      this.#certain = 0
      return
    }
    this.#taken += STEP * (Math.max(0, heard - left) - this.#taken)
    if (played > SILENT) this.#certain++
    if (this.#certain >= CERTAIN) this.#isStrong = this.#taken / this.#played > (this.#isStrong ? WEAKER : WEAK)
  }
}
