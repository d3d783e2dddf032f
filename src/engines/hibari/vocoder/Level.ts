/**
 * Turns the vocoder's samples into PCM at the level of other voices. Pure.
 *
 * The voice itself speaks at -24.6 dBFS. Peaks above 0.8 of full scale are rare after a gain of 6 dB (two samples in a
 * million); they are bent below full scale and not clipped.
 *
 * @since 0.1.0
 */

/** Where bending starts, as a share of full scale. */
const KNEE = 0.8
const FULL = 32_767

const bend = (magnitude: number): number => KNEE + (1 - KNEE) * Math.tanh((magnitude - KNEE) / (1 - KNEE))

/**
 * Writes samples as PCM, each times `gain` (2 is +6 dB).
 *
 * @category conversions
 * @since 0.1.0
 */
export const toPcm = (samples: Float32Array, gain: number, out: Int16Array): void => {
  for (let i = 0; i < out.length; i++) {
    const value = samples[i]! * gain
    const bent = value > KNEE ? bend(value) : value < -KNEE ? -bend(-value) : value
    out[i] = Math.round(bent * FULL)
  }
}
