/**
 * A session archive in a directory: recordings, transcripts, metadata and events of sessions. Each kind of data is a file of
 * its own, so that it can expire and be erased separately.
 *
 * Layout: `<directory>/<yyyy-mm-dd>/<session id>/`, directories 0700, files 0600, with a `manifest.json` that has the expiry of
 * each kind. The user appears in it as a hash only.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { InvalidConfig, type PipelineError } from "../BackendError.ts"
import type { DataType } from "../hooks/DataRetentionHook.ts"
import type { Periods } from "../hooks/RetentionPolicy.ts"
import { type ArchivedSession, SessionArchive } from "../session/retention/SessionArchive.ts"
import { fail, io, patchLength, readSecret, replaceFile, writeInto } from "./ArchiveFiles.ts"

/**
 * The file name of each kind of data.
 *
 * @category constants
 * @since 0.1.0
 */
export const FILE_NAMES: { readonly [Type in DataType]: string } = {
  audio: "recording.wav",
  transcript: "transcript.json",
  metadata: "metadata.json",
  events: "events.ndjson"
}

const types: ReadonlyArray<DataType> = ["audio", "transcript", "metadata", "events"]
const MANIFEST = "manifest.json"

const Manifest = Schema.fromJsonString(Schema.Struct({
  session: Schema.String,
  userHash: Schema.String,
  keptSince: Schema.Finite,
  expiresAt: Schema.Record(Schema.String, Schema.Finite)
}))
type Manifest = typeof Manifest.Type

/** The expiry of each kind of data whose period begins now. */
const expiriesFrom = (periods: Periods, now: number): { readonly [type: string]: number } =>
  Object.fromEntries(types.flatMap((type) => {
    const period = periods[type]
    return period === undefined ? [] : [[type, now + Duration.toMillis(period)]]
  }))

const checkId = (op: string, id: string) =>
  /^[A-Za-z0-9_-]{1,128}$/.test(id)
    ? Effect.succeed(id)
    : Effect.fail(new InvalidConfig({ op, message: "invalid session id: expected 1 to 128 of A-Z a-z 0-9 _ -" }))

/**
 * Opens the archive in a directory. Its operations run one at a time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(directory: string) {
  const clock = yield* Clock.Clock
  const lock = yield* Semaphore.make(1)
  /** The folders of the sessions that this process records. */
  const recording = new Map<string, string>()
  // a keyed hash: a plain one could be reversed by trying user ids
  const hash = (userId: string) =>
    Effect.map(
      Effect.tryPromise({ try: () => readSecret(directory), catch: fail("SessionArchive.secret") }),
      (secret) => Crypto.createHmac("sha256", secret).update(userId).digest("hex")
    )

  const read = (folder: string) =>
    io(
      "SessionArchive.read",
      (): Promise<string | undefined> => Fs.readFile(Path.join(folder, MANIFEST), "utf8"),
      undefined
    )
      .pipe(
        Effect.flatMap((text) => text === undefined ? Effect.undefined : Schema.decodeEffect(Manifest)(text)),
        // an unreadable manifest counts as missing
        Effect.catchTag("SchemaError", () => Effect.undefined)
      )

  const writeManifest = (folder: string, manifest: Manifest) =>
    Effect.flatMap(
      Effect.orDie(Schema.encodeEffect(Manifest)(manifest)),
      (text) => replaceFile(Path.join(folder, MANIFEST), text)
    )

  const folders = Effect.gen(function*() {
    const days = yield* io("SessionArchive.list", () => Fs.readdir(directory), [])
    const all: Array<string> = []
    for (const day of days.filter((name) => /^\d{4}-\d\d-\d\d$/.test(name))) {
      const sessions = yield* io("SessionArchive.list", () => Fs.readdir(Path.join(directory, day)), [])
      for (const session of sessions) all.push(Path.join(directory, day, session))
    }
    return all
  })
  const folderOf = (id: string) => Effect.map(folders, (all) => all.filter((folder) => Path.basename(folder) === id))

  const remove = (folder: string) =>
    io("SessionArchive.erase", async () => {
      await Fs.rm(folder, { recursive: true, force: true })
      // the directory of the day is removed with its last session
      await Fs.rmdir(Path.dirname(folder)).catch(() => {})
    }, undefined)

  const eraseWhere = (matches: (folder: string) => Effect.Effect<boolean, PipelineError>) =>
    lock.withPermits(1)(Effect.gen(function*() {
      const found = yield* Effect.filter(yield* folders, matches)
      yield* Effect.forEach(found, remove, { discard: true })
      return found.length
    }))

  const exclusive = <A, E>(effect: Effect.Effect<A, E>) => Effect.uninterruptible(lock.withPermits(1)(effect))

  /** The folder of a session, if it retains this kind of data. */
  const folderFor = Effect.fnUntraced(function*(session: string, dataType: DataType) {
    const folder = recording.get(session)
    if (folder === undefined) return undefined
    const manifest = yield* read(folder)
    return manifest?.expiresAt[dataType] === undefined ? undefined : folder
  })

  const begin: SessionArchive["Service"]["begin"] = Effect.fnUntraced(function*(entry) {
    const id = yield* checkId("SessionArchive.begin", entry.session)
    const userHash = yield* hash(entry.userId)
    return yield* exclusive(Effect.gen(function*() {
      const now = clock.currentTimeMillisUnsafe()
      const [known] = yield* folderOf(id)
      const folder = known ?? Path.join(directory, new Date(now).toISOString().slice(0, 10), id)
      yield* io("SessionArchive.begin", () => Fs.mkdir(folder, { recursive: true, mode: 0o700 }), undefined)
      const existing = yield* read(folder)
      const keptSince = existing?.keptSince ?? now
      // the manifest comes before the files, because a file without an expiry would stay for ever
      yield* writeManifest(folder, {
        session: id,
        userHash,
        keptSince,
        expiresAt: { ...existing?.expiresAt, ...expiriesFrom(entry.periods, now) }
      })
      recording.set(id, folder)
      return keptSince
    }))
  })

  const write: SessionArchive["Service"]["write"] = (session, dataType, content) =>
    exclusive(Effect.gen(function*() {
      const folder = yield* folderFor(session, dataType)
      if (folder === undefined) return false
      yield* replaceFile(Path.join(folder, FILE_NAMES[dataType]), content)
      return true
    }))

  const append: SessionArchive["Service"]["append"] = (session, dataType, content, at) =>
    exclusive(Effect.gen(function*() {
      const folder = yield* folderFor(session, dataType)
      if (folder === undefined) return false
      yield* writeInto(Path.join(folder, FILE_NAMES[dataType]), content, at)
      return true
    }))

  const finish: SessionArchive["Service"]["finish"] = (session, periods) =>
    exclusive(Effect.gen(function*() {
      const folder = recording.get(session)
      recording.delete(session)
      const manifest = folder === undefined ? undefined : yield* read(folder)
      if (folder === undefined || manifest === undefined) return
      const until = expiriesFrom(periods, clock.currentTimeMillisUnsafe())
      const expiresAt = Object.fromEntries(
        Object.entries(manifest.expiresAt).map(([type, at]) => [type, until[type] ?? at])
      )
      yield* writeManifest(folder, { ...manifest, expiresAt })
      yield* io("SessionArchive.finish", () => patchLength(Path.join(folder, FILE_NAMES.audio)), undefined)
    }))

  return SessionArchive.of({
    begin,
    write,
    append,
    finish,
    /** Lists what is stored of a session. */
    list: Effect.fnUntraced(function*(session: string) {
      const stored: Array<ArchivedSession> = []
      for (const folder of yield* folderOf(yield* checkId("SessionArchive.list", session))) {
        const manifest = yield* read(folder)
        for (const dataType of types) {
          const expiresAt = manifest?.expiresAt[dataType]
          const file = FILE_NAMES[dataType]
          const stat = yield* io("SessionArchive.list", () => Fs.stat(Path.join(folder, file)), undefined)
          if (expiresAt !== undefined && stat !== undefined) {
            stored.push({ dataType, file, bytes: stat.size, expiresAt })
          }
        }
      }
      return stored
    }),
    /** Erases a session; returns the number of folders. */
    erase: (session: string) =>
      Effect.flatMap(
        checkId("SessionArchive.erase", session),
        (id) => eraseWhere((folder) => Effect.succeed(Path.basename(folder) === id))
      ),
    /** Erases a user's sessions; returns their number. */
    eraseUser: (userId: string) =>
      Effect.flatMap(
        hash(userId),
        (userHash) => eraseWhere((folder) => Effect.map(read(folder), (manifest) => manifest?.userHash === userHash))
      ),
    /** Deletes expired files and empty folders; returns the number of files. */
    sweep: exclusive(Effect.gen(function*() {
      const now = clock.currentTimeMillisUnsafe()
      let deleted = 0
      for (const folder of yield* folders) {
        // the retention periods of a session begin at its end
        if (recording.get(Path.basename(folder)) === folder) continue
        const manifest = yield* read(folder)
        if (manifest === undefined) {
          // without a manifest the expiry is unknown
          yield* remove(folder)
          deleted++
          continue
        }
        yield* io("SessionArchive.sweep", () => patchLength(Path.join(folder, FILE_NAMES.audio)), undefined)
        const left = types.filter((type) => (manifest.expiresAt[type] ?? 0) > now)
        const expired = types.filter((type) => type in manifest.expiresAt && !left.includes(type))
        if (expired.length === 0) continue
        deleted += expired.length
        if (left.length === 0) {
          yield* remove(folder)
          continue
        }
        for (const type of expired) {
          yield* io(
            "SessionArchive.sweep",
            () => Fs.rm(Path.join(folder, FILE_NAMES[type]), { force: true }),
            undefined
          )
          // left by a crash during a write
          yield* io(
            "SessionArchive.sweep",
            () => Fs.rm(Path.join(folder, `${FILE_NAMES[type]}.new`), { force: true }),
            undefined
          )
        }
        const expiresAt = Object.fromEntries(left.map((type) => [type, manifest.expiresAt[type] ?? 0]))
        yield* writeManifest(folder, { ...manifest, expiresAt })
      }
      return deleted
    }))
  })
})

/**
 * Provides the archive in a directory.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (directory: string): Layer.Layer<SessionArchive> => Layer.effect(SessionArchive, make(directory))
