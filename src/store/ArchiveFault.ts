/**
 * Failures of the archive's files, in plain words.
 *
 * @since 0.1.0
 */
import { PipelineError } from "../BackendError.ts"

/**
 * A failure that the file system did not report itself.
 *
 * @category errors
 * @since 0.1.0
 */
export class ArchiveFault extends Error {
  readonly code: keyof typeof words

  constructor(code: keyof typeof words) {
    super(words[code])
    this.code = code
  }
}

/** What is wrong, by the code of the error: those of the file system, and those of `ArchiveFault`. */
const words = {
  EACCES: "permission denied",
  EBUSY: "the file is in use",
  EDQUOT: "the disk quota is used up",
  EEXIST: "a file is where a directory is expected",
  EFBIG: "the file is too large for the file system",
  EIO: "input/output error of the disk",
  ELOOP: "a symbolic link is where a file or directory is expected",
  EMFILE: "too many open files",
  ENFILE: "too many open files",
  ENODEV: "the device is gone",
  ENOENT: "the directory is missing",
  ENOSPC: "no space left on the disk",
  ENOTCONN: "the file server is not connected",
  ENOTDIR: "a file is where a directory is expected",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ESTALE: "the file server no longer knows the directory",
  LOST: "what was recorded is gone: the directory or a file in it was removed or replaced",
  SECRET: "the file .secret is damaged",
  WAITING: "the disk has not answered the writes before"
} as const

/**
 * The code of a failure, such as `ENOSPC`; `undefined` without one.
 *
 * @category accessors
 * @since 0.1.0
 */
export const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined

const isKnown = (code: string | undefined): code is keyof typeof words =>
  code !== undefined && Object.hasOwn(words, code)

/**
 * What is wrong, in plain words.
 *
 * @category accessors
 * @since 0.1.0
 */
export const describe = (cause: unknown): string => {
  const code = codeOf(cause)
  return isKnown(code) ? `${words[code]} (${code})` : code ?? "unknown cause"
}

/**
 * Maps a failure to `pipeline_error`, with the cause in its message and its code in `details.reason`.
 *
 * @category errors
 * @since 0.1.0
 */
export const toError = (op: string) => (cause: unknown): PipelineError => {
  const code = codeOf(cause)
  return new PipelineError({
    op,
    message: `the session archive failed: ${describe(cause)}`,
    cause,
    details: { reason: code === "LOST" ? "lost" : code ?? "unknown" },
    retryable: true
  })
}
