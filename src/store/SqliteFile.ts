/**
 * What is at the path of an SQLite database, before it is opened.
 *
 * @since 0.1.0
 */
import { closeSync, mkdirSync, openSync, readSync, statSync } from "node:fs"
import { dirname } from "node:path"

/** How a database file begins (sqlite.org/fileformat.html, 1.3). */
const MAGIC = Buffer.from("SQLite format 3\0")

/**
 * Whether a pipe, a socket or a device is at a path; to open one may wait without end.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isDevice = (path: string): boolean => {
  const found = statSync(path, { throwIfNoEntry: false })
  return found !== undefined && !found.isFile() && !found.isDirectory()
}

const codeOf = (cause: unknown) => cause instanceof Error && "code" in cause ? cause.code : undefined

const makeOne = (path: string): void => {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw cause
  }
}

/**
 * Makes a directory and those above it, with access for this user only. Not `recursive`, with which Node.js calls a read-only
 * file system a missing directory, and does not end on some others.
 *
 * @category operations
 * @since 0.1.0
 */
export const makeDirectory = (path: string): void => {
  try {
    makeOne(path)
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT" || dirname(path) === path) throw cause
    makeDirectory(dirname(path))
    makeOne(path)
  }
}

/**
 * Why what is at a path is no database; `undefined` when nothing is there, or a file that begins like one. Throws an error of
 * the file system.
 *
 * @category checks
 * @since 0.1.0
 */
export const faultOf = (path: string): string | undefined => {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || (found.isFile() && found.size === 0)) return undefined
  if (found.isDirectory()) return "a directory is where its file should be"
  if (!found.isFile()) return "a pipe or a device is where its file should be"
  const file = openSync(path, "r")
  try {
    const head = Buffer.alloc(MAGIC.length)
    readSync(file, head, 0, head.length, 0)
    return head.equals(MAGIC) ? undefined : "its file is damaged or not an SQLite database"
  } finally {
    closeSync(file)
  }
}
