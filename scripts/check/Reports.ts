/**
 * Vitest's JSON report, as far as it is counted: which test files lost their process, and what the report is after those
 * have run once more.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface TestFile {
  readonly name: string
  readonly status: string
  /** Why the file as a whole failed; empty when its process ended before it could say. */
  readonly message: string
  readonly assertionResults: ReadonlyArray<{ readonly status: string }>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly success: boolean
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: ReadonlyArray<TestFile>
  /** Files that ran once more because their process had ended; `count.mjs` lists them. */
  readonly rerun?: ReadonlyArray<string>
}

const isFailed = ({ status }: { readonly status: string }) => status === "failed"

/**
 * The files whose process ended in the middle of them (a crash in a native library). None when anything else failed: a
 * test, or a file that could not be loaded.
 *
 * @category reports
 * @since 0.1.0
 */
export const died = ({ testResults }: Report): ReadonlyArray<string> => {
  const failed = testResults.filter(isFailed)
  const without = failed.filter(({ assertionResults, message }) => message === "" && !assertionResults.some(isFailed))
  return without.length === failed.length ? without.map(({ name }) => name) : []
}

/**
 * The first report with the results of the second run in place of its own for the files that ran again, and new sums.
 *
 * @category reports
 * @since 0.1.0
 */
export const merge = (first: Report, again: Report): Report => {
  const names = new Set(again.testResults.map(({ name }) => name))
  const testResults = [...first.testResults.filter(({ name }) => !names.has(name)), ...again.testResults]
  const count = (...statuses: ReadonlyArray<string>) =>
    testResults.reduce(
      (sum, { assertionResults }) => sum + assertionResults.filter(({ status }) => statuses.includes(status)).length,
      0
    )
  return {
    ...first,
    success: again.success && !testResults.some(isFailed),
    numPassedTests: count("passed"),
    numFailedTests: count("failed"),
    numPendingTests: count("pending", "skipped"),
    numTodoTests: count("todo"),
    testResults,
    rerun: [...names]
  }
}
