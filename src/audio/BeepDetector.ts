/**
 * Hears the beep of an answering machine: one steady tone of 300 to 2,500 Hz that lasts 120 ms to 2 s, and then silence.
 *
 * Spectra of 32 ms are taken each 16 ms. Speech, music, dialled digits, ring-back, busy and fax tones and the three tones
 * before an announcement are not beeps: they have several tones, change, go on, or last too long. Neither is a tone of 395 to
 * 485 Hz, which is what lines use to say that they ring or are busy (ITU-T E.180).
 *
 * @since 0.1.0
 */
import * as RealFft from "./RealFft.ts"

const MIN_HZ = 300
const MAX_HZ = 2_500
const MIN_PROGRESS_HZ = 395
const MAX_PROGRESS_HZ = 485
/** Speech and noise are measured in the band of a telephone. */
const BAND_MIN_HZ = 200
const BAND_MAX_HZ = 3_800
/** The least share of the band's energy that is in the tone. */
const MIN_PURITY = 0.85
/** How far the frequency may wander, in Hz and as a share of it. */
const DRIFT_HZ = 8
const DRIFT = 0.01
/** How far the power may wander: 4 dB. */
const STEADY = 10 ** 0.4
/** The least power of a tone, -40 dBFS as a root mean square. */
const MIN_POWER = (32768 * 0.01) ** 2
/** Spectra that a tone of 120 ms fills at least, with those that it fills by half, and one of 2 s at most. */
const MIN_SPECTRA = 7
const MAX_SPECTRA = 126
/** Silence is this much quieter than the tone: 16 dB. */
const SILENCE = 10 ** -1.6
/** Spectra at the edge of a tone that are neither tone nor silence. */
const EDGE = 2
/** Spectra of silence after a tone: 128 ms. */
const SILENT_SPECTRA = 8
/** A tone within this many spectra after another one is part of a signal of several tones: 160 ms. */
const APART = 10

/** The next even length from `least` on that the transform takes. */
const lengthFrom = (least: number): number => {
  const smooth = (value: number): boolean => {
    let rest = value
    for (const factor of [2, 3, 5]) while (rest % factor === 0) rest /= factor
    return rest === 1
  }
  let half = Math.ceil(least / 2)
  while (!smooth(half)) half++
  return 2 * half
}

/**
 * The detector of one stream. Nothing is allocated for a piece of audio.
 *
 * @category models
 * @since 0.1.0
 */
export class BeepDetector {
  readonly #sampleRate: number
  readonly #fft: RealFft.RealFft
  readonly #length: number
  readonly #hop: number
  readonly #hann: Float64Array
  readonly #samples: Float64Array
  readonly #windowed: Float64Array
  readonly #spectrum: Float64Array
  #filled: number
  /** Of the present spectrum: the tone's frequency in Hz, 0 where there is none, and the power of the whole. */
  #hz = 0
  #power = 0
  /** The tone that lasts, or that silence follows: its frequency, its power, its spectra. */
  #toneHz = 0
  #tonePower = 0
  #spectra = 0
  /** Spectra since the tone ended; -1 while it lasts or there is none. */
  #since = -1
  /** Spectra since the last tone of any kind. */
  #sinceTone = APART + 1

  /** `sampleRate` is in Hz, 8,000 to 48,000. */
  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate
    this.#length = lengthFrom(sampleRate * 0.032)
    this.#hop = this.#length / 2
    this.#fft = RealFft.make(this.#length)
    this.#hann = Float64Array.from(
      { length: this.#length },
      (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * (i + 0.5) / this.#length)
    )
    this.#samples = new Float64Array(this.#length)
    this.#windowed = new Float64Array(this.#length)
    this.#spectrum = new Float64Array(this.#length + 2)
    this.#filled = this.#hop
  }

  /** Hears the next samples, of any number; tells whether a beep has ended in them, with the silence after it. */
  push(samples: Int16Array): boolean {
    let heard = false
    for (let i = 0; i < samples.length; i++) {
      this.#samples[this.#filled] = samples[i]!
      if (++this.#filled === this.#length) {
        this.#measure()
        if (this.#follow()) heard = true
        this.#samples.copyWithin(0, this.#hop)
        this.#filled = this.#hop
      }
    }
    return heard
  }

  /** Finds the tone of the present spectrum. */
  #measure(): void {
    const { length } = this.#samples
    const bin = this.#sampleRate / this.#length
    let energy = 0
    for (let i = 0; i < length; i++) {
      const x = this.#samples[i]!
      energy += x * x
      this.#windowed[i] = x * this.#hann[i]!
    }
    this.#power = energy / length
    this.#hz = 0
    if (this.#power < MIN_POWER) return
    this.#fft.forward(this.#windowed, this.#spectrum)
    const first = Math.ceil(BAND_MIN_HZ / bin)
    const last = Math.min(Math.floor(BAND_MAX_HZ / bin), length / 2 - 3)
    let total = 0
    let peak = first
    let highest = 0
    for (let k = first; k <= last; k++) {
      const power = this.#powerAt(k)
      total += power
      if (power > highest) {
        highest = power
        peak = k
      }
    }
    let tone = 0
    for (let k = Math.max(first, peak - 2); k <= Math.min(last, peak + 2); k++) tone += this.#powerAt(k)
    if (tone < MIN_PURITY * total) return
    // the vertex of a parabola through the logarithms of the three highest bins
    const below = Math.log(this.#powerAt(peak - 1) + 1)
    const at = Math.log(highest + 1)
    const above = Math.log(this.#powerAt(peak + 1) + 1)
    const curve = below - 2 * at + above
    const hz = (peak + (curve === 0 ? 0 : 0.5 * (below - above) / curve)) * bin
    if (hz >= MIN_HZ && hz <= MAX_HZ) this.#hz = hz
  }

  #powerAt(k: number): number {
    const re = this.#spectrum[2 * k]!
    const im = this.#spectrum[2 * k + 1]!
    return re * re + im * im
  }

  /** Takes the present spectrum into the tone under way; tells whether a beep is complete. */
  #follow(): boolean {
    const hz = this.#hz
    if (this.#since >= 0) return this.#awaitSilence()
    if (this.#spectra === 0) {
      this.#sinceTone++
      if (hz > 0) this.#begin()
      return false
    }
    const steady = hz > 0 &&
      Math.abs(hz - this.#toneHz) <= DRIFT_HZ + DRIFT * this.#toneHz &&
      this.#power < this.#tonePower * STEADY && this.#power * STEADY > this.#tonePower
    if (steady) {
      this.#spectra++
      // the edge of the first spectrum is not the tone's level
      if (this.#spectra <= 3 && this.#power > this.#tonePower) this.#tonePower = this.#power
      return false
    }
    if (this.#spectra < MIN_SPECTRA) {
      // what came before may have been the last sound of speech, which fades into the tone
      this.#spectra = 0
      if (hz > 0) this.#begin()
      return false
    }
    this.#since = 0
    return this.#awaitSilence()
  }

  #begin(): void {
    this.#toneHz = this.#hz
    this.#tonePower = this.#power
    this.#spectra = 1
  }

  #awaitSilence(): boolean {
    this.#since++
    const silent = this.#power < this.#tonePower * SILENCE
    if (!silent && this.#since > EDGE) {
      this.#forget()
      if (this.#hz > 0) this.#begin()
      return false
    }
    if (this.#since < EDGE + SILENT_SPECTRA) return false
    const beep = this.#spectra <= MAX_SPECTRA && this.#sinceTone > APART &&
      (this.#toneHz < MIN_PROGRESS_HZ || this.#toneHz > MAX_PROGRESS_HZ)
    this.#forget()
    return beep
  }

  #forget(): void {
    this.#sinceTone = this.#since
    this.#spectra = 0
    this.#since = -1
  }
}
