/**
 * Noise suppression of one session: takes audio of any length, and works in frames of 10 ms at 48 kHz.
 *
 * @since 0.1.0
 */
import { Framer } from "../../audio/Framer.ts"
import { SampleQueue } from "../../audio/SampleQueue.ts"
import type { NoiseSuppressorStream } from "../../speech/NoiseSuppressor.ts"
import type { RnnoiseModule } from "./RnnoiseModule.ts"

/**
 * Samples per frame: 10 ms at 48 kHz.
 *
 * @category constants
 * @since 0.1.0
 */
export const FRAME = 480

/**
 * Latency of the cleaned audio in samples: one frame that is being filled, and one that RNNoise keeps for its overlap.
 *
 * @category constants
 * @since 0.1.0
 */
export const LATENCY = 2 * FRAME

/**
 * Creates a stream on a native state and a native buffer of one frame at address `at`; the caller frees both.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (module: RnnoiseModule, state: number, at: number): NoiseSuppressorStream => {
  const fifo = new SampleQueue(FRAME)
  const cleaned = new Int16Array(FRAME)
  let out = new Int16Array(2 * FRAME)
  const framer = new Framer(FRAME, (frame) => {
    const from = at >> 2
    const before = module.HEAPF32
    for (let i = 0; i < FRAME; i++) before[from + i] = frame[i]!
    module._rnnoise_process_frame(state, at, at)
    const after = module.HEAPF32
    for (let i = 0; i < FRAME; i++) cleaned[i] = Math.max(-32768, Math.min(32767, Math.round(after[from + i]!)))
    fifo.push(cleaned)
  })
  return {
    process: (pcm) => {
      framer.push(pcm)
      // the length of resampled frames varies by one sample
      if (out.length < pcm.length) out = new Int16Array(pcm.length)
      return fifo.take(out.length === pcm.length ? out : out.subarray(0, pcm.length))
    }
  }
}
