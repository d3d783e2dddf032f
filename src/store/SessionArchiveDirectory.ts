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
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Crypto from "node:crypto"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Wav from "../audio/Wav.ts"
import { InvalidConfig, PipelineError } from "../BackendError.ts"
import type { DataType } from "../hooks/DataRetentionHook.ts"
import type { Periods } from "../hooks/RetentionPolicy.ts"
import { type ArchivedSession, SessionArchive } from "../session/retention/SessionArchive.ts"

/**
 * The file of each kind of data.
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

const SECRET = ".secret"

const types: ReadonlyArray<DataType> = ["audio", "transcript", "metadata", "events"]
const MANIFEST = "manifest.json"

const Manifest = Schema.fromJsonString(Schema.Struct({
  session: Schema.String,
  userHash: Schema.String,
  keptSince: Schema.Finite,
  expiresAt: Schema.Record(Schema.String, Schema.Finite)
}))
type Manifest = typeof Manifest.Type

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

/** The secret of a directory, made once however many processes ask: it appears under its name complete, or not at all. */
const readSecret = async (directory: string): Promise<Buffer> => {
  const path = Path.join(directory, SECRET)
  const known = await Fs.readFile(path).catch(() => undefined)
  if (known !== undefined) return known
  await Fs.mkdir(directory, { recursive: true, mode: 0o700 })
  const draft = `${path}.${Crypto.randomUUID()}`
  await Fs.writeFile(draft, Crypto.randomBytes(32), { mode: 0o600, flag: "wx" })
  await Fs.link(draft, path).catch((cause: unknown) => {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause
  }).finally(() => Fs.rm(draft, { force: true }))
  return Fs.readFile(path)
}

/** Gives a recording its length, as far as it has been written. */
const patchLength = async (path: string): Promise<void> => {
  const file = await Fs.open(path, "r+")
  try {
    const { size } = await file.stat()
    if (size < Wav.headerBytes) return
    const header = new Uint8Array(Wav.headerBytes)
    await file.read(header, 0, header.length, 0)
    const before = header.slice()
    Wav.patch(header, (size - Wav.headerBytes) & ~3)
    if (before.some((byte, index) => byte !== header[index])) await file.write(header, 0, header.length, 0)
  } finally {
    await file.close()
  }
}

/** Until when each kind may stay that is kept from now on. */
const expiries = (periods: Periods, now: number): { readonly [type: string]: number } =>
  Object.fromEntries(types.flatMap((type) => {
    const period = periods[type]
    return period === undefined ? [] : [[type, now + Duration.toMillis(period)]]
  }))

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
  /** The folders of the sessions that this process is writing to. */
  const running = new Map<string, string>()
  // a user who is known by a plain hash can be found by trying names
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
        // a manifest that cannot be read says nothing
        Effect.catchTag("SchemaError", () => Effect.undefined)
      )

  /** Replaces a file as a whole, or not at all. */
  const replace = (path: string, content: string | Uint8Array) =>
    io("SessionArchive.write", async () => {
      await Fs.writeFile(`${path}.new`, content, { mode: 0o600 })
      await Fs.rename(`${path}.new`, path)
    }, undefined)

  const writeManifest = (folder: string, manifest: Manifest) =>
    Effect.flatMap(
      Effect.orDie(Schema.encodeEffect(Manifest)(manifest)),
      (text) => replace(Path.join(folder, MANIFEST), text)
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
      // the day goes with its last session
      await Fs.rmdir(Path.dirname(folder)).catch(() => {})
    }, undefined)

  const eraseWhere = (which: (folder: string) => Effect.Effect<boolean, PipelineError>) =>
    lock.withPermits(1)(Effect.gen(function*() {
      const found = yield* Effect.filter(yield* folders, which)
      yield* Effect.forEach(found, remove, { discard: true })
      return found.length
    }))

  const exclusive = <A, E>(effect: Effect.Effect<A, E>) => Effect.uninterruptible(lock.withPermits(1)(effect))

  /** The folder of a session that keeps this kind. */
  const keeping = Effect.fnUntraced(function*(session: string, dataType: DataType) {
    const folder = running.get(session)
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
      const former = yield* read(folder)
      const keptSince = former?.keptSince ?? now
      // before the files: one that nobody expires must not be
      yield* writeManifest(folder, {
        session: id,
        userHash,
        keptSince,
        expiresAt: { ...former?.expiresAt, ...expiries(entry.periods, now) }
      })
      running.set(id, folder)
      return keptSince
    }))
  })

  const write: SessionArchive["Service"]["write"] = (session, dataType, content) =>
    exclusive(Effect.gen(function*() {
      const folder = yield* keeping(session, dataType)
      if (folder === undefined) return false
      yield* replace(Path.join(folder, FILE_NAMES[dataType]), content)
      return true
    }))

  const append: SessionArchive["Service"]["append"] = (session, dataType, content, at) =>
    exclusive(Effect.gen(function*() {
      const folder = yield* keeping(session, dataType)
      if (folder === undefined) return false
      yield* io("SessionArchive.append", async () => {
        const flags = at === undefined ? constants.O_APPEND : 0
        const file = await Fs.open(
          Path.join(folder, FILE_NAMES[dataType]),
          constants.O_WRONLY | constants.O_CREAT | flags,
          0o600
        )
        try {
          for (let done = 0; done < content.length;) {
            const { bytesWritten } = await file.write(
              content,
              done,
              content.length - done,
              at === undefined ? null : at + done
            )
            done += bytesWritten
          }
        } finally {
          await file.close()
        }
      }, undefined)
      return true
    }))

  const finish: SessionArchive["Service"]["finish"] = (session, periods) =>
    exclusive(Effect.gen(function*() {
      const folder = running.get(session)
      running.delete(session)
      const manifest = folder === undefined ? undefined : yield* read(folder)
      if (folder === undefined || manifest === undefined) return
      const until = expiries(periods, clock.currentTimeMillisUnsafe())
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
    /** What is kept of a session. */
    list: Effect.fnUntraced(function*(session: string) {
      const kept: Array<ArchivedSession> = []
      for (const folder of yield* folderOf(yield* checkId("SessionArchive.list", session))) {
        const manifest = yield* read(folder)
        for (const dataType of types) {
          const expiresAt = manifest?.expiresAt[dataType]
          const file = FILE_NAMES[dataType]
          const stat = yield* io("SessionArchive.list", () => Fs.stat(Path.join(folder, file)), undefined)
          if (expiresAt !== undefined && stat !== undefined) kept.push({ dataType, file, bytes: stat.size, expiresAt })
        }
      }
      return kept
    }),
    /** Erases all that is kept of a session; how many folders went. */
    erase: (session: string) =>
      Effect.flatMap(
        checkId("SessionArchive.erase", session),
        (id) => eraseWhere((folder) => Effect.succeed(Path.basename(folder) === id))
      ),
    /** Erases all that is kept of a user; how many sessions went. */
    eraseUser: (userId: string) =>
      Effect.flatMap(
        hash(userId),
        (userHash) => eraseWhere((folder) => Effect.map(read(folder), (manifest) => manifest?.userHash === userHash))
      ),
    /** Deletes what has expired, and folders of which nothing is left; how many files went. */
    sweep: exclusive(Effect.gen(function*() {
      const now = clock.currentTimeMillisUnsafe()
      let deleted = 0
      for (const folder of yield* folders) {
        // a running session's periods have not begun
        if (running.get(Path.basename(folder)) === folder) continue
        const manifest = yield* read(folder)
        if (manifest === undefined) {
          // nobody knows any more until when this may stay
          yield* remove(folder)
          deleted++
          continue
        }
        yield* io("SessionArchive.sweep", () => patchLength(Path.join(folder, FILE_NAMES.audio)), undefined)
        const left = types.filter((type) => (manifest.expiresAt[type] ?? 0) > now)
        const gone = types.filter((type) => type in manifest.expiresAt && !left.includes(type))
        if (gone.length === 0) continue
        deleted += gone.length
        if (left.length === 0) {
          yield* remove(folder)
          continue
        }
        for (const type of gone) {
          yield* io(
            "SessionArchive.sweep",
            () => Fs.rm(Path.join(folder, FILE_NAMES[type]), { force: true }),
            undefined
          )
          // of a write that a crash cut
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
 * The archive in a directory.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (directory: string): Layer.Layer<SessionArchive> => Layer.effect(SessionArchive, make(directory))
