/**
 * Tells speech from silence in telephone audio by its level, for the timing of a greeting. Pure.
 *
 * @since 0.1.0
 */

/** The mean magnitude of a sample that is more than silence; the default of Asterisk's `silence_threshold`. */
const SILENCE = 256
/** Speech is at least this much louder than the noise of the line: 10 dB. */
const ABOVE_NOISE = 3.16
/** How fast the estimate of the noise rises: to the double in some 2 s of 20 ms frames. */
const RISE = 1.007
/** Noise that is louder than this is no noise of a line: -36 dBFS. */
const MAX_NOISE = 500

/**
 * The level of one stream.
 *
 * @category models
 * @since 0.1.0
 */
export class VoiceLevel {
  #noise = SILENCE / ABOVE_NOISE

  /** Whether a frame has voice. */
  push(samples: Int16Array): boolean {
    if (samples.length === 0) return false
    let sum = 0
    for (let i = 0; i < samples.length; i++) {
      const x = samples[i]!
      sum += x < 0 ? -x : x
    }
    const mean = sum / samples.length
    const voiced = mean >= SILENCE && mean >= this.#noise * ABOVE_NOISE
    this.#noise = mean < this.#noise ? mean : Math.min(MAX_NOISE, Math.max(1, this.#noise * RISE), mean)
    return voiced
  }
}
