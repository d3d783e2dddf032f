/**
 * Detects speech by energy: a window is speech when it is well above the quietest window of the last 2.4 s.
 *
 * Plain and synchronous, without dependencies, about 1 µs per window. It cannot tell speech from music or from
 * intermittent noise.
 *
 * @since 0.1.0
 */
import type { VoiceActivityStream } from "../../speech/VoiceActivityDetector.ts"
import { VadHysteresis, type VadHysteresisOptions } from "./VadHysteresis.ts"

/**
 * Samples per window: 20 ms at 16 kHz.
 *
 * @category constants
 * @since 0.1.0
 */
export const WINDOW = 320

/**
 * Levels: `margin` (dB) above the noise floor starts speech; below `minLevel` (dBFS) nothing is speech.
 *
 * @category models
 * @since 0.1.0
 */
export interface EnergyDetectorOptions extends VadHysteresisOptions {
  readonly margin: number
  readonly minLevel: number
}

// The noise floor is the quietest window of the last 12 blocks of 10 windows: 2.4 s, longer than anybody speaks without a
// short dip.
const BLOCKS = 12
const BLOCK_WINDOWS = 10
/** In dB: speech ends at a level this much below the one that starts it. */
const HYSTERESIS = 4
/** In dBFS: the first windows may already be speech, so a louder one is not taken for the noise floor. */
const MAX_FIRST_FLOOR = -35
const SILENCE = -100

/**
 * Detects speech in one session's audio at 16 kHz.
 *
 * @category models
 * @since 0.1.0
 */
export class EnergyDetector implements VoiceActivityStream {
  readonly #options: EnergyDetectorOptions
  readonly #hysteresis: VadHysteresis
  readonly #minima = new Float64Array(BLOCKS)
  #block = 0
  #windows = 0
  #filled = 0
  #energy = 0
  #position = 0

  constructor(options: EnergyDetectorOptions) {
    this.#options = options
    this.#hysteresis = new VadHysteresis(options)
    this.#minima.fill(Infinity)
  }

  get speaking(): boolean {
    return this.#hysteresis.speaking
  }

  /** The noise floor in dBFS. */
  get floor(): number {
    let floor = Infinity
    for (let i = 0; i < BLOCKS; i++) floor = Math.min(floor, this.#minima[i]!)
    return floor
  }

  push(pcm: Int16Array): void {
    for (let i = 0; i < pcm.length; i++) {
      const sample = pcm[i]!
      this.#energy += sample * sample
      this.#position++
      if (++this.#filled === WINDOW) this.#endWindow()
    }
  }

  #endWindow(): void {
    const level = this.#energy === 0
      ? SILENCE
      : Math.max(SILENCE, 10 * Math.log10(this.#energy / WINDOW / (32768 * 32768)))
    this.#filled = 0
    this.#energy = 0
    const first = this.floor === Infinity
    if (this.#windows++ % BLOCK_WINDOWS === 0) {
      this.#block = (this.#block + 1) % BLOCKS
      this.#minima[this.#block] = Infinity
    }
    this.#minima[this.#block] = Math.min(this.#minima[this.#block]!, first ? Math.min(level, MAX_FIRST_FLOOR) : level)
    const threshold = Math.max(this.floor + this.#options.margin, this.#options.minLevel)
    this.#hysteresis.push(
      level > (this.#hysteresis.speaking ? threshold - HYSTERESIS : threshold),
      this.#position - WINDOW,
      this.#position
    )
  }
}
