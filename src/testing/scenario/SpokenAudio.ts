/**
 * Text encoded in PCM, so that scripted engines and tests decode exactly the words whose audio arrived.
 *
 * Each character takes some milliseconds; the sample values encode the character, its position and whether it begins or ends
 * a word. A word is decoded only when its last character arrived, so words that were cut off, lost or never sent are missing.
 * The encoding survives any cutting and joining of samples, but neither resampling nor a codec. Pure; no Effect.
 *
 * @since 0.1.0
 */

/** The smallest sample of encoded text; well above `SPEECH_LEVEL`. */
const BASE = 4_096
const LOW = 1 << 8
const FIRST = 1 << 9
const LAST = 1 << 10
/** The position of a character, modulo 8, so that a frame that was sent twice is decoded once. */
const PLACE_SHIFT = 11
const PLACES = 8

/**
 * The default length of a character in ms: 1,000 characters a minute, a slow speaker.
 *
 * @category constants
 * @since 0.1.0
 */
export const MS_PER_CHARACTER = 60

const isSpace = (character: string | undefined): boolean => character === undefined || /\s/u.test(character)

/**
 * Encodes a text: `text.length × msPerCharacter` (default 60) ms of PCM at `sampleRate` (in Hz, default 16,000). `voiced` gives
 * it a tone of 500 Hz: sound as a loudspeaker can play it, and as an echo canceller knows it again.
 *
 * **Example** (Decoding what was not cut off)
 *
 * ```ts
 * import { SpokenAudio } from "effect-voice/testing"
 * import assert from "node:assert"
 *
 * const pcm = SpokenAudio.encode("book a flight to Paris")
 * assert.equal(SpokenAudio.decode(pcm), "book a flight to Paris")
 * assert.equal(SpokenAudio.decode(pcm.subarray(0, 16_000)), "book a flight to")
 * ```
 *
 * @category conversions
 * @since 0.1.0
 */
export const encode = (text: string, options: {
  readonly sampleRate?: number | undefined
  readonly msPerCharacter?: number | undefined
  readonly voiced?: boolean | undefined
} = {}): Int16Array => {
  const { msPerCharacter = MS_PER_CHARACTER, sampleRate = 16_000, voiced = false } = options
  const at = (index: number) => Math.round(index * msPerCharacter * sampleRate / 2000) * 2
  const pcm = new Int16Array(at(text.length))
  for (let index = 0; index < text.length; index++) {
    const unit = isSpace(text[index]) ? 32 : text.charCodeAt(index)
    const flags = unit === 32
      ? 0
      : (isSpace(text[index - 1]) ? FIRST : 0) | (isSpace(text[index + 1]) ? LAST : 0)
    const value = BASE + flags + ((index % PLACES) << PLACE_SHIFT)
    for (let sample = at(index); sample < at(index + 1); sample += 2) {
      const sign = voiced && Math.floor(sample * 1_000 / sampleRate) % 2 === 1 ? -1 : 1
      pcm[sample] = sign * (value + (unit >> 8))
      pcm[sample + 1] = sign * (value + LOW + (unit & 255))
    }
  }
  return pcm
}

/**
 * A word that arrived completely, and its position since the first sample.
 *
 * @category models
 * @since 0.1.0
 */
export interface HeardWord {
  readonly text: string
  readonly startSample: number
  readonly endSample: number
}

/**
 * Decodes words from a stream of samples, cut anywhere. Other sound is ignored.
 *
 * @category models
 * @since 0.1.0
 */
export class SpokenAudioReader {
  readonly #onWord: (word: HeardWord) => void
  #position = 0
  /** The first half of a pair, waiting for the second. */
  #high = -1
  #key = -1
  #former = -1
  #run = 0
  /** The length of a character in samples, as far as known; 0 before the first whole one. */
  #length = 0
  #place = -1
  #word = ""
  #start = 0
  /** Whether the word arrived from its first character on. */
  #whole = false

  constructor(onWord: (word: HeardWord) => void) {
    this.#onWord = onWord
  }

  /** The number of samples pushed. */
  get position(): number {
    return this.#position
  }

  /** Reads the next PCM, of any length. */
  push(pcm: Int16Array): void {
    for (const signed of pcm) {
      const sample = Math.abs(signed)
      this.#position++
      if (sample < BASE) {
        if (this.#key >= 0) this.cut()
        // what comes after a pause may be spoken at another speed
        this.#length = 0
        continue
      }
      const value = sample - BASE
      if ((value & LOW) === 0) {
        this.#high = value
      } else if (this.#high >= 0 && this.#high >> 9 === value >> 9) {
        this.#pair((value >> 9) << 16 | (this.#high & 255) << 8 | (value & 255))
        this.#high = -1
      } else {
        this.cut()
      }
    }
  }

  /** Marks a discontinuity: what follows does not continue the current word. */
  cut(): void {
    this.#endRun()
    this.#key = -1
    this.#former = -1
    this.#high = -1
    this.#place = -1
    this.#word = ""
    this.#whole = false
  }

  #pair(key: number): void {
    if (key === this.#key) {
      this.#run += 2
      return
    }
    const place = key >> 18
    const first = (key & FIRST << 7) !== 0
    if (this.#place >= 0 && place !== (this.#place + 1) % PLACES) {
      // a repeated frame starts with a character that was decoded before
      if (key === this.#former && this.#run < this.#length) return
      this.cut()
    }
    // only a character that another one follows is known to be complete
    const run = this.#run
    const had = this.#key >= 0
    this.#endRun()
    if (had) this.#length = run
    this.#former = this.#key
    this.#key = key
    this.#run = 2
    this.#place = place
    if (!first) return
    this.#word = ""
    this.#start = this.#position - 2
    this.#whole = true
  }

  /** Ends a character, complete or cut off: the last one of a word counts when at least half of it arrived. */
  #endRun(): void {
    const key = this.#key
    if (key < 0) return
    const last = (key & LAST << 7) !== 0
    const unit = key & 65_535
    if (unit === 32) {
      this.#word = ""
      this.#whole = false
    } else {
      this.#word += String.fromCharCode(unit)
    }
    if (last && this.#whole && this.#run * 2 >= this.#length) {
      this.#onWord({ text: this.#word, startSample: this.#start, endSample: this.#position })
    }
    if (last) this.#whole = false
  }
}

/**
 * Decodes the words that arrived completely.
 *
 * @category conversions
 * @since 0.1.0
 */
export const decode = (pcm: Int16Array): string => {
  const words: Array<string> = []
  const reader = new SpokenAudioReader((word) => words.push(word.text))
  reader.push(pcm)
  reader.cut()
  return words.join(" ")
}
