/**
 * Marks the time that a worker spends in native code, where it must not be terminated: that would crash the process.
 *
 * @since 0.1.0
 */
import type { OnnxRuntime } from "../../local/OnnxRuntime.ts"
import { BUSY, STOP } from "./WorkerProtocol.ts"

/** Returned when the process exits: nothing waits for the result. */
const never = new Promise<never>(() => {})

/**
 * The same runtime, which sets `BUSY` while it loads or runs a model, and does neither after `STOP`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const guard = (runtime: OnnxRuntime, control: Int32Array): OnnxRuntime => {
  const guarded = <A>(run: () => Promise<A>): Promise<A> => {
    Atomics.store(control, BUSY, 1)
    const idle = () => {
      Atomics.store(control, BUSY, 0)
      Atomics.notify(control, BUSY)
    }
    if (Atomics.load(control, STOP) === 1) {
      idle()
      return never
    }
    return run().finally(idle)
  }
  return {
    ...runtime,
    createSession: async (model) => {
      const session = await guarded(() => runtime.createSession(model))
      const { inputNames, outputNames } = session
      return { inputNames, outputNames, run: (inputs) => guarded(() => session.run(inputs)) }
    }
  }
}
