/**
 * Stores sessions in the memory of this process. Several owners may share one table, like processes that share a database.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MonotonicTime from "../MonotonicTime.ts"
import * as OwnServices from "../session/OwnServices.ts"
import {
  type Claim,
  MAX_SECRETS,
  type SessionLease,
  SessionStore,
  type StoredSession
} from "../session/persistence/SessionStore.ts"
import * as LeaseGrants from "./LeaseGrants.ts"
import * as StoreLimits from "./StoreLimits.ts"
import * as StoreOwner from "./StoreOwner.ts"
import * as SweepRule from "./SweepRule.ts"

/** `sinceMs`: since when it has been renewed without a gap. */
interface OwnerLease {
  readonly sinceMs: number
  readonly untilMs: number
}

interface Row {
  owner: string | undefined
  fence: number
  /** When it was let go; without a meaning while it has an owner. */
  untilMs: number
  readonly windowMs: number
  snapshot: StoredSession
}

/**
 * The table that owners share.
 *
 * @category models
 * @since 0.1.0
 */
export interface Table {
  readonly rows: Map<string, Row>
  readonly owners: Map<string, OwnerLease>
  readonly secrets: Map<string, ReadonlyArray<string>>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const makeTable = (): Table => ({ rows: new Map(), owners: new Map(), secrets: new Map() })

/**
 * Makes a new owner of a table. A lease lasts `leaseMs`. Default: 5,000.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: { readonly table?: Table | undefined; readonly leaseMs?: number | undefined } = {}
): SessionStore["Service"] => {
  const { owners, rows, secrets } = options.table ?? makeTable()
  const leaseMs = options.leaseMs ?? StoreLimits.LEASE_MS
  const owner = StoreOwner.make()
  const grants = new LeaseGrants.LeaseGrants<number>()
  const renew = (now: number) => {
    const former = owners.get(owner)
    const sinceMs = former !== undefined && former.untilMs >= now ? former.sinceMs : now
    owners.set(owner, { sinceMs, untilMs: now + leaseMs })
  }
  /** When the lease of a session ends, or has ended. */
  const endOf = (row: Row): number => row.owner === undefined ? row.untilMs : owners.get(row.owner)?.untilMs ?? 0
  const ownRow = (lease: SessionLease): Row | undefined => {
    const row = rows.get(lease.id)
    return row !== undefined && row.owner === owner && row.fence === lease.fence ? row : undefined
  }
  return OwnServices.add({
    name: "memory",
    owner,
    leaseMs,
    create: Effect.fnUntraced(function*(id, kept, windowMs) {
      const fault = StoreLimits.sizeFault("SessionStore.create", kept)
      if (fault !== undefined) return yield* fault
      if (rows.has(id)) return yield* StoreLimits.sessionExists()
      const now = yield* MonotonicTime.currentMs
      renew(now)
      rows.set(id, { owner, fence: 1, untilMs: now, windowMs, snapshot: { ...kept, items: [...kept.items] } })
      return grants.add({ id, fence: 1 }, { windowMs, formerUntil: now })
    }),
    write: Effect.fnUntraced(function*(lease, { from, head, items }) {
      const fault = StoreLimits.sizeFault("SessionStore.write", { head, items })
      if (fault !== undefined) return yield* fault
      if (!Number.isSafeInteger(from) || from < 0) return yield* StoreLimits.nonContiguousItems()
      const row = rows.get(lease.id)
      const grant = grants.of(lease)
      switch (
        LeaseGrants.writeRight(
          lease,
          grant,
          row === undefined ? undefined : LeaseGrants.storedOwner(row.fence, row.owner, owner)
        )
      ) {
        case "fenced":
          return yield* StoreLimits.leaseLost()
        case "held":
          if (row === undefined || from > row.snapshot.items.length) return yield* StoreLimits.nonContiguousItems()
          row.snapshot = { head, items: [...row.snapshot.items.slice(0, from), ...items] }
          return
        case "restore": {
          if (from > 0) return yield* StoreLimits.nonContiguousItems()
          const now = yield* MonotonicTime.currentMs
          const { fence, id } = lease
          const windowMs = grant?.windowMs ?? 0
          renew(now)
          rows.set(id, { owner, fence, untilMs: now, windowMs, snapshot: { head, items: [...items] } })
        }
      }
    }),
    claim: (id) =>
      Effect.map(MonotonicTime.currentMs, (now): Claim => {
        const row = rows.get(id)
        if (row === undefined) return { _tag: "Unknown" }
        const formerUntil = endOf(row)
        if (row.owner !== undefined && formerUntil > now) return { _tag: "Held", forMs: formerUntil - now }
        renew(now)
        row.owner = owner
        row.fence++
        const lease = grants.add({ id, fence: row.fence }, { windowMs: row.windowMs, formerUntil })
        return { _tag: "Claimed", lease, snapshot: row.snapshot }
      }),
    undoClaim: (lease) =>
      Effect.sync(() => {
        const row = ownRow(lease)
        const untilMs = grants.of(lease)?.formerUntil
        grants.end(lease)
        if (row === undefined || untilMs === undefined) return
        row.owner = undefined
        row.untilMs = untilMs
      }),
    locate: (id) =>
      Effect.map(MonotonicTime.currentMs, (now) => {
        const row = rows.get(id)
        return row === undefined ? undefined : StoreOwner.locationOf(row.owner ?? null, endOf(row) > now)
      }),
    read: (id) =>
      Effect.sync(() => {
        const snapshot = rows.get(id)?.snapshot
        return snapshot === undefined ? undefined : { head: snapshot.head, items: [...snapshot.items] }
      }),
    renew: Effect.map(MonotonicTime.currentMs, renew),
    listOwned: Effect.sync(() =>
      Array.from(rows).flatMap(([id, row]) =>
        row.owner === owner && row.snapshot.head !== ""
          ? [{ id, fence: row.fence, items: row.snapshot.items.length }]
          : []
      )
    ),
    releaseLease: (lease) =>
      Effect.map(MonotonicTime.currentMs, (now) => {
        grants.end(lease)
        const row = ownRow(lease)
        if (row === undefined) return
        row.owner = undefined
        row.untilMs = now
      }),
    releaseAll: Effect.map(MonotonicTime.currentMs, (now) => {
      grants.endAll()
      owners.delete(owner)
      for (const row of rows.values()) {
        if (row.owner !== owner) continue
        row.owner = undefined
        row.untilMs = now
      }
    }),
    remove: (lease) =>
      Effect.sync(() => {
        grants.end(lease)
        const row = rows.get(lease.id)
        if (row === undefined) return
        // a copy with an older lease is from before a restore
        const isUnowned = row.owner === undefined && row.fence === lease.fence
        if (row.fence < lease.fence || isUnowned || ownRow(lease) !== undefined) rows.delete(lease.id)
      }),
    sweep: Effect.map(MonotonicTime.currentMs, (now) => {
      const present = Array.from(owners.values()).filter(({ untilMs }) => untilMs > now)
      const upSinceMs = present.length === 0 ? undefined : Math.min(...present.map(({ sinceMs }) => sinceMs))
      const time = { nowMs: now, upSinceMs, hasExited: StoreOwner.exits() }
      let swept = 0
      for (const [id, row] of rows) {
        const { owner, windowMs } = row
        if (!SweepRule.isAbandoned({ owner, endMs: endOf(row), windowMs }, time)) continue
        rows.delete(id)
        swept++
      }
      const needed = new Set(Array.from(rows.values(), ({ owner }) => owner))
      for (const [owner, { untilMs }] of owners) {
        if (!needed.has(owner) && untilMs + SweepRule.FORGET_MS <= now) owners.delete(owner)
      }
      return swept
    }),
    secret: (name, candidate) =>
      Effect.sync(() => {
        const [first = candidate] = secrets.get(name) ?? []
        if (!secrets.has(name)) secrets.set(name, [first])
        return first
      }),
    shareSecrets: (name, known) =>
      Effect.sync(() => {
        const all = Array.from(new Set([...(secrets.get(name) ?? []), ...known])).slice(0, MAX_SECRETS)
        secrets.set(name, all)
        return all
      }),
    probe: Effect.void
  })
}

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Parameters<typeof make>[0] = {}): Layer.Layer<SessionStore> =>
  Layer.sync(SessionStore, () => make(options))
