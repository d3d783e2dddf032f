/**
 * Converts the microphone's samples to PCM frames for the server, and the server's PCM to samples.
 *
 * Pure. PCM is signed 16-bit little-endian mono; every platform with a browser is little-endian, too.
 *
 * @since 0.1.0
 */
import { Resampler } from "./Resampler.ts"

/** One frame is 20 ms, as everywhere in effect-voice. */
const FRAMES_PER_SECOND = 50

/**
 * Cuts a stream of float samples into 20 ms PCM frames of another rate.
 *
 * @category models
 * @since 0.1.0
 */
export class PcmFramer {
  readonly #resampler: Resampler
  readonly #emit: (frame: ArrayBuffer) => void
  readonly #length: number
  #frame: Int16Array<ArrayBuffer>
  #filled = 0

  /**
   * @param from - the rate of the pushed samples in Hz.
   * @param to - the rate of the frames in Hz.
   * @param emit - receives each full frame and owns it.
   */
  constructor(from: number, to: number, emit: (frame: ArrayBuffer) => void) {
    this.#resampler = new Resampler(from, to)
    this.#emit = emit
    this.#length = Math.round(to / FRAMES_PER_SECOND)
    this.#frame = new Int16Array(this.#length)
  }

  /** Takes samples in -1..1; louder ones are clipped. */
  push(samples: Float32Array): void {
    for (const sample of this.#resampler.process(samples)) {
      this.#frame[this.#filled++] = toPcm16(sample)
      if (this.#filled === this.#length) {
        this.#emit(this.#frame.buffer)
        this.#frame = new Int16Array(this.#length)
        this.#filled = 0
      }
    }
  }
}

/**
 * One sample in -1..1 as a signed 16-bit integer, clipped; NaN becomes silence.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toPcm16 = (sample: number): number => {
  if (Number.isNaN(sample)) return 0
  return Math.round(Math.max(-1, Math.min(1, sample)) * 32_767)
}

/**
 * The samples of a binary message. A trailing odd byte is ignored.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromPcm16 = (data: ArrayBuffer): Float32Array => {
  const pcm = new Int16Array(data, 0, data.byteLength >> 1)
  const samples = new Float32Array(pcm.length)
  for (let i = 0; i < pcm.length; i++) samples[i] = pcm[i]! / 32_768
  return samples
}
