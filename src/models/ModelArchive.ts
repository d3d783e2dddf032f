/**
 * Takes the pinned files out of an npm archive as it streams by, into a directory.
 *
 * Only entries that the manifest names are written, under the manifest's names: no path of the archive is ever used. The
 * archive's length, its SHA-512, and the length and SHA-256 of every file are checked; on any failure the promise
 * rejects and the directory's content is worthless: its owner removes it. Every file is flushed to the disk before the
 * promise resolves.
 *
 * @since 0.1.0
 */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { type Readable, Transform, Writable } from "node:stream"
import { pipeline } from "node:stream/promises"
import * as Zlib from "node:zlib"
import { FetchFailure } from "./FetchFailure.ts"
import type { ModelFile, ModelSource, Pin } from "./ModelManifest.ts"
import * as MoonshineTokens from "./MoonshineTokens.ts"
import { TarReader } from "./TarReader.ts"

/**
 * What an archive may unpack to: 512 MiB. The largest package in use has 160 MB; a bomb has a thousand times its size.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_UNPACKED_BYTES = 2 ** 29

const integrity = (message: string) => new FetchFailure({ reason: "integrity", message })
const archive = (message: string) => new FetchFailure({ reason: "archive", message })

const check = (what: string, pin: Pin, bytes: number, sha256: string): void => {
  if (bytes !== pin.bytes) throw integrity(`${what} has ${bytes} bytes instead of ${pin.bytes}`)
  if (sha256 !== pin.sha256) throw integrity(`${what} has the SHA-256 ${sha256} instead of ${pin.sha256}`)
}

const sha256 = (bytes: Uint8Array): string => Crypto.createHash("sha256").update(bytes).digest("hex")

const derive = (file: ModelFile, source: Uint8Array): Uint8Array => {
  const made = MoonshineTokens.fromTokenizerSource(source)
  if (typeof made === "string") throw archive(`${file.entry} is not what ${file.name} is made from: ${made}`)
  return made
}

interface Output {
  readonly file: ModelFile
  readonly pin: Pin
  readonly hash: Crypto.Hash
  /** Where the bytes go: a file, or memory when something is derived from them. */
  readonly handle: Fs.FileHandle | undefined
  readonly parts: Array<Uint8Array>
}

/** Writes the wanted entries of an unpacked archive; fails when one is missing, repeated, or not as pinned. */
class EntryWriter {
  private readonly reader = new TarReader()
  private readonly wanted: Map<string, ModelFile>
  private readonly directory: string
  private current: Output | undefined
  private total = 0

  constructor(source: ModelSource, directory: string) {
    this.wanted = new Map(source.files.map((file) => [file.entry, file]))
    this.directory = directory
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.total += chunk.length
    if (this.total > MAX_UNPACKED_BYTES) throw archive(`it unpacks to more than ${MAX_UNPACKED_BYTES} bytes`)
    const events = this.reader.push(chunk)
    if (typeof events === "string") throw archive(`it is no readable archive: ${events}`)
    for (const event of events) {
      if (event._tag === "Entry") await this.begin(event.path, event.size, event.type)
      else if (this.current === undefined) continue
      else if (event._tag === "Data") await this.append(this.current, event.bytes)
      else await this.end(this.current)
    }
  }

  finish(): void {
    if (!this.reader.complete) throw new FetchFailure({ reason: "no_network", message: "the archive ends too early" })
    if (this.wanted.size > 0) throw archive(`it has no entry ${[...this.wanted.keys()].join(", ")}`)
  }

  async close(): Promise<void> {
    const handle = this.current?.handle
    this.current = undefined
    await handle?.close()
  }

  private async begin(path: string, size: number, type: string): Promise<void> {
    const file = this.wanted.get(path)
    if (file === undefined) return
    if (type !== "0") throw archive(`its entry ${path} is not a regular file`)
    const pin = file.derived?.from ?? file
    if (size !== pin.bytes) throw integrity(`${path} has ${size} bytes instead of ${pin.bytes}`)
    this.wanted.delete(path)
    const handle = file.derived === undefined ? await this.create(file) : undefined
    this.current = { file, pin, hash: Crypto.createHash("sha256"), handle, parts: [] }
  }

  private create(file: ModelFile): Promise<Fs.FileHandle> {
    return Fs.open(Path.join(this.directory, file.name), "w", 0o644)
  }

  private async append(output: Output, bytes: Uint8Array): Promise<void> {
    output.hash.update(bytes)
    // The view is the reader's: what is kept must be a copy. Its total is bounded by the pinned size.
    if (output.handle === undefined) output.parts.push(bytes.slice())
    else await output.handle.appendFile(bytes)
  }

  private async end(output: Output): Promise<void> {
    check(output.file.entry, output.pin, output.pin.bytes, output.hash.digest("hex"))
    if (output.handle !== undefined) {
      await output.handle.sync()
      return this.close()
    }
    const made = derive(output.file, Buffer.concat(output.parts))
    check(output.file.name, output.file, made.length, sha256(made))
    const handle = await this.create(output.file)
    this.current = { ...output, handle }
    await handle.appendFile(made)
    await handle.sync()
    return this.close()
  }
}

/**
 * Unpacks the files of `source` from `input`, a gzipped tar archive, into `directory`. `onBytes` is told how many
 * (packed) bytes came. Aborting the signal destroys the input and rejects.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unpack = async (
  input: Readable,
  source: ModelSource,
  directory: string,
  options: { readonly signal: AbortSignal; readonly onBytes: (count: number) => void }
): Promise<void> => {
  const digest = Crypto.createHash("sha512")
  let received = 0
  const meter = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      received += chunk.length
      digest.update(chunk)
      options.onBytes(chunk.length)
      if (received > source.archiveBytes) done(integrity(`the archive is longer than ${source.archiveBytes} bytes`))
      else done(null, chunk)
    }
  })
  const writer = new EntryWriter(source, directory)
  const sink = new Writable({
    write: (chunk: Uint8Array, _encoding, done) => void writer.write(chunk).then(() => done(), done)
  })
  try {
    await pipeline(input, meter, Zlib.createGunzip(), sink, { signal: options.signal })
    const actual = `sha512-${digest.digest("base64")}`
    if (actual !== source.integrity) {
      throw integrity(`the archive has the integrity ${actual} instead of ${source.integrity}`)
    }
    writer.finish()
  } finally {
    await writer.close()
  }
}
