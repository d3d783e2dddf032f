/**
 * The audio of the suites for engines: recordings at the rate that an engine takes, silence, noise, and ways to cut it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Pcm from "../../../audio/Pcm.ts"
import * as Resampler from "../../../audio/resampling/Resampler.ts"
import type { BackendError } from "../../../BackendError.ts"
import { ConformanceError } from "../Assertions.ts"

/**
 * An utterance: mono PCM of speech alone, without a pause at either end, and its words. `sampleRate` in Hz; default: 16,000. The
 * suite resamples it to the rate of the engine.
 *
 * @category models
 * @since 0.1.0
 */
export interface Spoken {
  readonly pcm: Int16Array
  readonly text: string
  readonly sampleRate?: number | undefined
}

const FRAME_MS = 20

/**
 * `ms` of digital silence.
 *
 * @category constructors
 * @since 0.1.0
 */
export const silence = (ms: number, sampleRate: number): Int16Array =>
  new Int16Array(Math.round(ms * sampleRate / 1000))

/**
 * `ms` of white noise, the same every time, with samples up to `amplitude`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noise = (ms: number, sampleRate: number, amplitude: number): Int16Array => {
  let state = 12_345
  return Int16Array.from({ length: Math.round(ms * sampleRate / 1000) }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7f_ff_ff_ff
    return Math.round((state / 0x40_00_00_00 - 1) * amplitude)
  })
}

/**
 * The samples of an utterance at a rate.
 *
 * @category conversions
 * @since 0.1.0
 */
export const atRate = (
  { pcm, sampleRate = 16_000 }: Pick<Spoken, "pcm" | "sampleRate">,
  rate: number
): Effect.Effect<Int16Array, BackendError> =>
  sampleRate === rate ? Effect.succeed(pcm) : Resampler.scoped(sampleRate, rate).pipe(
    Effect.map((resampler) =>
      Pcm.concat([Int16Array.from(resampler.process(pcm)), Int16Array.from(resampler.flush())])
    ),
    Effect.scoped
  )

/**
 * Cuts samples into frames of 20 ms, or of these sizes in turn.
 *
 * @category conversions
 * @since 0.1.0
 */
export const cut = (
  pcm: Int16Array,
  sampleRate: number,
  sizes: ReadonlyArray<number> = [Math.round(sampleRate * FRAME_MS / 1000)]
): ReadonlyArray<Int16Array> => {
  const frames: Array<Int16Array> = []
  for (let at = 0, i = 0; at < pcm.length; i++) {
    const size = sizes[i % sizes.length] ?? pcm.length
    frames.push(pcm.subarray(at, at + size))
    at += size
  }
  return frames
}

/**
 * Sizes of frames that no engine may depend on: one sample, odd ones, and half a second at once.
 *
 * @category constants
 * @since 0.1.0
 */
export const ODD_SIZES: ReadonlyArray<number> = [1, 7, 160, 333, 512, 1_111, 8_000, 2]

/**
 * Calls `push` with the samples in a buffer that is overwritten after the call, as the buffers of a session are. Throws where the
 * call changes them: others are given the same buffer.
 *
 * @category running
 * @since 0.1.0
 */
export const pushThenOverwrite = (push: (pcm: Int16Array) => void, pcm: Int16Array): void => {
  const buffer = Int16Array.from(pcm)
  push(buffer)
  const changed = buffer.findIndex((sample, i) => sample !== pcm[i])
  if (changed >= 0) {
    throw new ConformanceError({
      message:
        `expected that the samples that are given stay as they are, because others are given the same buffer: sample ` +
        `${changed} of ${pcm.length} became ${buffer[changed]}, and was ${pcm[changed]}`
    })
  }
  buffer.fill(-7_777)
}
