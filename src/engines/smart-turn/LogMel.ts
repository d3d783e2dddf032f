/**
 * The features that the model reads: a log-mel spectrogram, 80 bands by 800 frames of 10 ms, of the last 8 s of a turn.
 *
 * As Whisper makes them for 8 s of audio: zeros in front of a shorter turn, zero mean and unit variance, a transform of 25 ms
 * every 10 ms, Slaney's mel bands, and the logarithm, at most 8 below its greatest. Plain and synchronous.
 *
 * @since 0.1.0
 */
import * as RealFft from "../../audio/RealFft.ts"

const RATE = 16_000
const WINDOW = 400
/** Bins of the spectrum of a window. */
const BINS = WINDOW / 2 + 1
const HOP = 160
const PAD = WINDOW / 2

/**
 * How many samples the model hears, at 16 kHz: 8 s.
 *
 * @category constants
 * @since 0.1.0
 */
export const SAMPLES = 8 * RATE

/**
 * The bands of the features.
 *
 * @category constants
 * @since 0.1.0
 */
export const BANDS = 80

/**
 * The frames of the features.
 *
 * @category constants
 * @since 0.1.0
 */
export const FRAMES = SAMPLES / HOP

/** Added to the variance, so that silence can be divided by it. */
const EPSILON = 1e-7
/** The least energy whose logarithm is taken. */
const LEAST_ENERGY = 1e-10
/** In powers of ten below the greatest energy. */
const RANGE = 8

// Slaney's scale: linear up to 1 kHz at 15 mel, logarithmic above.
const LINEAR_HZ = 1_000
const LINEAR_MEL = 15
const HZ_PER_MEL = LINEAR_HZ / LINEAR_MEL
const MELS_PER_LOG = 27 / Math.log(6.4)

const melOf = (hz: number): number =>
  hz < LINEAR_HZ ? hz / HZ_PER_MEL : LINEAR_MEL + Math.log(hz / LINEAR_HZ) * MELS_PER_LOG

const hzOf = (mel: number): number =>
  mel < LINEAR_MEL ? mel * HZ_PER_MEL : LINEAR_HZ * Math.exp((mel - LINEAR_MEL) / MELS_PER_LOG)

/** A triangle over some bins of the spectrum. */
interface Band {
  readonly first: number
  readonly weights: Float64Array
}

const bandOf = (low: number, middle: number, high: number, bins: number): Band => {
  const weightAt = (bin: number): number => {
    const hz = bin * RATE / WINDOW
    return Math.max(0, Math.min((hz - low) / (middle - low), (high - hz) / (high - middle))) * 2 / (high - low)
  }
  const inside = Array.from({ length: bins }, (_, bin) => bin).filter((bin) => weightAt(bin) > 0)
  return { first: inside[0] ?? 0, weights: Float64Array.from(inside, weightAt) }
}

const bandsOf = (bins: number): ReadonlyArray<Band> => {
  const top = melOf(RATE / 2)
  const edge = (i: number) => hzOf(top * i / (BANDS + 1))
  return Array.from({ length: BANDS }, (_, band) => bandOf(edge(band), edge(band + 1), edge(band + 2), bins))
}

/**
 * Computes features. Its work space is its own: one turn at a time.
 *
 * @category models
 * @since 0.1.0
 */
export class LogMel {
  readonly #fft = RealFft.make(WINDOW)
  readonly #bands = bandsOf(BINS)
  readonly #hann = Float64Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * i / WINDOW))
  /** The samples, with their reflection at both ends. */
  readonly #padded = new Float64Array(SAMPLES + 2 * PAD)
  readonly #frame = new Float64Array(WINDOW)
  readonly #spectrum = new Float64Array(2 * BINS)
  readonly #energies = new Float64Array(BINS)
  readonly #features = new Float32Array(BANDS * FRAMES)

  /**
   * The features of the last 8 s of mono PCM at 16 kHz, band after band, each from the first frame to the last. They are valid
   * until the next call.
   */
  compute(pcm: Int16Array): Float32Array {
    const zeros = this.#normalize(pcm.subarray(-SAMPLES))
    const features = this.#features
    let greatest = Number.NEGATIVE_INFINITY
    for (let frame = 0; frame < FRAMES; frame++) {
      // the frames that hold nothing but the zeros in front are all the same
      const isRepeated = frame > 0 && frame * HOP + WINDOW <= zeros + PAD
      if (isRepeated) {
        for (let at = frame; at < features.length; at += FRAMES) features[at] = features[at - 1]!
      } else {
        greatest = Math.max(greatest, this.#transform(frame))
      }
    }
    const least = greatest - RANGE
    for (let i = 0; i < features.length; i++) features[i] = (Math.max(features[i]!, least) + 4) / 4
    return features
  }

  /** Fills the samples; returns how many zeros are in front. */
  #normalize(pcm: Int16Array): number {
    const samples = this.#padded
    const zeros = SAMPLES - pcm.length
    let sum = 0
    for (let i = 0; i < pcm.length; i++) sum += pcm[i]! / 32_768
    const mean = sum / SAMPLES
    let squares = zeros * mean * mean
    for (let i = 0; i < pcm.length; i++) squares += (pcm[i]! / 32_768 - mean) ** 2
    const scale = 1 / Math.sqrt(squares / SAMPLES + EPSILON)
    samples.fill(-mean * scale, PAD, PAD + zeros)
    for (let i = 0; i < pcm.length; i++) samples[PAD + zeros + i] = (pcm[i]! / 32_768 - mean) * scale
    for (let i = 1; i <= PAD; i++) {
      samples[PAD - i] = samples[PAD + i]!
      samples[PAD + SAMPLES - 1 + i] = samples[PAD + SAMPLES - 1 - i]!
    }
    return zeros
  }

  /** Writes the logarithms of a frame; returns the greatest. */
  #transform(frame: number): number {
    const windowed = this.#frame
    const spectrum = this.#spectrum
    const energies = this.#energies
    const from = frame * HOP
    for (let i = 0; i < WINDOW; i++) windowed[i] = this.#padded[from + i]! * this.#hann[i]!
    this.#fft.forward(windowed, spectrum)
    for (let k = 0; k < BINS; k++) energies[k] = spectrum[2 * k]! ** 2 + spectrum[2 * k + 1]! ** 2
    let greatest = Number.NEGATIVE_INFINITY
    for (let band = 0; band < BANDS; band++) {
      const { first, weights } = this.#bands[band]!
      let energy = 0
      for (let i = 0; i < weights.length; i++) energy += weights[i]! * energies[first + i]!
      const logarithm = Math.log10(Math.max(LEAST_ENERGY, energy))
      this.#features[band * FRAMES + frame] = logarithm
      if (logarithm > greatest) greatest = logarithm
    }
    return greatest
  }
}
