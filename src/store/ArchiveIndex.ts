/**
 * Which sessions an archive holds, and when each of them has to be looked at again, so that a sweep reads only those.
 *
 * It is a hint, kept in memory: about 100 bytes for each session. Nothing is deleted before its manifest has been read. A
 * day's folder is listed again when it has changed, and forgotten and read anew after a few hours.
 *
 * @since 0.1.0
 */
import type { Dirent } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { orAbsent } from "./ArchiveFiles.ts"

/** Whatever changed without being noticed is noticed after this time. */
const FORGET_MS = 6 * 3_600_000
/** Names that are read at once: more would hold up the event loop. */
const NAMES_AT_ONCE = 256
/** A folder that changed so shortly before it was listed may change again at the same time stamp. */
const SETTLED_MS = 5_000

interface Day {
  /** When each session has to be looked at, in Unix time in ms. */
  readonly dueMs: Map<string, number>
  /** The time stamp of the folder when it was listed. */
  changedMs: number
  listedMs: number
  settled: boolean
  readonly begunMs: number
}

/**
 * Whether the name of a folder is that of a day.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isDay = (name: string): boolean => /^\d{4}-\d\d-\d\d$/u.test(name)

/**
 * Whether a text can be the id of a session.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isSessionId = (text: string): boolean => /^[A-Za-z0-9_-]{1,128}$/u.test(text)

/**
 * The folders of days in an archive.
 *
 * @category operations
 * @since 0.1.0
 */
export const days = async (directory: string): Promise<ReadonlyArray<string>> => {
  const entries: ReadonlyArray<Dirent> = await orAbsent(Fs.readdir(directory, { withFileTypes: true }), [])
  return entries.filter((entry) => entry.isDirectory() && isDay(entry.name)).map(({ name }) => name).sort()
}

/**
 * The sessions in the folder of a day, a few hundred at a time: links, files and other names are left out.
 *
 * @category operations
 * @since 0.1.0
 */
export async function* sessions(directory: string, day: string): AsyncGenerator<string> {
  const folder = await orAbsent(Fs.opendir(Path.join(directory, day), { bufferSize: NAMES_AT_ONCE }), undefined)
  if (folder === undefined) return
  for await (const entry of folder) if (entry.isDirectory() && isSessionId(entry.name)) yield entry.name
}

/**
 * @category models
 * @since 0.1.0
 */
export class ArchiveIndex {
  readonly #directory: string
  readonly #nowMs: () => number
  readonly #days = new Map<string, Day>()

  /** `nowMs` is monotonic. */
  constructor(directory: string, nowMs: () => number) {
    this.#directory = directory
    this.#nowMs = nowMs
  }

  /** Lists what has changed. */
  async refresh(): Promise<void> {
    const present = new Set(await days(this.#directory))
    for (const day of this.#days.keys()) if (!present.has(day)) this.#days.delete(day)
    for (const day of present) await this.#refreshDay(day)
  }

  /** The sessions that have to be looked at now, and when each was known to be due; 0 for one that is new. */
  *due(nowMs: number): Generator<{ readonly day: string; readonly session: string; readonly isNew: boolean }> {
    for (const [day, { dueMs }] of this.#days) {
      for (const [session, at] of dueMs) if (at <= nowMs) yield { day, session, isNew: at === 0 }
    }
  }

  /** Says when a session has to be looked at next; `undefined` when it is gone. */
  set(day: string, session: string, dueMs: number | undefined): void {
    const of = this.#days.get(day)
    if (dueMs === undefined) of?.dueMs.delete(session)
    else of?.dueMs.set(session, dueMs)
  }

  async #refreshDay(name: string): Promise<void> {
    const stat = await orAbsent(Fs.stat(Path.join(this.#directory, name)), undefined)
    if (stat === undefined) return void this.#days.delete(name)
    const now = this.#nowMs()
    let day = this.#days.get(name)
    if (day !== undefined && now - day.begunMs >= FORGET_MS) day = undefined
    if (day !== undefined && day.settled && day.changedMs === stat.mtimeMs) return
    day ??= { dueMs: new Map(), changedMs: 0, listedMs: 0, settled: false, begunMs: now }
    // one that has gone is found to be missing when it is due
    for await (const session of sessions(this.#directory, name)) {
      if (!day.dueMs.has(session)) day.dueMs.set(session, 0)
    }
    // unchanged since the listing before, which was long enough ago
    day.settled = day.changedMs === stat.mtimeMs && now - day.listedMs >= SETTLED_MS
    if (day.changedMs !== stat.mtimeMs) day.listedMs = now
    day.changedMs = stat.mtimeMs
    this.#days.set(name, day)
  }
}
