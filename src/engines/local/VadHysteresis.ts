/**
 * Turns decisions per window ("this window is speech") into `SpeechStarted` and `SpeechStopped`, with hysteresis in time.
 *
 * Plain and synchronous; shared by the detectors that decide window by window. The two events alternate, and their
 * positions never decrease.
 *
 * @since 0.1.0
 */
import type { VoiceActivity } from "../../speech/VoiceActivityDetector.ts"

/**
 * Thresholds, all in samples of the timeline.
 *
 * @category models
 * @since 0.1.0
 */
export interface VadHysteresisOptions {
  /** How much uninterrupted speech starts a speech segment. */
  readonly minSpeech: number
  /** How much uninterrupted silence ends it. */
  readonly minSilence: number
  /** How late the detector is at the start of speech: subtracted from the start. */
  readonly onsetLag: number
  /** How late the detector is at the end of speech: subtracted from the end. */
  readonly offsetLag: number
  readonly onActivity: (activity: VoiceActivity) => void
}

/**
 * The state between windows of one audio stream.
 *
 * @category models
 * @since 0.1.0
 */
export class VadHysteresis {
  readonly #options: VadHysteresisOptions
  #speaking = false
  /** Where the current run of windows that differ from `speaking` began; -1 without one. */
  #runFrom = -1
  /** The position of the last event: a later event is not placed before it. */
  #changedAt = 0

  constructor(options: VadHysteresisOptions) {
    this.#options = options
  }

  get speaking(): boolean {
    return this.#speaking
  }

  /** Takes the decision for the window `[from, to)`. */
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

  /** Starts over at `at`; speech in progress is stopped there, because its end will not be detected. */
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
