/**
 * A timer that an `AbortSignal` ends.
 *
 * @since 0.1.0
 */

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
