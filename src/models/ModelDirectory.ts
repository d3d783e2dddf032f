/**
 * The directory of one model's files: verifying it, and replacing it.
 *
 * A directory is only renamed into place as a whole, so a directory with the final name is complete, unless somebody else
 * made it. A marker file beside the model's files records what was verified (size, modification time, SHA-256). A file is
 * hashed again only if its size or time has changed, or if it was so new when the marker was written that a later change
 * could have the same time. There are no locks: processes may do this at the same time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Crypto from "node:crypto"
import { FetchFailure } from "./FetchFailure.ts"
import type { Pin } from "./ModelManifest.ts"

const markerName = ".verified.json"
/** The coarsest timestamps of a file system in use: FAT's. */
const CLOCK_MS = 2_000

const Marker = Schema.Record(
  Schema.String,
  Schema.Struct({ bytes: Schema.Finite, modifiedMs: Schema.Finite, sha256: Schema.String })
)
type Marker = typeof Marker.Type

const decodeMarker = Schema.decodeUnknownOption(Schema.fromJsonString(Marker))
const encodeMarker = Schema.encodeSync(Schema.fromJsonString(Marker))

/**
 * The state of a directory: `ready`, all files verified; `missing`, no such directory, or none of the files; `invalid`, files
 * that differ from their pins (`faults` has a sentence for each).
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | { readonly state: "ready" }
  | { readonly state: "missing" }
  | { readonly state: "invalid"; readonly faults: ReadonlyArray<string> }

/**
 * A file by its name in the directory, with its pin.
 *
 * @category models
 * @since 0.1.0
 */
export interface PinnedFile extends Pin {
  readonly name: string
}

interface FileState {
  readonly file: PinnedFile
  readonly bytes: bigint
  readonly modifiedMs: number
}

const modifiedMs = ({ mtime }: FileSystem.File.Info): number =>
  Option.match(mtime, { onNone: () => -1, onSome: (date) => date.getTime() })

const stat = Effect.fnUntraced(function*(directory: string, file: PinnedFile) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const info = yield* fs.stat(path.join(directory, file.name)).pipe(Effect.option)
  if (Option.isNone(info) || info.value.type !== "File") return undefined
  return { file, bytes: info.value.size, modifiedMs: modifiedMs(info.value) } satisfies FileState
})

/**
 * The SHA-256 of a file, in lower-case hex, read 1 MiB at a time.
 *
 * @category accessors
 * @since 0.1.0
 */
export const sha256 = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const hash = Crypto.createHash("sha256")
  yield* Stream.runForEach(
    fs.stream(file, { chunkSize: 1024 * 1024 }),
    (chunk) => Effect.sync(() => hash.update(chunk))
  )
  return hash.digest("hex")
})

/** The verified files of the marker, without those that were too new when it was written. */
const readMarker = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(directory, markerName)
  return yield* Effect.gen(function*() {
    const marker = Option.getOrElse(decodeMarker(yield* fs.readFileString(file)), (): Marker => ({}))
    const writtenMs = modifiedMs(yield* fs.stat(file))
    return Record.filter(marker, (known) => known.modifiedMs + CLOCK_MS <= writtenMs)
  }).pipe(Effect.orElseSucceed((): Marker => ({})))
})

/**
 * Records that the current files of a directory are verified. If the directory is not writable, nothing is recorded, and the
 * next start hashes the files again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mark = Effect.fnUntraced(function*(directory: string, files: ReadonlyArray<PinnedFile>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const seen = yield* Effect.forEach(files, (file) => stat(directory, file))
  const marker: Record<string, Marker[string]> = {}
  for (const one of seen) {
    if (one === undefined) return
    marker[one.file.name] = { bytes: one.file.bytes, modifiedMs: one.modifiedMs, sha256: one.file.sha256 }
  }
  // Renamed into place, so that no process reads half of it.
  const draft = path.join(directory, `${markerName}.${Crypto.randomUUID()}`)
  yield* fs.writeFileString(draft, encodeMarker(marker)).pipe(
    Effect.andThen(fs.rename(draft, path.join(directory, markerName))),
    Effect.catch(() => fs.remove(draft, { force: true }).pipe(Effect.ignore))
  )
})

/**
 * Checks whether a directory holds a model's files. A file is hashed only if its size or modification time differs from the
 * marker, which is then rewritten.
 *
 * @category combinators
 * @since 0.1.0
 */
export const verify = Effect.fnUntraced(function*(directory: string, files: ReadonlyArray<PinnedFile>) {
  const path = yield* Path.Path
  const marker = yield* readMarker(directory)
  const faults: Array<string> = []
  let present = 0
  let hashed = false
  for (const file of files) {
    const seen = yield* stat(directory, file)
    if (seen === undefined) {
      faults.push(`${file.name} is missing`)
      continue
    }
    present++
    if (seen.bytes !== BigInt(file.bytes)) {
      faults.push(`${file.name} has ${seen.bytes} bytes instead of ${file.bytes}`)
      continue
    }
    const known = marker[file.name]
    if (known?.sha256 === file.sha256 && known.bytes === file.bytes && known.modifiedMs === seen.modifiedMs) continue
    hashed = true
    const actual = yield* sha256(path.join(directory, file.name)).pipe(
      Effect.catch((error: PlatformError.PlatformError) => Effect.succeed(`unreadable: ${error.message}`))
    )
    if (actual !== file.sha256) faults.push(`${file.name} has the SHA-256 ${actual} instead of ${file.sha256}`)
  }
  if (present === 0) return { state: "missing" } satisfies Verdict as Verdict
  if (faults.length > 0) return { state: "invalid", faults } satisfies Verdict as Verdict
  if (hashed) yield* mark(directory, files)
  return { state: "ready" } satisfies Verdict as Verdict
})

const attempts = 5

/**
 * Renames `prepared` to `target`. If another process was faster and its directory is valid, that one stays; an invalid one is
 * moved into `attic` first.
 *
 * @category combinators
 * @since 0.1.0
 */
export const install = Effect.fnUntraced(function*(options: {
  readonly prepared: string
  readonly target: string
  readonly attic: string
  readonly files: ReadonlyArray<PinnedFile>
}) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  let last = ""
  for (let attempt = 0; attempt < attempts; attempt++) {
    const renamed = yield* fs.rename(options.prepared, options.target).pipe(
      Effect.as(true),
      Effect.catch((error: PlatformError.PlatformError) => {
        last = error.message
        return Effect.succeed(false)
      })
    )
    if (renamed) {
      yield* sync(path.dirname(options.target))
      return
    }
    const verdict = yield* verify(options.target, options.files)
    if (verdict.state === "ready") return
    // It may be gone already, if another process is repairing it too.
    yield* fs.rename(options.target, path.join(options.attic, `old-${attempt}`)).pipe(Effect.ignore)
  }
  return yield* new FetchFailure({ reason: "disk", message: `cannot put the model at ${options.target}: ${last}` })
})

/** Makes a rename durable. Not every platform can open a directory; then the file system's journal must suffice. */
const sync = (directory: string) =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const handle = yield* fs.open(directory, { flag: "r" })
    yield* handle.sync
  })).pipe(Effect.ignore)
