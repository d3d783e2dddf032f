/**
 * The errors of SQLite, named by their result codes (sqlite.org/rescode.html).
 *
 * @since 0.1.0
 */
import * as StoreFault from "./StoreFault.ts"

const BUSY = 5
const READONLY = 8
const CORRUPT = 11
const NOTADB = 26
/** An extended code: the file was moved or removed after it was opened. */
const READONLY_DBMOVED = 1032

const { fault } = StoreFault

const damaged = fault("damaged", "cannot be used: its file is damaged")

/** By primary code: the name, and what it means for the store. */
const codes: { readonly [code: number]: readonly [name: string, fault: StoreFault.StoreFault] } = {
  1: ["SQLITE_ERROR", fault("failed", "failed")],
  2: ["SQLITE_INTERNAL", fault("failed", "failed")],
  3: ["SQLITE_PERM", fault("denied", "cannot be opened: permission denied")],
  5: ["SQLITE_BUSY", fault("busy", "is busy: another process has its file")],
  6: ["SQLITE_LOCKED", fault("busy", "is busy: one of its tables is locked")],
  7: ["SQLITE_NOMEM", fault("overloaded", "failed: there is too little memory")],
  8: ["SQLITE_READONLY", fault("read_only", "cannot write: its file is read-only")],
  10: ["SQLITE_IOERR", fault("input_output", "cannot be used: its disk reports an input/output error")],
  11: ["SQLITE_CORRUPT", damaged],
  13: ["SQLITE_FULL", fault("full", "cannot write: the disk is full")],
  14: ["SQLITE_CANTOPEN", fault("missing", "cannot be opened: its file or directory is missing or not accessible")],
  15: ["SQLITE_PROTOCOL", fault("busy", "is busy: other processes lock its file all the time")],
  19: ["SQLITE_CONSTRAINT", fault("failed", "failed: its data contradict each other")],
  22: ["SQLITE_NOLFS", fault("full", "cannot write: its file is too large for the file system")],
  26: ["SQLITE_NOTADB", fault("damaged", "cannot be used: its file is damaged or not an SQLite database")]
}

const extended = (cause: unknown): number =>
  typeof cause === "object" && cause !== null && "errcode" in cause ? Number(cause.errcode) : 0

/**
 * The primary result code of an SQLite error, else 0.
 *
 * @category accessors
 * @since 0.1.0
 */
export const codeOf = (cause: unknown): number => extended(cause) & 255

/**
 * Whether another process has the file.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isBusy = (cause: unknown): boolean => codeOf(cause) === BUSY

/**
 * Whether the file is damaged, so that no other write can be trusted.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isDamage = (cause: unknown): boolean => codeOf(cause) === CORRUPT || codeOf(cause) === NOTADB

const named = (name: string, { reason, why }: StoreFault.StoreFault) => fault(reason, `${why} (${name})`)

/**
 * The fault of an error that SQLite or the file system threw.
 *
 * @category accessors
 * @since 0.1.0
 */
export const faultOf = (cause: unknown): StoreFault.StoreFault => {
  const code = codeOf(cause)
  if (code === 0) return StoreFault.ofSystemError(cause) ?? fault("failed", "failed")
  if (code === READONLY && extended(cause) === READONLY_DBMOVED) {
    return fault("missing", "cannot write: its file was moved or removed (SQLITE_READONLY_DBMOVED)")
  }
  // SQLite's own text of this error names tables and columns only
  if (code === 1 && cause instanceof Error) {
    if (cause.message.startsWith("no such table")) {
      return fault("missing", "failed: one of its tables is missing (SQLITE_ERROR)")
    }
    if (/^no such column|has no column named|has \d+ columns/u.test(cause.message)) {
      return fault("unsupported", "has tables with other columns (SQLITE_ERROR)")
    }
  }
  const known = codes[code]
  return known === undefined ? fault("failed", `failed (SQLite error ${code})`) : named(...known)
}
