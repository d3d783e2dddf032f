/**
 * Stores sessions in PostgreSQL, for processes on several machines.
 *
 * Each operation is one transaction, with the clock of the database. The fence in each statement refuses the writes of a
 * former owner. While the database is unreachable, operations fail `connection_failed`; the pool reconnects by itself.
 *
 * `layer` has connections of its own, `layerClient` uses the application's client.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import { randomBytes } from "node:crypto"
import type { BackendError } from "../BackendError.ts"
import * as OwnServices from "../session/OwnServices.ts"
import { type Claim, type SessionLease, SessionStore, type StoredSession } from "../session/persistence/SessionStore.ts"
import * as LeaseGrants from "./LeaseGrants.ts"
import * as PostgresClient from "./PostgresClient.ts"
import * as PostgresConnection from "./PostgresConnection.ts"
import * as PostgresOwners from "./PostgresOwners.ts"
import { NAME, type PostgresPools } from "./PostgresPool.ts"
import * as PostgresSchema from "./PostgresSchema.ts"
import * as PostgresWrites from "./PostgresWrites.ts"
import * as StoreFault from "./StoreFault.ts"
import * as StoreLimits from "./StoreLimits.ts"
import * as StoreOwner from "./StoreOwner.ts"

const FULL_PROBE_BYTES = 64 * 1024
/** How long the probe waits for a lock: shorter than its deadline, so that it tells the cause. */
const PROBE_LOCK_TIMEOUT = "1500ms"

/**
 * @category models
 * @since 0.1.0
 */
export interface PostgresStoreOptions extends PostgresConnection.PostgresConnectionOptions {
  /** How long a lease lasts that is not renewed: then another process may take the session over. Default: 5 s. */
  readonly lease?: Duration.Input | undefined
}

/**
 * The options of a store that uses the application's client.
 *
 * @category models
 * @since 0.1.0
 */
export type PostgresClientOptions = Pick<PostgresStoreOptions, "lease">

interface ClaimRow {
  readonly owner: string | null
  readonly fence: number
  readonly head: string
  readonly items: number
  readonly left: number
  readonly until: number
  readonly window_ms: number
}

const makeOn = Effect.fnUntraced(function*(
  { isFull, leases, notFull, sessions, writes }: PostgresPools,
  { lease = StoreLimits.LEASE_MS }: PostgresClientOptions
): Effect.fn.Return<SessionStore["Service"]> {
  const leaseMs = Duration.toMillis(Duration.fromInputUnsafe(lease))
  const owner = StoreOwner.make()
  const { ofSession, sql, statement, transaction } = sessions
  const owners = PostgresOwners.make({ owner, leaseMs, sessions, leases, clock: yield* Clock.Clock })
  /** Ends in seconds since 1970, by the clock of the database. */
  const grants = new LeaseGrants.LeaseGrants<number>()
  const held = sql`clock_timestamp() + ${sql.literal(PostgresSchema.HELD)}`

  const put = (sql: SqlClient.SqlClient, id: string, from: number, items: ReadonlyArray<string>) =>
    items.length === 0 ? Effect.void : sql`INSERT INTO effect_voice_items (session, n, json)
      SELECT ${id}, ${from}::integer + (n - 1)::integer, json
      FROM json_array_elements_text(${JSON.stringify(items)}::text::json) WITH ORDINALITY AS new (json, n)`

  type Change = StoredSession & { readonly from: number }

  /** Stores the session as a whole again if the lease allows it. */
  const restore = Effect.fnUntraced(function*(leased: SessionLease, { from, head, items }: Change) {
    const { fence, id } = leased
    const grant = grants.of(leased)
    const [row] = yield* sql<{ owner: string | null; fence: number }>`
      SELECT owner, fence FROM effect_voice_sessions WHERE id = ${id} FOR UPDATE`
    const stored = row === undefined ? undefined : LeaseGrants.storedOwner(row.fence, row.owner, owner)
    const right = LeaseGrants.writeRight(leased, grant, stored)
    if (right === "fenced") return "fenced"
    if (right === "held" || from > 0) return "gap"
    const restored = yield* sql`
      INSERT INTO effect_voice_sessions AS former (id, owner, fence, until, resume_window, head, items)
      VALUES (${id}, ${owner}, ${fence}::integer, ${held},
        ${grant?.windowMs ?? 0}::float8 * interval '1 millisecond', ${head}, ${items.length}::integer)
      ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, fence = excluded.fence, until = excluded.until,
        resume_window = excluded.resume_window, head = excluded.head, items = excluded.items
      WHERE former.fence < excluded.fence OR (former.fence = excluded.fence AND former.owner IS NULL) RETURNING id`
    return restored.length === 0 ? "gap" : "written"
  })

  const setItems = Effect.fnUntraced(function*(leased: SessionLease, change: Change) {
    const { fence, id } = leased
    const { from, head, items } = change
    const written = yield* sql`UPDATE effect_voice_sessions SET head = ${head}, items = ${from + items.length}::integer
      WHERE id = ${id} AND fence = ${fence}::integer AND owner = ${owner} AND items >= ${from}::integer
        AND (SELECT count(*) FROM effect_voice_items WHERE session = ${id} AND n < ${from}::integer) = ${from}::integer
      RETURNING id`
    if (written.length === 0) {
      const result = yield* restore(leased, change)
      if (result !== "written") return result
    }
    yield* sql`DELETE FROM effect_voice_items WHERE session = ${id} AND n >= ${from}::integer`
    yield* put(sql, id, from, items)
    return "written"
  })

  /** Stores a session like any other, which is gone again when the transaction ends; gives the schema's version. */
  const probe = Effect.gen(function*() {
    const { sql } = leases
    yield* sql`SELECT set_config('lock_timeout', ${PROBE_LOCK_TIMEOUT}, true)`
    const [meta] = yield* sql<{ version: number }>`SELECT version FROM effect_voice_meta`
    const id = `probe:${owner}`
    // after the disk was full, as much must fit again
    const head = isFull() ? randomBytes(FULL_PROBE_BYTES).toString("base64") : "{}"
    yield* sql`INSERT INTO effect_voice_sessions (id, owner, fence, until, resume_window, head, items)
      VALUES (${id}, NULL, 1, clock_timestamp(), interval '0', ${head}, 0) ON CONFLICT DO NOTHING`
    yield* put(sql, id, 0, ["{}"])
    // stores nothing, but needs the same rights and columns as what does
    yield* sql`UPDATE effect_voice_sessions SET owner = owner, fence = fence, until = until,
      resume_window = resume_window, head = head, items = items WHERE id = ${id}`
    yield* sql`INSERT INTO effect_voice_secrets (name, value) SELECT name, value FROM effect_voice_secrets WHERE false`
    yield* sql`UPDATE effect_voice_owners SET since = since, until = until WHERE owner = ${id}`
    yield* sql`DELETE FROM effect_voice_items WHERE session = ${id}`
    yield* sql`DELETE FROM effect_voice_sessions WHERE id = ${id}`
    return meta?.version ?? PostgresSchema.VERSION
  })

  const write = PostgresWrites.make({ owner, sessions, together: writes, writeAlone: setItems })

  const store: SessionStore["Service"] = {
    name: NAME,
    owner,
    leaseMs,
    create: Effect.fnUntraced(function*(id, kept, windowMs) {
      const op = "SessionStore.create"
      const fault = StoreLimits.sizeFault(op, kept)
      if (fault !== undefined) return yield* fault
      yield* owners.ensure
      const created = yield* transaction(
        op,
        Effect.gen(function*() {
          const rows =
            yield* sql`INSERT INTO effect_voice_sessions (id, owner, fence, until, resume_window, head, items)
            VALUES (${id}, ${owner}, 1, ${held}, ${windowMs}::float8 * interval '1 millisecond', ${kept.head},
              ${kept.items.length}::integer) ON CONFLICT DO NOTHING RETURNING id`
          if (rows.length > 0) yield* put(sql, id, 0, kept.items)
          return rows.length > 0
        })
      )
      return created
        ? grants.add({ id, fence: 1 }, { windowMs, formerUntil: 0 })
        : yield* StoreLimits.sessionExists()
    }),
    write: Effect.fnUntraced(function*(lease, change) {
      const op = "SessionStore.write"
      const fault = StoreLimits.sizeFault(op, change)
      if (fault !== undefined) return yield* fault
      if (!Number.isSafeInteger(change.from) || change.from < 0) return yield* StoreLimits.nonContiguousItems()
      if (change.from === 0) yield* owners.ensure
      yield* write(lease, change)
    }),
    claim: (id) =>
      Effect.andThen(
        owners.ensure,
        ofSession(
          "SessionStore.claim",
          Effect.gen(function*(): Effect.fn.Return<Claim, unknown> {
            const [row] = yield* sql<ClaimRow>`
            SELECT owner, fence, head, items, extract(epoch FROM until - clock_timestamp())::float8 * 1000 AS left,
              extract(epoch FROM until)::float8 AS until, extract(epoch FROM resume_window)::float8 * 1000 AS window_ms
            FROM effect_voice_sessions WHERE id = ${id} FOR UPDATE`
            if (row === undefined) return { _tag: "Unknown" }
            // in a second statement: the first may have waited for another owner's claim
            const { left, until } = row.owner === null ? row : (yield* owners.endOf(row.owner)) ?? row
            if (row.owner !== null && left > 0 && !StoreOwner.hasExited(row.owner)) {
              return { _tag: "Held", forMs: Math.min(left, leaseMs) }
            }
            const fence = row.fence + 1
            yield* sql`UPDATE effect_voice_sessions SET owner = ${owner}, fence = ${fence}::integer, until = ${held}
            WHERE id = ${id}`
            const items = yield* sql<{ n: number; json: string }>`
            SELECT n, json FROM effect_voice_items WHERE session = ${id} ORDER BY n`
            return {
              _tag: "Claimed",
              lease: grants.add({ id, fence }, { windowMs: row.window_ms, formerUntil: until }),
              ...StoreLimits.snapshotOf(row.head, row.items, items)
            }
          })
        )
      ),
    undoClaim: (leased) =>
      Effect.suspend(() => {
        const { fence, id } = leased
        const grant = grants.of(leased)
        grants.end(leased)
        return grant === undefined ? Effect.void : Effect.asVoid(ofSession(
          "SessionStore.undoClaim",
          sql`UPDATE effect_voice_sessions SET owner = NULL, until = to_timestamp(${grant.formerUntil}::float8)
            WHERE id = ${id} AND fence = ${fence}::integer AND owner = ${owner}`
        ))
      }),
    locate: (id) =>
      Effect.map(
        statement(
          "SessionStore.locate",
          sql<{ owner: string | null; leased: boolean }>`
            SELECT session.owner, coalesce(known.until, session.until) > clock_timestamp() AS leased
            FROM effect_voice_sessions AS session LEFT JOIN effect_voice_owners AS known ON known.owner = session.owner
            WHERE id = ${id}`
        ),
        ([row]) => row === undefined ? undefined : StoreOwner.locationOf(row.owner, row.leased)
      ),
    read: (id) =>
      Effect.map(
        statement(
          "SessionStore.read",
          sql<{ head: string; items: number; n: number | null; json: string | null }>`
            SELECT head, items, n, json FROM effect_voice_sessions LEFT JOIN effect_voice_items ON session = id
            WHERE id = ${id} ORDER BY n`
        ),
        (rows) => {
          const [first] = rows
          if (first === undefined) return undefined
          const items = rows.flatMap(({ json, n }) => n === null || json === null ? [] : [{ n, json }])
          return StoreLimits.snapshotOf(first.head, first.items, items).snapshot
        }
      ),
    renew: owners.renew,
    listOwned: Effect.map(
      statement(
        "SessionStore.listOwned",
        sql<{ id: string; fence: number; items: number; total: number; there: number }>`
          SELECT id, fence, items, count(n)::integer AS total, (count(n) FILTER (WHERE n < items))::integer AS there
          FROM effect_voice_sessions LEFT JOIN effect_voice_items ON session = id
          WHERE owner = ${owner} AND head <> '' GROUP BY id`
      ),
      // one with missing or surplus items is not as it was written
      (rows) =>
        rows.flatMap(({ fence, id, items, there, total }) =>
          total === items && there === items ? [{ id, fence, items }] : []
        )
    ),
    releaseLease: (leased) =>
      Effect.suspend(() => {
        grants.end(leased)
        return Effect.asVoid(ofSession(
          "SessionStore.releaseLease",
          sql`UPDATE effect_voice_sessions SET owner = NULL, until = clock_timestamp()
            WHERE id = ${leased.id} AND fence = ${leased.fence}::integer AND owner = ${owner}`
        ))
      }),
    releaseAll: Effect.suspend(() => {
      grants.endAll()
      // the lease alone releases those that are locked
      return Effect.andThen(
        owners.release,
        statement(
          "SessionStore.releaseAll",
          sql`UPDATE effect_voice_sessions SET owner = NULL, until = clock_timestamp() WHERE id IN (
            SELECT id FROM effect_voice_sessions WHERE owner = ${owner} FOR UPDATE SKIP LOCKED)`
        )
      ).pipe(Effect.asVoid)
    }),
    remove: (leased) =>
      Effect.suspend(() => {
        grants.end(leased)
        return Effect.asVoid(ofSession(
          "SessionStore.remove",
          // a copy with an older lease is from before a restore
          sql`DELETE FROM effect_voice_sessions WHERE id = ${leased.id}
            AND (fence < ${leased.fence}::integer OR (fence = ${leased.fence}::integer AND (owner = ${owner} OR owner IS NULL)))`
        ))
      }),
    sweep: owners.sweep,
    secret: (name, candidate) =>
      transaction(
        "SessionStore.secret",
        Effect.gen(function*() {
          yield* sql`INSERT INTO effect_voice_secrets (name, value) VALUES (${name}, ${candidate}) ON CONFLICT DO NOTHING`
          const [row] = yield* sql<{ value: string }>`SELECT value FROM effect_voice_secrets WHERE name = ${name}`
          return row?.value ?? candidate
        })
      ),
    shareSecrets: (name, known) =>
      transaction("SessionStore.shareSecrets", PostgresSchema.shareSecrets(sql, name, known)),
    probe: Effect.flatMap(leases.transaction("SessionStore.probe", probe), (version) =>
      Effect.suspend(() => {
        notFull()
        return version <= PostgresSchema.VERSION
          ? Effect.void
          : Effect.fail(StoreFault.toError("SessionStore.probe", NAME, StoreFault.newerSchema))
      }))
  }
  return OwnServices.add(store)
})

/**
 * Connects to a database as a new owner, for as long as the scope. Fails `connection_failed` if it is unreachable, and
 * `invalid_config` if the URL is invalid or the tables belong to a newer release.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: PostgresStoreOptions
): Effect.Effect<SessionStore["Service"], BackendError, Scope.Scope> =>
  Effect.flatMap(PostgresConnection.make(options), (pools) => makeOn(pools, options))

/**
 * Uses the application's client as a new owner. Fails `connection_failed` if its database is unreachable or no connection is
 * free, and `invalid_config` if it is no PostgreSQL or the tables belong to a newer release.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeClient = (
  options: PostgresClientOptions = {}
): Effect.Effect<SessionStore["Service"], BackendError, SqlClient.SqlClient> =>
  Effect.flatMap(PostgresClient.make, (pools) => makeOn(pools, options))

/**
 * Stores sessions over connections of its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: PostgresStoreOptions): Layer.Layer<SessionStore, BackendError> =>
  Layer.effect(SessionStore, make(options))

/**
 * Stores sessions over the application's own client of PostgreSQL, such as `PgClient.layer` of `@effect/sql-pg`, which stays
 * open when the layer is released. The tables `effect_voice_*` are created in the first schema of its `search_path`.
 *
 * - What it does needs one connection for a short time, seldom more than three at once. It waits for one of them for 3 s; then
 *   the operation fails `connection_failed` (`details.reason: "overloaded"`) and is tried again. An application that uses all
 *   of its pool for longer than `lease` may lose sessions to other processes: give the pool some connections more, `lease`
 *   more time, or the store connections of its own (`layer`).
 * - It is never part of the application's transactions, even where a session is created within one, and what transforms the
 *   application's names has no effect on it.
 * - Limits for locks and statements are set in each transaction, so nothing of the client's configuration is needed. After a
 *   failover, whether a connection to the former primary is left depends on the client's `connectionTTL`.
 *
 * ```ts
 * import * as PgClient from "@effect/sql-pg/PgClient"
 * import { Config, Layer } from "effect"
 * import * as PostgresStore from "effect-voice/store/PostgresStore"
 *
 * const Sql = PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") })
 * export const Store = PostgresStore.layerClient().pipe(Layer.provide(Sql))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient = (
  options?: PostgresClientOptions
): Layer.Layer<SessionStore, BackendError, SqlClient.SqlClient> => Layer.effect(SessionStore, makeClient(options))

/**
 * Creates the tables, or brings those of a former release to this one, over the application's client: for an application
 * whose migrations run with other rights than the application itself. Where they are there, the stores need to select, insert,
 * update and delete only.
 *
 * @category migrations
 * @since 0.1.0
 */
export const migrate: Effect.Effect<void, BackendError, SqlClient.SqlClient> = PostgresClient.migrate
