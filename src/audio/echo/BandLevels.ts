/**
 * How loud audio is in each of eight bands of the telephone's range, every 20 ms: what an echo has in common with its source,
 * whatever the room, the loudspeaker and the rate.
 *
 * Plain and synchronous: one Fourier transform of 256 points per 20 ms, and no allocation after the first.
 *
 * @since 0.1.0
 */
import * as RealFft from "../RealFft.ts"

/**
 * The number of bands.
 *
 * @category constants
 * @since 0.1.0
 */
export const BANDS = 8

/**
 * The level of a band without any sound, in dBFS.
 *
 * @category constants
 * @since 0.1.0
 */
export const SILENT_DB = -100

/** Audio is brought to this rate, in Hz, by averages: enough for levels. */
const RATE = 8_000
const SIZE = 256
/** Samples of a block: 20 ms. */
const BLOCK = RATE / 50
const KEPT = SIZE - BLOCK

/** Where the bands begin and the last ends, in bins of 31.25 Hz: 187 to 3,594 Hz, about as wide as those of hearing. */
const EDGES = [6, 13, 20, 29, 41, 55, 74, 95, 115]

const hann = Float64Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * i / SIZE))
const fft = RealFft.make(SIZE)
/** Scratch memory: everything that uses it returns before another begins. */
const windowed = new Float64Array(SIZE)
const spectrum = new Float64Array(SIZE + 2)

/** The power of a full-scale sine in its band is 0 dB. */
const SCALE = 1 / (32_768 * 32_768 * (SIZE / 4) ** 2)
const SILENT = 10 ** (SILENT_DB / 10)

/** The power of a bin of the last transform. */
const power = (bin: number): number => spectrum[2 * bin]! ** 2 + spectrum[2 * bin + 1]! ** 2

/**
 * The levels of one stream of audio.
 *
 * @category models
 * @since 0.1.0
 */
export class BandLevels {
  /** The levels of the last block, in dBFS. */
  readonly levels = new Float32Array(BANDS).fill(SILENT_DB)
  /** The level of what is below the bands, in dBFS. */
  below = SILENT_DB
  readonly #samples = new Float64Array(SIZE)
  #filled = KEPT
  #sum = 0
  #count = 0
  #phase = 0

  /** Takes samples at this rate (in Hz), and calls `onBlock` when the levels of another 20 ms are known. */
  push(pcm: Int16Array, sampleRate: number, onBlock: () => void): void {
    const samples = this.#samples
    let filled = this.#filled
    let sum = this.#sum
    let count = this.#count
    let phase = this.#phase
    for (let i = 0; i < pcm.length; i++) {
      sum += pcm[i]!
      count++
      phase += RATE
      if (phase < sampleRate) continue
      phase -= sampleRate
      samples[filled++] = sum / count
      sum = 0
      count = 0
      if (filled < SIZE) continue
      this.#measure()
      samples.copyWithin(0, BLOCK)
      filled = KEPT
      onBlock()
    }
    this.#filled = filled
    this.#sum = sum
    this.#count = count
    this.#phase = phase
  }

  /** Begins another stream. */
  reset(): void {
    this.#samples.fill(0)
    this.levels.fill(SILENT_DB)
    this.below = SILENT_DB
    this.#filled = KEPT
    this.#sum = 0
    this.#count = 0
    this.#phase = 0
  }

  #measure(): void {
    const samples = this.#samples
    for (let i = 0; i < SIZE; i++) windowed[i] = samples[i]! * hann[i]!
    fft.forward(windowed, spectrum)
    let below = power(0)
    for (let bin = 1; bin < EDGES[0]!; bin++) below += power(bin)
    this.below = 10 * Math.log10(below * SCALE + SILENT)
    for (let band = 0; band < BANDS; band++) {
      let sum = 0
      for (let bin = EDGES[band]!; bin < EDGES[band + 1]!; bin++) sum += power(bin)
      this.levels[band] = 10 * Math.log10(sum * SCALE + SILENT)
    }
  }
}
