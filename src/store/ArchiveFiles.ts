/**
 * Disk access of the session archive. Files are created with mode 0600 and directories with 0700; symbolic links within the
 * archive are not followed.
 *
 * @since 0.1.0
 */
import * as Crypto from "node:crypto"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Wav from "../audio/Wav.ts"
import { ArchiveFault, codeOf } from "./ArchiveFault.ts"

const SECRET = ".secret"
const MIN_SECRET_BYTES = 16
/** Not known on every system. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0

/**
 * What a read gives, or `absent` when the file or its directory is missing. Only for reads: a write that finds no directory
 * has failed.
 *
 * @category operations
 * @since 0.1.0
 */
export const orAbsent = <A, B>(reading: Promise<A>, absent: B): Promise<A | B> =>
  reading.catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT") return absent
    throw cause
  })

/**
 * Makes a directory and those above it. Not `recursive`, with which Node.js calls a read-only file system a missing directory.
 *
 * @category operations
 * @since 0.1.0
 */
export const makeDirectory = async (path: string): Promise<void> => {
  try {
    await Fs.mkdir(path, { mode: 0o700 })
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return
    if (codeOf(cause) !== "ENOENT" || Path.dirname(path) === path) throw cause
    await makeDirectory(Path.dirname(path))
    await Fs.mkdir(path, { mode: 0o700 }).catch((again: unknown) => {
      if (codeOf(again) !== "EEXIST") throw again
    })
  }
}

/** The directory of a session, and that of its day. */
const directoriesOf = (folder: string) => [Path.dirname(folder), folder]

const checkDirectory = async (path: string): Promise<void> => {
  const stat = await Fs.lstat(path)
  if (stat.isSymbolicLink()) throw new ArchiveFault("ELOOP")
  if (!stat.isDirectory()) throw new ArchiveFault("ENOTDIR")
}

/**
 * Makes the directory of a session within that of a day; fails when one of them is a link or a file.
 *
 * @category operations
 * @since 0.1.0
 */
export const makeSessionFolder = async (folder: string): Promise<void> => {
  for (const path of directoriesOf(folder)) {
    await makeDirectory(path)
    await checkDirectory(path)
  }
}

/**
 * Fails when the directory of a session, or that of its day, is a link or a file now. One that is missing does not fail.
 *
 * @category operations
 * @since 0.1.0
 */
export const checkSessionFolder = async (folder: string): Promise<void> => {
  for (const path of directoriesOf(folder)) await orAbsent(checkDirectory(path), undefined)
}

/**
 * Reads a file; `undefined` when it is missing, or longer than `maxBytes`.
 *
 * @category operations
 * @since 0.1.0
 */
export const readFile = async (path: string, maxBytes: number): Promise<string | undefined> => {
  const file = await orAbsent(Fs.open(path, constants.O_RDONLY | NO_FOLLOW), undefined)
  if (file === undefined) return undefined
  try {
    return (await file.stat()).size > maxBytes ? undefined : await file.readFile("utf8")
  } finally {
    await file.close()
  }
}

/**
 * Reads the secret of a directory, and stores `candidate` if there is none. The link makes it appear complete, and only once
 * when several processes do this at the same time.
 *
 * @category operations
 * @since 0.1.0
 */
export const readSecret = async (directory: string, candidate: Uint8Array): Promise<Buffer> => {
  const path = Path.join(directory, SECRET)
  const read = async () => {
    const secret = await Fs.readFile(path)
    if (secret.length < MIN_SECRET_BYTES) throw new ArchiveFault("SECRET")
    return secret
  }
  const known = await orAbsent(read(), undefined)
  if (known !== undefined) return known
  await makeDirectory(directory)
  const temporary = `${path}.${Crypto.randomUUID()}`
  try {
    await Fs.writeFile(temporary, candidate, { mode: 0o600, flag: "wx" })
    await Fs.link(temporary, path).catch((cause: unknown) => {
      if (codeOf(cause) !== "EEXIST") throw cause
    })
  } finally {
    await Fs.rm(temporary, { force: true }).catch(() => {})
  }
  return read()
}

/**
 * Sets the length in a recording's WAV header to what was written so far. A file that does not begin as a recording is left
 * as it is, and so is one that was cut within its header.
 *
 * @category operations
 * @since 0.1.0
 */
export const patchLength = async (path: string): Promise<void> => {
  const file = await Fs.open(path, constants.O_RDWR | NO_FOLLOW)
  try {
    const { size } = await file.stat()
    if (size < Wav.headerBytes) return
    const header = new Uint8Array(Wav.headerBytes)
    await file.read(header, 0, header.length, 0)
    if (Buffer.from(header.subarray(0, 4)).toString("latin1") !== "RIFF") return
    const before = header.slice()
    Wav.patch(header, (size - Wav.headerBytes) & ~3)
    if (before.some((byte, index) => byte !== header[index])) await file.write(header, 0, header.length, 0)
  } finally {
    await file.close()
  }
}

const writeAll = async (file: Fs.FileHandle, content: Uint8Array, at: number | undefined): Promise<void> => {
  for (let done = 0; done < content.length;) {
    const position = at === undefined ? null : at + done
    const { bytesWritten } = await file.write(content, done, content.length - done, position)
    done += bytesWritten
  }
}

/**
 * Replaces a file in one step: a reader sees the former content or the new one. `writer` names the process in the name of
 * the temporary file, because several may replace one file.
 *
 * @category operations
 * @since 0.1.0
 */
export const replaceFile = async (path: string, content: string, writer: string): Promise<void> => {
  const temporary = `${path}.${writer}.new`
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | NO_FOLLOW
  const file = await Fs.open(temporary, flags, 0o600)
  try {
    await writeAll(file, new TextEncoder().encode(content), 0).finally(() => file.close())
    await Fs.rename(temporary, path)
  } catch (cause) {
    await Fs.rm(temporary, { force: true }).catch(() => {})
    throw cause
  }
}

/**
 * Writes into a file, at a position in bytes or at its end. It makes the file when `minBytes` is 0; a shorter one than that has
 * been lost, or a part of it.
 *
 * @category operations
 * @since 0.1.0
 */
export const writeInto = async (
  path: string,
  content: Uint8Array,
  at: number | undefined,
  minBytes: number
): Promise<void> => {
  const create = minBytes === 0 ? constants.O_CREAT : 0
  const flags = constants.O_WRONLY | create | NO_FOLLOW | (at === undefined ? constants.O_APPEND : 0)
  const file = await Fs.open(path, flags, 0o600).catch((cause: unknown) => {
    throw create === 0 && codeOf(cause) === "ENOENT" ? new ArchiveFault("LOST") : cause
  })
  try {
    if (minBytes > 0 && (await file.stat()).size < minBytes) throw new ArchiveFault("LOST")
    await writeAll(file, content, at)
  } finally {
    await file.close()
  }
}

/**
 * Writes a file and removes it again: fails when the directory cannot be written.
 *
 * @category operations
 * @since 0.1.0
 */
export const tryWriting = async (directory: string, writer: string): Promise<void> => {
  await makeDirectory(directory)
  const path = Path.join(directory, `.probe.${writer}`)
  try {
    await Fs.writeFile(path, "x", { mode: 0o600 })
  } finally {
    await Fs.rm(path, { force: true }).catch(() => {})
  }
}
