/**
 * Tells speech from steady noise by energy: a window is speech when it is well above the quietest of the last seconds.
 *
 * Plain, synchronous, no dependency and about 1 µs a window. What it cannot do: tell speech from music, or from a noise
 * that comes and goes.
 *
 * @since 0.1.0
 */
import type { VoiceActivityStream } from "../../speech/VoiceActivityDetector.ts"
import { VadHysteresis, type VadHysteresisOptions } from "./VadHysteresis.ts"

/**
 * Samples of a window at 16 kHz: 20 ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const WINDOW = 320

/**
 * Levels in dB: `margin` above the floor begins speech, `minLevel` (dBFS) is the least that is ever speech.
 *
 * @category models
 * @since 0.1.0
 */
export interface EnergyDetectorOptions extends VadHysteresisOptions {
  readonly margin: number
  readonly minLevel: number
}

// The floor is the quietest window of the last 12 blocks of 10 windows: 2.4 s, longer than people speak without a dip.
const BLOCKS = 12
const BLOCK_WINDOWS = 10
/** Speech ends so much lower than it begins. */
const HYSTERESIS = 4
/** What is louder is never taken for the floor at first: someone who is already speaking. */
const MAX_FIRST_FLOOR = -35
const SILENCE = -100

/**
 * @category models
 * @since 0.1.0
 */
export class EnergyDetector implements VoiceActivityStream {
  readonly #options: EnergyDetectorOptions
  readonly #gate: VadHysteresis
  readonly #minima = new Float64Array(BLOCKS)
  #block = 0
  #windows = 0
  #filled = 0
  #energy = 0
  #position = 0

  constructor(options: EnergyDetectorOptions) {
    this.#options = options
    this.#gate = new VadHysteresis(options)
    this.#minima.fill(Infinity)
  }

  get speaking(): boolean {
    return this.#gate.speaking
  }

  /** The level of the background in dBFS. */
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
      if (++this.#filled === WINDOW) this.#judge()
    }
  }

  reset(): void {
    this.#minima.fill(Infinity)
    this.#block = 0
    this.#windows = 0
    this.#filled = 0
    this.#energy = 0
    this.#gate.reset(this.#position)
  }

  #judge(): void {
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
    this.#gate.push(
      level > (this.#gate.speaking ? threshold - HYSTERESIS : threshold),
      this.#position - WINDOW,
      this.#position
    )
  }
}
