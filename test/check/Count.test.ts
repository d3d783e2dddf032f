/** The sum of a CI run: what failed, and every test and file that was run again. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { join, relative, resolve } from "node:path"

const node = (args: ReadonlyArray<string>): Promise<{ readonly code: number; readonly out: string }> =>
  new Promise((done) =>
    execFile(
      process.execPath,
      [...args],
      { timeout: 250_000 },
      (error, out) => done({ code: typeof error?.code === "number" ? error.code : 0, out })
    )
  )

/** Inside the repository, where `vitest` is found; gone with the test. */
const inDirectory = async (use: (directory: string) => Promise<void>) => {
  mkdirSync("node_modules/.cache", { recursive: true })
  const directory = mkdtempSync("node_modules/.cache/count-")
  try {
    await use(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const count = (...reports: ReadonlyArray<string>) => node(["scripts/check/count.mjs", ...reports])

const report = (directory: string, name: string, content: object) => {
  const file = join(directory, `${name}.json`)
  writeFileSync(file, JSON.stringify(content))
  return file
}

const sums = { success: true, numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 }

describe("count.mjs", () => {
  it("adds reports up, and names files that ran again", () =>
    inDirectory(async (directory) => {
      const one = report(directory, "one", {
        ...sums,
        numPassedTests: 2,
        numPendingTests: 1,
        testResults: [],
        rerun: [resolve("test/native.test.ts")]
      })
      const two = report(directory, "two", { ...sums, numPassedTests: 3, numTodoTests: 1, testResults: [] })
      assert.deepStrictEqual(await count(one, two), {
        code: 0,
        out:
          "Run again: test/native.test.ts: its process ended; the file ran once more\n5 passed, 0 failed, 2 skipped\n"
      })
    }))

  it("counts a missing report and a file that could not be loaded as failures", () =>
    inDirectory(async (directory) => {
      const broken = report(directory, "broken", {
        ...sums,
        success: false,
        testResults: [{ name: "a", status: "failed", message: "Cannot find module", assertionResults: [] }]
      })
      const { code, out } = await count(broken, join(directory, "missing.json"))
      assert.strictEqual(code, 1)
      assert.strictEqual(out, "0 passed, 2 failed, 0 skipped\n")
    }))

  it("names each test that vitest has run again, whether it passed then or not", () =>
    inDirectory(async (directory) => {
      const setup = JSON.stringify(resolve("test/support/setup.ts"))
      writeFileSync(
        join(directory, "vitest.config.ts"),
        `export default { test: { include: ["*.test.ts"], retry: 1, setupFiles: [${setup}] } }`
      )
      writeFileSync(
        join(directory, "flaky.test.ts"),
        `import { describe, expect, it } from "vitest"
let runs = 0
describe("a suite", () => {
  it("is steady", () => {})
  it("passes the second time", () => expect(++runs).toBe(2))
  it("always fails", () => expect(1).toBe(2))
})`
      )
      const file = resolve(directory, "report.json")
      await node(
        ["node_modules/vitest/vitest.mjs", "run", "--root", directory, "--reporter=json", `--outputFile.json=${file}`]
      )
      const { code, out } = await count(file)
      const flaky = join(relative("", realpathSync(directory)), "flaky.test.ts")
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(out.split("\n").filter((line) => !line.startsWith("Failed:") && !line.startsWith(" ")), [
        `Run again: ${flaky}: a suite passes the second time: passed after 1 retry`,
        `Run again: ${flaky}: a suite always fails: failed after 1 retry`,
        "2 passed, 1 failed, 0 skipped",
        ""
      ])
    }))
})
