import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as Server from "../../src/server/Server.ts"
import { fewer } from "../support/Full.ts"
import type { Attack, Outcome } from "./Attacker.ts"
import { heap } from "./Fuzz.ts"
import * as Guest from "./Guest.ts"
import { CANARY } from "./Surface.ts"
import * as TestServer from "./TestServer.ts"

const key = CANARY
const MiB = 1_048_576

/** Runs attacks in a separate process. */
const attacker = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => fork(fileURLToPath(new URL("Attacker.ts", import.meta.url)), { stdio: "inherit" })),
    (child) => Effect.sync(() => child.kill())
  ),
  (child) => (attack: Attack) =>
    Effect.callback<Outcome>((resume) => {
      child.once("message", (outcome: Outcome) => resume(Effect.succeed(outcome)))
      child.send(attack)
    })
)

const masked = (opcode: number, payload: Uint8Array): Buffer => {
  const length = payload.length
  const head = length < 126
    ? Buffer.of(0x80 | opcode, 0x80 | length)
    : length < 65_536
    ? Buffer.of(0x80 | opcode, 0x80 | 126, length >> 8, length & 0xff)
    : Buffer.of(
      0x80 | opcode,
      0x80 | 127,
      0,
      0,
      0,
      0,
      length >>> 24,
      length >> 16 & 0xff,
      length >> 8 & 0xff,
      length & 0xff
    )
  // The mask is 0: the payload as it is.
  return Buffer.concat([head, Buffer.alloc(4), payload])
}
const repeated = (frame: Buffer, bytes: number): string =>
  Buffer.concat(Array.from({ length: Math.max(1, Math.floor(bytes / frame.length)) }, () => frame)).toString("base64")

const settled = Effect.gen(function*() {
  yield* Effect.sleep("300 millis")
  return { heap: heap(), rss: process.memoryUsage().rss, handles: process.getActiveResourcesInfo().length }
})

const words = Array.from({ length: 2_000 }, () => "hello")
/** At 20 ms for each character the guest's answers are short and the story takes a minute. */
const story = "Once upon a time there was a server that nobody could bring down. ".repeat(50)

const SCALE = Number(process.env["FLOOD_SCALE"] ?? 1)

describe("Floods", () => {
  it.live("a conversation goes on beside every kind of flood", () =>
    Effect.gen(function*() {
      const { url } = yield* Server.VoiceServer
      const backend = yield* VoiceBackend
      const port = TestServer.portOf(url)
      const attack = yield* attacker
      const session = () => Effect.promise(() => TestServer.create(url))
      const guest = yield* Guest.make(url, yield* session())
      yield* guest.answered(1)
      const victim = yield* session()
      yield* attack({ kind: "no token", port, id: victim.id, count: 300 })
      yield* guest.answered(1)
      const before = yield* settled
      const quiet = guest.report()
      yield* Effect.log("alone", quiet)

      const during = Effect.fnUntraced(function*(name: string, flood: Attack) {
        let peak = 0
        const watching = setInterval(() => peak = Math.max(peak, process.memoryUsage().rss), 100)
        guest.report()
        const outcome = yield* attack(flood)
        clearInterval(watching)
        const report = guest.report()
        const stopped = performance.now()
        yield* guest.answered(1)
        yield* Effect.log(
          `${name}: ${outcome.ms} ms, worst gap ${report.worstGapMs.toFixed(0)} ms, ` +
            `slowest answer ${report.slowestAnswerMs.toFixed(0)} ms, ${report.turns} turns, ` +
            `rss +${((peak - before.rss) / MiB).toFixed(0)} MiB, next turn after ${
              (performance.now() - stopped).toFixed(0)
            } ms`,
          outcome.counts
        )
        assert.isFalse(report.closed, name)
        assert.isBelow(peak - before.rss, 400 * MiB, name)
        return { outcome, report }
      })
      const socketOf = (
        made: TestServer.Created,
        frames: string,
        more: Partial<Extract<Attack, { kind: "socket" }>> = {}
      ) =>
        ({
          kind: "socket",
          port,
          id: made.id,
          token: made.token,
          query: "",
          first: "",
          bytes: frames,
          reads: true,
          ms: 1_500 * SCALE,
          ...more
        }) satisfies Attack

      const refused = yield* during(`${fewer(10_000)} connects without a token`, {
        kind: "no token",
        port,
        id: victim.id,
        count: fewer(10_000)
      })
      // Without a valid token the answer does not reveal whether the session exists.
      assert.deepEqual(Object.keys(refused.outcome.counts), ["401"])

      yield* during("connections that say nothing", { kind: "silent", port, count: fewer(6_000), ms: 3_000 })
      yield* during("slow heads", { kind: "slow heads", port, count: 500, ms: 2_000 })
      yield* during("slow bodies", { kind: "slow bodies", port, count: 500, ms: 2_000, key })

      const full = yield* during("sessions beyond the limit", { kind: "create", port, count: fewer(2_000), key })
      assert.isAbove(full.outcome.counts["503"] ?? 0, fewer(2_000) - 100)
      for (const each of yield* backend.listSessions) {
        if (each.config.userId === "mallory") yield* backend.closeSession(each.id)
      }

      const audio = repeated(masked(2, Buffer.alloc(640, 1)), 64_000)
      yield* during("audio faster than time", socketOf(yield* session(), audio))
      yield* during("pings", socketOf(yield* session(), repeated(masked(9, Buffer.alloc(100)), 64_000)))
      yield* during(
        "messages",
        socketOf(yield* session(), repeated(masked(1, Buffer.from("{\"type\":\"ping\"}")), 64_000))
      )
      yield* during(
        "messages, not read",
        socketOf(yield* session(), repeated(masked(1, Buffer.from("{}")), 64_000), { reads: false })
      )
      const typed = Buffer.from(JSON.stringify({ type: "user.text", text: "x".repeat(1_000) }))
      yield* during("typed turns", socketOf(yield* session(), repeated(masked(1, typed), 64_000)))
      const big = yield* during(
        "a message of more than 64 KiB",
        socketOf(yield* session(), masked(1, Buffer.alloc(65_537, 65)).toString("base64"))
      )
      assert.strictEqual(big.outcome.counts["closed"], 1)
      const tell = masked(1, Buffer.from(JSON.stringify({ type: "user.text", text: "tell me a story" }))).toString(
        "base64"
      )
      yield* during(
        "a listener who does not read",
        socketOf(yield* session(), "", { first: tell, reads: false, query: "?output_rate=48000" })
      )

      for (const each of yield* backend.listSessions) {
        if (each.config.userId !== "guest") yield* backend.closeSession(each.id)
      }
      const after = yield* settled
      yield* Effect.log(
        `heap ${((after.heap - before.heap) / MiB).toFixed(1)} MiB, rss ${
          ((after.rss - before.rss) / MiB).toFixed(0)
        } MiB, ` +
          `handles ${before.handles} -> ${after.handles}`
      )
      assert.isBelow(after.heap - before.heap, 16 * MiB)
      assert.isAtMost(after.handles, before.handles + 4)
    }).pipe(
      Effect.scoped,
      Effect.provide(TestServer.layer({
        words,
        maxConcurrentSessions: 20,
        agent: (text) => text === "tell me a story" ? story : "Yes, I can hear you.",
        server: { apiKeys: [Redacted.make(key)] }
      }))
    ), 120_000)
})
