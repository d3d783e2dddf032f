/**
 * Hears the tones of a keypad in audio (ITU-T Q.24), for carriers that pass them in no other way.
 *
 * Audio is measured in steps of 8 ms at the eight frequencies, and judged in windows of three steps. A window holds a digit
 * when, of its energy, at least 75 % are in one tone of the rows and one of the columns, both strong enough, neither much
 * stronger than the other, both steady in level, and both within 2.5 % of their frequency. A digit is heard when two
 * successive windows hold it, which is 32 to 40 ms after its start.
 *
 * @since 0.1.0
 */
import { columnFrequencies, keypad, rowFrequencies } from "./Dtmf.ts"

const STEP_SECONDS = 0.008
/** Steps in a window. */
const STEPS = 3
const TONES = 8
/** Numbers that one step leaves: a complex number for each tone. */
const WIDTH = 2 * TONES
/** The least level of each tone, below a full-scale sine: -35 dBm0, where the least that Q.24 asks for is -30. */
const MIN_DB = -38
/** How much stronger the row's tone may be (Q.24 asks for 8 dB), and the column's (4 dB); a decibel each for noise. */
const MAX_TWIST = 10 ** 0.9
const MAX_REVERSE_TWIST = 10 ** 0.5
/** The least share of a window's energy that the two tones have. */
const MIN_SHARE = 0.75
/** How far a frequency may be off: 1.5 % must be heard, 3.5 % must not (Q.24). */
const MAX_DEVIATION = 0.025
/** The least ratio of the weakest step's power to the strongest one's. */
const MIN_STEADINESS = 0.35
/** Windows in a row that must hold a digit. */
const CONFIRM = 2
/** Windows without the digit that end it: a gap of 40 ms makes at least this many, an interruption of 10 ms makes 5. */
const RELEASE = 6

/**
 * The detector of one stream. Nothing is allocated for a piece without a digit.
 *
 * @category models
 * @since 0.1.0
 */
export class DtmfDetector {
  readonly #length: number
  readonly #sampleRate: number
  readonly #minPower: number
  /** For each sample of a step: the cosines and sines of the eight tones. */
  readonly #tables: Float64Array
  /** The phase that each tone passes in one step. */
  readonly #advance: Float64Array
  /** The sums of the last three steps, the present one last. */
  readonly #sums = new Float64Array(STEPS * WIDTH)
  readonly #energies = new Float64Array(STEPS)
  readonly #acc = new Float64Array(WIDTH)
  #energy = 0
  #count = 0
  #candidate = -1
  #seen = 0
  #digit = -1
  #missed = 0
  /** What `#toneIn` found beside its result. */
  #power = 0

  /** `sampleRate` is in Hz, 8,000 to 48,000. */
  constructor(sampleRate: number) {
    const frequencies = [...rowFrequencies, ...columnFrequencies]
    this.#sampleRate = sampleRate
    this.#length = Math.round(sampleRate * STEP_SECONDS)
    const amplitude = 32768 * 10 ** (MIN_DB / 20)
    this.#minPower = amplitude * amplitude / 2
    this.#advance = Float64Array.from(frequencies, (hz) => 2 * Math.PI * hz * this.#length / sampleRate)
    this.#tables = new Float64Array(this.#length * WIDTH)
    for (let i = 0; i < this.#length; i++) {
      frequencies.forEach((hz, tone) => {
        const angle = 2 * Math.PI * hz * i / sampleRate
        this.#tables[i * WIDTH + 2 * tone] = Math.cos(angle)
        this.#tables[i * WIDTH + 2 * tone + 1] = -Math.sin(angle)
      })
    }
  }

  /** Hears the next samples, of any number; returns the digits that began in them, `""` where none did. */
  push(samples: Int16Array): string {
    let heard = ""
    const acc = this.#acc
    const tables = this.#tables
    for (let i = 0; i < samples.length; i++) {
      const x = samples[i]!
      if (x !== 0) {
        this.#energy += x * x
        const at = this.#count * WIDTH
        for (let k = 0; k < WIDTH; k++) acc[k] = acc[k]! + x * tables[at + k]!
      }
      if (++this.#count === this.#length) {
        const digit = this.#step()
        if (digit >= 0) heard += keypad.charAt(digit)
      }
    }
    return heard
  }

  /** Forgets all audio, as after a gap in the stream. */
  reset(): void {
    this.#sums.fill(0)
    this.#energies.fill(0)
    this.#acc.fill(0)
    this.#energy = 0
    this.#count = 0
    this.#candidate = -1
    this.#seen = 0
    this.#digit = -1
    this.#missed = 0
  }

  /** Ends a step; the digit that has just been confirmed, or -1. */
  #step(): number {
    this.#sums.copyWithin(0, WIDTH)
    this.#sums.set(this.#acc, (STEPS - 1) * WIDTH)
    this.#energies.copyWithin(0, 1)
    this.#energies[STEPS - 1] = this.#energy
    this.#acc.fill(0)
    this.#energy = 0
    this.#count = 0
    const found = this.#judge()
    if (found >= 0 && found === this.#digit) {
      this.#missed = 0
      this.#seen = 0
      return -1
    }
    if (this.#digit >= 0 && ++this.#missed >= RELEASE) this.#digit = -1
    if (found !== this.#candidate) this.#seen = 0
    this.#candidate = found
    if (found < 0 || ++this.#seen < CONFIRM) return -1
    this.#digit = found
    this.#missed = 0
    this.#seen = 0
    return found
  }

  /** The digit in the present window, or -1. */
  #judge(): number {
    let energy = 0
    for (let k = 0; k < STEPS; k++) energy += this.#energies[k]!
    const samples = STEPS * this.#length
    if (energy < samples * this.#minPower) return -1
    const row = this.#toneIn(0)
    const rowPower = this.#power
    if (row < 0 || rowPower < this.#minPower) return -1
    const column = this.#toneIn(4)
    const columnPower = this.#power
    if (column < 0 || columnPower < this.#minPower) return -1
    if (rowPower > columnPower * MAX_TWIST || columnPower > rowPower * MAX_REVERSE_TWIST) return -1
    if ((rowPower + columnPower) * samples < MIN_SHARE * energy) return -1
    return 4 * row + column - 4
  }

  /** The strongest of the four tones from `first` on, with its power in `#power`; -1 where it is unsteady or off its frequency. */
  #toneIn(first: number): number {
    let best = first
    let strongest = -1
    for (let tone = first; tone < first + 4; tone++) {
      let re = 0
      let im = 0
      for (let k = 0; k < STEPS; k++) {
        const angle = this.#advance[tone]! * k
        const a = this.#sums[k * WIDTH + 2 * tone]!
        const b = this.#sums[k * WIDTH + 2 * tone + 1]!
        const c = Math.cos(angle)
        const s = -Math.sin(angle)
        re += a * c - b * s
        im += a * s + b * c
      }
      const power = re * re + im * im
      if (power > strongest) {
        strongest = power
        best = tone
      }
    }
    // how much the phase moves from step to step beyond what the tone's frequency says: how far the frequency is off
    let re = 0
    let im = 0
    let least = Number.POSITIVE_INFINITY
    let most = 0
    for (let k = 0; k < STEPS; k++) {
      const a = this.#sums[k * WIDTH + 2 * best]!
      const b = this.#sums[k * WIDTH + 2 * best + 1]!
      const power = a * a + b * b
      if (power < least) least = power
      if (power > most) most = power
      if (k === 0) continue
      const before = this.#sums[(k - 1) * WIDTH + 2 * best]!
      const before2 = this.#sums[(k - 1) * WIDTH + 2 * best + 1]!
      re += a * before + b * before2
      im += b * before - a * before2
    }
    if (least < MIN_STEADINESS * most) return -1
    const turn = Math.atan2(im, re) - this.#advance[best]!
    const off = turn - 2 * Math.PI * Math.round(turn / (2 * Math.PI))
    const hz = best < 4 ? rowFrequencies[best]! : columnFrequencies[best - 4]!
    if (Math.abs(off) * this.#sampleRate > 2 * Math.PI * this.#length * hz * MAX_DEVIATION) return -1
    // the power of the window at the frequency that the tone really has
    const step = this.#advance[best]! + off
    let sumRe = 0
    let sumIm = 0
    for (let k = 0; k < STEPS; k++) {
      const a = this.#sums[k * WIDTH + 2 * best]!
      const b = this.#sums[k * WIDTH + 2 * best + 1]!
      const c = Math.cos(step * k)
      const s = -Math.sin(step * k)
      sumRe += a * c - b * s
      sumIm += a * s + b * c
    }
    const samples = STEPS * this.#length
    const x = off / 2
    const loss = Math.abs(x) < 1e-6 ? 1 : Math.sin(x) / x
    this.#power = 2 * (sumRe * sumRe + sumIm * sumIm) / (samples * samples * loss * loss)
    return best
  }
}
