/**
 * The acoustic network: phoneme ids in, spectra and the time of each id out.
 *
 * Plain code for a worker thread: a run takes about 6 ms per second of speech with the native runtime, and blocks its
 * thread.
 *
 * @since 0.1.0
 */
import type { OnnxRuntime, OnnxSession, OnnxTensor } from "../../local/OnnxRuntime.ts"
import { NotAVoice } from "../ModelFiles.ts"
import { BINS, type Spectra } from "../vocoder/Spectra.ts"
import { namesOf, withResultOf } from "./ModelOutputs.ts"

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

const inputs = ["ids", "speed"]
const outputs = ["f0", "lh", "ln", "lr", "phi", "theta"]
/** The largest phoneme id between two zeros. */
const probe = [0, 177, 0]

const notTheNetwork = (why: string) => new NotAVoice(`the model file is not a voice of hibari: ${why}`)

const messageOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split("\n", 1)[0]!.slice(0, 300)

const numbers = (tensor: OnnxTensor | undefined, length?: number): Float32Array => {
  if (!(tensor?.data instanceof Float32Array) || (length !== undefined && tensor.data.length !== length)) {
    throw notTheNetwork("unexpected outputs")
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

/** What is wrong with the inputs and outputs of a model; `undefined` when nothing is. */
const interfaceFault = (file: Uint8Array): string | undefined => {
  const names = namesOf(file)
  const missing = [
    ...inputs.filter((name) => !names.inputs.includes(name)).map((name) => `input ${name}`),
    ...outputs.filter((name) => !names.outputs.includes(name)).map((name) => `output ${name}`)
  ]
  if (missing.length > 0) return `it has no ${missing.join(", ")}`
  const more = names.inputs.filter((name) => !inputs.includes(name))
  return more.length > 0 ? `it has more inputs: ${more.join(", ").slice(0, 200)}` : undefined
}

/**
 * Loads a voice's network from the bytes of its file, and runs it once. The promise is rejected with `NotAVoice` for bytes that are
 * no model, and for a model with other inputs or outputs, before the runtime sees either; and for what the runtime cannot load
 * or run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = async (runtime: OnnxRuntime, file: Uint8Array): Promise<AcousticNetwork> => {
  try {
    const fault = interfaceFault(file)
    if (fault !== undefined) throw notTheNetwork(fault)
    const extended = withResultOf(file, LENGTHS)
    const session = await runtime.createSession(extended?.model ?? file)
    const network = networkOf(runtime, session, extended?.output)
    await network(probe, 1)
    return network
  } catch (cause) {
    throw cause instanceof NotAVoice ? cause : notTheNetwork(messageOf(cause))
  }
}

const networkOf =
  (runtime: OnnxRuntime, session: OnnxSession, lengths: string | undefined): AcousticNetwork => async (ids, speed) => {
    const result = await session.run({
      ids: runtime.int64(BigInt64Array.from(ids, BigInt), [1, ids.length]),
      speed: runtime.float32(Float32Array.of(speed), [1])
    })
    const pitch = numbers(result["f0"])
    const frames = pitch.length
    if (frames < 3) throw notTheNetwork("unexpected outputs")
    const spectrum = (name: string) => numbers(result[name], BINS * frames)
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
      ends: endsOf(lengths === undefined ? undefined : result[lengths], ids.length, frames)
    }
  }
