import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { SessionArchive } from "../../src/session/retention/SessionArchive.ts"
import * as SessionArchiveDirectory from "../../src/store/SessionArchiveDirectory.ts"
import { fewer } from "../support/Full.ts"

const PERIOD_MS = 2 * 3_600_000
const periods = { transcript: Duration.millis(PERIOD_MS) }

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "archive-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

const Step = Schema.Struct({
  what: Schema.Literals([
    "begin",
    "begin",
    "write",
    "write",
    "renew",
    "finish",
    "sweep",
    "sweep",
    "erase",
    "crash",
    "wait"
  ]),
  who: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
  session: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
  minutes: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 150 }))
})

/** What must be true of a session. */
interface Expected {
  /** The process that records it; `dead` after its crash. */
  owner: number | "dead" | undefined
  hasWords: boolean
  erased: boolean
  seenAtMs: number
  expiresAtMs: number
}

describe("ArchiveChance", () => {
  it.effect.prop(
    "keeps what is recorded, and nothing longer than its period, in any order of what three processes do",
    [Schema.Array(Step)],
    ([steps]) =>
      Effect.scoped(Effect.gen(function*() {
        const path = yield* directory
        const archives: Array<SessionArchive["Service"]> = []
        // without a scope: a process that crashes finishes nothing
        const open = SessionArchiveDirectory.make(path)
        for (let i = 0; i < 3; i++) archives.push(yield* open)
        const model = new Map<number, Expected>()
        /** The processes that have begun a session and not finished it: they believe that they record it. */
        const begun = [0, 1, 2].map(() => new Set<number>())
        const now = Effect.clockWith((clock) => clock.currentTimeMillis)

        for (const { minutes, session, what, who } of steps) {
          const archive = archives[who]!
          const id = `ses_${session}`
          const known = model.get(session)
          const isOwner = known?.owner === who
          const believes = begun[session]!.has(who)
          switch (what) {
            case "begin": {
              if (known !== undefined && !isOwner && believes) break
              yield* archive.begin({ session: id, userId: "anna", periods })
              const next = known ?? {
                owner: who,
                hasWords: false,
                erased: false,
                seenAtMs: 0,
                expiresAtMs: Number.POSITIVE_INFINITY
              }
              next.owner = who
              next.seenAtMs = yield* now
              begun[session]!.add(who)
              model.set(session, next)
              break
            }
            case "write": {
              if (known === undefined || (!isOwner && believes && known.owner === undefined)) break
              const stored = yield* archive.write(id, "transcript", "the secret words")
              assert.strictEqual(stored, isOwner && !known.erased)
              if (stored) known.hasWords = true
              break
            }
            case "renew":
              if (!isOwner || archive.renew === undefined) break
              assert.strictEqual(yield* archive.renew(id, []), !known.erased)
              if (!known.erased) known.seenAtMs = yield* now
              break
            case "finish":
              if (known === undefined) break
              yield* archive.finish(id, periods)
              begun[session]!.delete(who)
              if (!isOwner) break
              known.owner = undefined
              known.expiresAtMs = (yield* now) + PERIOD_MS
              if (known.erased) model.delete(session)
              break
            case "sweep": {
              yield* archive.sweep
              const at = yield* now
              for (const [key, expected] of model) {
                if (begun[key]!.has(who)) continue
                if (expected.owner === "dead") {
                  expected.owner = undefined
                  expected.expiresAtMs = expected.erased ? at : expected.seenAtMs + PERIOD_MS
                }
                if (expected.owner === undefined && expected.expiresAtMs <= at) model.delete(key)
              }
              break
            }
            case "erase":
              // another process has taken it over, and this one does not know
              if (believes && !isOwner) break
              yield* archive.erase(id)
              if (known === undefined) break
              if (typeof known.owner === "number") Object.assign(known, { erased: true, hasWords: false })
              else model.delete(session)
              break
            case "crash":
              archives[who] = yield* open
              for (const believers of begun) believers.delete(who)
              for (const [key, expected] of model) {
                if (expected.owner !== who) continue
                expected.owner = "dead"
                const file = Fs.globSync(Path.join(path, "*", `ses_${key}`, "manifest.json"))[0] ?? ""
                const manifest = JSON.parse(Fs.readFileSync(file, "utf8"))
                // the process id belongs to another process now
                const [where, pid, , uuid] = manifest.owner.split("|")
                Fs.writeFileSync(file, JSON.stringify({ ...manifest, owner: [where, pid, "1", uuid].join("|") }))
              }
              break
            case "wait":
              yield* TestClock.adjust(Duration.minutes(minutes))
          }
          for (let key = 0; key < 3; key++) {
            const files = (yield* archives[(who + 1) % 3]!.list(`ses_${key}`)).map(({ dataType }) => dataType)
            assert.deepStrictEqual(files, model.get(key)?.hasWords === true ? ["transcript"] : [], `${what} ses_${key}`)
          }
        }
        // all of them end, and their time is over
        for (const archive of archives) {
          for (let session = 0; session < 3; session++) yield* archive.finish(`ses_${session}`, periods)
        }
        yield* archives[0]!.sweep
        yield* TestClock.adjust("3 hours")
        yield* archives[0]!.sweep
        assert.deepStrictEqual(Fs.readdirSync(path).filter((name) => name !== ".secret"), [])
      })),
    { arbitrary: { runs: fewer(150), size: 40, concurrency: 1 } }
  )
})
