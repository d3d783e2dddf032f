/** A loudspeaker and a microphone in a room: what comes back of what is played, and what the estimator makes of it. */
import { BandLevels } from "../../../src/audio/echo/BandLevels.ts"
import { BLOCK_MS, EchoEstimator } from "../../../src/audio/echo/EchoEstimator.ts"

const RATE = 16_000
/** Samples of a block. */
export const BLOCK = RATE * BLOCK_MS / 1_000
/** What is sent ahead of the time at which it is heard, in blocks. */
const LEAD = 10

export interface Room {
  /** The level of the echo beside that of what is played, in dB. */
  readonly gainDb: number
  readonly delayMs: number
  /** How long the room sounds after, in ms; 0 for none. */
  readonly tailMs?: number
  /** Whether the loudspeaker is overdriven. */
  readonly clips?: boolean
  /** Whether the line lets only the telephone's range through. */
  readonly telephone?: boolean
  /** The level of the noise, in dBFS. */
  readonly noiseDb?: number
  readonly seed: number
}

const random = (seed: number) => {
  let state = seed * 2_654_435_761 >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32 * 2 - 1
  }
}

/** The level while there is a sound, as mean square. */
const power = (samples: ArrayLike<number>): number => {
  let sum = 0
  let blocks = 0
  for (let from = 0; from + BLOCK <= samples.length; from += BLOCK) {
    let block = 0
    for (let i = from; i < from + BLOCK; i++) block += samples[i]! * samples[i]!
    if (block < BLOCK * 200 * 200) continue
    sum += block
    blocks++
  }
  return sum / Math.max(1, blocks * BLOCK)
}

const highPass = (samples: Float64Array, hz: number): Float64Array => {
  const keep = Math.exp(-2 * Math.PI * hz / RATE)
  let former = 0
  let passed = 0
  return samples.map((sample) => {
    passed = keep * (passed + sample - former)
    former = sample
    return passed
  })
}

const lowPass = (samples: Float64Array, hz: number): Float64Array => {
  const take = 1 - Math.exp(-2 * Math.PI * hz / RATE)
  let passed = 0
  return samples.map((sample) => passed += take * (sample - passed))
}

/** What the microphone hears of it, from the first sample played on, for a second longer; `extra` adds the user. */
export const microphone = (played: Int16Array, room: Room, user?: {
  readonly pcm: Int16Array
  readonly atMs: number
  /** How much louder than the echo, in dB. */
  readonly overEchoDb: number
}): Int16Array => {
  const noise = random(room.seed)
  const far = new Float64Array(played.length + RATE)
  far.set(played)
  const peak = 0.35 * played.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
  const speaker = highPass(room.clips === true ? far.map((v) => Math.max(-peak, Math.min(peak, v))) : far, 250)
  const { tailMs = 0 } = room
  const taps = [{ at: 0, gain: 1 }]
  for (let i = 0; i < tailMs / 4; i++) {
    const at = 16 + Math.floor(Math.abs(noise()) * tailMs * RATE / 1_000)
    taps.push({ at, gain: noise() * 1.5 * 10 ** (-3 * at / RATE / 0.5) })
  }
  const delay = Math.round(room.delayMs * RATE / 1_000)
  let echo: Float64Array = new Float64Array(far.length)
  for (const { at, gain } of taps) {
    for (let i = 0; i + at + delay < echo.length; i++) echo[i + at + delay]! += gain * speaker[i]!
  }
  if (room.telephone === true) echo = lowPass(lowPass(echo, 3_000), 3_000)
  const echoPower = power(played) * 10 ** (room.gainDb / 10)
  const scale = Math.sqrt(echoPower / power(echo))
  const heard = echo.map((sample) =>
    sample * scale + noise() * Math.sqrt(3) * 32_768 * 10 ** ((room.noiseDb ?? -75) / 20)
  )
  if (user !== undefined) {
    const from = user.atMs * RATE / 1_000
    const gain = Math.sqrt(echoPower * 10 ** (user.overEchoDb / 10) / power(user.pcm))
    for (let i = 0; i < user.pcm.length && from + i < heard.length; i++) heard[from + i]! += gain * user.pcm[i]!
  }
  return Int16Array.from(heard, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample))))
}

/** Levels of each block. */
export const levelsOf = (pcm: Int16Array): ReadonlyArray<Float32Array> => {
  const levels = new BandLevels()
  const all: Array<Float32Array> = []
  levels.push(pcm, RATE, () => void all.push(levels.levels.slice()))
  return all
}

/** Whether the user was found to speak, block by block. */
export const verdicts = (
  played: ReadonlyArray<Float32Array>,
  heard: ReadonlyArray<Float32Array>,
  estimator = new EchoEstimator(),
  from = 50_000
): ReadonlyArray<boolean> => {
  let sent = 0
  return heard.map((levels, block) => {
    for (; sent < Math.min(played.length, block + LEAD); sent++) estimator.played(from + sent, played[sent]!)
    return estimator.heard(from + block, levels)
  })
}

/** The longest time without a break in which the user was found to speak, in ms. */
export const longestRun = (verdicts: ReadonlyArray<boolean>): number => {
  let longest = 0
  let run = 0
  for (const speaks of verdicts) {
    run = speaks ? run + 1 : 0
    longest = Math.max(longest, run)
  }
  return longest * BLOCK_MS
}

/** Where a recording has its first sound that is not much quieter than the rest, in ms. */
export const onsetMs = (pcm: Int16Array): number => {
  const least = power(pcm) / 10
  for (let from = 0; from + BLOCK <= pcm.length; from += BLOCK) {
    let sum = 0
    for (let i = from; i < from + BLOCK; i++) sum += pcm[i]! * pcm[i]!
    if (sum / BLOCK > least) return from * 1_000 / RATE
  }
  return 0
}
