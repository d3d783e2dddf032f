/**
 * The user's audio on its way in: one timeline of 16 kHz samples, whatever the connection sends and the engines take.
 *
 * A plain object on the hot path. It converts once per distinct rate, counts the samples, feeds the ears, and tells when
 * the timeline has reached a sample that somebody waits for.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { Resampler, ResamplerFactory } from "../audio/Resampler.ts"
import type { BackendError } from "../BackendError.ts"
import { TIMELINE_RATE } from "../speech/VoiceActivityDetector.ts"

/**
 * Something that hears: an engine's stream, at the rate it takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ear {
  readonly sampleRate: number
  readonly push: (pcm: Int16Array) => void
}

interface Branch {
  readonly resampler: Resampler
  readonly ears: Array<Ear>
}

/** The longest silence that is filled in for a gap: 2 s. A longer one is a pause of the sender, and time just goes on. */
const MAX_FILL = 2 * TIMELINE_RATE
/** Audio passes in steps of at most 30 ms, so that in a long piece, too, things happen in their order. */
const MAX_STEP = 480
const silence = new Int16Array(TIMELINE_RATE / 50)

/**
 * @category models
 * @since 0.1.0
 */
export class AudioInput<Key extends string = string> {
  readonly #factory: ResamplerFactory
  readonly #onReached: (key: Key) => void
  #direct: Array<Ear> = []
  #branches: Array<Branch> = []
  /** The connection's converter, kept while its rate does not change. */
  #inbound: Resampler | undefined
  #position = 0
  readonly #watches = new Map<Key, number>()
  #nextWatch = Number.POSITIVE_INFINITY

  constructor(factory: ResamplerFactory, onReached: (key: Key) => void) {
    this.#factory = factory
    this.#onReached = onReached
  }

  /** How many samples of the timeline have passed. */
  get position(): number {
    return this.#position
  }

  /** Adds an ear. Fails when no converter can be had for its rate. */
  add(ear: Ear): Result.Result<void, BackendError> {
    if (ear.sampleRate === TIMELINE_RATE) {
      this.#direct.push(ear)
      return Result.void
    }
    const branch = this.#branches.find((branch) => branch.resampler.outputRate === ear.sampleRate)
    if (branch !== undefined) {
      branch.ears.push(ear)
      return Result.void
    }
    return Result.map(this.#factory.make(TIMELINE_RATE, ear.sampleRate), (resampler) => {
      this.#branches.push({ resampler, ears: [ear] })
    })
  }

  remove(ear: Ear): void {
    this.#direct = this.#direct.filter((other) => other !== ear)
    for (const branch of this.#branches) {
      const index = branch.ears.indexOf(ear)
      if (index >= 0) branch.ears.splice(index, 1)
      if (branch.ears.length === 0) branch.resampler.free()
    }
    this.#branches = this.#branches.filter((branch) => branch.ears.length > 0)
  }

  /** Begins another source of audio at this rate (in Hz). Fails when no converter can be had for it. */
  open(sampleRate: number): Result.Result<void, BackendError> {
    if (sampleRate === TIMELINE_RATE) {
      this.#inbound?.free()
      this.#inbound = undefined
      return Result.void
    }
    return Result.map(this.#factory.make(sampleRate, TIMELINE_RATE), (resampler) => {
      this.#inbound?.free()
      this.#inbound = resampler
    })
  }

  /** Takes PCM at the rate of `open`; valid during the call only. */
  push(pcm: Int16Array): void {
    this.#advance(this.#inbound === undefined ? pcm : this.#inbound.process(pcm))
  }

  /** The source is silent, or lost so much (in samples of its rate): the timeline goes on with silence. */
  gap(samples: number): void {
    const rate = this.#inbound?.inputRate ?? TIMELINE_RATE
    let left = Math.min(MAX_FILL, Math.round(samples * TIMELINE_RATE / rate))
    while (left > 0) {
      const part = left < silence.length ? silence.subarray(0, left) : silence
      this.#advance(part)
      left -= part.length
    }
  }

  /** Calls `onReached(key)` once the timeline has passed this sample; a key has one watch. */
  watch(key: Key, atSample: number): void {
    this.#watches.set(key, atSample)
    this.#nextWatch = Math.min(this.#nextWatch, atSample)
  }

  unwatch(key: Key): void {
    this.#watches.delete(key)
  }

  /** Gives the converters back. */
  free(): void {
    this.#inbound?.free()
    for (const branch of this.#branches) branch.resampler.free()
    this.#branches = []
    this.#direct = []
  }

  #advance(pcm: Int16Array): void {
    if (pcm.length <= MAX_STEP) return this.#step(pcm)
    for (let at = 0; at < pcm.length; at += MAX_STEP) this.#step(pcm.subarray(at, at + MAX_STEP))
  }

  #step(pcm: Int16Array): void {
    if (pcm.length === 0) return
    this.#position += pcm.length
    for (const ear of this.#direct) ear.push(pcm)
    for (const branch of this.#branches) {
      const converted = branch.resampler.process(pcm)
      for (const ear of branch.ears) ear.push(converted)
    }
    if (this.#position >= this.#nextWatch) this.#reach()
  }

  #reach(): void {
    this.#nextWatch = Number.POSITIVE_INFINITY
    const reached: Array<Key> = []
    for (const [key, at] of this.#watches) {
      if (at <= this.#position) reached.push(key)
      else this.#nextWatch = Math.min(this.#nextWatch, at)
    }
    for (const key of reached) this.#watches.delete(key)
    for (const key of reached) this.#onReached(key)
  }
}
