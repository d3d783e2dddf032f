import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as PendingErasureFiles from "../../src/store/PendingErasureFiles.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-ended-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
const nameOf = (digit: number) => `ended-${String(digit).repeat(8)}-0000-4000-8000-000000000000.jsonl`
const line = (id: string, fence: number) => `${JSON.stringify({ id, fence })}\n`

describe("PendingErasureFiles", () => {
  it.effect("gives the notes of others once, and removes them when all are settled", () =>
    Effect.gen(function*() {
      const path = join(yield* directory, "state", "ended")
      const [a, b] = [PendingErasureFiles.make(path), PendingErasureFiles.make(path)]
      assert.deepStrictEqual(yield* b.find, { leases: [], faults: [] })
      yield* a.note([])
      yield* a.note([{ id: "s", fence: 1 }, { id: "t", fence: 7 }])
      const [file = ""] = readdirSync(path)
      assert.strictEqual(statSync(join(path, file)).mode & 0o777, 0o600)
      assert.strictEqual(statSync(path).mode & 0o777, 0o700)
      assert.deepStrictEqual(yield* a.find, { leases: [], faults: [] })
      assert.deepStrictEqual((yield* b.find).leases, [{ id: "s", fence: 1 }, { id: "t", fence: 7 }])
      assert.deepStrictEqual((yield* b.find).leases, [])
      yield* b.settled("s")
      assert.deepStrictEqual(readdirSync(path), [file])
      // written again meanwhile
      yield* a.note([{ id: "t", fence: 7 }, { id: "u", fence: 1 }])
      yield* b.settled("t")
      assert.deepStrictEqual(readdirSync(path), [file])
      assert.deepStrictEqual((yield* b.find).leases.map(({ id }) => id), ["t", "u"])
      for (const id of ["t", "u"]) yield* b.settled(id)
      assert.deepStrictEqual(readdirSync(path), [])
      yield* a.note([{ id: "v", fence: 1 }])
      yield* a.note([])
      assert.deepStrictEqual(readdirSync(path), [])
    }))

  it.effect("names files that are damaged, huge, links or another's, once each, and reads the others", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const outside = join(yield* directory, "outside")
      writeFileSync(outside, line("outside", 1))
      const files: ReadonlyArray<readonly [name: string, content: string]> = [
        [nameOf(1), line("good", 1)],
        [nameOf(2), "\u0000\u0001 not JSON\n\n{}"],
        [nameOf(3), "x".repeat(1_048_577)],
        [nameOf(4), ""],
        [nameOf(5), `${line("half", 2)}null\n[]\n"x"\n{"id":"../../x","fence":1}\n{"id":"s","fence":-1}\n{"id":"cu`],
        ["notes.txt", line("foreign", 1)],
        ["ended-x.jsonl", line("foreign", 1)]
      ]
      for (const [name, content] of files) writeFileSync(join(path, name), content, { mode: 0o600 })
      symlinkSync(outside, join(path, nameOf(6)))
      mkdirSync(join(path, nameOf(7)))
      writeFileSync(join(path, nameOf(8)), line("anybody", 1))
      chmodSync(join(path, nameOf(8)), 0o666)
      const notes = PendingErasureFiles.make(path)
      const { faults, leases } = yield* notes.find
      assert.deepStrictEqual(leases.map(({ id }) => id).toSorted(), ["good", "half"])
      assert.deepStrictEqual(faults.toSorted(), [
        `${nameOf(2)} has 2 lines that are damaged`,
        `${nameOf(3)} has more than 1048576 bytes`,
        `${nameOf(5)} has 6 lines that are damaged`,
        `${nameOf(6)} is a symbolic link`,
        `${nameOf(7)} is no file`,
        `${nameOf(8)} can be written by others`
      ])
      assert.deepStrictEqual(yield* notes.find, { leases: [], faults: [] })
      for (const id of ["good", "half"]) yield* notes.settled(id)
      assert.notInclude(readdirSync(path), nameOf(5))
      assert.include(readdirSync(path), nameOf(2))
      assert.strictEqual(readFileSync(outside, "utf8"), line("outside", 1))
    }))

  it.effect("fails with the cause when it cannot write, and is bounded", () =>
    Effect.gen(function*() {
      const path = yield* directory
      writeFileSync(join(path, "file"), "")
      const notes = PendingErasureFiles.make(join(path, "file", "ended"))
      const error = yield* Effect.flip(notes.note([{ id: "s", fence: 1 }]))
      assert.strictEqual(error.code, "pipeline_error")
      assert.match(error.message, /a file is where a directory is expected \(ENOTDIR\)/u)
      const many = Array.from({ length: 20_000 }, (_, i) => ({ id: `ses_${i}`, fence: 1 }))
      const [a, b] = [PendingErasureFiles.make(path), PendingErasureFiles.make(path)]
      yield* a.note(many)
      const { faults, leases } = yield* b.find
      assert.deepStrictEqual([faults, leases.length, leases.at(-1)?.id], [[], 10_000, "ses_19999"])
    }))
})
