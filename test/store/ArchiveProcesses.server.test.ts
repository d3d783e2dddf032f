import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { setTimeout } from "node:timers/promises"

const until = async (what: string, holds: () => boolean) => {
  for (let i = 0; i < 1_200; i++) {
    if (holds()) return
    await setTimeout(50)
  }
  assert.fail(`never: ${what}`)
}

describe("archives of several processes", () => {
  it("leave alone what another process records, and delete what a killed one has left when its time is over", async () => {
    const path = Fs.mkdtempSync(Path.join(Os.tmpdir(), "archive-"))
    const children: Array<ChildProcess> = []
    const start = (...args: ReadonlyArray<string>) => {
      const program = Path.join(import.meta.dirname, "ArchiveProcess.ts")
      const child = spawn(process.execPath, ["--conditions=@effect-voice/source", program, ...args], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      children.push(child)
      let output = ""
      child.stdout.on("data", (data: Buffer) => void (output += data.toString()))
      return { child, output: () => output }
    }
    const file = (session: string) => Fs.globSync(Path.join(path, "*", session, "recording.wav"))[0]
    const size = (session: string) => {
      const found = file(session)
      return found === undefined ? 0 : Fs.statSync(found).size
    }
    try {
      for (let i = 0; i < 2; i++) start("sweep", path)
      const ending = start("record", path, "ses_ending")
      const killed = start("record", path, "ses_killed")
      await until("both record", () => size("ses_ending") > 0 && size("ses_killed") > 0)
      // several times their period
      await setTimeout(4_000)
      assert.isAbove(size("ses_killed"), 320 * 5)
      const before = size("ses_ending")
      killed.child.kill("SIGKILL")
      await once(killed.child, "exit")
      await until("the killed one's is deleted", () => file("ses_killed") === undefined)
      assert.isAbove(size("ses_ending"), before)
      ending.child.kill("SIGTERM")
      await once(ending.child, "exit")
      assert.strictEqual(ending.output(), "refused 0\n")
      await until("the other's is deleted", () => file("ses_ending") === undefined)
    } finally {
      for (const child of children) child.kill("SIGKILL")
      Fs.rmSync(path, { recursive: true, force: true })
    }
  })
})
