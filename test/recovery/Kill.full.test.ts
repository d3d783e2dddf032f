import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Kill from "./Kill.ts"
import { seeded } from "./seeded.ts"

describe("kill -9 a hundred times", () => {
  it("loses no session and nothing that was acknowledged", async () => {
    const directory = mkdtempSync(join(tmpdir(), "effect-voice-kill-"))
    try {
      const report = await Kill.run({
        kills: 100,
        callers: 5,
        store: ["sqlite", join(directory, "sessions.db")],
        random: seeded("a hundred kills")
      })
      process.stdout.write(`${Kill.inWords(report)}\n`)
      assert.deepEqual(report.problems, [])
      assert.isAtMost(report.lostMs, 1_500)
    } finally {
      rmSync(directory, { recursive: true })
    }
  }, 1_800_000)
})
