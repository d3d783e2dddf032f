/**
 * The SQLite file of the session store: opened, migrated, and used in transactions.
 *
 * @since 0.1.0
 */
import { closeSync, openSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { InvalidConfig } from "../BackendError.ts"
import * as SqliteFaults from "./SqliteFaults.ts"
import * as SqliteFile from "./SqliteFile.ts"
import * as StoreFault from "./StoreFault.ts"

/** "EfVc": marks the file as a session store. */
const APPLICATION_ID = 0x45665663

/** The migration at index n brings a file from version n to n + 1. */
const migrations = [
  `CREATE TABLE sessions (
     id TEXT PRIMARY KEY, owner TEXT, fence INTEGER NOT NULL, until_ms INTEGER NOT NULL,
     window_ms INTEGER NOT NULL, head TEXT NOT NULL, items INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE items (
     session TEXT NOT NULL, n INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (session, n)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  // the lease of an owner, in place of one of each session in until_ms; since_ms: since when it is renewed without a gap
  `CREATE TABLE owners (
     owner TEXT PRIMARY KEY, since_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`
]

/** How long SQLite blocks for another process. It blocks the event loop, so longer waits are retries of the store. */
const BUSY_MS = 5
/** A larger file is not checked for damage when it is opened: the check reads all of it, and blocks. */
const MAX_CHECKED_BYTES = 64 * 1024 * 1024

/**
 * An error of SQLite, before it is mapped to a backend error.
 *
 * @category models
 * @since 0.1.0
 */
export interface SqliteFailure {
  readonly cause: unknown
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const failure = (cause: unknown): SqliteFailure => ({ cause })

/**
 * Whether another process has the file.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isBusy = ({ cause }: SqliteFailure): boolean => SqliteFaults.isBusy(cause)

/**
 * The error of a file that cannot be opened.
 *
 * @category errors
 * @since 0.1.0
 */
export const cannotOpen = (path: string, cause: unknown): InvalidConfig => {
  const { reason, why } = SqliteFaults.faultOf(cause)
  const advice = SqliteFaults.isDamage(cause) ? "; move it away to start with an empty one" : ""
  return new InvalidConfig({
    op: "SqliteStore.open",
    message: `the session store ${path} ${why}${advice}`,
    details: { part: "store", path, reason },
    cause
  })
}

/**
 * A numeric column of a row, else 0.
 *
 * @category accessors
 * @since 0.1.0
 */
export const numberOf = (row: unknown, column: string): number => {
  const value = typeof row === "object" && row !== null ? Object.entries(row).find(([key]) => key === column)?.[1] : 0
  return Number(value ?? 0)
}

const pragma = (db: DatabaseSync, name: string): number => numberOf(db.prepare(`PRAGMA ${name}`).get(), name)

/** Whether another application has made the file: one that marks it, or has made tables in it. Ours is marked with its first table. */
const isForeign = (db: DatabaseSync): boolean =>
  pragma(db, "application_id") !== APPLICATION_ID && (
    pragma(db, "application_id") !== 0 || pragma(db, "user_version") !== 0 ||
    numberOf(db.prepare("SELECT count(*) AS count FROM sqlite_schema").get(), "count") > 0
  )

const faultOf = (db: DatabaseSync, path: string): InvalidConfig | undefined => {
  const version = pragma(db, "user_version")
  const isOthers = isForeign(db)
  if (isOthers || version > migrations.length) {
    return new InvalidConfig({
      op: "SqliteStore.open",
      message: isOthers
        ? `${path} is a database of another application`
        : `${path} has the newer schema version ${version}; this release supports up to ${migrations.length}`,
      details: { part: "store", path }
    })
  }
  return undefined
}

const migrate = (db: DatabaseSync, path: string): InvalidConfig | undefined => {
  const fault = faultOf(db, path)
  if (fault !== undefined) return fault
  for (const migration of migrations.slice(pragma(db, "user_version"))) db.exec(migration)
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${migrations.length}`)
  return undefined
}

/**
 * Whether a newer release has changed the schema of an open file.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isNewer = (db: DatabaseSync): boolean => pragma(db, "user_version") > migrations.length

/**
 * Which file is at a path: another one than before if it was replaced; `undefined` if there is none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const identityOf = (path: string): string | undefined => {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? undefined : `${found.dev}:${found.ino}`
}

/**
 * Runs a function in a transaction that takes the write lock at its beginning; rolled back if the function throws.
 *
 * @category combinators
 * @since 0.1.0
 */
export const inTransaction = <A>(db: DatabaseSync, run: () => A): A => {
  db.exec("BEGIN IMMEDIATE")
  try {
    const result = run()
    db.exec("COMMIT")
    return result
  } catch (cause) {
    if (db.isTransaction) db.exec("ROLLBACK")
    throw cause
  }
}

/**
 * Checks the structure of a file that is not too large: what is wrong with it, if anything.
 *
 * @category accessors
 * @since 0.1.0
 */
export const findDamage = (db: DatabaseSync): StoreFault.StoreFault | undefined => {
  try {
    if (pragma(db, "page_count") * pragma(db, "page_size") > MAX_CHECKED_BYTES) return undefined
    const row = db.prepare("PRAGMA quick_check(1)").get()
    return row === undefined || row["quick_check"] === "ok"
      ? undefined
      : StoreFault.fault("damaged", "cannot be used: its file is damaged (quick_check)")
  } catch (cause) {
    return SqliteFaults.isDamage(cause) ? SqliteFaults.faultOf(cause) : undefined
  }
}

/**
 * Opens and migrates the file; it and its directory are created with access for this user only. Throws an error of SQLite or
 * `InvalidConfig`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (path: string): DatabaseSync => {
  if (SqliteFile.isDevice(path)) {
    throw new InvalidConfig({
      op: "SqliteStore.open",
      message: `the session store ${path} cannot be opened: a pipe or a device is where its file should be`,
      details: { part: "store", path }
    })
  }
  SqliteFile.makeDirectory(dirname(path))
  // SQLite creates its other files with the mode of this one
  closeSync(openSync(path, "a", 0o600))
  const db = new DatabaseSync(path, { timeout: BUSY_MS })
  try {
    // before anything is changed in it
    const others = faultOf(db, path)
    if (others !== undefined) throw others
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON")
    const fault = inTransaction(db, () => migrate(db, path))
    if (fault !== undefined) throw fault
    return db
  } catch (cause) {
    db.close()
    throw cause
  }
}
