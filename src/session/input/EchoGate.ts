/**
 * Keeps the echo of the agent's voice from the engines: while the agent is heard, and until its echo has faded, the user's audio is
 * replaced by quiet noise wherever what was played explains it.
 *
 * A plain object on the hot path: it does nothing while the agent is silent. Times are those of the playout clock.
 *
 * @since 0.1.0
 */
import { BandLevels } from "../../audio/echo/BandLevels.ts"
import { BLOCK_MS, EchoEstimator } from "../../audio/echo/EchoEstimator.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import { ArrivalClock } from "./ArrivalClock.ts"

/** A recogniser hears on for this many blocks after a sound that may be the user's. */
const HEARING = 8

/** Verdicts are kept for 20 s, one for each 20 ms, for audio that processors delay. */
const VERDICTS = 1_024
const SLOT = TIMELINE_RATE / 50

/** In place of an echo comes noise as loud as the microphone's quietest moments: at most this loud (-50 dBFS, as mean square). */
const MAX_NOISE = (32_768 * 10 ** (-50 / 20)) ** 2
/** By how much the estimate of that rises with each piece. */
const NOISE_RISE = 1.02
/** White noise with a mean square of 1, always the same. */
const noise = (() => {
  const samples = new Float32Array(4_096)
  let state = 1
  for (let i = 0; i < samples.length; i++) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0
    samples[i] = state / 2 ** 31 * Math.sqrt(3)
  }
  return samples
})()

/**
 * The branches that it guards; a recogniser gets the beginning of a sound that may be the user's sooner than the detector.
 *
 * @category models
 * @since 0.1.0
 */
export type GuardedBranch = "stt" | "vad"

const OPEN = { stt: 1, vad: 2 } as const

/** What exists once the agent has spoken. */
interface Ears {
  readonly estimator: EchoEstimator
  readonly played: BandLevels
  readonly heard: BandLevels
  readonly verdicts: Uint8Array
}

/**
 * @category models
 * @since 0.1.0
 */
export class EchoGate {
  readonly #clock: ArrivalClock
  #ears: Ears | undefined
  /** Whether an echo may be heard. */
  #active = false
  #playedRate = 0
  #playedBlock = 0
  /** The samples that have arrived. */
  #position = 0
  /** The block of the present piece's end, in ms. */
  #endMs = 0
  #verdict = OPEN.stt | OPEN.vad
  /** For how many blocks the recogniser goes on to hear. */
  #hearing = 0
  #noise = Number.POSITIVE_INFINITY
  /** What stands in for the piece that ends at this position. */
  #muted = new Int16Array(0)
  #mutedAt = -1

  /** `now`: the playout clock, in ms. */
  constructor(now: () => number) {
    this.#clock = new ArrivalClock(now)
  }

  /** Another connection: most often the same microphone, so what was learnt of the room is kept. */
  reset(): void {
    this.#ears?.heard.reset()
    this.#clock.reset()
    this.#noise = Number.POSITIVE_INFINITY
  }

  /** A frame of 20 ms is played at this rate (in Hz), to be heard at this time. */
  frame(pcm: Int16Array, sampleRate: number, atMs: number): void {
    const { played } = this.#ears ??= {
      estimator: new EchoEstimator(),
      played: new BandLevels(),
      heard: new BandLevels(),
      verdicts: new Uint8Array(VERDICTS).fill(OPEN.stt | OPEN.vad)
    }
    if (sampleRate !== this.#playedRate) played.reset()
    this.#playedRate = sampleRate
    this.#active = true
    this.#playedBlock = Math.round(atMs / BLOCK_MS)
    played.push(pcm, sampleRate, this.#onPlayed)
  }

  /** Takes the next samples of the user's audio, at most 30 ms; `isLost` when they stand for some that did not come. */
  hear(pcm: Int16Array, isLost: boolean): void {
    const from = this.#position
    this.#position += pcm.length
    const ears = this.#ears
    if (ears === undefined) return
    if (this.#active && !isLost) this.#listen(pcm, ears)
    for (let slot = Math.floor(from / SLOT); slot * SLOT < this.#position; slot++) {
      ears.verdicts[slot % VERDICTS] = this.#verdict
    }
  }

  /** What a branch gets of these samples, which are the last that have arrived. */
  last(branch: GuardedBranch, pcm: Int16Array): Int16Array {
    return (this.#verdict & OPEN[branch]) !== 0 ? pcm : this.#quiet(pcm.length)
  }

  /** What a branch gets of samples that end at this position, if a processor has delayed them. */
  delayed(branch: GuardedBranch, pcm: Int16Array, position: number): Int16Array {
    const verdict = this.#ears?.verdicts[Math.floor((position - 1) / SLOT) % VERDICTS] ?? OPEN[branch]
    return (verdict & OPEN[branch]) !== 0 ? pcm : this.#quiet(pcm.length)
  }

  readonly #onPlayed = (): void => {
    const ears = this.#ears
    if (ears !== undefined) ears.estimator.played(this.#playedBlock, ears.played.levels)
  }

  readonly #onHeard = (): void => {
    const ears = this.#ears
    if (ears === undefined) return
    const { estimator, heard } = ears
    const block = Math.round(this.#endMs / BLOCK_MS) - 1
    if (!estimator.mayHear(block)) {
      this.#active = false
      this.#verdict = OPEN.stt | OPEN.vad
      this.#hearing = 0
      return
    }
    const user = estimator.heard(block, heard.levels, heard.below)
    this.#hearing = user || estimator.isUnexplained ? HEARING : Math.max(0, this.#hearing - 1)
    this.#verdict = (this.#hearing > 0 ? OPEN.stt : 0) | (user ? OPEN.vad : 0)
  }

  #listen(pcm: Int16Array, { heard }: Ears): void {
    this.#endMs = this.#clock.arrived(this.#position)
    let power = 0
    for (let i = 0; i < pcm.length; i++) power += pcm[i]! * pcm[i]!
    this.#noise = Math.min(power / pcm.length, this.#noise * NOISE_RISE, MAX_NOISE)
    heard.push(pcm, TIMELINE_RATE, this.#onHeard)
  }

  #quiet(length: number): Int16Array {
    if (this.#muted.length < length) {
      this.#muted = new Int16Array(length)
      this.#mutedAt = -1
    }
    if (this.#mutedAt !== this.#position) {
      this.#mutedAt = this.#position
      const level = Math.sqrt(this.#noise)
      const from = this.#position % (noise.length - this.#muted.length)
      for (let i = 0; i < this.#muted.length; i++) this.#muted[i] = level * noise[from + i]!
    }
    return this.#muted.length === length ? this.#muted : this.#muted.subarray(0, length)
  }
}
