/**
 * What the acoustic network gives for a piece of text: five spectra and a pitch for each frame of 12.5 ms.
 *
 * @since 0.1.0
 */

/**
 * The sample rate of the voice, Hz.
 *
 * @category constants
 * @since 0.1.0
 */
export const RATE = 24_000

/**
 * Samples per frame, 12.5 ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const FRAME = 300

/**
 * Samples under the window of a frame, and of its transforms.
 *
 * @category constants
 * @since 0.1.0
 */
export const WINDOW = 1_200

/**
 * Bins of a spectrum: 0 to 12 kHz, 20 Hz apart.
 *
 * @category constants
 * @since 0.1.0
 */
export const BINS = 601

/**
 * The spectra: the value of bin `k` of frame `t` is at `k * frames + t`.
 *
 * - `harmonic`: the natural logarithm of the magnitude that the pulses get.
 * - `harmonicPhase`: how far they are turned, as a number whose hyperbolic tangent is a share of half a turn.
 * - `noise`: the logarithm of the magnitude of the noise.
 * - `free`, `freePhase`: the logarithm of a magnitude, and its phase in radians.
 * - `pitch`: of each frame, Hz; near 0 where there is no voice.
 *
 * @category models
 * @since 0.1.0
 */
export interface Spectra {
  readonly frames: number
  readonly harmonic: Float32Array
  readonly harmonicPhase: Float32Array
  readonly noise: Float32Array
  readonly free: Float32Array
  readonly freePhase: Float32Array
  readonly pitch: Float32Array
}
