/**
 * Runs an npm script of tests and leaves its JSON report: `node scripts/launch.mjs scripts/check/tests.ts <script> <report>`.
 *
 * Vitest runs a failed test again where its project says so (`retry`), but not one whose process has ended: LiveKit's client
 * and the embedded engines are native code, which can end it. Such files run once more. `count.mjs` lists both kinds.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { relative } from "node:path"
import * as Reports from "./Reports.ts"

const [script, report] = process.argv.slice(2)
if (script === undefined || report === undefined) {
  process.stderr.write("Usage: tests.ts <npm script> <report>\n")
  process.exit(2)
}

const run = (to: string, files: ReadonlyArray<string> = []): number =>
  spawnSync(
    "npm",
    ["run", script, "--", "--reporter=default", "--reporter=json", `--outputFile.json=${to}`, ...files],
    { stdio: "inherit" }
  ).status ?? 1

const read = (file: string): Reports.Report => JSON.parse(readFileSync(file, "utf8"))

let code = run(report)
if (code !== 0 && existsSync(report)) {
  const first = read(report)
  const files = Reports.died(first)
  if (files.length > 0) {
    process.stdout.write(
      `\nThe process of ${
        files.map((file) => relative("", file)).join(", ")
      } ended in the middle of it: running once more.\n`
    )
    code = run(`${report}.again`, files)
    writeFileSync(report, JSON.stringify(Reports.merge(first, read(`${report}.again`))))
  }
}
process.exitCode = code
