/**
 * The disk side of data retention: what is kept of sessions, each kind of data in a file of its own, so that each can
 * expire alone, and be erased.
 *
 * Layout: `<directory>/<yyyy-mm-dd>/<session id>/`, directories 0700, files 0600, with a `manifest.json` that says until
 * when each kind may stay. The user stands in it as a hash only.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { InvalidConfig, PipelineError } from "../BackendError.ts"
import type { DataType } from "../hooks/DataRetentionHook.ts"

/**
 * The file of each kind of data.
 *
 * @category constants
 * @since 0.1.0
 */
export const files: { readonly [Type in DataType]: string } = {
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

/**
 * One file that is kept; times are Unix time in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface Kept {
  readonly dataType: DataType
  readonly file: string
  readonly bytes: number
  readonly expiresAt: number
}

const fail = (op: string) => (cause: unknown) =>
  new PipelineError({ op, message: "the archive's disk failed", cause, retryable: true })
const isAbsent = (cause: unknown) => cause instanceof Error && "code" in cause && cause.code === "ENOENT"

/** What is not there gives the fallback. */
const io = <A>(op: string, run: () => Promise<A>, absent: A) =>
  Effect.tryPromise({
    try: () =>
      run().catch((cause: unknown) => {
        if (isAbsent(cause)) return absent
        throw cause
      }),
    catch: fail(op)
  })

const hash = (userId: string) => Crypto.createHash("sha256").update(userId).digest("hex")

const checkId = (op: string, id: string) =>
  /^[A-Za-z0-9_-]{1,128}$/.test(id)
    ? Effect.succeed(id)
    : Effect.fail(new InvalidConfig({ op, message: "session id: expected 1 to 128 of A-Z a-z 0-9 _ -" }))

/**
 * Opens the archive in a directory; its operations exclude each other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(directory: string) {
  const clock = yield* Clock.Clock
  const lock = yield* Semaphore.make(1)

  const read = (folder: string) =>
    io("Archive.read", (): Promise<string | undefined> => Fs.readFile(Path.join(folder, MANIFEST), "utf8"), undefined)
      .pipe(
        Effect.flatMap((text) => text === undefined ? Effect.undefined : Schema.decodeEffect(Manifest)(text)),
        // a manifest that cannot be read says nothing
        Effect.catchTag("SchemaError", () => Effect.undefined)
      )

  /** Replaces a file as a whole, or not at all. */
  const replace = (path: string, content: string | Uint8Array) =>
    io("Archive.write", async () => {
      await Fs.writeFile(`${path}.new`, content, { mode: 0o600 })
      await Fs.rename(`${path}.new`, path)
    }, undefined)

  const writeManifest = (folder: string, manifest: Manifest) =>
    Effect.flatMap(
      Effect.orDie(Schema.encodeEffect(Manifest)(manifest)),
      (text) => replace(Path.join(folder, MANIFEST), text)
    )

  const folders = Effect.gen(function*() {
    const days = yield* io("Archive.list", () => Fs.readdir(directory), [])
    const all: Array<string> = []
    for (const day of days.filter((name) => /^\d{4}-\d\d-\d\d$/.test(name))) {
      const sessions = yield* io("Archive.list", () => Fs.readdir(Path.join(directory, day)), [])
      for (const session of sessions) all.push(Path.join(directory, day, session))
    }
    return all
  })
  const folderOf = (id: string) => Effect.map(folders, (all) => all.filter((folder) => Path.basename(folder) === id))

  const remove = (folder: string) =>
    io("Archive.erase", async () => {
      await Fs.rm(folder, { recursive: true, force: true })
      // the day goes with its last session
      await Fs.rmdir(Path.dirname(folder)).catch(() => {})
    }, undefined)

  const eraseWhere = (which: (folder: string) => Effect.Effect<boolean, PipelineError>) =>
    lock.withPermits(1)(Effect.gen(function*() {
      const found = yield* Effect.filter(yield* folders, which)
      yield* Effect.forEach(found, remove, { discard: true })
      return found.length
    }))

  return {
    /** Keeps one kind of a session's data for a period from now; what was there of that kind is replaced. */
    put: Effect.fnUntraced(function*(entry: {
      readonly session: string
      readonly userId: string
      readonly dataType: DataType
      readonly content: string | Uint8Array
      readonly period: Duration.Duration
    }) {
      const id = yield* checkId("Archive.put", entry.session)
      yield* lock.withPermits(1)(Effect.gen(function*() {
        const now = clock.currentTimeMillisUnsafe()
        const [known] = yield* folderOf(id)
        const folder = known ?? Path.join(directory, new Date(now).toISOString().slice(0, 10), id)
        yield* io("Archive.put", () => Fs.mkdir(folder, { recursive: true, mode: 0o700 }), undefined)
        const former = yield* read(folder)
        // the manifest first: a file that nobody expires must not be
        yield* writeManifest(folder, {
          session: id,
          userHash: hash(entry.userId),
          keptSince: former?.keptSince ?? now,
          expiresAt: { ...former?.expiresAt, [entry.dataType]: now + Duration.toMillis(entry.period) }
        })
        yield* replace(Path.join(folder, files[entry.dataType]), entry.content)
      }))
    }),
    /** What is kept of a session. */
    list: Effect.fnUntraced(function*(session: string) {
      const kept: Array<Kept> = []
      for (const folder of yield* folderOf(yield* checkId("Archive.list", session))) {
        const manifest = yield* read(folder)
        for (const dataType of types) {
          const expiresAt = manifest?.expiresAt[dataType]
          const file = files[dataType]
          const stat = yield* io("Archive.list", () => Fs.stat(Path.join(folder, file)), undefined)
          if (expiresAt !== undefined && stat !== undefined) kept.push({ dataType, file, bytes: stat.size, expiresAt })
        }
      }
      return kept
    }),
    /** Erases all that is kept of a session; how many folders went. */
    erase: (session: string) =>
      Effect.flatMap(
        checkId("Archive.erase", session),
        (id) => eraseWhere((folder) => Effect.succeed(Path.basename(folder) === id))
      ),
    /** Erases all that is kept of a user; how many sessions went. */
    eraseUser: (userId: string) =>
      eraseWhere((folder) => Effect.map(read(folder), (manifest) => manifest?.userHash === hash(userId))),
    /** Deletes what has expired, and folders of which nothing is left; how many files went. */
    sweep: lock.withPermits(1)(Effect.gen(function*() {
      const now = clock.currentTimeMillisUnsafe()
      let deleted = 0
      for (const folder of yield* folders) {
        const manifest = yield* read(folder)
        if (manifest === undefined) continue
        const left = types.filter((type) => (manifest.expiresAt[type] ?? 0) > now)
        const gone = types.filter((type) => type in manifest.expiresAt && !left.includes(type))
        if (gone.length === 0) continue
        deleted += gone.length
        if (left.length === 0) {
          yield* remove(folder)
          continue
        }
        for (const type of gone) {
          yield* io("Archive.sweep", () => Fs.rm(Path.join(folder, files[type]), { force: true }), undefined)
          // of a write that a crash cut
          yield* io("Archive.sweep", () => Fs.rm(Path.join(folder, `${files[type]}.new`), { force: true }), undefined)
        }
        const expiresAt = Object.fromEntries(left.map((type) => [type, manifest.expiresAt[type] ?? 0]))
        yield* writeManifest(folder, { ...manifest, expiresAt })
      }
      return deleted
    }))
  }
})

/**
 * @category models
 * @since 0.1.0
 */
export type ArchiveDirectory = Effect.Success<ReturnType<typeof make>>
