/**
 * The ONNX runtime, all of whose native work is marked: a worker must not be terminated meanwhile.
 *
 * @since 0.1.0
 */
import * as InferenceGuard from "../../local/InferenceGuard.ts"
import type { OnnxRuntime } from "../../local/OnnxRuntime.ts"

/**
 * The same runtime, which loads and runs models under a guard.
 *
 * @category combinators
 * @since 0.1.0
 */
export const make = (runtime: OnnxRuntime, guard: InferenceGuard.InferenceGuard): OnnxRuntime => ({
  ...runtime,
  createSession: async (model) => {
    const session = await InferenceGuard.run(guard, () => runtime.createSession(model))
    const { inputNames, outputNames } = session
    return { inputNames, outputNames, run: (inputs) => InferenceGuard.run(guard, () => session.run(inputs)) }
  }
})
