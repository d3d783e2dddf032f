/**
 * The kinds of archive that a user's own model may come as, and reading one as the tar archive inside.
 *
 * @since 0.1.0
 */
import * as Fs from "node:fs"
import { Readable } from "node:stream"
import { Worker } from "node:worker_threads"
import * as Zlib from "node:zlib"
import { describe } from "../BackendError.ts"
import { packageFile } from "../ExternalPackage.ts"
import * as Bzip2 from "./bzip2/Bzip2.ts"
import type { Answer } from "./bzip2/Bzip2Worker.ts"
import { FetchFailure, fromUnknown } from "./FetchFailure.ts"

/**
 * How a tar archive is packed.
 *
 * @category models
 * @since 0.1.0
 */
export type Packing = "bzip2" | "gzip" | "zstd" | "none"

const packings: ReadonlyArray<readonly [RegExp, Packing]> = [
  [/\.(?:tar\.bz2|tbz2?)$/i, "bzip2"],
  [/\.(?:tar\.gz|tgz)$/i, "gzip"],
  [/\.(?:tar\.zst|tzst)$/i, "zstd"],
  [/\.tar$/i, "none"]
]

/**
 * How the archive with this name is packed; `undefined` for a name that is not that of an archive, so that the file itself is
 * the model.
 *
 * @category accessors
 * @since 0.1.0
 */
export const packingOf = (name: string): Packing | undefined => packings.find(([pattern]) => pattern.test(name))?.[1]

const unreadable = /\.(?:zip|7z|rar|tar\.xz|txz|tar\.lzma|bz2|gz|zst|xz)$/i

/**
 * Whether the name is that of an archive, or of a packed file, that cannot be unpacked here.
 *
 * @category guards
 * @since 0.1.0
 */
export const isUnreadable = (name: string): boolean => packingOf(name) === undefined && unreadable.test(name)

const workerFile = packageFile(import.meta.url, "./bzip2/Bzip2Worker.js", "models/bzip2/Bzip2Worker.js")

/** Decodes in a worker thread, a piece for each read: a second of CPU for every few megabytes. */
const openBzip2 = (path: string): Readable => {
  const worker = new Worker(workerFile, { workerData: { path }, name: "bzip2", execArgv: [], env: {} })
  let done = false
  const readable = new Readable({
    read: () => worker.postMessage("next"),
    destroy: (error, closed) => void worker.terminate().then(() => closed(error), () => closed(error))
  })
  worker.on("message", (answer: Answer) => {
    if ("piece" in answer) return readable.push(answer.piece)
    done = true
    if ("end" in answer) return readable.push(null)
    return readable.destroy(new Bzip2.Bzip2Error(answer.error))
  })
  worker.on("error", (error) => readable.destroy(error))
  worker.on("exit", () => {
    if (!done) readable.destroy(new Error("the worker that unpacks bzip2 has ended"))
  })
  return readable
}

/**
 * Classifies what a stream of `open` fails with.
 *
 * @category conversions
 * @since 0.1.0
 */
export const failureOf = (cause: unknown): FetchFailure => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  return cause instanceof Bzip2.Bzip2Error || /^Z(STD)?_/.test(code)
    ? new FetchFailure({ reason: "archive", message: `it cannot be unpacked: ${describe(cause)}` })
    : fromUnknown(cause)
}

/**
 * Opens a file as the tar archive that it is packed in. What a decoder throws is an error of the stream.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (path: string, packing: Packing): Readable => {
  if (packing === "bzip2") return openBzip2(path)
  const file = Fs.createReadStream(path)
  if (packing === "none") return file
  const decoder = packing === "gzip" ? Zlib.createGunzip() : Zlib.createZstdDecompress()
  file.on("error", (error) => decoder.destroy(error))
  decoder.on("close", () => file.destroy())
  return file.pipe(decoder)
}
