/**
 * Unpacks an archive of a user's own model, with whatever files it has, into a directory.
 *
 * The archive was checked against its SHA-256, which says whose it is and not that it is harmless: paths that leave the
 * directory, links, devices, and more than a model can have are refused. Every file is flushed to the disk before it succeeds.
 *
 * @since 0.1.0
 */
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Effect from "effect/Effect"
import type * as Tar from "effect/encoding/Tar"
import * as Stream from "effect/Stream"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { FetchFailure, fromUnknown } from "./FetchFailure.ts"
import type { PinnedFile } from "./ModelDirectory.ts"
import * as PackedFile from "./PackedFile.ts"
import * as TarEntries from "./TarEntries.ts"

const refused = (message: string) => new FetchFailure({ reason: "archive", message })

/** What a model unpacks to, at most. */
const MAX_BYTES = 2 ** 33
/** Weights hardly shrink: what unpacks to more than twenty times its size, and is not small, is a bomb. */
const MAX_RATIO = 20
const SMALL = 2 ** 26

const MAX_PATH = 1_024
const MAX_DEPTH = 16
const MAX_SEGMENT = 200

/** Characters that no file of a model needs and that mean something to some system: controls, `\`, `:`, `*` and so on. */
// eslint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u001f\u007f\\:*?"<>|]/

/**
 * The segments of an entry's path below the directory; `undefined` when it is not one, or leaves the directory.
 *
 * @category conversions
 * @since 0.1.0
 */
export const segmentsOf = (path: string): ReadonlyArray<string> | undefined => {
  if (path.length > MAX_PATH || path.startsWith("/") || unsafe.test(path)) return undefined
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".")
  return segments.length <= MAX_DEPTH &&
      segments.every((segment) => segment !== ".." && segment.length <= MAX_SEGMENT && !/[ .]$/.test(segment))
    ? segments
    : undefined
}

const io = <A>(run: () => Promise<A>): Effect.Effect<A, FetchFailure> =>
  Effect.tryPromise({ try: run, catch: fromUnknown })

const errorOf = (error: Tar.TarError | TarEntries.TarLimitExceeded | FetchFailure): FetchFailure =>
  error._tag === "FetchFailure" ? error : refused(`it is no archive that can be unpacked: ${error.message}`)

/** Writes a new file and gives its pin. */
const writeFile = (path: string, name: string, body: Stream.Stream<Uint8Array, FetchFailure>) =>
  Effect.acquireUseRelease(
    io(() => Fs.open(path, "wx", 0o644)),
    Effect.fnUntraced(function*(handle) {
      const hash = Crypto.createHash("sha256")
      let bytes = 0
      yield* Stream.runForEach(body, (chunk) => {
        bytes += chunk.length
        hash.update(chunk)
        return io(() => handle.appendFile(chunk))
      })
      yield* io(() => handle.sync())
      return { name, bytes, sha256: hash.digest("hex") } satisfies PinnedFile
    }),
    (handle) => Effect.ignore(io(() => handle.close()))
  )

/**
 * Unpacks the file `archive` into `directory`, which is empty, and gives what it holds. A single folder that the archive has at
 * its top is left out of the names.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unpack = Effect.fnUntraced(function*(archive: string, packing: PackedFile.Packing, directory: string) {
  const { size } = yield* io(() => Fs.stat(archive))
  const limits: TarEntries.TarLimits = {
    ...TarEntries.defaultLimits,
    maxBytes: Math.min(MAX_BYTES, Math.max(SMALL, size * MAX_RATIO))
  }
  const files: Array<PinnedFile> = []
  const take = Effect.fnUntraced(
    function*({ body, header }: Tar.Entry<Tar.TarError | TarEntries.TarLimitExceeded | FetchFailure>) {
      const segments = segmentsOf(header.path)
      if (segments === undefined) {
        return yield* refused(`its entry ${JSON.stringify(header.path.slice(0, 200))} has a path that is refused`)
      }
      const path = Path.join(directory, ...segments)
      if (header.type === "Directory") return yield* Effect.asVoid(io(() => Fs.mkdir(path, { recursive: true })))
      if (header.type !== "File" || segments.length === 0) {
        return yield* refused(`its entry ${header.path} is not a regular file (${header.type})`)
      }
      yield* io(() => Fs.mkdir(Path.dirname(path), { recursive: true }))
      files.push(yield* writeFile(path, segments.join("/"), Stream.mapError(body, errorOf)))
    }
  )
  const bytes = NodeStream.fromReadable({
    evaluate: () => PackedFile.open(archive, packing),
    onError: PackedFile.failureOf
  })
  yield* TarEntries.decode(bytes, limits).pipe(Stream.runForEach(take), Effect.mapError(errorOf))
  if (files.length === 0) return yield* refused("it has no files")
  return files
})
