/**
 * Deletes from an archive what has expired, and ends the recordings of processes that are gone.
 *
 * It never touches a session that a living process records, whichever process that is, and holds nobody up: it locks one
 * session at a time, reads the manifests of new and due sessions only, and pauses in between when there are many.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import type { PipelineError } from "../BackendError.ts"
import { toError } from "./ArchiveFault.ts"
import { orAbsent, patchLength } from "./ArchiveFiles.ts"
import { ArchiveIndex } from "./ArchiveIndex.ts"
import * as ArchiveManifest from "./ArchiveManifest.ts"
import type { ArchiveOwners } from "./ArchiveOwners.ts"
import type { ArchiveQueue } from "./ArchiveQueue.ts"

const op = "SessionArchive.sweep"
/** After so many sessions the sweep pauses: a third of the time is spent on it, however many there are. */
const SESSIONS_AT_ONCE = 250
const PAUSE = "100 millis"
/** A folder without a readable manifest is deleted when nothing has changed in it for a minute. */
const UNREADABLE_MS = 60_000
const MAX_UNREADABLE = 10_000

/**
 * @category models
 * @since 0.1.0
 */
export interface ArchiveSweepOptions {
  readonly directory: string
  readonly queue: ArchiveQueue
  readonly owners: ArchiveOwners
  /** Names this process in temporary files. */
  readonly writer: string
  /** Whether this archive records the session. */
  readonly isRecording: (session: string) => boolean
  /** Unix time in ms. */
  readonly wallMs: () => number
  /** Monotonic time in ms. */
  readonly nowMs: () => number
}

interface Outcome {
  /** How many kinds of data were deleted. */
  readonly deleted: number
  /** When to look at the session again, in Unix time in ms; `undefined` when it is gone. */
  readonly dueMs: number | undefined
}

const gone = (deleted: number): Outcome => ({ deleted, dueMs: undefined })

/**
 * Removes the folder of a session, and that of its day when it was the last.
 *
 * @category operations
 * @since 0.1.0
 */
export const removeFolder = async (folder: string): Promise<void> => {
  await Fs.rm(folder, { recursive: true, force: true })
  await Fs.rmdir(Path.dirname(folder)).catch(() => {})
}

/**
 * Removes the file of a kind of data, and what a crash while it was written has left.
 *
 * @category operations
 * @since 0.1.0
 */
export const removeFiles = async (folder: string, names: ReadonlyArray<string>): Promise<void> => {
  for (const entry of await orAbsent(Fs.readdir(folder), [])) {
    if (names.some((name) => entry === name || (entry.startsWith(`${name}.`) && entry.endsWith(".new")))) {
      await Fs.rm(Path.join(folder, entry), { force: true })
    }
  }
}

/** Whether the archive has made all that is in a folder. */
const isOurs = (entry: string): boolean =>
  [ArchiveManifest.NAME, ...Object.values(ArchiveManifest.FILE_NAMES)].some((name) =>
    entry === name || entry.startsWith(`${name}.`)
  )

/**
 * Makes the sweep of an archive. It counts the kinds of data that it deleted. A session that cannot be looked at does not
 * keep it from the others; it then fails at its end, with the cause of the first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: ArchiveSweepOptions): Effect.Effect<number, PipelineError> => {
  const { directory, isRecording, nowMs, owners, queue, wallMs, writer } = options
  const index = new ArchiveIndex(directory, nowMs)
  /** Folders without a readable manifest: what was in them, and since when. */
  const unreadable = new Map<string, { readonly content: string; readonly sinceMs: number }>()
  const foreign = new Set<string>()

  const sweepUnreadable = async (folder: string): Promise<Outcome> => {
    const again: Outcome = { deleted: 0, dueMs: wallMs() }
    const names = await orAbsent(Fs.readdir(folder), undefined)
    if (names === undefined) return gone(0)
    if (!names.every(isOurs)) {
      if (foreign.size < MAX_UNREADABLE) foreign.add(folder)
      // looked at again when the folder of its day is read anew
      return { deleted: 0, dueMs: Number.POSITIVE_INFINITY }
    }
    const stats = await Promise.all(names.map((name) => orAbsent(Fs.lstat(Path.join(folder, name)), undefined)))
    const content = JSON.stringify(names.map((name, i) => [name, stats[i]?.size, stats[i]?.mtimeMs]))
    const before = unreadable.get(folder)
    if (before === undefined || before.content !== content) {
      if (unreadable.size < MAX_UNREADABLE) unreadable.set(folder, { content, sinceMs: nowMs() })
      return again
    }
    if (nowMs() - before.sinceMs < UNREADABLE_MS) return again
    unreadable.delete(folder)
    await removeFolder(folder)
    return gone(1)
  }

  const endRecording = async (folder: string, manifest: ArchiveManifest.Manifest) => {
    await orAbsent(patchLength(Path.join(folder, ArchiveManifest.FILE_NAMES.audio)), undefined)
    if (manifest.owner === undefined) return manifest
    const ended = ArchiveManifest.finish(manifest, manifest.seenAt ?? wallMs())
    await ArchiveManifest.write(folder, ended, writer)
    return ended
  }

  const deleteExpired = async (folder: string, manifest: ArchiveManifest.Manifest): Promise<Outcome> => {
    const now = wallMs()
    const kept = Object.entries(manifest.expiresAt).filter(([, at]) => at > now)
    const expired = ArchiveManifest.types.filter((type) => (manifest.expiresAt[type] ?? now + 1) <= now)
    if (kept.length === 0) {
      await removeFolder(folder)
      owners.forget(manifest.session)
      return gone(expired.length)
    }
    if (expired.length > 0) {
      await removeFiles(folder, expired.map((type) => ArchiveManifest.FILE_NAMES[type]))
      await ArchiveManifest.write(folder, { ...manifest, expiresAt: Object.fromEntries(kept) }, writer)
    }
    return { deleted: expired.length, dueMs: Math.min(...kept.map(([, at]) => at)) }
  }

  const look = async (day: string, session: string, isNew: boolean): Promise<Outcome> => {
    const folder = Path.join(directory, day, session)
    // it may have begun while this waited
    if (isRecording(session)) return { deleted: 0, dueMs: wallMs() }
    const manifest = await ArchiveManifest.read(folder)
    if (manifest === undefined) return sweepUnreadable(folder)
    unreadable.delete(folder)
    if (manifest.owner !== undefined && !owners.isAbandoned(manifest)) return { deleted: 0, dueMs: wallMs() }
    // an older version leaves the length of a recording to the sweep
    const isOpen = manifest.owner !== undefined || (isNew && manifest.version === undefined)
    return deleteExpired(folder, isOpen ? await endRecording(folder, manifest) : manifest)
  }

  return Effect.gen(function*() {
    yield* Effect.tryPromise({ try: () => index.refresh(), catch: toError(op) })
    const failures: Array<unknown> = []
    let deleted = 0
    let looked = 0
    const before = foreign.size
    for (const { day, isNew, session } of index.due(wallMs())) {
      if (isRecording(session)) continue
      if (looked++ > 0 && looked % SESSIONS_AT_ONCE === 0) yield* Effect.sleep(PAUSE)
      const outcome = yield* Effect.promise(() =>
        queue.run(session, () => look(day, session, isNew)).catch((cause: unknown) => {
          if (failures.length === 0) failures.push(cause)
          // not before the next sweep
          return { deleted: 0, dueMs: wallMs() }
        })
      )
      index.set(day, session, outcome.dueMs)
      deleted += outcome.deleted
    }
    if (foreign.size > before) {
      yield* Effect.logWarning("the archive holds folders that are not its own: they are left alone", {
        folders: foreign.size
      })
    }
    if (failures.length > 0) return yield* toError(op)(failures[0])
    return deleted
  })
}
