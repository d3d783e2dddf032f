/**
 * Converts a stream of samples from one sample rate to another with a linear-phase low-pass filter.
 *
 * The client runs its one AudioContext at the device's own rate (Firefox refuses a microphone in a context of another
 * rate, and a headset may change the rate under the page), so both directions convert here. Pure; one resampler
 * belongs to one stream.
 *
 * @since 0.1.0
 */

/** Zero crossings of the sinc on each side: about 70 dB of stop band for voice, 1 ms of delay at 16 kHz. */
const CROSSINGS = 16

/** The pass band ends below the lower Nyquist frequency, so that the filter's slope does not alias. */
const ROLLOFF = 0.92

/**
 * A streaming polyphase resampler. With equal rates, samples pass unchanged.
 *
 * @category models
 * @since 0.1.0
 */
export class Resampler {
  readonly #up: number
  readonly #down: number
  readonly #taps: number
  readonly #filters: Float32Array
  #pending: Float32Array
  #phase = 0

  /** @param from - the rate of the input in Hz. @param to - the rate of the output in Hz. */
  constructor(from: number, to: number) {
    const divisor = gcd(from, to)
    this.#up = to / divisor
    this.#down = from / divisor
    const stretch = Math.max(1, from / to)
    this.#taps = 2 * Math.ceil(CROSSINGS * stretch)
    this.#filters = this.#up === this.#down ? new Float32Array(0) : makeFilters(this.#up, this.#taps, 1 / stretch)
    this.#pending = this.#silence()
  }

  /** Clears the filter's history, for a new stream. */
  reset(): void {
    this.#pending = this.#silence()
    this.#phase = 0
  }

  /** The samples that this input completes; across calls there is neither gap nor overlap. */
  process(input: Float32Array): Float32Array {
    if (this.#up === this.#down) return input
    const taps = this.#taps
    const up = this.#up
    const samples = new Float32Array(this.#pending.length + input.length)
    samples.set(this.#pending)
    samples.set(input, this.#pending.length)
    const last = samples.length - taps
    const output = new Float32Array(last < 0 ? 0 : Math.floor((last * up + up - 1 - this.#phase) / this.#down) + 1)
    let start = 0
    let phase = this.#phase
    let written = 0
    while (start <= last) {
      const offset = phase * taps
      let sum = 0
      for (let k = 0; k < taps; k++) sum += this.#filters[offset + k]! * samples[start + k]!
      output[written++] = sum
      phase += this.#down
      start += Math.floor(phase / up)
      phase %= up
    }
    this.#phase = phase
    // The filter (32 crossings of the slower rate) is longer than any step, so `start` lies within the samples.
    this.#pending = samples.slice(start)
    return written === output.length ? output : output.subarray(0, written)
  }

  #silence(): Float32Array {
    return new Float32Array(this.#taps / 2 - 1)
  }
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

const makeFilters = (phases: number, taps: number, bandwidth: number): Float32Array => {
  const filters = new Float32Array(phases * taps)
  const cutoff = bandwidth * ROLLOFF
  for (let phase = 0; phase < phases; phase++) {
    let sum = 0
    for (let k = 0; k < taps; k++) {
      const t = k - (taps / 2 - 1) - phase / phases
      const x = Math.PI * cutoff * t
      const sinc = x === 0 ? 1 : Math.sin(x) / x
      const w = t / (taps / 2)
      // Blackman: side lobes below -58 dB, enough for speech and cheap to compute.
      const window = Math.abs(w) >= 1 ? 0 : 0.42 + 0.5 * Math.cos(Math.PI * w) + 0.08 * Math.cos(2 * Math.PI * w)
      const value = sinc * window
      filters[phase * taps + k] = value
      sum += value
    }
    // Every phase passes a constant unchanged, so no ripple at the phase rate appears.
    for (let k = 0; k < taps; k++) filters[phase * taps + k] = filters[phase * taps + k]! / sum
  }
  return filters
}
