/**
 * The user's audio for readers of `receiveAudio`, in batches of 100 ms. Nothing is copied without a reader.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Pcm from "../../audio/Pcm.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import { Broadcast } from "../Broadcast.ts"
import type { AudioListener } from "./AudioInput.ts"

/** Batches that wait for a slow reader; it loses the oldest beyond this. */
const BUFFER = 50
const BATCH_SAMPLES = TIMELINE_RATE / 10

/**
 * A listener that gathers batches for any number of readers.
 *
 * @category models
 * @since 0.1.0
 */
export class ReceivedAudio implements AudioListener {
  readonly sampleRate = TIMELINE_RATE
  readonly branch = "receive"
  readonly #batches = new Broadcast<Uint8Array>(BUFFER)
  /** Allocated while there is a reader. */
  #batch: Int16Array | undefined
  #filled = 0
  #readers = 0

  push(pcm: Int16Array): void {
    const batch = this.#batch
    if (batch === undefined) return
    for (let at = 0; at < pcm.length;) {
      const part = Math.min(pcm.length - at, batch.length - this.#filled)
      batch.set(pcm.subarray(at, at + part), this.#filled)
      at += part
      this.#filled += part
      if (this.#filled < batch.length) continue
      this.#filled = 0
      this.#batches.publish(Pcm.fromInt16(batch).slice())
    }
  }

  /** From now on, until the session ends. */
  get stream(): Stream.Stream<Uint8Array> {
    const reading = Effect.acquireRelease(
      Effect.sync(() => {
        if (this.#readers++ > 0) return
        this.#batch = new Int16Array(BATCH_SAMPLES)
        this.#filled = 0
      }),
      () =>
        Effect.sync(() => {
          if (--this.#readers === 0) this.#batch = undefined
        })
    )
    return Stream.unwrap(Effect.as(reading, this.#batches.stream))
  }

  /** Ends all readers' streams. Synchronous. */
  end(): void {
    this.#batches.end()
  }
}
