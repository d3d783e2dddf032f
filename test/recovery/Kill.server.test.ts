import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync, rmSync } from "node:fs"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Kill from "./Kill.ts"
import { seeded } from "./seeded.ts"

/** What was played and not yet written, and what was on its way to the user. */
const MOST_LOST_MS = 1_000 + 500

describe("kill -9 in the middle of live conversations", () => {
  it("loses no session and nothing that was acknowledged", async () => {
    const directory = mkdtempSync(join(tmpdir(), "effect-voice-kill-"))
    try {
      const report = await Kill.run({
        kills: 10,
        callers: 5,
        store: ["sqlite", join(directory, "sessions.db")],
        random: seeded("kill")
      })
      process.stdout.write(`${Kill.inWords(report)}\n`)
      assert.deepEqual(report.problems, [])
      assert.isAbove(report.safe, 20)
      assert.isAtMost(report.lostMs, MOST_LOST_MS)
      // what was said has gone with the sessions
      for (const file of readdirSync(directory)) {
        assert.notInclude(readFileSync(join(directory, file)).toString("latin1"), "made a note")
      }
    } finally {
      rmSync(directory, { recursive: true })
    }
  }, 180_000)
})
