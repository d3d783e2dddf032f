/**
 * Notes in files which sessions have ended and are not erased from the session store yet: one file for each process, in a
 * directory that the processes of a user share.
 *
 * A file has one line of JSON for each session: its id and the fence of its lease. It is removed once none of them is left.
 * Files and directories are for this user only. Whatever else is found there is named and left alone.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import type { Stats } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { type BackendError, PipelineError } from "../BackendError.ts"
import { deadline } from "../Deadline.ts"
import type { NotedErasures, PendingErasures } from "../session/persistence/PendingErasures.ts"
import type { SessionLease } from "../session/persistence/SessionStore.ts"
import { ArchiveFault, codeOf, describe } from "./ArchiveFault.ts"
import { makeDirectory, orAbsent, readFile, replaceFile } from "./ArchiveFiles.ts"

/** For all disk operations before it, too: one that hangs cannot be interrupted. */
const DEADLINE = Duration.seconds(1)
const MAX_WAITING = 8
/** The most files that are read, the bytes of one, and the sessions in one. */
const MAX_FILES = 256
const MAX_FILE_BYTES = 1_048_576
const MAX_LINES = 10_000
const NAME = /^ended-[0-9a-f-]{36}\.jsonl$/u
const ID = /^[\w.:-]{1,128}$/u

interface NotedFile {
  /** What it was when it was read: another process may write it again. */
  readonly version: string
  readonly left: Set<string>
}

const versionOf = ({ ino, mtimeMs, size }: Stats): string => `${ino} ${mtimeMs} ${size}`

const encode = (leases: ReadonlyArray<SessionLease>): string =>
  leases.slice(-MAX_LINES).map(({ fence, id }) => `${JSON.stringify({ id, fence })}\n`).join("")

const decodeLine = (line: string): SessionLease | undefined => {
  try {
    const { fence, id }: { readonly fence?: unknown; readonly id?: unknown } = Object(JSON.parse(line))
    const isLease = typeof id === "string" && ID.test(id) && typeof fence === "number" && Number.isSafeInteger(fence) &&
      fence > 0
    return isLease ? { id, fence } : undefined
  } catch {
    return undefined
  }
}

/** The leases of a file, and how many lines are none. */
const decode = (content: string): { readonly leases: ReadonlyArray<SessionLease>; readonly damaged: number } => {
  const lines = content.split("\n", MAX_LINES + 1).filter((line) => line !== "").slice(0, MAX_LINES)
  const leases = lines.map(decodeLine).filter((lease) => lease !== undefined)
  return { leases, damaged: lines.length - leases.length }
}

/** Why a file is not read; `undefined` when it is one of this user that nobody else can write. */
const faultOf = (stat: Stats): string | undefined => {
  if (stat.isSymbolicLink()) return "is a symbolic link"
  if (!stat.isFile()) return "is no file"
  if (stat.size > MAX_FILE_BYTES) return `has more than ${MAX_FILE_BYTES} bytes`
  const user = process.getuid?.()
  if (user !== undefined && stat.uid !== user) return "belongs to another user"
  return user !== undefined && (stat.mode & 0o022) !== 0 ? "can be written by others" : undefined
}

/** The files of a directory; its operations are to be run one after another. */
class Files {
  readonly #directory: string
  readonly #name = `ended-${randomUUID()}.jsonl`
  readonly #read = new Map<string, NotedFile>()
  /** What was named, by file. */
  readonly #named = new Map<string, string>()
  #hasNoted = false

  constructor(directory: string) {
    this.#directory = directory
  }

  #path(name: string): string {
    return Path.join(this.#directory, name)
  }

  async note(leases: ReadonlyArray<SessionLease>): Promise<void> {
    const path = this.#path(this.#name)
    if (leases.length === 0) {
      if (this.#hasNoted) await Fs.rm(path, { force: true })
      this.#hasNoted = false
      return
    }
    await makeDirectory(this.#directory)
    this.#hasNoted = true
    await replaceFile(path, encode(leases), "process")
  }

  async find(): Promise<NotedErasures> {
    const names: ReadonlyArray<string> = await orAbsent(Fs.readdir(this.#directory), [])
    for (const name of this.#read.keys()) if (!names.includes(name)) this.#read.delete(name)
    const leases: Array<SessionLease> = []
    const faults: Array<string> = []
    for (const name of names.filter((name) => NAME.test(name) && name !== this.#name).slice(0, MAX_FILES)) {
      const found = await this.#readFile(name)
      leases.push(...found.leases)
      if (found.fault === undefined || this.#named.get(name) === found.fault) continue
      this.#named.set(name, found.fault)
      faults.push(`${name} ${found.fault}`)
    }
    return { leases, faults }
  }

  async #readFile(name: string): Promise<{ readonly leases: ReadonlyArray<SessionLease>; readonly fault?: string }> {
    const path = this.#path(name)
    const stat = await orAbsent(Fs.lstat(path), undefined)
    if (stat === undefined) return { leases: [] }
    const fault = faultOf(stat)
    if (fault !== undefined) return { leases: [], fault }
    const version = versionOf(stat)
    const before = this.#read.get(name)
    if (before?.version === version) return { leases: [] }
    const content = await readFile(path, MAX_FILE_BYTES).catch((cause: unknown) => new Error(describe(cause)))
    if (content === undefined) return { leases: [] }
    if (content instanceof Error) return { leases: [], fault: `cannot be read: ${content.message}` }
    const { damaged, leases } = decode(content)
    const lines = `has ${damaged} ${damaged === 1 ? "line that is" : "lines that are"} damaged`
    if (leases.length === 0) return damaged === 0 ? { leases } : { leases, fault: lines }
    this.#read.set(name, { version, left: new Set(leases.map(({ id }) => id)) })
    return damaged === 0 ? { leases } : { leases, fault: lines }
  }

  async settled(id: string): Promise<void> {
    for (const [name, { left, version }] of this.#read) {
      if (!left.delete(id) || left.size > 0) continue
      const path = this.#path(name)
      const stat = await orAbsent(Fs.lstat(path), undefined)
      if (stat !== undefined && versionOf(stat) === version) await Fs.rm(path, { force: true })
    }
  }
}

/**
 * Makes the notes in a directory, which is created with the first note. Failures are `pipeline_error`, with the cause.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (directory: string): PendingErasures["Service"] => {
  const files = new Files(directory)
  let tail: Promise<unknown> = Promise.resolve()
  let waiting = 0
  const queued = <A>(operation: () => Promise<A>): Promise<A> => {
    if (waiting >= MAX_WAITING) return Promise.reject(new ArchiveFault("WAITING"))
    waiting++
    const result = tail.then(operation)
    const done = () => void waiting--
    tail = result.then(done, done)
    return result
  }
  const run = <A>(op: string, operation: () => Promise<A>): Effect.Effect<A, BackendError> =>
    Effect.tryPromise({
      try: () => queued(operation),
      catch: (cause) =>
        new PipelineError({
          op,
          message: `${directory}: ${describe(cause)}`,
          cause,
          details: { reason: codeOf(cause) ?? "unknown" },
          retryable: true
        })
    }).pipe(deadline(op, `the directory ${directory}`, DEADLINE))
  return {
    where: directory,
    find: run("PendingErasures.find", () => files.find()),
    note: (leases) => run("PendingErasures.note", () => files.note(leases)),
    settled: (id) => run("PendingErasures.settled", () => files.settled(id))
  }
}
