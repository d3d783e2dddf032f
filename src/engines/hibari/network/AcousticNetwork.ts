/**
 * The acoustic network: phoneme ids in, spectra and the time of each id out.
 *
 * Plain code for a worker thread: a run takes about 6 ms per second of speech with the native runtime, and blocks its
 * thread.
 *
 * @since 0.1.0
 */
import type { OnnxRuntime, OnnxTensor } from "../../local/OnnxRuntime.ts"
import { BINS, type Spectra } from "../vocoder/Spectra.ts"
import { withResultOf } from "./ModelOutputs.ts"

/**
 * - `ends`: for each id, the number of frames until its end; the last is all of them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Speech {
  readonly spectra: Spectra
  readonly ends: ArrayLike<number>
}

/**
 * Says phoneme ids (at least three, with a zero at both ends) at a speed: 2 is twice as fast.
 *
 * @category models
 * @since 0.1.0
 */
export type AcousticNetwork = (ids: ReadonlyArray<number>, speed: number) => Promise<Speech>

/** The network repeats each state as often as the id is long: the sums of the lengths, in pairs of frames. */
const LENGTHS = "CumSum"

const notTheNetwork = () => new Error("the model file is not a voice of hibari: unexpected outputs")

const numbers = (tensor: OnnxTensor | undefined, length?: number): Float32Array => {
  if (!(tensor?.data instanceof Float32Array) || (length !== undefined && tensor.data.length !== length)) {
    throw notTheNetwork()
  }
  return tensor.data
}

/** Of a network that does not tell: all ids are equally long. */
const evenly = (ids: number, frames: number): Float64Array =>
  Float64Array.from({ length: ids }, (_, i) => (frames * (i + 1)) / ids)

const endsOf = (tensor: OnnxTensor | undefined, ids: number, frames: number): ArrayLike<number> => {
  if (!(tensor?.data instanceof BigInt64Array) || tensor.data.length !== ids) return evenly(ids, frames)
  const ends = Float64Array.from(tensor.data, (end) => 2 * Number(end))
  return ends[ids - 1] === frames ? ends : evenly(ids, frames)
}

/**
 * Loads a voice's network from the bytes of its file, which must be the pinned ones. The promise is rejected for what the
 * runtime cannot load; a run is, for a model with other outputs.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = async (runtime: OnnxRuntime, file: Uint8Array): Promise<AcousticNetwork> => {
  const extended = withResultOf(file, LENGTHS)
  const session = await runtime.createSession(extended?.model ?? file)
  return async (ids, speed) => {
    const outputs = await session.run({
      ids: runtime.int64(BigInt64Array.from(ids, BigInt), [1, ids.length]),
      speed: runtime.float32(Float32Array.of(speed), [1])
    })
    const pitch = numbers(outputs["f0"])
    const frames = pitch.length
    if (frames < 3) throw notTheNetwork()
    const spectrum = (name: string) => numbers(outputs[name], BINS * frames)
    return {
      spectra: {
        frames,
        harmonic: spectrum("lh"),
        harmonicPhase: spectrum("theta"),
        noise: spectrum("ln"),
        free: spectrum("lr"),
        freePhase: spectrum("phi"),
        pitch
      },
      ends: endsOf(extended === undefined ? undefined : outputs[extended.output], ids.length, frames)
    }
  }
}
