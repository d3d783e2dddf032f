/**
 * Brings speech to one level, slowly: a distant microphone becomes audible and a loud one bearable, while a voice keeps
 * its own ups and downs.
 *
 * - The level is that of speech alone. Blocks that do not rise above the background, or are quieter than `gateDbfs`,
 *   change nothing: in a pause the gain stays, so that noise is not pumped up between words.
 * - The gain moves at most `riseDbPerSecond` up and `fallDbPerSecond` down.
 * - A limiter keeps every sample below `ceilingDbfs`: a shout that comes before the gain has fallen is not distorted.
 *
 * It works on blocks of 10 ms of its own, so the result does not depend on how the audio is cut. Nothing is allocated.
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
  /** The level that speech is brought to, as its root mean square. */
  readonly targetDbfs: number
  readonly maxGainDb: number
  /** How much a loud voice is attenuated at most. */
  readonly maxCutDb: number
  readonly gateDbfs: number
}

/** In decibels above the background: what is speech. */
const MARGIN = 9
const RISE_DB_PER_SECOND = 6
const FALL_DB_PER_SECOND = 24
const CEILING_DBFS = -1
/** How fast the measured level follows: 400 ms. */
const LEVEL_SECONDS = 0.4
/** How fast the background is believed to rise, and to fall. */
const FLOOR_RISE_DB_PER_SECOND = 2
const FLOOR_FALL_SECONDS = 0.1
/** How fast the limiter lets go: 60 ms. */
const RELEASE_SECONDS = 0.06
const QUIETEST = -100

/**
 * One stream's gain.
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
  /** What speech has as its level; unknown before there was some. */
  #level = Number.NaN
  #floor = Number.NaN
  #gainDb = 0
  #gain = 1
  #step = 0
  /** The peak that the limiter allows for. */
  #peak = 0

  constructor(options: AutomaticGainOptions) {
    this.#options = options
    this.#block = Math.max(1, Math.round(options.sampleRate / 100))
    this.#release = Math.exp(-1 / (RELEASE_SECONDS * options.sampleRate))
  }

  /** The gain at work, in decibels, the limiter apart. */
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
    const db = power === 0 ? QUIETEST : Math.max(QUIETEST, 10 * Math.log10(power))
    this.#count = 0
    this.#energy = 0
    // digital silence tells nothing of the room
    if (db > QUIETEST) {
      if (Number.isNaN(this.#floor)) this.#floor = db
      else if (db < this.#floor) this.#floor += (db - this.#floor) * Math.min(1, seconds / FLOOR_FALL_SECONDS)
      else this.#floor = Math.min(db, this.#floor + FLOOR_RISE_DB_PER_SECOND * seconds)
    }
    let next = this.#gainDb
    if (db > gateDbfs && db > this.#floor + MARGIN) {
      this.#level = Number.isNaN(this.#level) ? db : this.#level + (db - this.#level) * seconds / LEVEL_SECONDS
      const wanted = Math.min(maxGainDb, Math.max(-maxCutDb, targetDbfs - this.#level))
      next = Math.min(
        next + RISE_DB_PER_SECOND * seconds,
        Math.max(next - FALL_DB_PER_SECOND * seconds, wanted)
      )
    }
    // over the next block, so that a step is not heard
    this.#gain = gainOfDb(this.#gainDb)
    this.#gainDb = next
    this.#step = (gainOfDb(next) - this.#gain) / this.#block
  }
}
