/**
 * Reads files out of a zip archive in memory, which is what a Python wheel is. Only for archives whose hash has been checked.
 *
 * @since 0.1.0
 */
import { inflateRawSync } from "node:zlib"

const END = 0x06054b50
const ENTRY = 0x02014b50
const END_LENGTH = 22
const ENTRY_LENGTH = 46
const LOCAL_LENGTH = 30
const STORED = 0
const DEFLATED = 8

const broken = (why: string) => new Error(`not a zip archive that can be read: ${why}`)

/** Where the directory at the archive's end begins, and how many entries it has. */
const directoryOf = (archive: Buffer): { readonly at: number; readonly count: number } => {
  // a comment of up to 64 KiB may follow the end
  for (let at = archive.length - END_LENGTH; at >= Math.max(0, archive.length - END_LENGTH - 0xffff); at--) {
    if (archive.readUInt32LE(at) === END) {
      return { count: archive.readUInt16LE(at + 10), at: archive.readUInt32LE(at + 16) }
    }
  }
  throw broken("it has no directory")
}

/**
 * The contents of the files with these paths. Throws an `Error` that names a path which is not there, or says what is wrong with
 * the archive; a `RangeError` for one that is cut off.
 *
 * @category reading
 * @since 0.1.0
 */
export const read = (archive: Buffer, paths: ReadonlyArray<string>): ReadonlyMap<string, Buffer> => {
  const wanted = new Set(paths)
  const found = new Map<string, Buffer>()
  const { at: directory, count } = directoryOf(archive)
  for (let at = directory, i = 0; i < count; i++) {
    if (archive.readUInt32LE(at) !== ENTRY) throw broken("its directory is damaged")
    const method = archive.readUInt16LE(at + 10)
    const packed = archive.readUInt32LE(at + 20)
    const length = archive.readUInt32LE(at + 24)
    const nameLength = archive.readUInt16LE(at + 28)
    const local = archive.readUInt32LE(at + 42)
    const name = archive.toString("utf8", at + ENTRY_LENGTH, at + ENTRY_LENGTH + nameLength)
    at += ENTRY_LENGTH + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32)
    if (!wanted.has(name)) continue
    const from = local + LOCAL_LENGTH + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
    const data = archive.subarray(from, from + packed)
    if (data.length !== packed) throw broken(`${name} is cut off`)
    if (method !== STORED && method !== DEFLATED) throw broken(`${name} is packed by the method ${method}`)
    found.set(name, method === STORED ? data : inflateRawSync(data, { maxOutputLength: Math.max(1, length) }))
  }
  const missing = paths.filter((path) => !found.has(path))
  if (missing.length > 0) throw new Error(`the archive has no ${missing.join(", ")}`)
  return found
}
