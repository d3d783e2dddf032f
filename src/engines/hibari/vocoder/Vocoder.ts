/**
 * Makes sound of spectra: 24 kHz mono, in as many frames at a time as one likes. Pure; plain code, and no allocation per
 * frame.
 *
 * Each frame is the sum of three parts: the pulses of the voice (filtered and turned), noise, and a part of free phase.
 * Frames overlap by three quarters; a frame's 300 samples are final when the two frames after it are added. What is made
 * in pieces equals what is made at once.
 *
 * @since 0.1.0
 */
import * as RealFft from "../../../audio/RealFft.ts"
import { normals, startOf } from "./Noise.ts"
import { PulseTrain } from "./PulseTrain.ts"
import { BINS, FRAME, type Spectra, WINDOW } from "./Spectra.ts"
import { cos, exp, sin } from "./Tables.ts"

/** The periodic window of Hann. */
const hann = Float64Array.from({ length: WINDOW }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / WINDOW))
/** The window of the analysis: with it a harmonic of amplitude 1 has the magnitude 1. */
const analysis = hann.map((value) => value / FRAME)

/** What the squares of the windows over a frame add up to, from the frame's own quarter on; `from` and `to` are quarters. */
const overlap = (from: number, to: number): Float64Array =>
  Float64Array.from({ length: FRAME }, (_, j) => {
    let sum = 0
    for (let quarter = from; quarter <= to; quarter++) sum += hann[FRAME * quarter + j]! ** 2
    return 1 / Math.max(sum, 1e-11)
  })
const whole = overlap(0, 3)
const atStart = overlap(0, 2)
const beforeEnd = overlap(1, 3)
const atEnd = overlap(2, 3)

/** The largest logarithm of a magnitude; a safety net. */
const LOUDEST = 7
/** A smaller logarithm counts for nothing: all bins together are below 1e-6. */
const UNHEARD = -11
/** Radians; a phase beyond it is no phase. The network's are below 9. */
const MAX_ANGLE = 10_000

/** Memory that frames are made in. Shared by all vocoders of a thread, because each uses it for one frame at a time. */
const fft = RealFft.make(WINDOW)
const signal = new Float64Array(WINDOW)
const pulseSpectrum = new Float64Array(2 * BINS)
const spectrum = new Float64Array(2 * BINS)

/**
 * Makes the sound of one piece of text.
 *
 * @category models
 * @since 0.1.0
 */
export class Vocoder {
  readonly #spectra: Spectra
  readonly #seed: number | undefined
  readonly #train: PulseTrain
  /** The pulses under the window of the next frame, and which of its four quarters hold any. */
  readonly #pulses = new Float64Array(WINDOW)
  #voiced = 0
  /** The sum of the frames so far, from the frame that is final next. */
  readonly #sum = new Float64Array(WINDOW)
  /** Frames that are added, and frames that are given out. */
  #added = 0
  #given: number

  /**
   * - `seed`: of the noise; `undefined`: without noise.
   * - `from`: the first frame that is given; the frames before it are taken to be silent. Default: 0.
   */
  constructor(spectra: Spectra, seed: number | undefined, from = 0) {
    this.#spectra = spectra
    this.#seed = seed
    this.#train = new PulseTrain(spectra.pitch, spectra.frames)
    this.#given = from
    this.#begin(from)
  }

  /** Frames that are not given yet. */
  get remaining(): number {
    return this.#spectra.frames - this.#given
  }

  /** Gives the next frames, `FRAME` samples each, until `out` is full or none is left; returns how many frames. */
  give(out: Float32Array): number {
    const { frames } = this.#spectra
    const count = Math.min(Math.floor(out.length / FRAME), this.remaining)
    for (let i = 0; i < count; i++) {
      const frame = this.#given
      while (this.#added <= Math.min(frame + 2, frames - 1)) this.#add()
      const sum = this.#sum
      const scale = frame === 0 ? atStart : frame === frames - 1 ? atEnd : frame === frames - 2 ? beforeEnd : whole
      const at = FRAME * i
      for (let j = 0; j < FRAME; j++) out[at + j] = sum[j]! * scale[j]!
      sum.copyWithin(0, FRAME)
      sum.fill(0, WINDOW - FRAME)
      this.#given++
    }
    return count
  }

  /** Fills the window of the first frame that counts: the one before the first that is given. */
  #begin(from: number): void {
    const first = Math.max(0, from - 1)
    const pulses = this.#pulses
    this.#added = first
    for (let block = 0; block < first + 2; block++) this.#shift()
    // the signal is mirrored at its start
    const start = Math.max(0, FRAME * (2 - first))
    for (let m = 1; m <= start && start + m < WINDOW; m++) pulses[start - m] = pulses[start + m]!
  }

  #shift(): void {
    const pulses = this.#pulses
    pulses.copyWithin(0, FRAME)
    const voiced = this.#train.write(pulses, WINDOW - FRAME)
    this.#voiced = ((this.#voiced << 1) & 0b1111) | (voiced ? 1 : 0)
  }

  /** The signal is mirrored at its end. */
  #mirror(): void {
    const pulses = this.#pulses
    pulses.copyWithin(0, FRAME)
    for (let m = 1; m <= FRAME; m++) pulses[WINDOW - FRAME - 1 + m] = pulses[WINDOW - FRAME - 1 - m]!
  }

  /** Adds the next frame to the sum, and moves on to the pulses of the one after it. */
  #add(): void {
    const frame = this.#added++
    this.#fillSpectrum(frame)
    fft.inverse(spectrum, signal)
    const sum = this.#sum
    const shift = FRAME * (frame - 2 - this.#given)
    for (let n = Math.max(0, -shift); n < WINDOW; n++) sum[n + shift]! += signal[n]! * hann[n]!
    const { frames } = this.#spectra
    if (frame + 2 < frames) this.#shift()
    else if (frame + 2 === frames) this.#mirror()
  }

  #fillSpectrum(frame: number): void {
    spectrum.fill(0)
    if (this.#voiced !== 0) this.#addPulses(frame)
    if (this.#seed !== undefined) this.#addNoise(frame, startOf(this.#seed, frame))
    this.#addFree(frame)
  }

  #addPulses(frame: number): void {
    const { frames, harmonic, harmonicPhase } = this.#spectra
    const pulses = this.#pulses
    for (let n = 0; n < WINDOW; n++) signal[n] = pulses[n]! * analysis[n]!
    fft.forward(signal, pulseSpectrum)
    for (let k = 0, at = frame; k < BINS; k++, at += frames) {
      const level = harmonic[at]!
      if (!(level > UNHEARD)) continue
      const magnitude = exp(Math.min(level, LOUDEST))
      // the hyperbolic tangent; beyond 9 it is 1 to 3e-8
      const tanh = 1 - 2 / (exp(2 * Math.max(-9, Math.min(9, harmonicPhase[at]!))) + 1)
      const angle = Math.PI * tanh
      const re = magnitude * cos(angle)
      const im = magnitude * sin(angle)
      const er = pulseSpectrum[2 * k]!
      const ei = pulseSpectrum[2 * k + 1]!
      spectrum[2 * k] = re * er - im * ei
      spectrum[2 * k + 1] = re * ei + im * er
    }
  }

  #addNoise(frame: number, start: number): void {
    const { frames, noise } = this.#spectra
    for (let k = 0, at = frame; k < BINS; k++, at += frames) {
      const level = noise[at]!
      if (!(level > UNHEARD)) continue
      const magnitude = exp(Math.min(level, LOUDEST))
      spectrum[2 * k]! += magnitude * normals[start + 2 * k]!
      spectrum[2 * k + 1]! += magnitude * normals[start + 2 * k + 1]!
    }
  }

  #addFree(frame: number): void {
    const { frames, free, freePhase } = this.#spectra
    for (let k = 0, at = frame; k < BINS; k++, at += frames) {
      const level = free[at]!
      const angle = freePhase[at]!
      if (!(level > UNHEARD && Math.abs(angle) < MAX_ANGLE)) continue
      const magnitude = exp(Math.min(level, LOUDEST))
      spectrum[2 * k]! += magnitude * cos(angle)
      spectrum[2 * k + 1]! += magnitude * sin(angle)
    }
  }
}
