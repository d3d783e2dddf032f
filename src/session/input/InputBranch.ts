/**
 * Where one branch of the user's audio comes out: it feeds the ears, and converts once per distinct rate.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { AudioBranch } from "../../audio/AudioBranch.ts"
import type { Resampler, ResamplerFactory } from "../../audio/Resampler.ts"
import type { BackendError } from "../../BackendError.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"

/**
 * Something that hears: an engine's stream, at the rate it takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface AudioListener {
  readonly sampleRate: number
  /** Which branch of the audio it hears, where processors fork it. Default: `stt`. */
  readonly branch?: AudioBranch | undefined
  readonly push: (pcm: Int16Array) => void
  /** Calls back when what was pushed has been heard; only of an ear that hears later. */
  readonly settle?: ((settled: () => void) => void) | undefined
  /** By how many samples it is behind; only with `settle`. */
  readonly behind?: (() => number) | undefined
}

interface Converted {
  readonly resampler: Resampler
  readonly ears: Array<AudioListener>
}

/**
 * @category models
 * @since 0.1.0
 */
export class InputBranch {
  readonly #factory: ResamplerFactory
  #direct: Array<AudioListener> = []
  #converted: Array<Converted> = []

  constructor(factory: ResamplerFactory) {
    this.#factory = factory
  }

  /** Adds an ear. Fails when no converter can be had for its rate. */
  add(ear: AudioListener): Result.Result<void, BackendError> {
    if (ear.sampleRate === TIMELINE_RATE) {
      this.#direct.push(ear)
      return Result.void
    }
    const converted = this.#converted.find(({ resampler }) => resampler.outputRate === ear.sampleRate)
    if (converted !== undefined) {
      converted.ears.push(ear)
      return Result.void
    }
    return Result.map(this.#factory.make(TIMELINE_RATE, ear.sampleRate), (resampler) => {
      this.#converted.push({ resampler, ears: [ear] })
    })
  }

  remove(ear: AudioListener): void {
    this.#direct = this.#direct.filter((other) => other !== ear)
    for (const { ears, resampler } of this.#converted) {
      const index = ears.indexOf(ear)
      if (index >= 0) ears.splice(index, 1)
      if (ears.length === 0) resampler.free()
    }
    this.#converted = this.#converted.filter(({ ears }) => ears.length > 0)
  }

  /** Takes samples of the timeline; valid during the call only. */
  push(pcm: Int16Array): void {
    for (const ear of this.#direct) ear.push(pcm)
    for (const { ears, resampler } of this.#converted) {
      const converted = resampler.process(pcm)
      for (const ear of ears) ear.push(converted)
    }
  }

  /** By how many samples the latest ear is behind. */
  get behind(): number {
    let most = 0
    for (const { behind } of this.#direct) most = Math.max(most, behind?.() ?? 0)
    for (const { ears } of this.#converted) for (const { behind } of ears) most = Math.max(most, behind?.() ?? 0)
    return most
  }

  /** Calls back when all ears have heard what was pushed. */
  settle(settled: () => void): void {
    const late = [...this.#direct, ...this.#converted.flatMap(({ ears }) => ears)].flatMap(({ settle }) => settle ?? [])
    let left = late.length
    if (left === 0) return settled()
    for (const settle of late) {
      settle(() => {
        if (--left === 0) settled()
      })
    }
  }

  /** Gives the converters back. */
  free(): void {
    for (const { resampler } of this.#converted) resampler.free()
    this.#converted = []
    this.#direct = []
  }
}
