/**
 * Model files that come with the package: their pins, and reading them. A file is checked before anything parses it.
 *
 * Plain code without Effect, for worker threads and scripts.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"

/**
 * A file's length in bytes and the SHA-256 of its content, in lower-case hex.
 *
 * @category models
 * @since 0.1.0
 */
export interface FilePin {
  readonly bytes: number
  readonly sha256: string
}

/**
 * A wheel on PyPI that model files come from.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wheel extends FilePin {
  readonly package: string
  readonly version: string
  readonly file: string
  /** Where in the wheel the model files are. */
  readonly directory: string
  /** Where in the wheel the texts of the licence are. */
  readonly licences: string
}

/**
 * Reads a file and checks its length and hash. Throws what reading it throws, and an `Error` that names a file that is not the
 * pinned one.
 *
 * @category reading
 * @since 0.1.0
 */
export const readPinned = (path: string, { bytes, sha256 }: FilePin): Uint8Array<ArrayBuffer> => {
  const content = readFileSync(path)
  const found = createHash("sha256").update(content).digest("hex")
  if (content.length !== bytes || found !== sha256) {
    throw new Error(`${path} is not the expected file: ${content.length} bytes, SHA-256 ${found}`)
  }
  return content
}
