/**
 * Keeps sessions in a file of embedded SQLite: several processes of one machine may share it.
 *
 * The file is in WAL mode and synchronous "normal": what was written survives the process, whatever ends it; of a machine
 * that loses its power, the last moments may be lost. What is erased is overwritten (`secure_delete`), and the log that
 * held it is emptied within a second.
 *
 * A call takes tens of microseconds and is made in one piece; where another process has the file, it is tried again.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { closeSync, mkdirSync, openSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { type BackendError, describe, InvalidConfig } from "../BackendError.ts"
import { type Claim, type SessionLease, SessionStore, type StoredSession } from "../session/persistence/SessionStore.ts"
import * as StoreLimits from "./StoreLimits.ts"
import * as StoreOwner from "./StoreOwner.ts"

const NAME = "sqlite"
/** "EfVc": this file is ours. */
const APPLICATION_ID = 0x45665663

/** Each brings a file from its index to the next version. */
const migrations = [
  `CREATE TABLE sessions (
     id TEXT PRIMARY KEY, owner TEXT, fence INTEGER NOT NULL, until_ms INTEGER NOT NULL,
     window_ms INTEGER NOT NULL, head TEXT NOT NULL, items INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE items (
     session TEXT NOT NULL, n INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (session, n)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`
]

/** A moment for another process to finish; more would stop every conversation of this one. */
const BUSY_MS = 20
const MAX_BUSY = Duration.seconds(5)
/** How long what was erased may stand in the log. */
const CHECKPOINT_PAUSE = Duration.seconds(1)
// sqlite.org/rescode.html
const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/**
 * @category models
 * @since 0.1.0
 */
export interface SqliteStoreOptions {
  /** The file; it and its directory are made when they are not there, for this user alone. */
  readonly path: string
  /** How long a process may be silent before another may take over. Default: 5 s. */
  readonly lease?: Duration.Input | undefined
}

const codeOf = (cause: unknown): number =>
  typeof cause === "object" && cause !== null && "errcode" in cause ? Number(cause.errcode) & 255 : 0

/** What SQLite says, before it is known for whom. */
interface Refusal {
  readonly cause: unknown
}
const refusal = (cause: unknown): Refusal => ({ cause })
const isBusy = ({ cause }: Refusal): boolean => codeOf(cause) === SQLITE_BUSY

const cannotOpen = (path: string, cause: unknown): InvalidConfig => {
  const code = codeOf(cause)
  const why = code === SQLITE_NOTADB || code === SQLITE_CORRUPT
    ? "is damaged or no SQLite database; move it away to begin with an empty one"
    : `cannot be opened for writing: ${describe(cause)}`
  return new InvalidConfig({
    op: "SqliteStore.open",
    message: `the session store ${path} ${why}`,
    details: { part: "store", path },
    cause
  })
}

const numberOf = (row: unknown, column: string): number => {
  const value = typeof row === "object" && row !== null ? Object.entries(row).find(([key]) => key === column)?.[1] : 0
  return Number(value ?? 0)
}

const pragma = (db: DatabaseSync, name: string): number => numberOf(db.prepare(`PRAGMA ${name}`).get(), name)

const migrate = (db: DatabaseSync, path: string): InvalidConfig | undefined => {
  const version = pragma(db, "user_version")
  const application = pragma(db, "application_id")
  const foreign = application !== APPLICATION_ID && (application !== 0 || version !== 0)
  if (foreign || version > migrations.length) {
    return new InvalidConfig({
      op: "SqliteStore.open",
      message: foreign
        ? `${path} is a database of another program`
        : `${path} was written by a newer version (${version}); this one knows ${migrations.length}`,
      details: { part: "store", path }
    })
  }
  for (const migration of migrations.slice(version)) db.exec(migration)
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${migrations.length}`)
  return undefined
}

const inTransaction = <A>(db: DatabaseSync, run: () => A): A => {
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

const open = (path: string): DatabaseSync => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  // SQLite gives its other files the mode of this one
  closeSync(openSync(path, "a", 0o600))
  const db = new DatabaseSync(path, { timeout: BUSY_MS })
  try {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON")
    const fault = inTransaction(db, () => migrate(db, path))
    if (fault !== undefined) throw fault
    return db
  } catch (cause) {
    db.close()
    throw cause
  }
}

/** While another process has the file. */
const again = Schedule.spaced("20 millis").pipe(Schedule.jittered, Schedule.upTo({ duration: MAX_BUSY }))

/**
 * Opens a file as a new owner; it is closed with the scope. Fails `invalid_config` when it cannot be opened, is damaged,
 * or is another program's or a newer version's.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: SqliteStoreOptions
): Effect.fn.Return<SessionStore["Service"], BackendError, Scope.Scope> {
  const path = resolve(options.path)
  const leaseMs = Duration.toMillis(Duration.fromInputUnsafe(options.lease ?? StoreLimits.LEASE_MS))
  const owner = StoreOwner.make()
  const db = yield* Effect.acquireRelease(
    Effect.try({
      try: () => open(path),
      catch: refusal
    }).pipe(
      Effect.retry({ schedule: again, while: isBusy }),
      Effect.mapError(({ cause }) => cause instanceof InvalidConfig ? cause : cannotOpen(path, cause))
    ),
    (db) => Effect.sync(() => db.close())
  )

  const sql = {
    create: db.prepare(
      "INSERT INTO sessions (id, owner, fence, until_ms, window_ms, head, items) VALUES (?, ?, 1, ?, ?, ?, 0) " +
        "ON CONFLICT DO NOTHING"
    ),
    write: db.prepare(
      "UPDATE sessions SET head = ?, items = ? WHERE id = ? AND fence = ? AND owner = ? AND items >= ?"
    ),
    holds: db.prepare("SELECT items FROM sessions WHERE id = ? AND fence = ? AND owner = ?"),
    cut: db.prepare("DELETE FROM items WHERE session = ? AND n >= ?"),
    add: db.prepare("INSERT INTO items (session, n, json) VALUES (?, ?, ?)"),
    find: db.prepare("SELECT owner, fence, until_ms, head FROM sessions WHERE id = ?"),
    items: db.prepare("SELECT json FROM items WHERE session = ? ORDER BY n"),
    claim: db.prepare("UPDATE sessions SET owner = ?, fence = fence + 1, until_ms = ? WHERE id = ?"),
    renew: db.prepare("UPDATE sessions SET until_ms = ? WHERE owner = ?"),
    letGo: db.prepare("UPDATE sessions SET owner = NULL, until_ms = ? WHERE id = ? AND fence = ? AND owner = ?"),
    release: db.prepare("UPDATE sessions SET owner = NULL, until_ms = ? WHERE owner = ?"),
    remove: db.prepare("DELETE FROM sessions WHERE id = ? AND fence = ? AND owner = ?"),
    expired: db.prepare("SELECT id FROM sessions WHERE until_ms + window_ms <= ?"),
    erase: db.prepare("DELETE FROM sessions WHERE id = ?"),
    keepSecret: db.prepare("INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING"),
    secret: db.prepare("SELECT value FROM secrets WHERE name = ?")
  }

  /** One step on the file, tried again while another process has it. */
  const attempt = <A>(op: string, step: (now: number) => A): Effect.Effect<A, BackendError> =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => Effect.try({ try: () => inTransaction(db, () => step(now)), catch: refusal })
    ).pipe(
      Effect.retry({ schedule: again, while: isBusy }),
      Effect.mapError((cause) => {
        const code = codeOf(cause)
        return StoreLimits.unreachable(op, NAME, isBusy(cause) ? "is busy" : `failed (SQLite error ${code})`)
      })
    )

  // ---- what was erased leaves the log, too
  const erased = yield* Queue.sliding<void>(1)
  const checkpoint = Effect.try(() => numberOf(db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get(), "busy") === 0).pipe(
    Effect.orElseSucceed(() => false)
  )
  yield* Effect.addFinalizer(() => checkpoint)
  yield* Queue.take(erased).pipe(
    Effect.andThen(Effect.sleep(CHECKPOINT_PAUSE)),
    Effect.andThen(checkpoint),
    Effect.tap((done) => done ? Effect.void : Effect.sync(() => Queue.offerUnsafe(erased, undefined))),
    Effect.forever,
    Effect.forkScoped
  )
  const erase = (id: string) => {
    sql.cut.run(id, 0)
    Queue.offerUnsafe(erased, undefined)
  }

  const put = (id: string, from: number, items: ReadonlyArray<string>) => {
    for (const [index, json] of items.entries()) sql.add.run(id, from + index, json)
  }

  const setItems = (lease: SessionLease, { from, head, items }: StoredSession & { readonly from: number }) => {
    const { changes } = sql.write.run(head, from + items.length, lease.id, lease.fence, owner, from)
    if (changes === 0) return sql.holds.get(lease.id, lease.fence, owner) === undefined ? "fenced" : "gap"
    sql.cut.run(lease.id, from)
    put(lease.id, from, items)
    return "written"
  }

  const isText = (value: unknown): value is string => typeof value === "string"
  const column = (row: Record<string, unknown>, name: string): string => isText(row[name]) ? row[name] : ""

  return {
    name: NAME,
    leaseMs,
    create: Effect.fnUntraced(function*(id, kept, windowMs) {
      const op = "SessionStore.create"
      const fault = StoreLimits.sizeFault(op, kept)
      if (fault !== undefined) return yield* fault
      const created = yield* attempt(op, (now) => {
        if (sql.create.run(id, owner, now + leaseMs, Math.trunc(windowMs), kept.head).changes === 0) return false
        return setItems({ id, fence: 1 }, { ...kept, from: 0 }) === "written"
      })
      return created ? { id, fence: 1 } : yield* StoreLimits.sessionExists()
    }),
    write: Effect.fnUntraced(function*(lease, change) {
      const op = "SessionStore.write"
      const fault = StoreLimits.sizeFault(op, change)
      if (fault !== undefined) return yield* fault
      const { from } = change
      if (!Number.isSafeInteger(from) || from < 0) return yield* StoreLimits.nonContiguousItems()
      const result = yield* attempt(op, () => setItems(lease, change))
      if (result === "fenced") return yield* StoreLimits.leaseLost()
      if (result === "gap") return yield* StoreLimits.nonContiguousItems()
    }),
    claim: (id) =>
      attempt("SessionStore.claim", (now): Claim => {
        const row = sql.find.get(id)
        if (row === undefined) return { _tag: "Unknown" }
        const until = numberOf(row, "until_ms")
        if (isText(row["owner"]) && until > now && !StoreOwner.hasExited(row["owner"])) {
          return { _tag: "Held", forMs: until - now }
        }
        sql.claim.run(owner, now + leaseMs, id)
        return {
          _tag: "Claimed",
          lease: { id, fence: numberOf(row, "fence") + 1 },
          kept: { head: column(row, "head"), items: sql.items.all(id).map((item) => column(item, "json")) }
        }
      }),
    renew: Effect.asVoid(attempt("SessionStore.renew", (now) => sql.renew.run(now + leaseMs, owner))),
    letGo: (lease) =>
      Effect.asVoid(attempt("SessionStore.letGo", (now) => sql.letGo.run(now, lease.id, lease.fence, owner))),
    release: Effect.asVoid(attempt("SessionStore.release", (now) => sql.release.run(now, owner))),
    remove: (lease) =>
      attempt("SessionStore.remove", () => {
        if (sql.remove.run(lease.id, lease.fence, owner).changes > 0) erase(lease.id)
      }),
    sweep: attempt("SessionStore.sweep", (now) => {
      const expired = sql.expired.all(now).map((row) => column(row, "id"))
      for (const id of expired) {
        sql.erase.run(id)
        erase(id)
      }
      return expired.length
    }),
    secret: (name, candidate) =>
      attempt("SessionStore.secret", () => {
        sql.keepSecret.run(name, candidate)
        const row = sql.secret.get(name)
        return row === undefined ? candidate : column(row, "value")
      }),
    probe: Effect.asVoid(attempt("SessionStore.probe", () => sql.secret.get("")))
  }
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: SqliteStoreOptions): Layer.Layer<SessionStore, BackendError> =>
  Layer.effect(SessionStore, make(options))
