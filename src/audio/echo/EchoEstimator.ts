/**
 * Tells the user's voice from the echo of what was played to the user, by their levels in a few bands, every 20 ms.
 *
 * For each delay of an echo from 0 to 580 ms, and in each band, it keeps the largest gain that the microphone has not
 * contradicted: where the audio that was played is loud and the microphone is quiet that much later, an echo of this delay is at
 * most so loud. Only the true delay keeps a gain, as the levels of all others do not match. What a user says on top contradicts
 * nothing, so it teaches no gain; without an echo all gains are soon small, and everything is let through. Before anything is
 * known, an echo of -16 dB is assumed at each delay.
 *
 * Plain and synchronous, about 2 µs per 20 ms, without allocation.
 *
 * @since 0.1.0
 */
import { BANDS, SILENT_DB } from "./BandLevels.ts"

/**
 * How long a block is, in ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const BLOCK_MS = 20

/** Delays of 0 to 580 ms. */
const LAGS = 30
/** Blocks of what was played that are kept, a power of 2: the longest delay, the tail of a room, and what is played ahead. */
const KEPT = 128
const MASK = KEPT - 1

/*
 * Gains and levels are in dB, rates per block. The numbers were found with four voices and two readers in simulated rooms, and are
 * measured by `npm run bench -- echo`.
 */

/** The gain that each delay begins with: the loudest echo that does not interrupt the agent before anything was learnt. */
const FIRST_GAIN = -16
const MAX_GAIN = 6
/** An echo so much quieter than the agent is always explained, so that a louder one is learnt in time. */
const MIN_GAIN = -40
/** A gain rises so much per block that does not contradict it, and falls by this part of what is too much. */
const RISE = 0.8
const FALL = 0.2
/** Gains are learnt from sound at most this much below the loudest, where it has not just faded by more than this. */
const LOUD = 15
const STEADY = 3
/** How fast a room fades, and for how many blocks after the longest delay. */
const DECAY = 1.6
const TAIL = 16
/** What is louder than predicted by this much is not explained; by so much, it needs no second block. */
const MARGIN = 6
const STRONG = 14
/** An overdriven loudspeaker makes sound in all bands, so far below the loudest. */
const SKIRT = 20
/** A band below this, in dBFS, is silent. */
const SILENCE = -66
/** Sound of this level, in dBFS, that is only below the bands comes from no loudspeaker. */
const BELOW = -40
/** The part of a block's power that must not be explained, and that of one that needs no second. */
const SHARE = 0.25
/** A room may raise a single band more than it ever has, but not by `STRONG`: a voice is found in so many. */
const BANDS_OF_VOICE = 2
const STRONG_SHARE = 0.5
/** What the blocks that are not explained add to a score, and those that are take from it; the user speaks from `OPEN` on. */
const SCORE_RISE = 0.35
const SCORE_FALL = 0.12
const OPEN = 0.6
/** How many blocks the user goes on after the last of a sound; longer once so many blocks lately were not explained. */
const HANG = 8
const LONG_HANG = 20
const MANY = 4
const MOST = 8
const FORGET = 0.25

/**
 * Times are counted in blocks.
 *
 * @category models
 * @since 0.1.0
 */
export class EchoEstimator {
  /** The blocks that were played, by their time: which one a place holds, its levels, and those with what blurs them. */
  readonly #blocks = new Float64Array(KEPT).fill(Number.NaN)
  readonly #levels = new Float32Array(KEPT * BANDS)
  readonly #smeared = new Float32Array(KEPT * BANDS)
  readonly #loudest = new Float32Array(BANDS).fill(SILENT_DB)
  readonly #gains = new Float32Array(LAGS * BANDS).fill(FIRST_GAIN)
  readonly #predicted = new Float32Array(BANDS)
  /** The last block with a sound, and the last that is stored. */
  #lastPlayed = Number.NEGATIVE_INFINITY
  #last = Number.NEGATIVE_INFINITY
  #score = 0
  #hang = 0
  #lately = 0
  #isUnexplained = false

  /** Whether an echo does not explain the last block: it alone does not make a user, and may be the beginning of one. */
  get isUnexplained(): boolean {
    return this.#isUnexplained
  }

  /** Whether an echo of what was played may be heard in this block. */
  mayHear(block: number): boolean {
    return block <= this.#lastPlayed + LAGS + TAIL
  }

  /** Takes the levels of what is played in this block. */
  played(block: number, levels: Float32Array): void {
    this.#fill(block - 1)
    this.#store(block, levels)
    if (block > this.#last) this.#last = block
    if (block > this.#lastPlayed) this.#lastPlayed = block
    for (let band = 0; band < BANDS; band++) {
      this.#loudest[band] = Math.max(levels[band]!, this.#loudest[band]! - 0.1)
    }
  }

  /** Takes the levels of what the microphone heard in this block, in the bands and below, and returns whether the user speaks. */
  heard(block: number, levels: Float32Array, below = SILENT_DB): boolean {
    this.#fill(block)
    this.#predict(block, levels)
    const predicted = this.#predicted
    let top = SILENT_DB
    for (let band = 0; band < BANDS; band++) top = Math.max(top, predicted[band]!)
    let total = 0
    let unexplained = 0
    let bands = 0
    let strong = 0
    for (let band = 0; band < BANDS; band++) {
      const level = levels[band]!
      if (level < SILENCE) continue
      const power = 10 ** (level / 10)
      const excess = level - Math.max(predicted[band]!, top - SKIRT)
      total += power
      if (excess > MARGIN) {
        unexplained += power
        bands++
      }
      if (excess > STRONG) strong += power
    }
    const isBelow = total === 0 && below > BELOW
    this.#isUnexplained = isBelow || ((bands >= BANDS_OF_VOICE || strong > 0) && unexplained > total * SHARE)
    const rise = isBelow || strong > total * STRONG_SHARE ? 1 : SCORE_RISE
    this.#score = Math.max(0, Math.min(1, this.#score + (this.#isUnexplained ? rise : -SCORE_FALL)))
    this.#lately = Math.max(0, Math.min(MOST, this.#lately + (this.#isUnexplained ? 1 : -FORGET)))
    if (this.#score >= OPEN) this.#hang = Math.max(this.#hang - 1, this.#lately >= MANY ? LONG_HANG : HANG)
    else if (this.#hang > 0) this.#hang--
    return this.#hang > 0
  }

  #predict(block: number, levels: Float32Array): void {
    const predicted = this.#predicted.fill(SILENT_DB)
    const gains = this.#gains
    const smeared = this.#smeared
    for (let lag = 0; lag < LAGS; lag++) {
      const at = block - lag & MASK
      if (this.#blocks[at] !== block - lag) continue
      for (let band = 0; band < BANDS; band++) {
        const place = at * BANDS + band
        const gainAt = lag * BANDS + band
        const level = smeared[place]!
        const gain = gains[gainAt]!
        if (level + gain > predicted[band]!) predicted[band] = level + gain
        const own = this.#levels[place]!
        // where the sound fades, a room decides how fast
        if (own < this.#loudest[band]! - LOUD || level - own > STEADY) continue
        const heard = Math.max(levels[band]!, SILENCE - 20) - level
        gains[gainAt] = heard < gain
          ? Math.max(MIN_GAIN, gain - FALL * (gain - heard))
          : Math.min(gain + RISE, MAX_GAIN)
      }
    }
  }

  /** Nothing was played up to this block: the room fades. */
  #fill(block: number): void {
    if (this.#last === Number.NEGATIVE_INFINITY) return
    for (let at = Math.max(this.#last + 1, block - MASK); at <= block; at++) this.#store(at, undefined)
    if (block > this.#last) this.#last = block
  }

  #store(block: number, levels: Float32Array | undefined): void {
    const at = block & MASK
    const before = block - 1 & MASK
    const hasBefore = this.#blocks[before] === block - 1
    const isAgain = this.#blocks[at] === block
    this.#blocks[at] = block
    for (let band = 0; band < BANDS; band++) {
      const place = at * BANDS + band
      const placeBefore = before * BANDS + band
      const level = Math.max(
        isAgain ? this.#levels[place]! : SILENT_DB,
        levels === undefined ? SILENT_DB : levels[band]!
      )
      this.#levels[place] = level
      let smeared = level
      if (hasBefore) {
        // the blocks of the microphone lie anywhere between those that were played
        if (level > this.#smeared[placeBefore]!) this.#smeared[placeBefore] = level
        smeared = Math.max(level, this.#levels[placeBefore]!, this.#smeared[placeBefore]! - DECAY)
      }
      this.#smeared[place] = smeared
    }
  }
}
