/**
 * Waiting that an `AbortSignal` ends.
 *
 * @since 0.1.0
 */
import { throwIfAborted } from "./VoiceClientError.ts"

/**
 * Resolves after `ms` milliseconds, or at once when the signal is aborted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener("abort", done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener("abort", done)
    if (signal.aborted) done()
  })

/**
 * A signal that is aborted with the first of these, as `AbortSignal.any`, which browsers of 2023 do not have. One of them should
 * be aborted some day: until then, the others keep it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const firstOf = (...signals: ReadonlyArray<AbortSignal>): AbortSignal => {
  const first = new AbortController()
  for (const signal of signals) {
    if (signal.aborted) first.abort(signal.reason)
    else signal.addEventListener("abort", () => first.abort(signal.reason), { signal: first.signal })
  }
  return first.signal
}

/**
 * The result of `promise`; rejects with `aborted` as soon as the signal is aborted, and then `release` gets a result that
 * comes later.
 *
 * @category combinators
 * @since 0.1.0
 */
export const orAborted = <A>(
  promise: A | Promise<A>,
  signal: AbortSignal,
  release: (late: A) => void
): Promise<A> =>
  new Promise((resolve, reject) => {
    const onAbort = () => {
      try {
        throwIfAborted(signal)
      } catch (error) {
        reject(error)
      }
    }
    signal.addEventListener("abort", onAbort)
    onAbort()
    Promise.resolve(promise).then(
      (result) => {
        if (signal.aborted) release(result)
        resolve(result)
      },
      reject
    ).finally(() => signal.removeEventListener("abort", onAbort))
  })
