/**
 * What is played to the user, at the rate and in the frames of an echo canceller: one frame for each frame of the user's audio.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { PlayedAudio } from "../../audio/echo/PlayedAudio.ts"
import type { Resampler, ResamplerFactory } from "../../audio/resampling/Resampler.ts"
import { FRAME } from "../../speech/EchoCanceller.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"

const SAMPLES_PER_MS = TIMELINE_RATE / 1_000

/** Frames that are nearly adjacent are: clocks are read in ms, and a resampler's pieces vary by a sample. */
const ADJACENT = 2 * SAMPLES_PER_MS
/** A canceller follows the clocks by steps of this length: with each one the delay of the echo is another. */
const STEP = 20 * SAMPLES_PER_MS

/**
 * A canceller gets what is played so much earlier than the user's audio: an echo never comes before its source, however the
 * clocks are read. What is played is known that far ahead.
 */
const AHEAD = 20 * SAMPLES_PER_MS

/**
 * How long after the last sound of the agent an echo may be heard, in samples: with the slowest of connections, 1.2 s.
 *
 * @category constants
 * @since 0.1.0
 */
export const ECHO_SAMPLES = 1_200 * SAMPLES_PER_MS

/**
 * Times are those of the playout clock.
 *
 * @category models
 * @since 0.1.0
 */
export class EchoReference {
  readonly #factory: ResamplerFactory
  readonly #played = new PlayedAudio()
  #resampler: Resampler | undefined
  #rate = TIMELINE_RATE
  #writtenTo = Number.NEGATIVE_INFINITY
  /** What a position of the user's audio is behind the samples of the playout clock. */
  #offset = Number.NaN

  constructor(factory: ResamplerFactory) {
    this.#factory = factory
  }

  /** A frame is played at this rate (in Hz), to be heard at this time (in ms). Throws where the rate is not supported. */
  write(pcm: Int16Array, sampleRate: number, atMs: number): void {
    if (sampleRate !== this.#rate) {
      this.free()
      if (sampleRate !== TIMELINE_RATE) {
        this.#resampler = Result.getOrThrow(this.#factory.make(sampleRate, TIMELINE_RATE))
      }
      this.#rate = sampleRate
    }
    const resampler = this.#resampler
    const samples = resampler === undefined ? pcm : resampler.process(pcm)
    const at = Math.round((atMs - (resampler?.latencyMs ?? 0)) * SAMPLES_PER_MS)
    const from = Math.abs(at - this.#writtenTo) <= ADJACENT ? this.#writtenTo : at
    this.#played.write(samples, from)
    this.#writtenTo = from + samples.length
  }

  /** Nothing is heard from this time on (in ms). */
  cut(atMs: number): void {
    this.#played.cut(Math.round(atMs * SAMPLES_PER_MS))
  }

  /** The user's samples before this position were heard at this time (in ms): whether an echo may be in what follows. */
  follow(position: number, endMs: number): boolean {
    const offset = Math.round(endMs * SAMPLES_PER_MS) - position
    if (!(Math.abs(offset - this.#offset) < STEP)) this.#offset = offset
    return position + this.#offset < this.#played.soundUntil + ECHO_SAMPLES
  }

  /** Fills a frame with what was heard while the user's samples from this position on were. */
  read(position: number, frame: Int16Array): void {
    this.#played.read(position + this.#offset + AHEAD, frame)
  }

  /** Frees the resampler. */
  free(): void {
    this.#resampler?.free()
    this.#resampler = undefined
    this.#rate = TIMELINE_RATE
  }
}

/**
 * The frames of a piece.
 *
 * @category accessors
 * @since 0.1.0
 */
export const framesOf = (samples: Int16Array): ReadonlyArray<Int16Array> =>
  Array.from({ length: samples.length / FRAME }, (_, i) => samples.subarray(i * FRAME, (i + 1) * FRAME))
