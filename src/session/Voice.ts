/**
 * The way from an engine's speech to the output: converts to the connection's rate and waits when far ahead.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { Resampler, ResamplerFactory } from "../audio/Resampler.ts"
import type { BackendError } from "../BackendError.ts"
import type { SpeechChunk } from "../speech/TextToSpeech.ts"
import type { AudioOutput } from "./AudioOutput.ts"

/**
 * Speech of the current reply goes through here; that of any other epoch is dropped by the output.
 *
 * @category models
 * @since 0.1.0
 */
export class Voice {
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
  speak(epoch: number, chunk: SpeechChunk, sampleRate: number): Effect.Effect<void, BackendError> {
    return Effect.suspend(() => {
      if (sampleRate === this.#output.sampleRate) {
        this.#output.push(epoch, chunk)
        return this.#wait(epoch)
      }
      return Effect.flatMap(this.#converter(epoch, sampleRate), (resampler) => {
        this.#output.push(epoch, { ...chunk, pcm: resampler.process(chunk.pcm) })
        return this.#wait(epoch)
      })
    })
  }

  /** All speech of the reply has been handed over. */
  finish(epoch: number): void {
    if (this.#epoch === epoch && this.#resampler?.outputRate === this.#output.sampleRate) {
      this.#output.push(epoch, { pcm: this.#resampler.flush(), text: "" })
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

  #wait(epoch: number): Effect.Effect<void> {
    if (!this.#output.isFull(epoch)) return Effect.void
    this.#room.closeUnsafe()
    return this.#room.await
  }

  #converter(epoch: number, from: number): Effect.Effect<Resampler, BackendError> {
    const to = this.#output.sampleRate
    const kept = this.#resampler
    if (kept !== undefined && kept.inputRate === from && kept.outputRate === to) {
      if (this.#epoch !== epoch) kept.reset()
      this.#epoch = epoch
      return Effect.succeed(kept)
    }
    return Effect.map(Effect.fromResult(this.#factory.make(from, to)), (resampler) => {
      this.free()
      this.#resampler = resampler
      this.#epoch = epoch
      return resampler
    })
  }
}
