/**
 * Stores sessions in an embedded SQLite file, which several processes of one machine may share.
 *
 * The file is in WAL mode with synchronous "normal": committed data survives a crash of the process; after a power failure
 * of the machine the last moments may be lost. Erased data is overwritten (`secure_delete`), and the write-ahead log that
 * held it is truncated within a second.
 *
 * A call takes tens of microseconds and is synchronous. While another process has the file, it is retried.
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
import { randomBytes } from "node:crypto"
import { resolve } from "node:path"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { type Claim, type SessionLease, SessionStore, type StoredSession } from "../session/persistence/SessionStore.ts"
import { cannotOpen, failure, findDamage, inTransaction, isBusy, numberOf, open } from "./SqliteDatabase.ts"
import * as SqliteFaults from "./SqliteFaults.ts"
import * as StoreFault from "./StoreFault.ts"
import * as StoreLimits from "./StoreLimits.ts"
import * as StoreOwner from "./StoreOwner.ts"

const NAME = "sqlite"
/** How often an operation is retried while another process has the file, every 20 ms: about 5 s in all. */
const MAX_BUSY_RETRIES = 250
/** How long erased data may stay in the write-ahead log. */
const CHECKPOINT_PAUSE = Duration.seconds(1)
/** After the disk was full, as much must fit again. */
const FULL_PROBE_BYTES = 64 * 1024

/**
 * @category models
 * @since 0.1.0
 */
export interface SqliteStoreOptions {
  /** The file. It and its directory are created if missing, with access for this user only. */
  readonly path: string
  /** How long a lease lasts that is not renewed: then another process may take the session over. Default: 5 s. */
  readonly lease?: Duration.Input | undefined
}

const busyRetry = Schedule.spaced("20 millis").pipe(Schedule.jittered, Schedule.upTo({ times: MAX_BUSY_RETRIES }))

/**
 * Opens a file as a new owner; it is closed with the scope. Fails `invalid_config` if the file cannot be opened, is damaged,
 * or belongs to another application or to a newer release.
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
      catch: failure
    }).pipe(
      Effect.retry({ schedule: busyRetry, while: isBusy }),
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
    releaseLease: db.prepare("UPDATE sessions SET owner = NULL, until_ms = ? WHERE id = ? AND fence = ? AND owner = ?"),
    release: db.prepare("UPDATE sessions SET owner = NULL, until_ms = ? WHERE owner = ?"),
    remove: db.prepare("DELETE FROM sessions WHERE id = ? AND fence = ? AND owner = ?"),
    expired: db.prepare("SELECT id FROM sessions WHERE until_ms + window_ms <= ?"),
    erase: db.prepare("DELETE FROM sessions WHERE id = ?"),
    keepSecret: db.prepare("INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING"),
    secret: db.prepare("SELECT value FROM secrets WHERE name = ?")
  }

  /** What is wrong with the structure of the file: from then on, no write can be trusted. */
  let damage = findDamage(db)
  let isFull = false

  const faultOf = (cause: unknown): StoreFault.StoreFault => {
    if (cause instanceof InvalidConfig) {
      return StoreFault.fault(
        "unsupported",
        "cannot be used: its file is that of another application or a newer release"
      )
    }
    const fault = SqliteFaults.faultOf(cause)
    if (SqliteFaults.isDamage(cause)) damage ??= fault
    isFull = fault.reason === "full"
    return fault
  }

  /** Runs a transaction, and retries it while another process has the file. */
  const transaction = <A>(op: string, run: (now: number) => A): Effect.Effect<A, BackendError> =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => Effect.try({ try: () => inTransaction(db, () => run(now)), catch: failure })
    ).pipe(
      Effect.retry({ schedule: busyRetry, while: isBusy }),
      Effect.mapError(({ cause }) => StoreFault.toError(op, NAME, faultOf(cause)))
    )

  // ---- truncates the write-ahead log after an erasure
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
      const created = yield* transaction(op, (now) => {
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
      const result = yield* transaction(op, () => setItems(lease, change))
      if (result === "fenced") return yield* StoreLimits.leaseLost()
      if (result === "gap") return yield* StoreLimits.nonContiguousItems()
    }),
    claim: (id) =>
      transaction("SessionStore.claim", (now): Claim => {
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
          snapshot: { head: column(row, "head"), items: sql.items.all(id).map((item) => column(item, "json")) }
        }
      }),
    renew: Effect.asVoid(transaction("SessionStore.renew", (now) => sql.renew.run(now + leaseMs, owner))),
    releaseLease: (lease) =>
      Effect.asVoid(
        transaction("SessionStore.releaseLease", (now) => sql.releaseLease.run(now, lease.id, lease.fence, owner))
      ),
    releaseAll: Effect.asVoid(transaction("SessionStore.releaseAll", (now) => sql.release.run(now, owner))),
    remove: (lease) =>
      transaction("SessionStore.remove", () => {
        if (sql.remove.run(lease.id, lease.fence, owner).changes > 0) erase(lease.id)
      }),
    sweep: transaction("SessionStore.sweep", (now) => {
      const expired = sql.expired.all(now).map((row) => column(row, "id"))
      for (const id of expired) {
        sql.erase.run(id)
        erase(id)
      }
      return expired.length
    }),
    secret: (name, candidate) =>
      transaction("SessionStore.secret", () => {
        sql.keepSecret.run(name, candidate)
        const row = sql.secret.get(name)
        return row === undefined ? candidate : column(row, "value")
      }),
    // a session like any other, which is gone again when the transaction ends
    probe: transaction("SessionStore.probe", () => {
      const id = `probe:${owner}`
      const head = isFull ? randomBytes(FULL_PROBE_BYTES).toString("base64") : "{}"
      sql.create.run(id, owner, 0, 0, head)
      sql.add.run(id, 0, "{}")
      sql.cut.run(id, 0)
      sql.erase.run(id)
      sql.secret.get("")
    }).pipe(Effect.andThen(Effect.suspend(() => {
      isFull = false
      return damage === undefined ? Effect.void : Effect.fail(StoreFault.toError("SessionStore.probe", NAME, damage))
    })))
  }
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: SqliteStoreOptions): Layer.Layer<SessionStore, BackendError> =>
  Layer.effect(SessionStore, make(options))
