import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { findFreePort } from "../support/FreePort.ts"
import { isFull } from "../support/Full.ts"
import { Caller } from "./Caller.ts"
import * as Kill from "./Kill.ts"
import { seeded } from "./seeded.ts"

/** What was played and not yet written, and what was on its way to the user. */
const MOST_LOST_MS = 1_000 + 500

describe("kill -9 in the middle of live conversations", () => {
  it("loses no session and nothing that was acknowledged", async () => {
    const directory = mkdtempSync(join(tmpdir(), "effect-voice-kill-"))
    try {
      const report = await Kill.run({
        kills: isFull ? 5 : 1,
        callers: 5,
        store: ["sqlite", join(directory, "sessions.db")],
        random: seeded("kill")
      })
      process.stdout.write(`${Kill.inWords(report)}\n`)
      assert.deepEqual(report.problems, [])
      assert.isAbove(report.safe, 2 * report.kills)
      assert.isAtMost(report.lostMs, MOST_LOST_MS)
      // what was said has gone with the sessions
      for (const file of readdirSync(directory)) {
        assert.notInclude(readFileSync(join(directory, file)).toString("latin1"), "made a note")
      }
    } finally {
      rmSync(directory, { recursive: true })
    }
  }, 180_000)

  it("lets another process on the same store go on, and it alone", async () => {
    const directory = mkdtempSync(join(tmpdir(), "effect-voice-kill-"))
    const store = ["sqlite", join(directory, "sessions.db")] as const
    const [one, two] = [await findFreePort(), await findFreePort()]
    const first = await Kill.start(one, store)
    const second = await Kill.start(two, store)
    try {
      const caller = new Caller("mover", `http://127.0.0.1:${one}`)
      await caller.create()
      caller.say()
      await Kill.pause(4_500)
      assert.isAbove(caller.safe.length, 1)
      // the second does not take what the first still has
      const held = await fetch(caller.url.replace(/^ws/u, "http").replace(String(one), String(two)), {
        headers: { authorization: `Bearer ${caller.token}` }
      })
      assert.strictEqual(held.status, 502)
      assert.strictEqual((await held.json() as { details: { reason: string } }).details.reason, "held")
      assert.isNotNull(held.headers.get("retry-after"))
      caller.moveTo(`http://127.0.0.1:${two}`)
      const gone = Kill.ended(first)
      first.kill("SIGKILL")
      await gone
      for (let i = 0; i < 100 && caller.recoveries.length === 0; i++) await Kill.pause(50)
      await Kill.pause(3_000)
      assert.deepEqual(caller.problems, [])
      process.stdout.write(`taken over by another process after ${Math.round(caller.recoveries[0] ?? Number.NaN)} ms\n`)
      await caller.end()
    } finally {
      const gone = Kill.ended(second)
      second.kill("SIGTERM")
      await gone
      rmSync(directory, { recursive: true })
    }
  }, 60_000)
})
