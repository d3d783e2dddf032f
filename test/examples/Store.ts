import { Clock, Effect, Layer, Schema } from "effect"
import {
  type Claim,
  InvalidConfig,
  MAX_HEAD_BYTES,
  MAX_ITEM_BYTES,
  MAX_SECRETS,
  SessionNotFound,
  SessionStore,
  type StoredSession,
  StoreRegistry
} from "effect-voice"
import { Conformance } from "effect-voice/testing"
import { TestClock } from "effect/testing"
import assert from "node:assert"
import { randomUUID } from "node:crypto"

/** A row of sessions. `until`: when it was let go; while it has an owner, the owner's lease counts. */
interface Row extends StoredSession {
  readonly owner: string | undefined
  readonly fence: number
  readonly until: number
  readonly window: number
}

/** Your database: what `transact` is given happens as a whole, or not at all. */
class Database {
  readonly sessions = new Map<string, Row>()
  readonly owners = new Map<string, { readonly since: number; readonly until: number }>()
  readonly secrets = new Map<string, ReadonlyArray<string>>()
  readonly transact = <A, E>(work: (now: number) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(Clock.currentTimeMillis, work)
}

const refused = (reason: string, message: string) =>
  new InvalidConfig({ op: "SessionStore", message, details: { reason } })
const fenced = new SessionNotFound({
  op: "SessionStore.write",
  message: "the lease was lost",
  details: { reason: "fenced" }
})
const tooLarge = ({ head, items }: StoredSession): boolean =>
  Buffer.byteLength(head) > MAX_HEAD_BYTES || items.some((item) => Buffer.byteLength(item) > MAX_ITEM_BYTES)
const ABSENCE_MS = 600_000
const FORGET_MS = 60_000

/** One owner: a process, or each instance of the service. */
const make = ({ owners, secrets, sessions, transact }: Database, leaseMs: number): SessionStore["Service"] => {
  const owner = randomUUID()
  // what this owner may write, by what it was told: the store may have lost it
  const held = new Map<string, { readonly fence: number; readonly window: number; readonly formerUntil: number }>()
  const renew = (now: number) => {
    const former = owners.get(owner)
    const since = former !== undefined && former.until >= now ? former.since : now
    owners.set(owner, { since, until: now + leaseMs })
  }
  const endOf = (row: Row) => row.owner === undefined ? row.until : owners.get(row.owner)?.until ?? 0
  const sync = <A>(work: (now: number) => A) => transact((now) => Effect.sync(() => work(now)))
  const isMine = (row: Row | undefined, fence: number): row is Row => row?.owner === owner && row.fence === fence
  const release = (id: string, row: Row, until: number) => sessions.set(id, { ...row, owner: undefined, until })
  return {
    name: "table",
    owner,
    leaseMs,
    create: (id, snapshot, window) =>
      transact((now) => {
        if (tooLarge(snapshot)) return Effect.fail(refused("too_large", "the snapshot is too large"))
        if (sessions.has(id)) return Effect.fail(refused("exists", "there is a session of this id"))
        renew(now)
        sessions.set(id, { ...snapshot, owner, fence: 1, until: now, window })
        held.set(id, { fence: 1, window, formerUntil: now })
        return Effect.succeed({ id, fence: 1 })
      }),
    write: ({ fence, id }, { from, head, items }) =>
      transact((now): Effect.Effect<void, InvalidConfig | SessionNotFound> => {
        if (tooLarge({ head, items })) return Effect.fail(refused("too_large", "the snapshot is too large"))
        const gap = Effect.fail(refused("gap", "the items before these are not all there"))
        if (!Number.isSafeInteger(from) || from < 0) return gap
        const row = sessions.get(id)
        const lease = held.get(id)
        if (lease?.fence !== fence || (row !== undefined && row.fence > fence)) return Effect.fail(fenced)
        if (isMine(row, fence)) {
          if (from > row.items.length) return gap
          sessions.set(id, { ...row, head, items: [...row.items.slice(0, from), ...items] })
          return Effect.void
        }
        // the store has lost it, or is an older copy: its owner stores all of it again
        if (from > 0) return gap
        renew(now)
        sessions.set(id, { head, items, owner, fence, until: now, window: lease.window })
        return Effect.void
      }),
    claim: (id) =>
      sync((now): Claim => {
        const row = sessions.get(id)
        if (row === undefined) return { _tag: "Unknown" }
        const until = endOf(row)
        if (row.owner !== undefined && until > now) return { _tag: "Held", forMs: until - now }
        renew(now)
        const lease = { id, fence: row.fence + 1 }
        sessions.set(id, { ...row, owner, fence: lease.fence })
        held.set(id, { fence: lease.fence, window: row.window, formerUntil: until })
        return { _tag: "Claimed", lease, snapshot: { head: row.head, items: row.items } }
      }),
    undoClaim: ({ fence, id }) =>
      sync(() => {
        const row = sessions.get(id)
        // no longer than if it had not been claimed
        if (isMine(row, fence)) release(id, row, held.get(id)?.formerUntil ?? 0)
        held.delete(id)
      }),
    locate: (id) =>
      sync((now) => {
        const row = sessions.get(id)
        return row && { owner: row.owner, live: row.owner !== undefined && endOf(row) > now }
      }),
    read: (id) =>
      sync(() => {
        const row = sessions.get(id)
        return row && { head: row.head, items: row.items }
      }),
    renew: sync(renew),
    listOwned: sync(() =>
      Array.from(sessions).flatMap(([id, { fence, head, items, owner: of }]) =>
        of === owner && head !== "" ? [{ id, fence, items: items.length }] : []
      )
    ),
    releaseLease: ({ fence, id }) =>
      sync((now) => {
        const row = sessions.get(id)
        if (held.get(id)?.fence === fence) held.delete(id)
        if (isMine(row, fence)) release(id, row, now)
      }),
    releaseAll: sync((now) => {
      held.clear()
      owners.delete(owner)
      for (const [id, row] of sessions) if (row.owner === owner) release(id, row, now)
    }),
    remove: ({ fence, id }) =>
      sync(() => {
        const row = sessions.get(id)
        if (held.get(id)?.fence === fence) held.delete(id)
        if (row !== undefined && (row.fence < fence || (row.fence === fence && (row.owner ?? owner) === owner))) {
          sessions.delete(id)
        }
      }),
    sweep: sync((now) => {
      const up = Math.min(...Array.from(owners.values()).flatMap(({ since, until }) => until > now ? [since] : []))
      const before = sessions.size
      for (const [id, row] of sessions) {
        // an owner without a lease may only be cut off from the store
        const absence = row.owner === undefined ? 0 : ABSENCE_MS
        const from = row.owner === undefined ? row.until : Math.max(endOf(row), up)
        if (from + row.window + absence <= now) sessions.delete(id)
      }
      const needed = new Set(Array.from(sessions.values(), (row) => row.owner))
      for (const [name, { until }] of owners) if (!needed.has(name) && until + FORGET_MS <= now) owners.delete(name)
      return before - sessions.size
    }),
    secret: (name, candidate) =>
      sync(() => {
        const [first = candidate] = secrets.get(name) ?? []
        if (!secrets.has(name)) secrets.set(name, [first])
        return first
      }),
    shareSecrets: (name, known) =>
      sync(() => {
        const all = Array.from(new Set([...secrets.get(name) ?? [], ...known])).slice(0, MAX_SECRETS)
        secrets.set(name, all)
        return all
      }),
    probe: Effect.void
  }
}

// In a config: store: { kind: table, options: { lease_ms: 5000 } }
const databases = new Database()
export const stores = StoreRegistry.layer({
  table: StoreRegistry.define({
    options: Schema.Struct({ lease_ms: Schema.Int }),
    layer: ({ lease_ms }) => Layer.sync(SessionStore, () => make(databases, lease_ms))
  })
})

const results = await Effect.runPromise(Conformance.run(Conformance.sessionStore({
  name: "table",
  open: Effect.sync(() => {
    const database = new Database()
    return { owner: Effect.sync(() => make(database, 1_000)), pass: (ms) => TestClock.adjust(ms) }
  }),
  leaseMs: 1_000,
  // time stands still, but for `pass`; leave it out for a database with a clock of its own, where `pass` sleeps
  provideTime: Effect.provide(TestClock.layer())
})))
console.log(Conformance.summary(results)) // conformance: … passed, 0 failed, … skipped
assert.deepEqual(results.flatMap(({ detail, id, result }) => result === "failed" ? [[id, detail]] : []), [])
