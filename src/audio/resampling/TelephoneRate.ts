/**
 * Converts audio between 24 kHz, the rate of speech models, and 8 kHz, that of telephones: exactly one to three.
 *
 * A low-pass filter of 96 taps and a delay of 2 ms, in plain JavaScript: it has no memory of its own outside of the process' heap, so that
 * nothing has to be freed. Everything else is resampled by `Resampler`.
 *
 * @since 0.1.0
 */
import * as Pcm from "../Pcm.ts"

const FACTOR = 3
const TAPS = 96
/** Of 24 kHz: the pass band ends at 3.7 kHz, the stop band begins at 4.3 kHz. */
const CUTOFF = 4_000 / 24_000

/** A windowed sinc (Blackman) whose sum is 1. */
const filter = (() => {
  const taps = Float64Array.from({ length: TAPS }, (_, k) => {
    const t = k - (TAPS - 1) / 2
    const sinc = Math.sin(2 * Math.PI * CUTOFF * t) / (Math.PI * t)
    const w = 2 * Math.PI * (k + 0.5) / TAPS
    return sinc * (0.42 - 0.5 * Math.cos(w) + 0.08 * Math.cos(2 * w))
  })
  const sum = taps.reduce((total, tap) => total + tap, 0)
  return taps.map((tap) => tap / sum)
})()

/** For each of the three places between two samples, the taps that meet a sample; each passes a constant unchanged. */
const phases = Array.from({ length: FACTOR }, (_, phase) => {
  const taps = Float64Array.from({ length: TAPS / FACTOR }, (_, k) => filter[FACTOR * k + phase] ?? 0)
  const sum = taps.reduce((total, tap) => total + tap, 0)
  return taps.map((tap) => tap / sum)
})

/**
 * From 24 kHz to 8 kHz. One belongs to one stream.
 *
 * @category models
 * @since 0.1.0
 */
export class DownToTelephone {
  /** The last samples, each at two places, so that the newest ones stand together. */
  readonly #line = new Float64Array(2 * TAPS)
  #at = 0
  #phase = 0

  /** Converts samples into `out`, which has room for a third of them, rounded up. Returns how many there are. */
  process(input: Int16Array, out: Int16Array): number {
    const line = this.#line
    let written = 0
    for (let i = 0; i < input.length; i++) {
      line[this.#at] = line[this.#at + TAPS] = input[i]!
      this.#at = this.#at + 1 === TAPS ? 0 : this.#at + 1
      if (this.#phase++ === 0) {
        let sum = 0
        // the filter is the same forwards and backwards
        for (let k = 0; k < TAPS; k++) sum += filter[k]! * line[this.#at + k]!
        out[written++] = Pcm.saturate(sum)
      }
      if (this.#phase === FACTOR) this.#phase = 0
    }
    return written
  }
}

/**
 * From 8 kHz to 24 kHz. One belongs to one stream.
 *
 * @category models
 * @since 0.1.0
 */
export class UpFromTelephone {
  readonly #length = TAPS / FACTOR
  readonly #line = new Float64Array(2 * this.#length)
  #at = 0

  /** Converts samples into `out`, which has room for three times as many. Returns how many there are. */
  process(input: Int16Array, out: Int16Array): number {
    const line = this.#line
    const length = this.#length
    let written = 0
    for (let i = 0; i < input.length; i++) {
      line[this.#at] = line[this.#at + length] = input[i]!
      this.#at = this.#at + 1 === length ? 0 : this.#at + 1
      for (let phase = 0; phase < FACTOR; phase++) {
        const taps = phases[phase]!
        let sum = 0
        for (let k = 0; k < length; k++) sum += taps[length - 1 - k]! * line[this.#at + k]!
        out[written++] = Pcm.saturate(sum)
      }
    }
    return written
  }
}
