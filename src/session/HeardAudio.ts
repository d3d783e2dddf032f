/**
 * The user's audio for whoever reads `receiveAudio`: batches of 100 ms. Nothing is copied while nobody reads.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Pcm from "../audio/Pcm.ts"
import { TIMELINE_RATE } from "../speech/VoiceActivityDetector.ts"
import type { Ear } from "./AudioInput.ts"
import { Feed } from "./Feed.ts"

/** Batches that wait for a reader; it loses the oldest beyond this. */
const BUFFER = 50
const BATCH_SAMPLES = TIMELINE_RATE / 10

/**
 * @category models
 * @since 0.1.0
 */
export interface HeardAudio {
  readonly ear: Ear
  /** From now on, until the session ends. */
  readonly stream: Stream.Stream<Uint8Array>
  /** No more comes. Synchronous. */
  readonly end: () => void
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (): HeardAudio => {
  const batches = new Feed<Uint8Array>(BUFFER)
  // taken when somebody reads
  let batch = new Int16Array(0)
  let filled = 0
  let readers = 0
  const reading = Effect.acquireRelease(
    Effect.sync(() => {
      if (readers++ > 0) return
      batch = new Int16Array(BATCH_SAMPLES)
      filled = 0
    }),
    () =>
      Effect.sync(() => {
        if (--readers === 0) batch = new Int16Array(0)
      })
  )
  return {
    ear: {
      sampleRate: TIMELINE_RATE,
      branch: "receive",
      push: (pcm) => {
        if (readers === 0) return
        for (let at = 0; at < pcm.length;) {
          const part = Math.min(pcm.length - at, batch.length - filled)
          batch.set(pcm.subarray(at, at + part), filled)
          at += part
          filled += part
          if (filled < batch.length) continue
          filled = 0
          batches.publish(Pcm.fromInt16(batch).slice())
        }
      }
    },
    get stream() {
      return Stream.unwrap(Effect.as(reading, batches.stream))
    },
    end: () => batches.end()
  }
}
