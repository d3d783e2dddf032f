/**
 * Disk access of the session archive. Files are created with mode 0600 and directories with 0700.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Crypto from "node:crypto"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Wav from "../audio/Wav.ts"
import { PipelineError } from "../BackendError.ts"

const SECRET = ".secret"

/**
 * Maps an error of the file system to `pipeline_error`.
 *
 * @category errors
 * @since 0.1.0
 */
export const fail = (op: string) => (cause: unknown) =>
  new PipelineError({ op, message: "the session archive could not be read or written", cause, retryable: true })
const isAbsent = (cause: unknown) => cause instanceof Error && "code" in cause && cause.code === "ENOENT"

/**
 * Runs a file operation; a missing file gives `absent`.
 *
 * @category operations
 * @since 0.1.0
 */
export const io = <A>(op: string, run: () => Promise<A>, absent: A) =>
  Effect.tryPromise({
    try: () =>
      run().catch((cause: unknown) => {
        if (isAbsent(cause)) return absent
        throw cause
      }),
    catch: fail(op)
  })

/**
 * Reads the secret of a directory, and creates it if it is missing. The link makes it appear complete, and only once when several
 * processes do this at the same time.
 *
 * @category operations
 * @since 0.1.0
 */
export const readSecret = async (directory: string): Promise<Buffer> => {
  const path = Path.join(directory, SECRET)
  const known = await Fs.readFile(path).catch(() => undefined)
  if (known !== undefined) return known
  await Fs.mkdir(directory, { recursive: true, mode: 0o700 })
  const temporary = `${path}.${Crypto.randomUUID()}`
  await Fs.writeFile(temporary, Crypto.randomBytes(32), { mode: 0o600, flag: "wx" })
  await Fs.link(temporary, path).catch((cause: unknown) => {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause
  }).finally(() => Fs.rm(temporary, { force: true }))
  return Fs.readFile(path)
}

/**
 * Sets the length in a recording's WAV header to what was written so far.
 *
 * @category operations
 * @since 0.1.0
 */
export const patchLength = async (path: string): Promise<void> => {
  const file = await Fs.open(path, "r+")
  try {
    const { size } = await file.stat()
    if (size < Wav.headerBytes) return
    const header = new Uint8Array(Wav.headerBytes)
    await file.read(header, 0, header.length, 0)
    const before = header.slice()
    Wav.patch(header, (size - Wav.headerBytes) & ~3)
    if (before.some((byte, index) => byte !== header[index])) await file.write(header, 0, header.length, 0)
  } finally {
    await file.close()
  }
}

/**
 * Replaces a file in one step: a reader sees the former content or the new one.
 *
 * @category operations
 * @since 0.1.0
 */
export const replaceFile = (path: string, content: string | Uint8Array) =>
  io("SessionArchive.write", async () => {
    await Fs.writeFile(`${path}.new`, content, { mode: 0o600 })
    await Fs.rename(`${path}.new`, path)
  }, undefined)

/**
 * Writes into a file, at a position in bytes or at its end.
 *
 * @category operations
 * @since 0.1.0
 */
export const writeInto = (path: string, content: Uint8Array, at: number | undefined) =>
  io("SessionArchive.append", async () => {
    const flags = at === undefined ? constants.O_APPEND : 0
    const file = await Fs.open(path, constants.O_WRONLY | constants.O_CREAT | flags, 0o600)
    try {
      for (let done = 0; done < content.length;) {
        const position = at === undefined ? null : at + done
        const { bytesWritten } = await file.write(content, done, content.length - done, position)
        done += bytesWritten
      }
    } finally {
      await file.close()
    }
  }, undefined)
