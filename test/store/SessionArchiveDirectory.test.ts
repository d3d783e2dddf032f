import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Wav from "../../src/audio/Wav.ts"
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

  /** Two archives on one directory, as two processes have them. */
  const two = Effect.gen(function*() {
    const path = yield* directory
    return { path, a: yield* SessionArchiveDirectory.make(path), b: yield* SessionArchiveDirectory.make(path) }
  })
  const periods = { audio: Duration.hours(1), transcript: Duration.hours(2) }
  const bytes = (text: string) => new TextEncoder().encode(text)
  const manifestOf = (path: string, session: string) => {
    const file = tree(path).find((name) => name.endsWith(Path.join(session, "manifest.json"))) ?? ""
    return { file, content: JSON.parse(Fs.readFileSync(file, "utf8")) }
  }
  /** Says that a session is recorded by a process on another machine. */
  const elsewhere = (path: string, session: string, seenAt: number) => {
    const { content, file } = manifestOf(path, session)
    const owner = "another-boot,pid:[1]|77|123|00000000-0000-4000-8000-000000000000"
    Fs.writeFileSync(file, JSON.stringify({ ...content, owner, seenAt }))
  }

  it.effect("leaves alone what another process records, however long it lasts; the periods begin at the end", () =>
    Effect.gen(function*() {
      const { a, b, path } = yield* two
      yield* a.begin({ session: "ses_1", userId: "anna", periods })
      assert.isTrue(yield* a.append("ses_1", "audio", bytes("sound"), 44))
      yield* TestClock.adjust("25 hours")
      assert.strictEqual(yield* a.sweep, 0)
      assert.strictEqual(yield* b.sweep, 0)
      assert.isTrue(yield* a.append("ses_1", "audio", bytes("more"), 49))
      assert.isTrue(yield* a.write("ses_1", "transcript", "[]"))
      yield* a.finish("ses_1", periods)
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual(yield* b.sweep, 0)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* b.sweep, 1)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* b.sweep, 1)
      assert.deepStrictEqual(Fs.readdirSync(path), [".secret"])
    }))

  it.effect("ends the recording of a process on another machine when it has been silent for three minutes", () =>
    Effect.gen(function*() {
      const { a, b, path } = yield* two
      yield* a.begin({ session: "ses_1", userId: "anna", periods })
      yield* a.write("ses_1", "transcript", "[]")
      elsewhere(path, "ses_1", 0)
      // its signs of life, on a clock that is a year behind
      for (let minute = 0; minute < 300; minute++) {
        elsewhere(path, "ses_1", minute - 365 * 86_400_000)
        assert.strictEqual(yield* b.sweep, 0)
        yield* TestClock.adjust("1 minute")
      }
      assert.include(manifestOf(path, "ses_1").content.owner, "another-boot")
      elsewhere(path, "ses_1", 300 * 60_000)
      assert.strictEqual(yield* b.sweep, 0)
      yield* TestClock.adjust("4 minutes")
      assert.strictEqual(yield* b.sweep, 0)
      assert.isUndefined(manifestOf(path, "ses_1").content.owner)
      yield* TestClock.adjust("50 minutes")
      assert.strictEqual(yield* b.sweep, 0)
      yield* TestClock.adjust("2 hours")
      assert.strictEqual(yield* b.sweep, 2)
    }))

  it.effect("goes on recording what another process took for abandoned", () =>
    Effect.gen(function*() {
      const { a, b, path } = yield* two
      yield* a.begin({ session: "ses_1", userId: "anna", periods })
      const { content: { owner } } = manifestOf(path, "ses_1")
      elsewhere(path, "ses_1", 0)
      yield* b.sweep
      yield* TestClock.adjust("4 minutes")
      yield* b.sweep
      assert.isTrue(yield* a.write("ses_1", "transcript", "[]"))
      assert.strictEqual(manifestOf(path, "ses_1").content.owner, owner)
      yield* TestClock.adjust("25 hours")
      assert.strictEqual(yield* b.sweep, 0)
    }))

  it.effect("ends its own recording that nobody finished", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* Effect.scoped(Effect.gen(function*() {
        const archive = yield* SessionArchiveDirectory.make(path)
        yield* archive.begin({ session: "ses_1", userId: "anna", periods })
        yield* archive.write("ses_1", "transcript", "[]")
      }))
      yield* TestClock.adjust("2 hours")
      const next = yield* SessionArchiveDirectory.make(path)
      assert.strictEqual(yield* next.sweep, 2)
      assert.deepStrictEqual(Fs.readdirSync(path), [".secret"])
    }))

  it.effect("erases what another process records: that one stores nothing more, and nothing is left", () =>
    Effect.gen(function*() {
      const { a, b, path } = yield* two
      for (const session of ["ses_1", "ses_2"]) {
        yield* a.begin({ session, userId: "anna", periods })
        yield* a.write(session, "transcript", "the secret words")
      }
      assert.strictEqual(yield* b.erase("ses_1"), 1)
      assert.strictEqual(yield* b.erase("ses_1"), 0)
      assert.deepStrictEqual(yield* b.list("ses_1"), [])
      assert.strictEqual(yield* b.eraseUser("anna"), 1)
      assert.isFalse(holds(path, "the secret words"))
      for (const session of ["ses_1", "ses_2"]) {
        assert.isFalse(yield* a.write(session, "transcript", "the secret words"))
        // nor when a third process takes the session over
        yield* b.begin({ session, userId: "anna", periods })
        assert.isFalse(yield* b.write(session, "transcript", "the secret words"))
        yield* a.finish(session, periods)
        yield* b.finish(session, periods)
      }
      assert.deepStrictEqual(Fs.readdirSync(path), [".secret"])
    }))

  it.effect("lets one process alone write: the one that took the session over", () =>
    Effect.gen(function*() {
      const { a, b } = yield* two
      yield* a.begin({ session: "ses_1", userId: "anna", periods })
      yield* b.begin({ session: "ses_1", userId: "anna", periods })
      assert.isFalse(yield* a.write("ses_1", "transcript", "of the former owner"))
      assert.isTrue(yield* b.write("ses_1", "transcript", "[]"))
      yield* a.finish("ses_1", periods)
      yield* TestClock.adjust("25 hours")
      assert.strictEqual(yield* a.sweep, 0)
      assert.isTrue(yield* b.write("ses_1", "transcript", "[]"))
    }))

  it.effect("reads and sweeps what an older version has written", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const folder = Path.join(path, "2026-11-28", "ses_old")
      Fs.mkdirSync(folder, { recursive: true })
      const expiresAt = { audio: 3_600_000, transcript: 7_200_000 }
      const manifest = { session: "ses_old", userHash: "h", keptSince: 0, expiresAt }
      Fs.writeFileSync(Path.join(folder, "manifest.json"), JSON.stringify(manifest))
      const wav = Wav.encode(new Int16Array(64), { sampleRate: 16_000, channels: 2 })
      wav.fill(0xff, 40, 44)
      Fs.writeFileSync(Path.join(folder, "recording.wav"), wav)
      Fs.writeFileSync(Path.join(folder, "transcript.json"), "[]")
      const archive = yield* SessionArchiveDirectory.make(path)
      assert.deepStrictEqual((yield* archive.list("ses_old")).map(({ expiresAt }) => expiresAt), [3_600_000, 7_200_000])
      yield* archive.sweep
      assert.strictEqual(Fs.readFileSync(Path.join(folder, "recording.wav")).readUInt32LE(40), 128)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* archive.sweep, 1)
      assert.deepStrictEqual(Fs.readdirSync(folder).sort(), ["manifest.json", "transcript.json"])
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* archive.sweep, 1)
      assert.deepStrictEqual(Fs.readdirSync(path), [])
    }))

  it.effect("tells when its directory was removed, and stores the session when it is begun again", () =>
    Effect.gen(function*() {
      const { a, b, path } = yield* two
      const startedAtMs = yield* a.begin({ session: "ses_1", userId: "anna", periods })
      yield* a.write("ses_1", "transcript", "[]")
      const secret = Fs.readFileSync(Path.join(path, ".secret"))
      Fs.rmSync(path, { recursive: true })
      const error = yield* Effect.flip(a.write("ses_1", "transcript", "[]"))
      assert.strictEqual(error.details?.["reason"], "lost")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* a.begin({ session: "ses_1", userId: "anna", periods, startedAtMs }), startedAtMs)
      assert.isTrue(yield* a.write("ses_1", "transcript", "[]"))
      // the same secret: who was hashed before is found
      assert.deepStrictEqual(Fs.readFileSync(Path.join(path, ".secret")), secret)
      assert.strictEqual(yield* b.eraseUser("anna"), 1)
    }))

  it.effect("finds a user's data under the secret of a directory that comes late, and under its own", () =>
    Effect.gen(function*() {
      const mount = yield* directory
      const early = yield* directory
      const path = Path.join(early, "kept")
      yield* put(yield* SessionArchiveDirectory.make(mount), entry("ses_1", "anna", "transcript", "words", 1))
      const archive = yield* SessionArchiveDirectory.make(path)
      yield* put(archive, entry("ses_2", "anna", "transcript", "words", 1))
      Fs.renameSync(path, `${path}.before`)
      Fs.cpSync(mount, path, { recursive: true })
      yield* put(archive, entry("ses_3", "anna", "transcript", "words", 1))
      // an administrator puts together what was recorded before and after
      Fs.cpSync(`${path}.before`, path, { recursive: true, force: false })
      assert.strictEqual(yield* archive.eraseUser("anna"), 3)
      assert.isFalse(holds(path, "words"))
    }))

  it.effect("leaves alone what is not its own, and sweeps the rest", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const outside = yield* directory
      const archive = yield* SessionArchiveDirectory.make(path)
      yield* put(archive, entry("ses_1", "anna", "transcript", "words", 1))
      const day = Path.join(path, "1970-01-01")
      const precious = Path.join(outside, "precious")
      Fs.writeFileSync(precious, "x")
      Fs.writeFileSync(Path.join(path, "2026-11-29"), "a file with the name of a day")
      Fs.writeFileSync(Path.join(day, "notes"), "a file among the sessions")
      Fs.mkdirSync(Path.join(day, "photos"))
      Fs.writeFileSync(Path.join(day, "photos", "photo"), "x")
      Fs.symlinkSync(outside, Path.join(day, "ses_link"))
      Fs.symlinkSync(outside, Path.join(path, "2026-11-30"))
      for (let minute = 0; minute < 70; minute++) {
        yield* archive.sweep
        yield* TestClock.adjust("1 minute")
      }
      assert.isFalse(holds(day, "words"))
      assert.isTrue(Fs.existsSync(precious))
      assert.deepStrictEqual(Fs.readdirSync(day).sort(), ["notes", "photos", "ses_link"])
      assert.deepStrictEqual(Fs.readdirSync(path).sort(), [".secret", "1970-01-01", "2026-11-29", "2026-11-30"])
      const error = yield* Effect.flip(archive.begin({ session: "ses_link", userId: "anna", periods }))
      assert.match(error.message, /symbolic link/u)
      assert.deepStrictEqual(Fs.readdirSync(outside), ["precious"])
    }))

  it.effect("repairs a damaged manifest of what it records, and deletes one that nobody repairs", () =>
    Effect.gen(function*() {
      const { a, b, path } = yield* two
      yield* put(a, entry("ses_1", "anna", "transcript", "words", 9))
      yield* a.begin({ session: "ses_2", userId: "anna", periods })
      for (const session of ["ses_1", "ses_2"]) Fs.writeFileSync(manifestOf(path, session).file, "{ torn")
      assert.strictEqual(yield* b.sweep, 0)
      assert.strictEqual((yield* Effect.flip(a.write("ses_2", "transcript", "[]"))).details?.["reason"], "lost")
      yield* a.begin({ session: "ses_2", userId: "anna", periods })
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* b.sweep, 1)
      assert.isFalse(holds(path, "words"))
      assert.isTrue(yield* a.write("ses_2", "transcript", "[]"))
    }))

  it.effect("leaves a recording that was cut within its header as it is", () =>
    Effect.gen(function*() {
      const { a, b, path } = yield* two
      yield* a.begin({ session: "ses_1", userId: "anna", periods })
      yield* a.append("ses_1", "audio", Wav.header({ sampleRate: 16_000, channels: 2 }).subarray(0, 21), 0)
      elsewhere(path, "ses_1", 0)
      yield* b.sweep
      yield* TestClock.adjust("4 minutes")
      yield* b.sweep
      assert.strictEqual((yield* b.list("ses_1"))[0]?.bytes, 21)
      yield* TestClock.adjust("2 hours")
      yield* b.sweep
      assert.deepStrictEqual(Fs.readdirSync(path), [".secret"])
    }))

  it.effect("says what is wrong with its directory", () =>
    Effect.gen(function*() {
      const parent = yield* directory
      const path = Path.join(parent, "kept")
      Fs.writeFileSync(path, "a file")
      const archive = yield* SessionArchiveDirectory.make(path)
      const error = yield* Effect.flip(archive.begin({ session: "ses_1", userId: "anna", periods }))
      assert.strictEqual(error.code, "pipeline_error")
      assert.match(error.message, /a file is where a directory is expected \(ENOTDIR\)/u)
      assert.match((yield* Effect.flip(archive.probe ?? Effect.die("no probe"))).message, /ENOTDIR/u)
      Fs.rmSync(path)
      yield* archive.probe ?? Effect.die("no probe")
      yield* archive.begin({ session: "ses_1", userId: "anna", periods })
      Fs.writeFileSync(Path.join(path, ".secret"), "")
      assert.match((yield* Effect.flip(archive.eraseUser("anna"))).message, /\.secret is damaged/u)
    }))
})
