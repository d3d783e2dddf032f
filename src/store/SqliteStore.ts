/**
 * Stores sessions in an embedded SQLite file, which several processes of one machine may share.
 *
 * The file is in WAL mode with synchronous "normal": committed data survives a crash of the process; after a power failure
 * of the machine the last moments may be lost. Erased data is overwritten (`secure_delete`), and the write-ahead log that
 * held it is truncated within a second.
 *
 * A call takes tens of microseconds and is synchronous. While another process has the file, it is retried; all that wait share
 * the tries, so that the process is never blocked for more than a small part of the time.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import { resolve } from "node:path"
import type { BackendError } from "../BackendError.ts"
import * as OwnServices from "../session/OwnServices.ts"
import { type Claim, type SessionLease, SessionStore, type StoredSession } from "../session/persistence/SessionStore.ts"
import * as LeaseGrants from "./LeaseGrants.ts"
import * as SqliteConnection from "./SqliteConnection.ts"
import { numberOf } from "./SqliteDatabase.ts"
import * as SqliteOwners from "./SqliteOwners.ts"
import type * as SqliteStatements from "./SqliteStatements.ts"
import * as StoreLimits from "./StoreLimits.ts"
import * as StoreOwner from "./StoreOwner.ts"
import * as SweepRule from "./SweepRule.ts"

/** How often the probe is retried while another process has the file: for about 1.5 s in all, so that it tells the cause within its deadline. */
const MAX_PROBE_RETRIES = 10
/** How many sessions have their items counted when what is stored is listed: others follow the next time. */
const MAX_COUNTED = 64
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

type Change = StoredSession & { readonly from: number }

const isText = (value: unknown): value is string => typeof value === "string"
const column = (row: Record<string, unknown>, name: string): string => isText(row[name]) ? row[name] : ""

const itemsOf = (sql: SqliteStatements.Statements, id: string) =>
  sql.items.all(id).map((item) => ({ n: numberOf(item, "n"), json: column(item, "json") }))

/**
 * Opens a file as a new owner; it is closed with the scope. Fails `invalid_config` if the file cannot be opened, is damaged,
 * or belongs to another application or to a newer release.
 *
 * A file that is removed or replaced meanwhile is opened again: others would not see what is written to the old one. The probe
 * fails for the next 30 s, to tell it.
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
  const grants = new LeaseGrants.LeaseGrants<number>()
  const { checkpoint, isFull, noteProbe, transaction } = yield* SqliteConnection.make(path)
  /** The first of the sessions whose items are counted next. */
  let countedFrom = 0

  // ---- truncates the write-ahead log after an erasure
  const erased = yield* Queue.sliding<void>(1)
  yield* Effect.addFinalizer(() => checkpoint)
  yield* Queue.take(erased).pipe(
    Effect.andThen(Effect.sleep(CHECKPOINT_PAUSE)),
    Effect.andThen(checkpoint),
    Effect.tap((done) => done ? Effect.void : Effect.sync(() => Queue.offerUnsafe(erased, undefined))),
    Effect.forever,
    Effect.forkScoped
  )
  const erase = (sql: SqliteStatements.Statements, id: string) => {
    sql.cut.run(id, 0)
    Queue.offerUnsafe(erased, undefined)
  }

  const put = (sql: SqliteStatements.Statements, id: string, from: number, items: ReadonlyArray<string>) => {
    for (const [index, json] of items.entries()) sql.add.run(id, from + index, json)
  }

  /** Writes the head, if the lease allows it and the items before `from` are there. */
  const writeHead = (
    sql: SqliteStatements.Statements,
    lease: SessionLease,
    { from, head, items }: Change,
    now: number
  ) => {
    const { fence, id } = lease
    const row = sql.find.get(id)
    const grant = grants.of(lease)
    const stored = row === undefined
      ? undefined
      : LeaseGrants.storedOwner(numberOf(row, "fence"), column(row, "owner"), owner)
    switch (LeaseGrants.writeRight(lease, grant, stored)) {
      case "fenced":
        return "fenced"
      case "held": {
        if (numberOf(sql.count.get(id, from), "count") !== from) return "gap"
        return sql.write.run(head, from + items.length, id, fence, owner, from).changes === 0 ? "gap" : "written"
      }
      case "restore": {
        if (from > 0) return "gap"
        SqliteOwners.ensure(sql, owner, now, leaseMs)
        sql.restore.run(id, owner, fence, now + SqliteOwners.HELD_MS, grant?.windowMs ?? 0, head, items.length)
        return "written"
      }
    }
  }

  const setItems = (sql: SqliteStatements.Statements, lease: SessionLease, change: Change, now: number) => {
    const result = writeHead(sql, lease, change, now)
    if (result !== "written") return result
    sql.cut.run(lease.id, change.from)
    put(sql, lease.id, change.from, change.items)
    return "written"
  }

  return OwnServices.add({
    name: SqliteConnection.NAME,
    owner,
    leaseMs,
    create: Effect.fnUntraced(function*(id, kept, windowMs) {
      const op = "SessionStore.create"
      const fault = StoreLimits.sizeFault(op, kept)
      if (fault !== undefined) return yield* fault
      const window = Math.trunc(windowMs)
      const lease: SessionLease = { id, fence: 1 }
      const created = yield* transaction(op, (sql, now) => {
        if (sql.create.run(id, owner, now + SqliteOwners.HELD_MS, window, kept.head).changes === 0) return false
        SqliteOwners.ensure(sql, owner, now, leaseMs)
        return setItems(sql, lease, { ...kept, from: 0 }, now) === "written"
      })
      return created ? grants.add(lease, { windowMs: window, formerUntil: 0 }) : yield* StoreLimits.sessionExists()
    }),
    write: Effect.fnUntraced(function*(lease, change) {
      const op = "SessionStore.write"
      const fault = StoreLimits.sizeFault(op, change)
      if (fault !== undefined) return yield* fault
      const { from } = change
      if (!Number.isSafeInteger(from) || from < 0) return yield* StoreLimits.nonContiguousItems()
      const result = yield* transaction(op, (sql, now) => setItems(sql, lease, change, now))
      if (result === "fenced") return yield* StoreLimits.leaseLost()
      if (result === "gap") return yield* StoreLimits.nonContiguousItems()
    }),
    claim: (id) =>
      transaction("SessionStore.claim", (sql, now): Claim => {
        const row = sql.find.get(id)
        if (row === undefined) return { _tag: "Unknown" }
        const until = SqliteOwners.endOf(sql, row)
        if (isText(row["owner"]) && until > now && !StoreOwner.hasExited(row["owner"])) {
          return { _tag: "Held", forMs: Math.min(until - now, leaseMs) }
        }
        SqliteOwners.ensure(sql, owner, now, leaseMs)
        sql.claim.run(owner, now + SqliteOwners.HELD_MS, id)
        return {
          _tag: "Claimed",
          lease: grants.add({ id, fence: numberOf(row, "fence") + 1 }, {
            windowMs: numberOf(row, "window_ms"),
            formerUntil: until
          }),
          ...StoreLimits.snapshotOf(column(row, "head"), numberOf(row, "items"), itemsOf(sql, id))
        }
      }),
    undoClaim: (lease) =>
      Effect.suspend(() => {
        const grant = grants.of(lease)
        grants.end(lease)
        return grant === undefined ? Effect.void : Effect.asVoid(transaction(
          "SessionStore.undoClaim",
          (sql) => sql.releaseLease.run(grant.formerUntil, lease.id, lease.fence, owner)
        ))
      }),
    locate: (id) =>
      transaction("SessionStore.locate", (sql, now) => {
        const row = sql.find.get(id)
        if (row === undefined) return undefined
        return StoreOwner.locationOf(column(row, "owner"), SqliteOwners.endOf(sql, row) > now)
      }),
    read: (id) =>
      transaction("SessionStore.read", (sql) => {
        const row = sql.find.get(id)
        if (row === undefined) return undefined
        return StoreLimits.snapshotOf(column(row, "head"), numberOf(row, "items"), itemsOf(sql, id)).snapshot
      }),
    renew: Effect.asVoid(transaction("SessionStore.renew", (sql, now) => sql.renew.run(owner, now, now + leaseMs))),
    listOwned: transaction("SessionStore.listOwned", (sql) => {
      const rows = sql.owned.all(owner).map((row) => ({
        id: column(row, "id"),
        fence: numberOf(row, "fence"),
        items: numberOf(row, "items"),
        last: numberOf(row, "last")
      }))
      const from = countedFrom < rows.length ? countedFrom : 0
      countedFrom = from + MAX_COUNTED
      // one with missing or surplus items is not as it was written; to count them all each time would block for too long
      return rows.flatMap(({ fence, id, items, last }, index) => {
        const isCounted = index >= from && index < countedFrom
        const isWhole = last === items - 1 && (!isCounted || numberOf(sql.count.get(id, items), "count") === items)
        return isWhole ? [{ id, fence, items }] : []
      })
    }),
    releaseLease: (lease) =>
      Effect.suspend(() => {
        grants.end(lease)
        return Effect.asVoid(transaction(
          "SessionStore.releaseLease",
          (sql, now) => sql.releaseLease.run(now, lease.id, lease.fence, owner)
        ))
      }),
    releaseAll: Effect.suspend(() => {
      grants.endAll()
      return transaction("SessionStore.releaseAll", (sql, now) => {
        sql.release.run(now, owner)
        sql.endLease.run(owner)
      })
    }),
    remove: (lease) =>
      Effect.suspend(() => {
        grants.end(lease)
        return transaction("SessionStore.remove", (sql) => {
          // a copy with an older lease is from before a restore
          if (sql.remove.run(lease.id, lease.fence, lease.fence, owner).changes > 0) erase(sql, lease.id)
        })
      }),
    sweep: transaction("SessionStore.sweep", (sql, now) => {
      const abandoned = SqliteOwners.abandoned(sql, now, leaseMs)
      for (const id of abandoned) {
        sql.erase.run(id)
        erase(sql, id)
      }
      sql.forget.run(now - SweepRule.FORGET_MS)
      return abandoned.length
    }),
    secret: (name, candidate) =>
      transaction("SessionStore.secret", (sql) => {
        sql.keepSecret.run(name, candidate)
        const row = sql.secret.get(name)
        return row === undefined ? candidate : column(row, "value")
      }),
    shareSecrets: (name, known) =>
      transaction("SessionStore.shareSecrets", (sql) => {
        const slots = StoreLimits.secretSlots(name)
        const stored = slots.map((slot) => {
          const row = sql.secret.get(slot)
          return row === undefined ? undefined : column(row, "value")
        })
        for (const value of known) {
          const free = stored.indexOf(undefined)
          if (stored.includes(value) || free === -1) continue
          sql.keepSecret.run(slots[free] ?? name, value)
          stored[free] = value
        }
        return stored.filter(isText)
      }),
    // a session like any other, which is gone again when the transaction ends
    probe: transaction("SessionStore.probe", (sql) => {
      const id = `probe:${owner}`
      const head = isFull() ? randomBytes(FULL_PROBE_BYTES).toString("base64") : "{}"
      sql.create.run(id, owner, 0, 0, head)
      sql.add.run(id, 0, "{}")
      sql.write.run(head, 1, id, 1, owner, 0)
      sql.cut.run(id, 0)
      sql.erase.run(id)
      sql.secret.get("")
    }, MAX_PROBE_RETRIES).pipe(Effect.andThen(noteProbe))
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: SqliteStoreOptions): Layer.Layer<SessionStore, BackendError> =>
  Layer.effect(SessionStore, make(options))
