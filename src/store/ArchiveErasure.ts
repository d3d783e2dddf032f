/**
 * Erases sessions and users from an archive, also what a process records at this moment: that one then stores nothing more.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import type { PipelineError } from "../BackendError.ts"
import type { DataType } from "../hooks/DataRetentionHook.ts"
import type { Gap } from "../session/retention/SessionArchive.ts"
import { toError } from "./ArchiveFault.ts"
import * as ArchiveIndex from "./ArchiveIndex.ts"
import * as ArchiveManifest from "./ArchiveManifest.ts"
import type { ArchiveOwners } from "./ArchiveOwners.ts"
import { ArchiveSecrets } from "./ArchiveSecrets.ts"
import * as ArchiveSweep from "./ArchiveSweep.ts"

/** How often an erasure is written that another process writes over at the same moment. */
const ERASE_TRIES = 3

/**
 * A session that an archive records.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recording {
  readonly folder: string
  readonly userId: string
  /** Those of the processes that recorded it before. */
  readonly formerGaps: ReadonlyArray<Gap>
  /** It was erased: nothing more is stored of it. */
  readonly erased: boolean
  /** The kinds of data that were written since it was begun: their files must be there. */
  readonly written: Set<DataType>
}

/**
 * A session whose recording could not be begun yet, and whether it was erased meanwhile.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unbegun {
  readonly userId: string
  readonly erased: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ArchiveErasureOptions {
  readonly directory: string
  /** The sessions that this archive records. */
  readonly recording: Map<string, Recording>
  /** Those that it could not begin to record. */
  readonly unbegun: Map<string, Unbegun>
  /** The folders in which data of a session is kept. */
  readonly foldersOf: (session: string) => Promise<ReadonlyArray<string>>
  readonly owners: ArchiveOwners
  readonly secrets: ArchiveSecrets
  /** Runs after the operations before it of the same session. */
  readonly locked: <A>(op: string, session: string, run: () => Promise<A>) => Effect.Effect<A, PipelineError>
  /** Names this process in temporary files. */
  readonly writer: string
}

/**
 * - `session`: erases what is stored of a session, whose lock the caller holds, and returns how many folders were removed.
 * - `user`: erases what is stored of a user, and returns how many sessions were erased.
 *
 * @category models
 * @since 0.1.0
 */
export interface ArchiveErasure {
  /** Erases a session; returns how many folders were erased. */
  readonly session: (session: string) => Promise<number>
  /** Erases all sessions of a user; returns how many. */
  readonly user: (userId: string) => Effect.Effect<number, PipelineError>
}

/**
 * Makes the erasure of an archive.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: ArchiveErasureOptions): ArchiveErasure => {
  const { directory, foldersOf, locked, owners, recording, secrets, unbegun, writer } = options

  /** Erases a folder. Where a process may still write, the manifest stays and says so until that process has seen it. */
  const eraseFolder = async (session: string, folder: string): Promise<number> => {
    const manifest = await ArchiveManifest.read(folder)
    const known = recording.get(session)
    if (known !== undefined) recording.set(session, { ...known, erased: true })
    if (manifest?.owner === undefined || (known === undefined && owners.isAbandoned(manifest))) {
      await ArchiveSweep.removeFolder(folder)
      return manifest?.erased === true ? 0 : 1
    }
    const { gaps: _, ...rest } = manifest
    const erased = { ...rest, userHash: "", expiresAt: {}, periods: {}, erased: true }
    for (let tries = 0; tries < ERASE_TRIES; tries++) {
      await ArchiveManifest.write(folder, erased, writer)
      await ArchiveSweep.removeFiles(folder, Object.values(ArchiveManifest.FILE_NAMES))
      // a process that records it may have replaced the manifest, which it had read before
      if ((await ArchiveManifest.read(folder))?.erased === true) break
    }
    return manifest.erased === true ? 0 : 1
  }

  const eraseSession = async (session: string): Promise<number> => {
    const known = recording.get(session)
    // also while the directory is away
    if (known !== undefined) recording.set(session, { ...known, erased: true })
    const asked = unbegun.get(session)
    if (asked !== undefined) unbegun.set(session, { ...asked, erased: true })
    let count = 0
    for (const folder of await foldersOf(session)) count += await eraseFolder(session, folder)
    return count
  }

  const eraseUser = Effect.fnUntraced(function*(userId: string) {
    const op = "SessionArchive.eraseUser"
    const io = <A>(run: () => Promise<A>) => Effect.tryPromise({ try: run, catch: toError(op) })
    // also while the directory is away, or another one is in its place
    for (const [session, known] of recording) {
      if (known.userId === userId) recording.set(session, { ...known, erased: true })
    }
    for (const [session, asked] of unbegun) {
      if (asked.userId === userId) unbegun.set(session, { ...asked, erased: true })
    }
    yield* io(() => secrets.current())
    const hashes = new Set(secrets.known.map((secret) => ArchiveSecrets.hash(secret, userId)))
    const keys = new Set(secrets.known.map(ArchiveSecrets.keyOf))
    let erased = 0
    let unknown = 0
    for (const day of yield* io(() => ArchiveIndex.days(directory))) {
      const found: Array<string> = []
      yield* io(async () => {
        for await (const session of ArchiveIndex.sessions(directory, day)) {
          const manifest = await ArchiveManifest.read(Path.join(directory, day, session))
          if (manifest !== undefined && hashes.has(manifest.userHash)) found.push(session)
          else if (manifest?.key !== undefined && !keys.has(manifest.key)) unknown++
        }
      })
      for (const session of found) {
        erased += yield* locked(op, session, () => eraseFolder(session, Path.join(directory, day, session)))
      }
    }
    if (unknown > 0) {
      yield* Effect.logWarning("sessions whose user cannot be told: their secret is no longer in the archive", {
        sessions: unknown
      })
    }
    return erased
  })

  return { session: eraseSession, user: eraseUser }
}
