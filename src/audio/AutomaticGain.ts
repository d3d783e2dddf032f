/**
 * Automatic gain control: brings speech slowly to one level, and keeps the natural dynamics of a voice.
 *
 * - Only speech is measured. Blocks that do not rise above the background noise, or are quieter than `gateDbfs`, change
 *   nothing, so the gain stays in a pause and noise is not pumped up between words.
 * - The gain rises by at most 6 dB and falls by at most 24 dB per second.
 * - A limiter keeps every sample below -1 dBFS, so a shout is not distorted before the gain has fallen.
 *
 * It works on its own blocks of 10 ms, so the result does not depend on the lengths of the pieces. Nothing is allocated.
 *
 * @since 0.1.0
 */
import { gainOfDb } from "./Pcm.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface AutomaticGainOptions {
  /** In Hz. */
  readonly sampleRate: number
  /** The target level of speech, as its root mean square. */
  readonly targetDbfs: number
  readonly maxGainDb: number
  /** The largest attenuation of a loud voice. */
  readonly maxCutDb: number
  readonly gateDbfs: number
}

/** Speech is at least this many decibels above the background noise. */
const SPEECH_MARGIN_DB = 9
const RISE_DB_PER_SECOND = 6
const FALL_DB_PER_SECOND = 24
const CEILING_DBFS = -1
/** The time constant of the measured level: 400 ms. */
const LEVEL_SECONDS = 0.4
/** How fast the estimate of the background noise rises, and falls. */
const FLOOR_RISE_DB_PER_SECOND = 2
const FLOOR_FALL_SECONDS = 0.1
/** The release time of the limiter: 60 ms. */
const RELEASE_SECONDS = 0.06
/** The level of digital silence. */
const SILENCE_DBFS = -100

/**
 * The automatic gain of one stream.
 *
 * @category models
 * @since 0.1.0
 */
export class AutomaticGain {
  readonly #options: AutomaticGainOptions
  readonly #block: number
  readonly #ceiling = 32767 * gainOfDb(CEILING_DBFS)
  readonly #release: number
  #count = 0
  #energy = 0
  /** The measured level of speech; unknown before the first speech. */
  #level = Number.NaN
  #floor = Number.NaN
  #gainDb = 0
  #gain = 1
  #step = 0
  /** The decaying peak that the limiter works on. */
  #peak = 0

  constructor(options: AutomaticGainOptions) {
    this.#options = options
    this.#block = Math.max(1, Math.round(options.sampleRate / 100))
    this.#release = Math.exp(-1 / (RELEASE_SECONDS * options.sampleRate))
  }

  /** The present gain in decibels, without the limiter. */
  get gainDb(): number {
    return this.#gainDb
  }

  /** Processes the next samples, of any number, in place. */
  process(samples: Int16Array): Int16Array {
    const ceiling = this.#ceiling
    for (let i = 0; i < samples.length; i++) {
      const x = samples[i]!
      this.#energy += x * x
      this.#gain += this.#step
      const y = x * this.#gain
      const magnitude = y < 0 ? -y : y
      const decayed = this.#peak * this.#release
      this.#peak = magnitude > decayed ? magnitude : decayed
      samples[i] = Math.round(this.#peak > ceiling ? y * ceiling / this.#peak : y)
      if (++this.#count === this.#block) this.#adapt()
    }
    return samples
  }

  #adapt(): void {
    const { gateDbfs, maxCutDb, maxGainDb, targetDbfs } = this.#options
    const seconds = 0.01
    const power = this.#energy / this.#block / (32768 * 32768)
    const db = power === 0 ? SILENCE_DBFS : Math.max(SILENCE_DBFS, 10 * Math.log10(power))
    this.#count = 0
    this.#energy = 0
    // digital silence says nothing about the background noise
    if (db > SILENCE_DBFS) {
      if (Number.isNaN(this.#floor)) this.#floor = db
      else if (db < this.#floor) this.#floor += (db - this.#floor) * Math.min(1, seconds / FLOOR_FALL_SECONDS)
      else this.#floor = Math.min(db, this.#floor + FLOOR_RISE_DB_PER_SECOND * seconds)
    }
    let next = this.#gainDb
    if (db > gateDbfs && db > this.#floor + SPEECH_MARGIN_DB) {
      this.#level = Number.isNaN(this.#level) ? db : this.#level + (db - this.#level) * seconds / LEVEL_SECONDS
      const wanted = Math.min(maxGainDb, Math.max(-maxCutDb, targetDbfs - this.#level))
      next = Math.min(
        next + RISE_DB_PER_SECOND * seconds,
        Math.max(next - FALL_DB_PER_SECOND * seconds, wanted)
      )
    }
    // the gain changes gradually over the next block, so that the step is not audible
    this.#gain = gainOfDb(this.#gainDb)
    this.#gainDb = next
    this.#step = (gainOfDb(next) - this.#gain) / this.#block
  }
}
