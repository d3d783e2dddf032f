/**
 * The user's audio on its way in: one timeline of 16 kHz samples, whatever the connection sends and the engines take.
 *
 * A plain object on the hot path. It converts once per distinct rate, counts the samples, feeds the ears, and tells when
 * the timeline has reached a sample that somebody waits for. Where processors stand before the ears, each branch of the
 * fork has an outlet of its own; without them there is but one.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { AudioBranch } from "../../audio/AudioBranch.ts"
import type { Resampler, ResamplerFactory } from "../../audio/Resampler.ts"
import type { BackendError } from "../../BackendError.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import { type AudioListener, InputBranch } from "./InputBranch.ts"
import type { ProcessorChain } from "./ProcessorChain.ts"

export type { AudioListener } from "./InputBranch.ts"

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
  readonly #chain: ProcessorChain | undefined
  readonly #outlets: { readonly [Branch in AudioBranch]: InputBranch }
  /** The connection's converter, kept while its rate does not change. */
  #inbound: Resampler | undefined
  #arrived = 0
  #position = 0
  readonly #watches = new Map<Key, number>()
  #nextWatch = Number.POSITIVE_INFINITY
  #settling: Array<{ readonly at: number; readonly settled: () => void }> = []

  constructor(factory: ResamplerFactory, onReached: (key: Key) => void, chain?: ProcessorChain) {
    this.#factory = factory
    this.#onReached = onReached
    this.#chain = chain
    const stt = new InputBranch(factory)
    this.#outlets = chain === undefined
      ? { stt, vad: stt, receive: stt }
      : { stt, vad: new InputBranch(factory), receive: new InputBranch(factory) }
    chain?.connect({
      out: (branch, pcm) => this.#outlets[branch].push(pcm),
      heard: (stt, vad) => {
        this.#position += stt.length
        this.#outlets.stt.push(stt)
        this.#outlets.vad.push(vad)
        if (this.#position >= this.#nextWatch) this.#reach()
        if (this.#settling.length > 0) this.#settle()
      }
    })
  }

  /**
   * How many samples of the timeline have been heard. With a processor that works on batches in front of the engines
   * this is behind what has arrived.
   */
  get position(): number {
    return this.#position
  }

  /** How much has arrived, in ms. */
  get arrivedMs(): number {
    return this.#arrived * 1_000 / TIMELINE_RATE
  }

  /** How many samples have arrived and have not been heard. */
  get behind(): number {
    return this.#arrived - this.#position
  }

  /** By how many samples an ear that hears later is behind of what has been heard. */
  get late(): number {
    return this.#outlets.vad.behind
  }

  /** By how much the batches of processors may be late, in ms; 0 where all is heard at once. */
  get slackMs(): number {
    return this.#chain?.slackMs ?? 0
  }

  /** Adds an ear. Fails when no converter can be had for its rate. */
  add(ear: AudioListener): Result.Result<void, BackendError> {
    return this.#outlets[ear.branch ?? "stt"].add(ear)
  }

  remove(ear: AudioListener): void {
    this.#outlets[ear.branch ?? "stt"].remove(ear)
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

  /** Calls back when all that has arrived has been heard: at once, unless a processor holds some of it or an ear is late. */
  settle(settled: () => void): void {
    if (this.#arrived === this.#position) return this.#outlets.vad.settle(settled)
    this.#settling.push({ at: this.#arrived, settled: () => this.#outlets.vad.settle(settled) })
    this.#chain?.flush()
  }

  /** Gives the converters back. */
  free(): void {
    this.#inbound?.free()
    this.#chain?.close()
    for (const outlet of Object.values(this.#outlets)) outlet.free()
  }

  #advance(pcm: Int16Array): void {
    if (pcm.length <= MAX_STEP) return this.#step(pcm)
    for (let at = 0; at < pcm.length; at += MAX_STEP) this.#step(pcm.subarray(at, at + MAX_STEP))
  }

  #step(pcm: Int16Array): void {
    if (pcm.length === 0) return
    this.#arrived += pcm.length
    const chain = this.#chain
    if (chain?.delaysHearing === true) return chain.push(pcm)
    this.#position += pcm.length
    if (chain === undefined) this.#outlets.stt.push(pcm)
    else chain.push(pcm)
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

  #settle(): void {
    const reached = this.#settling.filter(({ at }) => at <= this.#position)
    this.#settling = this.#settling.filter(({ at }) => at > this.#position)
    for (const { settled } of reached) settled()
  }
}
