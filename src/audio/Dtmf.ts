/**
 * The tones of a telephone's keypad (dual-tone multi-frequency, ITU-T Q.23): which frequencies a digit has, and their audio.
 *
 * @since 0.1.0
 */
import { gainOfDb, saturate } from "./Pcm.ts"

/**
 * The frequencies of the keypad's four rows, in Hz (Q.23).
 *
 * @category constants
 * @since 0.1.0
 */
export const rowFrequencies: ReadonlyArray<number> = [697, 770, 852, 941]

/**
 * The frequencies of the keypad's four columns, in Hz (Q.23).
 *
 * @category constants
 * @since 0.1.0
 */
export const columnFrequencies: ReadonlyArray<number> = [1209, 1336, 1477, 1633]

/**
 * The sixteen digits, row by row: the digit of row `r` and column `c` is at `4 * r + c`.
 *
 * @category constants
 * @since 0.1.0
 */
export const keypad = "123A456B789C*0#D"

/**
 * How many digits and pauses one call of `tones` takes at most.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxDigits = 128

/**
 * Tells whether a text is one digit of a keypad: `0` to `9`, `*`, `#`, or one of the rare `A` to `D`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isDigit = (text: string): boolean => text.length === 1 && keypad.includes(text)

/**
 * Tells whether `tones` takes a text: 1 to 128 digits and pauses (`w`).
 *
 * @category guards
 * @since 0.1.0
 */
export const isDigits = (text: string): boolean => text.length <= maxDigits && /^[0-9A-D*#w]+$/.test(text)

/**
 * How tones sound.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToneOptions {
  /** In Hz; 8,000 to 48,000. */
  readonly sampleRate: number
  /** How long a digit sounds, in ms; default 100. Receivers must hear 40 ms (ITU-T Q.24). */
  readonly toneMs?: number | undefined
  /** The silence after a digit, in ms; default 100. Receivers must hear 40 ms (Q.24). */
  readonly gapMs?: number | undefined
  /** The silence of a `w`, in ms; default 500, as carriers' dialling strings have it. */
  readonly pauseMs?: number | undefined
  /**
   * The level of the higher tone in dB below a full-scale sine; default -10, which is -7 dBm0 in G.711. The lower tone is 2 dB
   * quieter, for lines that lose more of the high frequencies.
   */
  readonly levelDb?: number | undefined
}

/** How much quieter the tone of the row is. */
const TWIST_DB = 2
/** The length of the ramps that keep the start and the end of a tone from clicking. */
const RAMP_MS = 3

/**
 * Makes the audio of digits, each followed by its silence; `w` is a pause. Ramps of 3 ms keep tones from clicking.
 *
 * Throws `RangeError` for what `isDigits` refuses.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tones = (digits: string, options: ToneOptions): Int16Array<ArrayBuffer> => {
  if (!isDigits(digits)) throw new RangeError("not the digits of a keypad: 0 to 9, *, #, A to D and w, at most 128")
  const { gapMs = 100, levelDb = -10, pauseMs = 500, sampleRate, toneMs = 100 } = options
  const samplesOf = (ms: number): number => Math.round(ms * sampleRate / 1000)
  const tone = samplesOf(toneMs)
  const gap = samplesOf(gapMs)
  const pause = samplesOf(pauseMs)
  const ramp = Math.min(samplesOf(RAMP_MS), tone >> 1)
  const column = 32767 * gainOfDb(levelDb)
  const row = column * gainOfDb(-TWIST_DB)
  let length = 0
  for (const digit of digits) length += digit === "w" ? pause : tone + gap
  const out = new Int16Array(length)
  let at = 0
  for (const digit of digits) {
    if (digit === "w") {
      at += pause
      continue
    }
    const key = keypad.indexOf(digit)
    const low = 2 * Math.PI * rowFrequencies[key >> 2]! / sampleRate
    const high = 2 * Math.PI * columnFrequencies[key & 3]! / sampleRate
    for (let i = 0; i < tone; i++) {
      const edge = Math.min(i, tone - 1 - i)
      const gain = edge < ramp ? 0.5 - 0.5 * Math.cos(Math.PI * edge / ramp) : 1
      out[at + i] = saturate(gain * (row * Math.sin(low * i) + column * Math.sin(high * i)))
    }
    at += tone + gap
  }
  return out
}
