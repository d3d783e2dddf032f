/**
 * The user's audio as one timeline of 16 kHz samples, whatever rate the connection sends and the engines take.
 *
 * A plain object on the hot path. It converts once per distinct rate, counts the samples, feeds the listeners (engines and
 * readers), and calls back when the timeline reaches a watched sample. With processors, an echo gate or an echo canceller in
 * front of the listeners, each branch of the fork has its own `InputBranch`; otherwise all share one. A recogniser at the rate of the
 * connection is given what has arrived, unless processors or an echo canceller change it: it is not converted there and back.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { AudioBranch } from "../../audio/AudioBranch.ts"
import { maxSampleRate } from "../../audio/AudioFormat.ts"
import type { Resampler, ResamplerFactory } from "../../audio/resampling/Resampler.ts"
import type { BackendError } from "../../BackendError.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import type { EchoCancellation } from "./EchoCancellation.ts"
import type { EchoGate } from "./EchoGate.ts"
import { type AudioListener, InputBranch } from "./InputBranch.ts"
import type { ProcessorChain } from "./ProcessorChain.ts"

export type { AudioListener } from "./InputBranch.ts"

/** The longest gap that is filled with silence: 2 s. A longer one is a pause of the sender and takes no time here. */
const MAX_FILL = 2 * TIMELINE_RATE
/** Audio is processed in steps of at most 30 ms, so that events within a long piece happen in order. */
const MAX_STEP = 480
/** Gaps are filled in pieces of 20 ms. */
const FILL = TIMELINE_RATE / 50
const silence = new Int16Array(maxSampleRate / 50)
const rethrow = (cause: unknown): never => {
  throw cause
}

/**
 * @category models
 * @since 0.1.0
 */
export class AudioInput<Key extends string = string> {
  readonly #factory: ResamplerFactory
  readonly #onReached: (key: Key) => void
  readonly #onDefect: (cause: unknown) => void
  readonly #chain: ProcessorChain | undefined
  readonly #echo: EchoGate | undefined
  readonly #cancellation: EchoCancellation | undefined
  readonly #branches: { readonly [Branch in AudioBranch]: InputBranch }
  /** The resampler of the connection, kept while its rate does not change. */
  #inbound: Resampler | undefined
  #arrived = 0
  /** What has arrived and was not given to the listeners at its rate yet. */
  #unheard: Int16Array | undefined
  /** Whether what arrives stands for samples that did not. */
  #filling = false
  #position = 0
  readonly #watches = new Map<Key, number>()
  #nextWatch = Number.POSITIVE_INFINITY
  #settling: Array<{ readonly at: number; readonly settled: () => void }> = []

  /**
   * `onDefect` takes what a listener (an engine, a reader) has thrown: it must not go up into the user's connection. `echo` hears
   * the audio as it arrives, and guards the engines behind the processors. `cancellation` takes the echo out; what is left is
   * not for `echo`, which knows an echo by its levels and could not tell a rest of it from the user. A chain is forked where there
   * is a cancellation.
   */
  constructor(
    factory: ResamplerFactory,
    onReached: (key: Key) => void,
    chain?: ProcessorChain,
    onDefect: (cause: unknown) => void = rethrow,
    echo?: EchoGate,
    cancellation?: EchoCancellation
  ) {
    this.#factory = factory
    this.#onReached = onReached
    this.#onDefect = onDefect
    this.#chain = chain
    this.#echo = echo
    this.#cancellation = cancellation
    const stt = new InputBranch(factory)
    this.#branches = chain === undefined && echo === undefined && cancellation === undefined
      ? { stt, vad: stt, receive: stt }
      : { stt, vad: new InputBranch(factory), receive: new InputBranch(factory) }
    chain?.connect({
      output: (branch, pcm) => {
        try {
          this.#branches[branch].push(echo === undefined || branch === "receive" ? pcm : echo.last(branch, pcm))
        } catch (cause) {
          onDefect(cause)
        }
      },
      engines: (stt, vad) => {
        try {
          this.#position += stt.length
          const { position } = this
          this.#branches.stt.push(echo === undefined ? stt : echo.delayed("stt", stt, position))
          this.#branches.vad.push(echo === undefined ? vad : echo.delayed("vad", vad, position))
          if (this.#position >= this.#nextWatch) this.#reach()
          if (this.#settling.length > 0) this.#settle()
        } catch (cause) {
          onDefect(cause)
        }
      }
    })
  }

  /**
   * How many samples of the timeline the engines have been given. A processor that works on batches delays them, so this
   * may be less than what has arrived.
   */
  get position(): number {
    return this.#position
  }

  /** How much has arrived, in ms. */
  get arrivedMs(): number {
    return this.#arrived * 1_000 / TIMELINE_RATE
  }

  /** How many samples have arrived and not been given to the engines. */
  get behind(): number {
    return this.#arrived - this.#position
  }

  /** By how many samples a detector in another thread is behind the position. */
  get detectorBehind(): number {
    return this.#branches.vad.behind
  }

  /** By how much processors may delay audio, in ms; 0 without processors that work on batches. */
  get maxDelayMs(): number {
    return this.#chain?.maxDelayMs ?? 0
  }

  /** Adds a listener. Fails when its rate is not supported. */
  add(listener: AudioListener): Result.Result<void, BackendError> {
    return this.#branches[listener.branch ?? "stt"].add(listener)
  }

  remove(listener: AudioListener): void {
    this.#branches[listener.branch ?? "stt"].remove(listener)
  }

  /** Begins another source of audio at this rate (in Hz). Fails when the rate is not supported. */
  open(sampleRate: number): Result.Result<void, BackendError> {
    this.#echo?.reset()
    this.#cancellation?.reset()
    if (sampleRate === TIMELINE_RATE) {
      return Result.map(this.#branches.stt.setNative(undefined), () => {
        this.#inbound?.free()
        this.#inbound = undefined
      })
    }
    return Result.flatMap(this.#factory.make(sampleRate, TIMELINE_RATE), (resampler) => {
      const isUnchanged = this.#chain === undefined && this.#cancellation === undefined
      const set = this.#branches.stt.setNative(isUnchanged ? sampleRate : undefined)
      if (Result.isFailure(set)) {
        resampler.free()
        return set
      }
      this.#inbound?.free()
      this.#inbound = resampler
      return Result.void
    })
  }

  /** Takes PCM at the rate given to `open`; the samples are only valid during the call. */
  push(pcm: Int16Array): void {
    try {
      if (this.#inbound === undefined) return this.#advance(pcm)
      // a sample less, because the resampler may give one more
      const step = Math.floor(this.#inbound.inputRate * MAX_STEP / TIMELINE_RATE) - 1
      if (pcm.length <= step) return this.#arrive(pcm, this.#inbound)
      for (let at = 0; at < pcm.length; at += step) this.#arrive(pcm.subarray(at, at + step), this.#inbound)
    } catch (cause) {
      this.#onDefect(cause)
    }
  }

  /** Fills so many samples (at the source's rate) that were lost or not sent with silence. */
  gap(samples: number): void {
    const rate = this.#inbound?.inputRate ?? TIMELINE_RATE
    let left = Math.min(MAX_FILL, Math.round(samples * TIMELINE_RATE / rate))
    this.#filling = true
    try {
      for (; left > 0; left -= FILL) {
        const count = Math.min(left, FILL)
        if (this.#branches.stt.hasNative) {
          this.#unheard = silence.subarray(0, Math.round(count * rate / TIMELINE_RATE))
        }
        this.#advance(silence.subarray(0, count))
      }
    } catch (cause) {
      this.#onDefect(cause)
    }
    this.#filling = false
  }

  /** Calls `onReached(key)` once the timeline has reached this sample; a key has one watch. */
  watch(key: Key, atSample: number): void {
    this.#watches.set(key, atSample)
    this.#nextWatch = Math.min(this.#nextWatch, atSample)
  }

  unwatch(key: Key): void {
    this.#watches.delete(key)
  }

  /** Calls back when the engines have heard all that has arrived: at once, unless a processor or a detector delays it. */
  settle(settled: () => void): void {
    if (this.#arrived === this.#position) return this.#branches.vad.settle(settled)
    this.#settling.push({ at: this.#arrived, settled: () => this.#branches.vad.settle(settled) })
    this.#chain?.flush()
  }

  /** Frees the resamplers. */
  free(): void {
    this.#inbound?.free()
    this.#cancellation?.free()
    this.#chain?.close()
    for (const branch of Object.values(this.#branches)) branch.free()
  }

  #arrive(pcm: Int16Array, inbound: Resampler): void {
    if (this.#branches.stt.hasNative) this.#unheard = pcm
    this.#advance(inbound.process(pcm))
    // the resampler has kept all of it back
    if (this.#unheard !== undefined) this.#hear(this.#echo)
  }

  #advance(arrived: Int16Array): void {
    const pcm = this.#cancellation?.gather(arrived) ?? arrived
    if (pcm.length <= MAX_STEP) return this.#step(pcm)
    for (let at = 0; at < pcm.length; at += MAX_STEP) this.#step(pcm.subarray(at, at + MAX_STEP))
  }

  #step(pcm: Int16Array): void {
    if (pcm.length === 0) return
    this.#arrived += pcm.length
    const chain = this.#chain
    const echo = this.#echo
    const cancellation = this.#cancellation
    const cleaned = cancellation?.clean(pcm, this.#filling) ?? pcm
    const recognised = cancellation?.recognised(pcm) ?? pcm
    echo?.hear(pcm, this.#filling)
    if (chain?.delaysEngines === true) return chain.push(recognised, cleaned)
    this.#position += pcm.length
    if (chain !== undefined) chain.push(recognised, cleaned)
    else {
      this.#hear(echo)
      if (echo === undefined && cancellation === undefined) this.#branches.stt.push(pcm)
      else this.#fork(recognised, cleaned, echo)
    }
    if (this.#position >= this.#nextWatch) this.#reach()
  }

  /** Gives what has arrived to the listeners at its rate. */
  #hear(echo: EchoGate | undefined): void {
    const pcm = this.#unheard
    if (pcm === undefined) return
    this.#unheard = undefined
    this.#branches.stt.pushNative(echo?.last("stt", pcm) ?? pcm)
  }

  #fork(recognised: Int16Array, cleaned: Int16Array, echo: EchoGate | undefined): void {
    const { receive, stt, vad } = this.#branches
    stt.push(echo?.last("stt", recognised) ?? recognised)
    vad.push(echo?.last("vad", cleaned) ?? cleaned)
    receive.push(cleaned)
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
