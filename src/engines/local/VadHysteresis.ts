/**
 * Turns "this window is speech" into changes between speech and silence, with hysteresis in time.
 *
 * Plain and synchronous; shared by the detectors that judge window by window. Changes always alternate, and positions
 * never go back.
 *
 * @since 0.1.0
 */
import type { VoiceActivity } from "../../speech/VoiceActivityDetector.ts"

/**
 * All in samples of the timeline.
 *
 * @category models
 * @since 0.1.0
 */
export interface VadHysteresisOptions {
  /** So much speech in a row makes a start. */
  readonly minSpeech: number
  /** So much silence in a row makes a stop. */
  readonly minSilence: number
  /** How long after the real onset the first window is called speech. */
  readonly onsetLag: number
  /** How long after the real end the last window is called speech. */
  readonly offsetLag: number
  readonly onActivity: (activity: VoiceActivity) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export class VadHysteresis {
  readonly #options: VadHysteresisOptions
  #speaking = false
  /** Where the present run of windows, which contradicts the state, began; -1 without one. */
  #runFrom = -1
  /** The position of the last change: the next one is not before it. */
  #changedAt = 0

  constructor(options: VadHysteresisOptions) {
    this.#options = options
  }

  get speaking(): boolean {
    return this.#speaking
  }

  /** Takes the verdict on the window `[from, to)`. */
  push(speech: boolean, from: number, to: number): void {
    if (speech === this.#speaking) {
      this.#runFrom = -1
      return
    }
    if (this.#runFrom < 0) this.#runFrom = from
    const { minSilence, minSpeech, offsetLag, onsetLag } = this.#options
    if (speech) {
      if (to - this.#runFrom >= minSpeech) this.#change("SpeechStarted", this.#runFrom - onsetLag, to)
    } else if (to - this.#runFrom + offsetLag >= minSilence) {
      this.#change("SpeechStopped", this.#runFrom - offsetLag, to)
    }
  }

  /** Forgets the run; speech that was going on stops at `at`, so that nobody waits for its end. */
  reset(at: number): void {
    this.#runFrom = -1
    if (this.#speaking) this.#change("SpeechStopped", at, at)
  }

  #change(tag: VoiceActivity["_tag"], at: number, decidedAtSample: number): void {
    this.#speaking = tag === "SpeechStarted"
    this.#runFrom = -1
    this.#changedAt = Math.max(this.#changedAt, at)
    this.#options.onActivity({ _tag: tag, atSample: this.#changedAt, decidedAtSample })
  }
}
