/** Reads what a telephone recorded: which tone it heard when. */

/** The amplitude of a tone in some samples, by Goertzel's algorithm. */
export const amplitude = (samples: Int16Array, hz: number, sampleRate: number): number => {
  const k = 2 * Math.cos(2 * Math.PI * hz / sampleRate)
  let a = 0
  let b = 0
  for (const sample of samples) {
    const next = sample + k * a - b
    b = a
    a = next
  }
  return 2 * Math.sqrt(Math.max(0, a * a + b * b - k * a * b)) / samples.length
}

const rms = (samples: Int16Array): number =>
  Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length)

/** How loud something must be to be heard, and how much of it must be the tone. */
const QUIET = 100
const SHARE = 0.9

export interface Tones {
  readonly [letter: string]: number
}

/**
 * A letter for each piece of a recording: that of its tone, `.` for silence, `?` for any other sound.
 */
export const letters = (samples: Int16Array, tones: Tones, options: {
  readonly sampleRate?: number
  readonly ms?: number
} = {}): string => {
  const { ms = 20, sampleRate = 8_000 } = options
  const size = sampleRate * ms / 1_000
  let text = ""
  for (let at = 0; at + size <= samples.length; at += size) {
    const piece = samples.subarray(at, at + size)
    const loud = rms(piece)
    const found = Object.entries(tones).find(([, hz]) => amplitude(piece, hz, sampleRate) / Math.SQRT2 > SHARE * loud)
    text += loud < QUIET ? "." : found?.[0] ?? "?"
  }
  return text
}

/** A sine. */
export const tone = (hz: number, seconds: number, options: {
  readonly sampleRate?: number
  readonly amplitude?: number
} = {}): Int16Array => {
  const { amplitude: loud = 8_000, sampleRate = 8_000 } = options
  return Int16Array.from(
    { length: Math.round(seconds * sampleRate) },
    (_, i) => Math.round(loud * Math.sin(2 * Math.PI * hz * i / sampleRate))
  )
}
