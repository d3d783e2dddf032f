/**
 * The way from an engine's speech to the output: converts to the connection's rate and waits when far ahead.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import type { Resampler, ResamplerFactory } from "../../audio/Resampler.ts"
import type { BackendError } from "../../BackendError.ts"
import type { SpeechChunk } from "../../speech/TextToSpeech.ts"
import type { AudioOutput } from "./AudioOutput.ts"

/**
 * Speech of the current reply goes through here; that of any other epoch is dropped by the output.
 *
 * @category models
 * @since 0.1.0
 */
export class ReplyAudio {
  readonly #factory: ResamplerFactory
  readonly #output: AudioOutput
  readonly #room = Latch.makeUnsafe(true)
  #resampler: Resampler | undefined
  #epoch = 0

  constructor(factory: ResamplerFactory, output: AudioOutput) {
    this.#factory = factory
    this.#output = output
  }

  /** Hands over speech at a rate (in Hz), and waits while too much is waiting to be played. */
  speak(
    epoch: number,
    chunks: ReadonlyArray<SpeechChunk>,
    sampleRate: number
  ): Effect.Effect<void, BackendError> {
    return Effect.suspend(() => this.#speak(epoch, chunks, 0, sampleRate))
  }

  /** A plain loop, however many chunks there are; it is left only to wait. */
  #speak(
    epoch: number,
    chunks: ReadonlyArray<SpeechChunk>,
    from: number,
    sampleRate: number
  ): Effect.Effect<void, BackendError> {
    for (let at = from; at < chunks.length; at++) {
      const chunk = chunks[at]!
      if (sampleRate === this.#output.sampleRate) {
        this.#output.push(epoch, chunk)
      } else {
        const converter = this.#converter(epoch, sampleRate)
        if (Result.isFailure(converter)) return Effect.fail(converter.failure)
        // the converter keeps its buffer, the output keeps the samples
        this.#output.push(epoch, { ...chunk, pcm: converter.success.process(chunk.pcm).slice() })
      }
      if (this.#output.isFull(epoch)) {
        this.#room.closeUnsafe()
        return Effect.andThen(
          this.#room.await,
          Effect.suspend(() => this.#speak(epoch, chunks, at + 1, sampleRate))
        )
      }
    }
    return Effect.void
  }

  /** All speech of the reply has been handed over. */
  finish(epoch: number): void {
    if (this.#epoch === epoch && this.#resampler?.outputRate === this.#output.sampleRate) {
      this.#output.push(epoch, { pcm: this.#resampler.flush().slice(), text: "" })
    }
    this.#output.finish(epoch)
  }

  /** The output has room again. */
  resume(): void {
    this.#room.openUnsafe()
  }

  free(): void {
    this.#resampler?.free()
    this.#resampler = undefined
  }

  #converter(epoch: number, from: number): Result.Result<Resampler, BackendError> {
    const to = this.#output.sampleRate
    const kept = this.#resampler
    if (kept !== undefined && kept.inputRate === from && kept.outputRate === to) {
      if (this.#epoch !== epoch) kept.reset()
      this.#epoch = epoch
      return Result.succeed(kept)
    }
    return Result.map(this.#factory.make(from, to), (resampler) => {
      this.free()
      this.#resampler = resampler
      this.#epoch = epoch
      return resampler
    })
  }
}
