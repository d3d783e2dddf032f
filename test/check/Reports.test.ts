/** Which test files run once more, and what is counted then. */
import { assert, describe, it } from "@effect/vitest"
import * as Reports from "../../scripts/check/Reports.ts"

const file = (name: string, statuses: ReadonlyArray<string>, message?: string): Reports.TestFile => ({
  name,
  status: message !== undefined || statuses.includes("failed") ? "failed" : "passed",
  message: message ?? "",
  assertionResults: statuses.map((status) => ({ status }))
})

const report = (...testResults: ReadonlyArray<Reports.TestFile>): Reports.Report => ({
  success: testResults.every(({ status }) => status === "passed"),
  numPassedTests: 0,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults
})

describe("Reports", () => {
  const whole = file("whole", ["passed", "skipped", "todo"])
  const gone = file("gone", ["passed", "pending"], "")

  it("a file whose process is gone is run again", () => {
    assert.deepStrictEqual(Reports.died(report(whole, gone)), ["gone"])
    assert.deepStrictEqual(Reports.died(report(whole)), [])
  })

  it("nothing is run again beside a failed test, or a file that could not be loaded", () => {
    assert.deepStrictEqual(Reports.died(report(gone, file("wrong", ["passed", "failed"]))), [])
    assert.deepStrictEqual(Reports.died(report(gone, file("broken", [], "Cannot find module"))), [])
  })

  it("what ran again takes the place of what it was", () => {
    const merged = Reports.merge(report(whole, gone), report(file("gone", ["passed", "passed", "skipped"])))
    assert.isTrue(merged.success)
    assert.deepStrictEqual(
      [merged.numPassedTests, merged.numFailedTests, merged.numPendingTests, merged.numTodoTests],
      [3, 0, 2, 1]
    )
    assert.deepStrictEqual(merged.testResults.map(({ name }) => name), ["whole", "gone"])
  })

  it("what dies or fails again has failed", () => {
    assert.isFalse(Reports.merge(report(whole, gone), report(gone)).success)
    assert.isFalse(Reports.merge(report(whole, gone), report(file("gone", ["passed", "failed"]))).success)
  })
})
