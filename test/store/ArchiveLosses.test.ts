import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Result } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as SessionArchiveDirectory from "../../src/store/SessionArchiveDirectory.ts"

const hour = Duration.hours(1)
const periods = { audio: hour, transcript: hour, events: hour }
const entry = { session: "ses_1", userId: "anna", periods }
const bytes = (text: string) => new TextEncoder().encode(text)

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "losses-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)
const find = (path: string, name: string) => Fs.globSync(Path.join(path, "*", "ses_1", name))[0] ?? ""

describe("ArchiveLosses", () => {
  for (
    const [type, name] of [["audio", "recording.wav"], ["transcript", "transcript.json"], [
      "events",
      "events.ndjson"
    ]] as const
  ) {
    for (const how of ["removed", "emptied"] as const) {
      it.effect(`tells that the ${type} of a running session was ${how}, and writes it anew when it is begun again`, () =>
        Effect.gen(function*() {
          const path = yield* directory
          const archive = yield* SessionArchiveDirectory.make(path)
          yield* archive.begin(entry)
          assert.isTrue(yield* archive.append("ses_1", type, new Uint8Array(100), 0))
          const file = find(path, name)
          if (how === "removed") Fs.rmSync(file)
          else Fs.truncateSync(file)
          const error = yield* Effect.flip(archive.append("ses_1", type, new Uint8Array(100), 100))
          assert.strictEqual(error.details?.["reason"], "lost")
          assert.strictEqual(yield* archive.begin({ ...entry, startedAtMs: 5 }), 0)
          assert.isTrue(yield* archive.append("ses_1", type, bytes("anew"), 0))
          assert.strictEqual(Fs.readFileSync(file, "utf8"), "anew")
        }))
    }
  }

  it.effect("does not write through a link that has taken the place of a session's directory, or of its day's", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const elsewhere = yield* directory
      const archive = yield* SessionArchiveDirectory.make(path)
      yield* archive.begin(entry)
      const folder = Path.dirname(find(path, "manifest.json"))
      for (const moved of [folder, Path.dirname(folder)]) {
        const to = Path.join(elsewhere, Path.basename(moved))
        Fs.renameSync(moved, to)
        Fs.symlinkSync(to, moved)
        const error = yield* Effect.flip(archive.append("ses_1", "audio", bytes("secret")))
        assert.strictEqual(error.details?.["reason"], "ELOOP")
        Fs.rmSync(moved)
        Fs.renameSync(to, moved)
        assert.isTrue(yield* archive.append("ses_1", "audio", bytes("secret")))
      }
    }))

  it.effect("stores nothing more of a user who was erased while the directory was away", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const archive = yield* SessionArchiveDirectory.make(path)
      yield* archive.begin(entry)
      assert.isTrue(yield* archive.write("ses_1", "transcript", "the secret words"))
      Fs.renameSync(path, `${path}.away`)
      assert.isTrue(Result.isSuccess(yield* Effect.result(archive.eraseUser("anna"))))
      yield* archive.begin({ ...entry, startedAtMs: 0 })
      assert.isFalse(yield* archive.write("ses_1", "transcript", "the secret words"))
      assert.deepStrictEqual(yield* archive.list("ses_1"), [])
      Fs.rmSync(`${path}.away`, { recursive: true })
    }))

  for (const what of ["session", "user"] as const) {
    it.effect(`stores nothing of a session that could not be begun before its ${what} was erased`, () =>
      Effect.gen(function*() {
        const path = yield* directory
        Fs.rmSync(path, { recursive: true, force: true })
        Fs.writeFileSync(path, "a file where the directory should be")
        const archive = yield* SessionArchiveDirectory.make(path)
        for (const session of ["ses_1", "ses_2"]) {
          yield* Effect.flip(archive.begin({ ...entry, session, userId: session === "ses_1" ? "anna" : "ben" }))
        }
        yield* Effect.exit(what === "user" ? archive.eraseUser("anna") : archive.erase("ses_1"))
        Fs.rmSync(path)
        for (const session of ["ses_1", "ses_2"]) {
          yield* archive.begin({ ...entry, session, userId: session === "ses_1" ? "anna" : "ben" })
          yield* archive.write(session, "transcript", "words")
        }
        assert.deepStrictEqual(yield* archive.list("ses_1"), [])
        assert.strictEqual((yield* archive.list("ses_2")).length, 1)
      }))
  }

  it.effect("keeps the gaps of the process that recorded a session before", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const archives = [yield* SessionArchiveDirectory.make(path), yield* SessionArchiveDirectory.make(path)]
      for (const [i, archive] of archives.entries()) {
        yield* archive.begin(entry)
        yield* archive.renew?.("ses_1", [[1_000 + 5_000 * i, 2_000 + 5_000 * i]]) ?? Effect.void
        yield* archive.renew?.("ses_1", [[1_000 + 5_000 * i, 3_000 + 5_000 * i]]) ?? Effect.void
      }
      const manifest = JSON.parse(Fs.readFileSync(find(path, "manifest.json"), "utf8"))
      assert.deepStrictEqual(manifest.gaps, [[1_000, 3_000], [6_000, 8_000]])
    }))

  it.effect("reads what is stored of a session that it records, and of no other", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const [first, next] = [yield* SessionArchiveDirectory.make(path), yield* SessionArchiveDirectory.make(path)]
      const read = (archive: typeof first) => archive.read?.("ses_1", "transcript") ?? Effect.undefined
      yield* first.begin(entry)
      assert.isUndefined(yield* read(first))
      yield* first.write("ses_1", "transcript", "words")
      assert.isUndefined(yield* read(next))
      yield* next.begin(entry)
      assert.strictEqual(yield* read(next), "words")
      assert.isUndefined(yield* read(first))
      yield* next.erase("ses_1")
      assert.isUndefined(yield* read(next))
    }))
})
