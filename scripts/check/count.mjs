/**
 * Sums vitest's JSON reports: prints what failed and why, every test and file that was run again, then
 * `N passed, N failed, N skipped`; exits 1 when anything failed or a report is missing.
 *
 * Plain JavaScript for any Node, so that it can report even when nothing else runs. A test file that could not be loaded
 * counts as one failed test.
 */
import { readFileSync } from "node:fs"
import { relative } from "node:path"

let passed = 0
let failed = 0
let skipped = 0
const again = []

for (const file of process.argv.slice(2)) {
  let report
  try {
    report = JSON.parse(readFileSync(file, "utf8"))
  } catch (error) {
    process.stderr.write(`No report of a test run: ${error.message}\n`)
    failed += 1
    continue
  }
  const broken = report.testResults.filter(({ assertionResults, status }) =>
    status === "failed" && !assertionResults.some((test) => test.status === "failed")
  )
  for (const { message, name } of broken) process.stderr.write(`Failed as a file: ${name}: ${message}\n`)
  for (const name of report.rerun ?? []) again.push(`${relative("", name)}: its process ended; the file ran once more`)
  for (const { assertionResults, name } of report.testResults) {
    for (const { failureMessages, fullName, meta, status } of assertionResults) {
      const retries = meta?.retries ?? 0
      if (retries > 0) {
        again.push(`${relative("", name)}: ${fullName}: ${status} after ${retries} ${retries === 1 ? "retry" : "retries"}`)
      }
      if (status !== "failed") continue
      const why = (failureMessages?.[0] ?? "").split("\n").slice(0, 4).join("\n  ")
      process.stdout.write(`Failed: ${fullName} (${name})\n  ${why}\n`)
    }
  }
  passed += report.numPassedTests
  failed += report.numFailedTests + broken.length
  skipped += report.numPendingTests + (report.numTodoTests ?? 0)
  if (report.success === false && report.numFailedTests + broken.length === 0) failed += 1
}

for (const line of again) process.stdout.write(`Run again: ${line}\n`)
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
process.exitCode = failed === 0 ? 0 : 1
