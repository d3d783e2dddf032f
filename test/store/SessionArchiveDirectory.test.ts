import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { SessionArchive } from "../../src/session/retention/SessionArchive.ts"
import * as SessionArchiveDirectory from "../../src/store/SessionArchiveDirectory.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "archive-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)
const tree = (path: string) =>
  Fs.readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => Path.join(entry.parentPath, entry.name))
const holds = (path: string, words: string) => tree(path).some((file) => Fs.readFileSync(file).includes(words))
const entry = (
  session: string,
  userId: string,
  dataType: "transcript" | "metadata",
  content: string,
  hours: number
) => (
  { session, userId, dataType, content, hours }
)

const put = Effect.fnUntraced(function*(
  archive: SessionArchive["Service"],
  { content, dataType, hours, session, userId }: ReturnType<typeof entry>
) {
  const periods = { [dataType]: Duration.hours(hours) }
  yield* archive.begin({ session, userId, periods })
  assert.isTrue(yield* archive.write(session, dataType, content))
  yield* archive.finish(session, periods)
})

describe("SessionArchiveDirectory", () => {
  it.effect("expires each kind of data separately, also in the next process", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const archive = yield* SessionArchiveDirectory.make(path)
      yield* put(archive, entry("ses_1", "anna", "transcript", "the secret words", 1))
      yield* put(archive, entry("ses_1", "anna", "metadata", "the other fact", 2))
      const cut = tree(path).filter((file) => file.endsWith("transcript.json"))
      for (const file of cut) Fs.writeFileSync(`${file}.new`, "the secret words, cut by a crash")
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual(yield* archive.sweep, 0)
      assert.isTrue(holds(path, "the secret words"))
      assert.isFalse(holds(path, "anna"))
      yield* TestClock.adjust("1 minute")
      const next = yield* SessionArchiveDirectory.make(path)
      assert.strictEqual(yield* next.sweep, 1)
      assert.isFalse(holds(path, "the secret words"))
      assert.deepStrictEqual((yield* next.list("ses_1")).map((kept) => kept.dataType), ["metadata"])
      yield* TestClock.adjust("1 hour")
      yield* next.sweep
      // the secret for hashing user ids contains no user data
      assert.deepStrictEqual(Fs.readdirSync(path), [".secret"])
    }))

  it.effect("erases one session, and one user's sessions, and nothing else", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const archive = yield* SessionArchiveDirectory.make(path)
      for (const [id, user] of [["a1", "anna"], ["a2", "anna"], ["a3", "anna"], ["b1", "ben"]] as const) {
        yield* put(archive, entry(id, user, "transcript", `words of ${id}`, 1))
      }
      assert.strictEqual(yield* archive.erase("a1"), 1)
      assert.isFalse(holds(path, "words of a1"))
      assert.isTrue(holds(path, "words of a2"))
      assert.strictEqual(yield* archive.eraseUser("anna"), 2)
      assert.isFalse(holds(path, "words of a"))
      assert.isTrue(holds(path, "words of b1"))
    }))

  it.effect("is readable for its user only, and refuses session ids that leave the directory", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const archive = yield* SessionArchiveDirectory.make(path)
      yield* put(archive, entry("a1", "anna", "transcript", "words", 1))
      for (const file of tree(path)) {
        assert.strictEqual(Fs.statSync(file).mode & 0o777, 0o600)
        if (Path.basename(file) !== ".secret") assert.strictEqual(Fs.statSync(Path.dirname(file)).mode & 0o777, 0o700)
      }
      for (const id of ["../x", "", "a/b", ".."]) {
        const error = yield* Effect.flip(put(archive, entry(id, "anna", "transcript", "words", 1)))
        assert.strictEqual(error._tag, "InvalidConfig")
        assert.strictEqual((yield* Effect.flip(archive.erase(id)))._tag, "InvalidConfig")
      }
      assert.lengthOf(tree(path), 3)
    }))
})
