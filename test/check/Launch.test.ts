/**
 * The launcher, with real processes: arguments, exit codes and signals reach the script and come back.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const launch = async (
  script: string,
  args: ReadonlyArray<string>,
  onReady: (kill: (signal: NodeJS.Signals) => void) => void = () => {}
): Promise<{ readonly code: number | null; readonly output: string }> => {
  const directory = mkdtempSync(join(tmpdir(), "effect-voice-launch-"))
  try {
    const file = join(directory, "script.mjs")
    writeFileSync(file, script)
    const child = spawn(process.execPath, ["scripts/launch.mjs", file, ...args], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let output = ""
    let ready = false
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8")
      if (ready || !output.includes("ready")) return
      ready = true
      onReady((signal) => child.kill(signal))
    })
    const [code] = await once(child, "close")
    return { code, output }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

describe("the launcher", () => {
  it("runs the script on Node 24 or later, with its arguments, and ends with its code", async () => {
    const script =
      `process.stdout.write(JSON.stringify([Number.parseInt(process.versions.node), ...process.argv.slice(2)]))
process.exitCode = 7`
    const { code, output } = await launch(script, ["--port", "0", "two words"])
    const [major, ...args] = JSON.parse(output)
    assert.isAtLeast(major, 24)
    assert.deepStrictEqual(args, ["--port", "0", "two words"])
    assert.strictEqual(code, 7)
  })

  it("hands a signal on once, also when npm sends it again, and waits for the script to end", async () => {
    const script = `let count = 0
process.on("SIGTERM", () => {
  count++
  if (count === 1) setTimeout(() => { process.stdout.write(" got " + count); process.exit(3) }, 150)
})
setInterval(() => {}, 1000)
process.stdout.write("ready")`
    const { code, output } = await launch(script, [], (kill) => {
      kill("SIGTERM")
      kill("SIGTERM")
      // A pending signal is not delivered twice; a moment later it is.
      setImmediate(() => kill("SIGTERM"))
    })
    assert.strictEqual(output, "ready got 1")
    assert.strictEqual(code, 3)
  })

  it("tells by its code that a signal ended the script", async () => {
    const { code } = await launch(
      "setInterval(() => {}, 1000); process.stdout.write(\"ready\")",
      [],
      (kill) => kill("SIGINT")
    )
    assert.strictEqual(code, 130)
  })

  it("says how it is used", async () => {
    const child = spawn(process.execPath, ["scripts/launch.mjs"], { stdio: "ignore" })
    const [code] = await once(child, "exit")
    assert.strictEqual(code, 2)
  })
})
