/**
 * Lets a process exit while a worker thread runs a native inference: `process.exit` ends threads at once, and one in the
 * runtime's native code would crash the process. So no further inference begins, and the one in progress is waited for.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** Index in the shared numbers: 1 tells the worker to begin no further inference. */
const STOP = 0
/** Index in the shared numbers: 1 while the worker is in native code and must not be terminated. */
const BUSY = 1

/**
 * Two numbers that both threads share.
 *
 * @category models
 * @since 0.1.0
 */
export type InferenceGuard = Int32Array

/**
 * Makes a guard in the scope; the exit of the process waits at most `exitMs` for an inference.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (exitMs: number): Effect.Effect<InferenceGuard, never, Scope.Scope> =>
  Effect.suspend(() => {
    const guard: InferenceGuard = new Int32Array(new SharedArrayBuffer(8))
    const onExit = (): void => {
      Atomics.store(guard, STOP, 1)
      while (Atomics.load(guard, BUSY) === 1) {
        if (Atomics.wait(guard, BUSY, 1, exitMs) === "timed-out") return
      }
    }
    return Effect.acquireRelease(
      Effect.sync(() => {
        process.on("exit", onExit)
        return guard
      }),
      () => Effect.sync(() => process.off("exit", onExit))
    )
  })

/**
 * Whether the worker is in native code, where terminating it would crash the process.
 *
 * @category accessors
 * @since 0.1.0
 */
export const isBusy = (guard: InferenceGuard): boolean => Atomics.load(guard, BUSY) === 1

/** Nothing waits for the result of a process that exits. */
const never = new Promise<never>(() => {})

/**
 * Runs an inference in the worker thread. The promise is never settled once the process exits.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A>(guard: InferenceGuard, inference: () => Promise<A>): Promise<A> => {
  const setIdle = (): void => {
    Atomics.store(guard, BUSY, 0)
    Atomics.notify(guard, BUSY)
  }
  Atomics.store(guard, BUSY, 1)
  if (Atomics.load(guard, STOP) === 1) {
    setIdle()
    return never
  }
  return inference().finally(setIdle)
}
