/**
 * One branch of the user's audio: feeds its listeners, and converts once per distinct rate; where it can, it gives those at the
 * connection's own rate what has arrived.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { AudioBranch } from "../../audio/AudioBranch.ts"
import type { Resampler, ResamplerFactory } from "../../audio/resampling/Resampler.ts"
import type { BackendError } from "../../BackendError.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"

/**
 * A consumer of the user's audio, such as an engine's stream, at the rate that it takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface AudioListener {
  readonly sampleRate: number
  /** The branch of the audio it is given, where processors fork it. Default: `stt`. */
  readonly branch?: AudioBranch | undefined
  readonly push: (pcm: Int16Array) => void
  /** Calls back when what was pushed has been processed; only of a listener that works in another thread. */
  readonly settle?: ((settled: () => void) => void) | undefined
  /** How many samples were pushed and not processed; only with `settle`. */
  readonly behind?: (() => number) | undefined
}

/** Listeners that are given what arrives as it is. */
interface Native {
  readonly sampleRate: number
  readonly listeners: Array<AudioListener>
}

interface Converted {
  readonly resampler: Resampler
  readonly listeners: Array<AudioListener>
}

/**
 * @category models
 * @since 0.1.0
 */
export class InputBranch {
  readonly #factory: ResamplerFactory
  #direct: Array<AudioListener> = []
  #converted: Array<Converted> = []
  #native: Native | undefined

  constructor(factory: ResamplerFactory) {
    this.#factory = factory
  }

  /** Adds a listener. Fails when its rate is not supported. */
  add(listener: AudioListener): Result.Result<void, BackendError> {
    if (listener.sampleRate === TIMELINE_RATE) {
      this.#direct.push(listener)
      return Result.void
    }
    if (listener.sampleRate === this.#native?.sampleRate) {
      this.#native.listeners.push(listener)
      return Result.void
    }
    const converted = this.#converted.find(({ resampler }) => resampler.outputRate === listener.sampleRate)
    if (converted !== undefined) {
      converted.listeners.push(listener)
      return Result.void
    }
    return Result.map(this.#factory.make(TIMELINE_RATE, listener.sampleRate), (resampler) => {
      this.#converted.push({ resampler, listeners: [listener] })
    })
  }

  /**
   * What `pushNative` is given has this rate (in Hz) from now on; `undefined`: nothing is given. Fails, and changes nothing, when
   * listeners at the former rate cannot be converted.
   */
  setNative(sampleRate: number | undefined): Result.Result<void, BackendError> {
    const former = this.#native
    if (former?.sampleRate === sampleRate) return Result.void
    const made = former === undefined || former.listeners.length === 0
      ? Result.succeed(undefined)
      : this.#factory.make(TIMELINE_RATE, former.sampleRate)
    return Result.map(made, (resampler) => {
      if (resampler !== undefined && former !== undefined) {
        this.#converted.push({ resampler, listeners: former.listeners })
      }
      const same = this.#converted.find(({ resampler }) => resampler.outputRate === sampleRate)
      same?.resampler.free()
      this.#converted = this.#converted.filter((each) => each !== same)
      this.#native = sampleRate === undefined ? undefined : { sampleRate, listeners: same?.listeners ?? [] }
    })
  }

  /** Whether anyone listens to what has arrived as it is. */
  get hasNative(): boolean {
    return this.#native !== undefined && this.#native.listeners.length > 0
  }

  /** Takes what has arrived, at the rate given to `setNative`; the samples are only valid during the call. */
  pushNative(pcm: Int16Array): void {
    if (this.#native === undefined) return
    for (const listener of this.#native.listeners) listener.push(pcm)
  }

  remove(listener: AudioListener): void {
    this.#direct = this.#direct.filter((other) => other !== listener)
    const native = this.#native?.listeners
    if (native?.includes(listener) === true) native.splice(native.indexOf(listener), 1)
    for (const { listeners, resampler } of this.#converted) {
      const index = listeners.indexOf(listener)
      if (index >= 0) listeners.splice(index, 1)
      if (listeners.length === 0) resampler.free()
    }
    this.#converted = this.#converted.filter(({ listeners }) => listeners.length > 0)
  }

  /** Takes samples of the timeline; they are only valid during the call. */
  push(pcm: Int16Array): void {
    for (const listener of this.#direct) listener.push(pcm)
    for (const { listeners, resampler } of this.#converted) {
      const converted = resampler.process(pcm)
      for (const listener of listeners) listener.push(converted)
    }
  }

  /** By how many samples the slowest listener is behind. */
  get behind(): number {
    let most = 0
    for (const { behind } of this.#direct) most = Math.max(most, behind?.() ?? 0)
    for (const { listeners } of this.#converted) {
      for (const { behind } of listeners) most = Math.max(most, behind?.() ?? 0)
    }
    return most
  }

  /** Calls back when all listeners have processed what was pushed. */
  settle(settled: () => void): void {
    const settles = [
      ...this.#direct,
      ...this.#native?.listeners ?? [],
      ...this.#converted.flatMap(({ listeners }) => listeners)
    ].flatMap(({ settle }) => settle ?? [])
    let left = settles.length
    if (left === 0) return settled()
    for (const settle of settles) {
      settle(() => {
        if (--left === 0) settled()
      })
    }
  }

  /** Frees the resamplers. */
  free(): void {
    for (const { resampler } of this.#converted) resampler.free()
    this.#converted = []
    this.#direct = []
    this.#native = undefined
  }
}
