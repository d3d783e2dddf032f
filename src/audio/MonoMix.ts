/**
 * Mixes the channels of a recording or of a stream down to mono, so that what is on any of them is heard.
 *
 * @since 0.1.0
 */
import * as Pcm from "./Pcm.ts"

/** Levels and correlations are taken over this many samples of each channel: 11 to 64 ms at 48 to 8 kHz. */
const BLOCK = 512

/** After how many samples of each channel what was heard counts only 1/e: half a second at 16 kHz. */
const MEMORY = 8_192

/** Below this correlation with the loudest channel, a channel is in antiphase to it. */
const ANTIPHASE = -0.5

/** The ratio of energies, 50 dB, below which a channel has no sound of its own beside the loudest one. */
const SILENT = 1e-5

/**
 * Mixes interleaved channels by the mean of those that have sound. A channel in antiphase to the loudest one, as from a
 * microphone with swapped wires or a balanced line read as stereo, is turned over first: the plain mean would cancel both.
 *
 * Levels and correlations are remembered for about half a second, so that one mixer serves a whole stream.
 *
 * @category models
 * @since 0.1.0
 */
export class MonoMix {
  /** How many channels are interleaved, 1 or more. */
  readonly channels: number
  readonly #energies: Float64Array
  /** The correlation of each channel with the loudest one, not normalised. */
  readonly #products: Float64Array
  readonly #signs: Float64Array
  readonly #weights: Float64Array
  readonly #steps: Float64Array
  readonly #means: Float64Array
  #loudest = 0
  #started = false

  constructor(channels: number) {
    this.channels = Math.max(1, Math.trunc(channels))
    this.#energies = new Float64Array(this.channels)
    this.#products = new Float64Array(this.channels)
    this.#signs = new Float64Array(this.channels).fill(1)
    this.#weights = new Float64Array(this.channels)
    this.#steps = new Float64Array(this.channels)
    this.#means = new Float64Array(this.channels)
  }

  /** Mixes interleaved samples into an array of their own; an incomplete last group is dropped. */
  push(interleaved: Int16Array): Int16Array {
    if (this.channels === 1) return interleaved.slice()
    const count = Math.floor(interleaved.length / this.channels)
    const out = new Int16Array(count)
    for (let from = 0; from < count;) {
      // a rest that would be shorter than a block belongs to the block before it
      const until = count - from < 2 * BLOCK ? count : from + BLOCK
      this.#measure(interleaved, from, until)
      this.#weigh(until - from)
      this.#mix(interleaved, from, until, out)
      from = until
    }
    return out
  }

  /** Takes the levels and correlations of a block, without its constant part, which is no sound. */
  #measure(interleaved: Int16Array, from: number, until: number): void {
    const { channels } = this
    const energies = this.#energies
    const products = this.#products
    const means = this.#means
    const decay = Math.exp((from - until) / MEMORY)
    for (let c = 0; c < channels; c++) {
      let sum = 0
      let squares = 0
      for (let at = from * channels + c; at < until * channels; at += channels) {
        const sample = interleaved[at]!
        sum += sample
        squares += sample * sample
      }
      means[c] = sum / (until - from)
      energies[c] = energies[c]! * decay + squares - sum * means[c]!
    }
    let loudest = this.#loudest
    for (let c = 0; c < channels; c++) {
      // twice as loud, lest two equal channels take turns
      if (energies[c]! > 2 * energies[loudest]!) loudest = c
    }
    // what was compared with another channel says nothing of this one
    if (loudest !== this.#loudest) products.fill(0)
    this.#loudest = loudest
    for (let c = 0; c < channels; c++) {
      let product = 0
      for (let at = from * channels; at < until * channels; at += channels) {
        product += (interleaved[at + c]! - means[c]!) * (interleaved[at + loudest]! - means[loudest]!)
      }
      products[c] = products[c]! * decay + product
    }
  }

  /** Sets the step of each weight from sample to sample, so that a change of the mix does not click. */
  #weigh(length: number): void {
    const { channels } = this
    const energies = this.#energies
    const signs = this.#signs
    const loudest = this.#loudest
    let audible = 0
    for (let c = 0; c < channels; c++) {
      const scale = Math.sqrt(energies[c]! * energies[loudest]!)
      if (signs[c]! * signs[loudest]! * this.#products[c]! < ANTIPHASE * scale) signs[c] = -signs[c]!
      if (this.#isAudible(c)) audible++
    }
    for (let c = 0; c < channels; c++) {
      const weight = audible === 0 ? 1 / channels : this.#isAudible(c) ? signs[c]! / audible : 0
      if (this.#started) this.#steps[c] = (weight - this.#weights[c]!) / length
      else this.#weights[c] = weight
    }
    this.#started = true
  }

  #isAudible(channel: number): boolean {
    return this.#energies[channel]! > SILENT * this.#energies[this.#loudest]!
  }

  #mix(interleaved: Int16Array, from: number, until: number, out: Int16Array): void {
    const { channels } = this
    const weights = this.#weights
    const steps = this.#steps
    for (let i = from; i < until; i++) {
      let sum = 0
      for (let c = 0; c < channels; c++) {
        weights[c] = weights[c]! + steps[c]!
        sum += interleaved[i * channels + c]! * weights[c]!
      }
      out[i] = Pcm.saturate(sum)
    }
    steps.fill(0)
  }
}
