/**
 * A session archive in a directory: recordings, transcripts, metadata and events of sessions. Each kind of data is a file of
 * its own, so that it can expire and be erased separately.
 *
 * Layout: `<directory>/<yyyy-mm-dd>/<session id>/`, directories 0700, files 0600, with a `manifest.json` that says who records
 * the session, and when each kind of data expires. The user appears in it as a hash only. Several processes may use one
 * directory, also on several machines over a shared mount.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Wav from "../audio/Wav.ts"
import { InvalidConfig } from "../BackendError.ts"
import { finalizeWithin } from "../Deadline.ts"
import type { DataType } from "../hooks/DataRetentionHook.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import * as OwnServices from "../session/OwnServices.ts"
import { type ArchivedSession, SessionArchive } from "../session/retention/SessionArchive.ts"
import * as ArchiveErasure from "./ArchiveErasure.ts"
import type { Recording, Unbegun } from "./ArchiveErasure.ts"
import { ArchiveFault, toError } from "./ArchiveFault.ts"
import {
  checkSessionFolder,
  makeSessionFolder,
  orAbsent,
  patchLength,
  readFile,
  replaceFile,
  tryWriting,
  writeInto
} from "./ArchiveFiles.ts"
import * as ArchiveIndex from "./ArchiveIndex.ts"
import * as ArchiveManifest from "./ArchiveManifest.ts"
import { ArchiveOwners } from "./ArchiveOwners.ts"
import { ArchiveQueue } from "./ArchiveQueue.ts"
import { ArchiveSecrets } from "./ArchiveSecrets.ts"
import * as ArchiveSweep from "./ArchiveSweep.ts"
import * as StoreOwner from "./StoreOwner.ts"

export { FILE_NAMES } from "./ArchiveManifest.ts"

/** How long the archive's scope waits for the recordings that nobody has finished. */
const CLOSE_DEADLINE = "2 seconds"

/** Sessions that could not be begun that are remembered. */
const MAX_UNBEGUN = 10_000
/** Gaps of former processes that are kept. */
const MAX_FORMER_GAPS = 100
/** A longer file of a session is not read. */
const MAX_READ_BYTES = 64 * 1_048_576

const checkId = (op: string, id: string) =>
  ArchiveIndex.isSessionId(id)
    ? Effect.succeed(id)
    : Effect.fail(new InvalidConfig({ op, message: "invalid session id: expected 1 to 128 of A-Z a-z 0-9 _ -" }))

/**
 * Opens the archive in a directory, as one owner of recordings. The operations of one session run one after another, and none
 * waits for those of another session. When the present scope is closed, if there is one, recordings that were not finished
 * are.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(directory: string) {
  const clock = yield* Clock.Clock
  const owner = StoreOwner.make()
  const writer = Crypto.randomBytes(6).toString("hex")
  const queue = new ArchiveQueue()
  const recording = new Map<string, Recording>()
  const unbegun = new Map<string, Unbegun>()
  const secrets = new ArchiveSecrets(directory)
  const wallMs = () => clock.currentTimeMillisUnsafe()
  const nowMs = () => MonotonicTime.nowMs(clock)

  const locked = <A>(op: string, session: string, run: () => Promise<A>) =>
    Effect.tryPromise({ try: () => queue.run(session, run), catch: toError(op) })

  /** The folders of a session; there may be several, of several days. */
  const foldersOf = async (session: string): Promise<ReadonlyArray<string>> => {
    const found: Array<string> = []
    for (const day of await ArchiveIndex.days(directory)) {
      const folder = Path.join(directory, day, session)
      const stat = await orAbsent(Fs.lstat(folder), undefined)
      if (stat?.isDirectory() === true) found.push(folder)
    }
    return found
  }

  /** The manifest of a session that this archive may write; `undefined` when it was erased or belongs to another process now. */
  const owned = async (
    session: string
  ): Promise<Pick<Recording, "folder" | "written"> & { manifest: ArchiveManifest.Manifest } | undefined> => {
    const known = recording.get(session)
    if (known === undefined || known.erased) return undefined
    const { folder, written } = known
    await checkSessionFolder(folder)
    const manifest = await ArchiveManifest.read(folder)
    if (manifest === undefined) throw new ArchiveFault("LOST")
    if (manifest.erased === true) {
      recording.set(session, { ...known, erased: true })
      return undefined
    }
    // another process continues it
    if (manifest.owner !== undefined && manifest.owner !== owner) return undefined
    if (manifest.owner === owner) return { folder, manifest, written }
    // it was taken for the recording of a process that is gone
    const { expiresAt, periods = {}, ...rest } = manifest
    const others = Object.fromEntries(Object.entries(expiresAt).filter(([type]) => !(type in periods)))
    const again = { ...rest, expiresAt: others, periods, owner, seenAt: wallMs() }
    await ArchiveManifest.write(folder, again, writer)
    return { folder, manifest: again, written }
  }

  const begin: SessionArchive["Service"]["begin"] = Effect.fnUntraced(function*(entry) {
    const id = yield* checkId("SessionArchive.begin", entry.session)
    unbegun.set(id, { userId: entry.userId, erased: unbegun.get(id)?.erased ?? false })
    const [oldest] = unbegun.keys()
    if (unbegun.size > MAX_UNBEGUN && oldest !== undefined) unbegun.delete(oldest)
    return yield* locked("SessionArchive.begin", id, async () => {
      const secret = await secrets.current()
      const now = wallMs()
      const known = recording.get(id)?.folder ?? (await foldersOf(id))[0]
      const folder = known ?? Path.join(directory, new Date(now).toISOString().slice(0, 10), id)
      await makeSessionFolder(folder)
      const existing = await ArchiveManifest.read(folder)
      const erased = existing?.erased === true || recording.get(id)?.erased === true ||
        unbegun.get(id)?.erased === true
      const keptSince = existing?.keptSince ?? entry.startedAtMs ?? now
      const periods = ArchiveManifest.toMillis(entry.periods)
      // what was recorded before and is not any more expires as if the recording had ended
      const former = existing?.owner === undefined
        ? existing
        : ArchiveManifest.finish(existing, existing.seenAt ?? now)
      const expiresAt = Object.entries(former?.expiresAt ?? {}).filter(([type]) => !(type in periods))
      // the manifest comes before the files, because nobody would know whose a file without it is
      await ArchiveManifest.write(folder, {
        version: 2,
        session: id,
        userHash: erased ? "" : ArchiveSecrets.hash(secret, entry.userId),
        key: ArchiveSecrets.keyOf(secret),
        keptSince,
        expiresAt: erased ? {} : Object.fromEntries(expiresAt),
        owner,
        seenAt: now,
        periods: erased ? {} : periods,
        ...(existing?.gaps === undefined ? {} : { gaps: existing.gaps }),
        ...(erased ? { erased } : {})
      }, writer)
      const formerGaps = recording.get(id)?.formerGaps ?? existing?.gaps?.slice(-MAX_FORMER_GAPS) ?? []
      recording.set(id, { folder, userId: entry.userId, formerGaps, erased, written: new Set() })
      unbegun.delete(id)
      return keptSince
    })
  })

  /** Writes one kind of data, if it is kept of the session. */
  const store = (
    op: string,
    session: string,
    dataType: DataType,
    put: (path: string, isWritten: boolean) => Promise<void>
  ) =>
    locked(op, session, async () => {
      const found = await owned(session)
      if (found?.manifest.periods?.[dataType] === undefined) return false
      const { folder, written } = found
      await put(Path.join(folder, ArchiveManifest.FILE_NAMES[dataType]), written.has(dataType))
      written.add(dataType)
      return true
    })

  const renew: SessionArchive["Service"]["renew"] = (session, gaps) =>
    locked("SessionArchive.renew", session, async () => {
      const found = await owned(session)
      if (found === undefined) return false
      const all = [...recording.get(session)?.formerGaps ?? [], ...gaps]
      const next = { ...found.manifest, seenAt: wallMs(), ...(all.length === 0 ? {} : { gaps: all }) }
      await ArchiveManifest.write(found.folder, next, writer)
      return true
    })

  const finish: SessionArchive["Service"]["finish"] = (session, periods) =>
    locked("SessionArchive.finish", session, async () => {
      const known = recording.get(session)
      recording.delete(session)
      unbegun.delete(session)
      if (known === undefined) return
      const { folder } = known
      const manifest = await ArchiveManifest.read(folder)
      // another process continues it, or will see that nobody does
      if (manifest === undefined || manifest.owner !== owner) return
      if (manifest.erased === true) return ArchiveSweep.removeFolder(folder)
      // in place, so that it works on a full disk as well; then a sweep does the rest later
      await orAbsent(patchLength(Path.join(folder, ArchiveManifest.FILE_NAMES.audio)), undefined)
      const ended = ArchiveManifest.finish(manifest, wallMs(), ArchiveManifest.toMillis(periods))
      await ArchiveManifest.write(folder, ended, writer)
    })

  const owners = new ArchiveOwners(owner, nowMs)

  const list = async (session: string): Promise<ReadonlyArray<ArchivedSession>> => {
    const stored: Array<ArchivedSession> = []
    for (const folder of await foldersOf(session)) {
      const manifest = await ArchiveManifest.read(folder)
      if (manifest === undefined) continue
      for (const dataType of ArchiveManifest.types) {
        const file = ArchiveManifest.FILE_NAMES[dataType]
        const expiresAt = ArchiveManifest.expiryOf(manifest, dataType, wallMs())
        const stat = await orAbsent(Fs.lstat(Path.join(folder, file)), undefined)
        if (expiresAt !== undefined && stat !== undefined) stored.push({ dataType, file, bytes: stat.size, expiresAt })
      }
    }
    return stored
  }

  const erasure = ArchiveErasure.make({ directory, recording, unbegun, foldersOf, owners, secrets, locked, writer })

  const sweeping = yield* Semaphore.make(1)
  const isRecording = (session: string) => recording.has(session)
  const sweep = ArchiveSweep.make({ directory, queue, owners, writer, isRecording, wallMs, nowMs })

  const scope = yield* Effect.serviceOption(Scope.Scope)
  if (Option.isSome(scope)) {
    yield* Scope.addFinalizer(
      scope.value,
      Effect.suspend(() =>
        Effect.forEach(recording.keys(), (session) => Effect.ignore(finish(session, {})), { discard: true })
      ).pipe(finalizeWithin(CLOSE_DEADLINE))
    )
  }

  return OwnServices.add(SessionArchive.of({
    begin,
    write: (session, dataType, content) =>
      store("SessionArchive.write", session, dataType, (path) => replaceFile(path, content, writer)),
    append: (session, dataType, content, at) =>
      store("SessionArchive.append", session, dataType, (path, isWritten) => {
        const before = isWritten ? at ?? 1 : 0
        // a recording has silence where nothing was written
        return writeInto(path, content, at, dataType === "audio" ? Math.min(Wav.headerBytes, before) : before)
      }),
    read: (session, dataType) =>
      locked("SessionArchive.read", session, async () => {
        const found = await owned(session)
        return found === undefined
          ? undefined
          : readFile(Path.join(found.folder, ArchiveManifest.FILE_NAMES[dataType]), MAX_READ_BYTES)
      }),
    renew,
    finish,
    list: (session) =>
      Effect.flatMap(
        checkId("SessionArchive.list", session),
        (id) => Effect.tryPromise({ try: () => list(id), catch: toError("SessionArchive.list") })
      ),
    erase: (session) =>
      Effect.flatMap(
        checkId("SessionArchive.erase", session),
        (id) => locked("SessionArchive.erase", id, () => erasure.session(id))
      ),
    eraseUser: erasure.user,
    sweep: sweeping.withPermits(1)(sweep),
    probe: Effect.tryPromise({ try: () => tryWriting(directory, writer), catch: toError("SessionArchive.probe") })
  }))
})

/**
 * Provides the archive in a directory.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (directory: string): Layer.Layer<SessionArchive> => Layer.effect(SessionArchive, make(directory))
