/**
 * Brings an engine's speech to the output: converts it to the connection's rate, and waits while playout is far behind.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import type { Resampler, ResamplerFactory } from "../../audio/resampling/Resampler.ts"
import type { BackendError } from "../../BackendError.ts"
import type { SpeechChunk } from "../../speech/TextToSpeech.ts"
import type { AudioOutput } from "./AudioOutput.ts"

/**
 * Takes the speech of the current reply; the output drops that of any other epoch.
 *
 * @category models
 * @since 0.1.0
 */
export class ReplyAudio {
  readonly #factory: ResamplerFactory
  readonly #output: AudioOutput
  readonly #drained = Latch.makeUnsafe(true)
  #resampler: Resampler | undefined
  #epoch = 0

  constructor(factory: ResamplerFactory, output: AudioOutput) {
    this.#factory = factory
    this.#output = output
  }

  /** Hands over speech at a rate (in Hz), and waits while too much of it has not been played. */
  speak(
    epoch: number,
    chunks: ReadonlyArray<SpeechChunk>,
    sampleRate: number
  ): Effect.Effect<void, BackendError> {
    return Effect.suspend(() => {
      // another engine goes on with the reply
      if (this.#resampler !== undefined && this.#resampler.inputRate !== sampleRate) this.#flush(epoch)
      return this.#speak(epoch, chunks, 0, sampleRate)
    })
  }

  /**
   * A plain loop without an effect per chunk; it is left only to wait: with more audio of a text, and after its end. That it
   * ends is not held back, so that what is heard of a long text is known to a word.
   */
  #speak(
    epoch: number,
    chunks: ReadonlyArray<SpeechChunk>,
    from: number,
    sampleRate: number
  ): Effect.Effect<void, BackendError> {
    for (let at = from; at < chunks.length; at++) {
      const chunk = chunks[at]!
      const { end, pcm } = chunk
      if (end === undefined && pcm.length > 0 && this.#output.isFull(epoch)) {
        return this.#afterDrain(() => this.#speak(epoch, chunks, at, sampleRate))
      }
      if (sampleRate === this.#output.sampleRate) {
        this.#output.push(epoch, chunk)
      } else {
        const resampler = this.#resamplerOf(epoch, sampleRate)
        if (Result.isFailure(resampler)) return Effect.fail(resampler.failure)
        // the resampler reuses its buffer, and the output keeps the samples
        this.#output.push(epoch, { ...chunk, pcm: resampler.success.process(pcm).slice() })
      }
      if (end !== undefined && this.#output.isFull(epoch)) {
        return this.#afterDrain(() => this.#speak(epoch, chunks, at + 1, sampleRate))
      }
    }
    return Effect.void
  }

  #afterDrain(next: () => Effect.Effect<void, BackendError>): Effect.Effect<void, BackendError> {
    this.#drained.closeUnsafe()
    return Effect.andThen(this.#drained.await, Effect.suspend(next))
  }

  /** Hands over words that are sent as text alone. */
  write(epoch: number, words: string): void {
    this.#output.write(epoch, words)
  }

  /** How much of the reply's speech is still to be played, in ms. */
  aheadMs(epoch: number): number {
    return this.#output.aheadMs(epoch)
  }

  /** The speech of the last text breaks off, unless it has ended: the history has of it what was surely spoken. */
  breakOff(epoch: number): void {
    this.#output.breakOff(epoch)
  }

  /** All speech of the reply has been handed over. */
  finish(epoch: number): void {
    this.#flush(epoch)
    this.#output.finish(epoch)
  }

  /** The output takes more speech again. */
  resume(): void {
    this.#drained.openUnsafe()
  }

  free(): void {
    this.#resampler?.free()
    this.#resampler = undefined
  }

  /** Hands over what the converter of this reply still holds. */
  #flush(epoch: number): void {
    if (this.#epoch !== epoch || this.#resampler?.outputRate !== this.#output.sampleRate) return
    this.#output.push(epoch, { pcm: this.#resampler.flush().slice(), text: "" })
    this.#epoch = 0
  }

  #resamplerOf(epoch: number, from: number): Result.Result<Resampler, BackendError> {
    const to = this.#output.sampleRate
    const former = this.#resampler
    if (former !== undefined && former.inputRate === from && former.outputRate === to) {
      if (this.#epoch !== epoch) former.reset()
      this.#epoch = epoch
      return Result.succeed(former)
    }
    return Result.map(this.#factory.make(from, to), (resampler) => {
      this.free()
      this.#resampler = resampler
      this.#epoch = epoch
      return resampler
    })
  }
}
