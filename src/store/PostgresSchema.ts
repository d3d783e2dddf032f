/**
 * The tables of the PostgreSQL session store, and the secrets in one of them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as SqlClient from "effect/sql/SqlClient"
import * as StoreLimits from "./StoreLimits.ts"

/** The key of the advisory lock during the migration: "EfVc". */
const LOCK = 0x45665663

/**
 * The version of the tables. Version 2 has the leases of owners; in version 1 each session had its own, in `until`.
 *
 * @category constants
 * @since 0.1.0
 */
export const VERSION = 2

/**
 * `until` of a session that an owner of version 2 has: it cannot run out. An owner of version 1, which may still run while its
 * release is replaced, takes it for a lease that another owner renews, and leaves the session alone.
 *
 * @category constants
 * @since 0.1.0
 */
export const HELD = "interval '365 days'"

/**
 * A session whose `until` is further away has an owner of version 2: leases of version 1 last 5 min at most.
 *
 * @category constants
 * @since 0.1.0
 */
export const LONGEST_LEASE = "interval '10 minutes'"

const create = Effect.fnUntraced(function*(sql: SqlClient.SqlClient) {
  yield* sql`CREATE TABLE effect_voice_sessions (
    id TEXT PRIMARY KEY, owner TEXT, fence INTEGER NOT NULL, until TIMESTAMPTZ NOT NULL,
    resume_window INTERVAL NOT NULL, head TEXT NOT NULL, items INTEGER NOT NULL)`
  yield* sql`CREATE INDEX effect_voice_sessions_owner ON effect_voice_sessions (owner)`
  yield* sql`CREATE TABLE effect_voice_items (
    session TEXT NOT NULL REFERENCES effect_voice_sessions ON DELETE CASCADE,
    n INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (session, n))`
  yield* sql`CREATE TABLE effect_voice_secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL)`
  yield* sql`INSERT INTO effect_voice_meta (version) VALUES (1)`
})

/** `since`: since when the lease has been renewed without a gap. */
const addOwners = (sql: SqlClient.SqlClient) =>
  sql`CREATE TABLE effect_voice_owners (owner TEXT PRIMARY KEY, since TIMESTAMPTZ NOT NULL, until TIMESTAMPTZ NOT NULL)`

/**
 * Creates the tables where there are none, and brings those of a former version to this one: its sessions stay. Returns the
 * version of those that are there. To be run in a transaction. Only where something is to be done must the user be one who may
 * create tables.
 *
 * @category combinators
 * @since 0.1.0
 */
export const migrate = Effect.fnUntraced(function*(sql: SqlClient.SqlClient) {
  const [table] = yield* sql<{ there: boolean }>`SELECT to_regclass('effect_voice_meta') IS NOT NULL AS there`
  if (table?.there === true) {
    const [meta] = yield* sql<{ version: number }>`SELECT version FROM effect_voice_meta`
    if (meta !== undefined && meta.version >= VERSION) return meta.version
  }
  yield* sql`SELECT pg_advisory_xact_lock(${LOCK})`
  yield* sql`CREATE TABLE IF NOT EXISTS effect_voice_meta (version INTEGER NOT NULL)`
  const [meta] = yield* sql<{ version: number }>`SELECT version FROM effect_voice_meta`
  if (meta === undefined) yield* create(sql)
  const version = meta?.version ?? 1
  if (version >= VERSION) return version
  yield* addOwners(sql)
  yield* sql`UPDATE effect_voice_meta SET version = ${VERSION}`
  return VERSION
})

/**
 * Adds secrets to those of a name, and returns all of them. To be run in a transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const shareSecrets = Effect.fnUntraced(
  function*(sql: SqlClient.SqlClient, name: string, known: ReadonlyArray<string>) {
    const slots = StoreLimits.secretSlots(name)
    const read = Effect.map(
      sql<{ name: string; value: string }>`SELECT name, value FROM effect_voice_secrets WHERE name IN ${sql.in(slots)}`,
      (rows) => StoreLimits.secretsInOrder(slots, rows)
    )
    let stored = yield* read
    for (const value of known) {
      for (const slot of slots) {
        if (stored.some((each) => each.value === value)) break
        if (stored.some((each) => each.name === slot)) continue
        // another owner may take the slot first
        yield* sql`INSERT INTO effect_voice_secrets (name, value) VALUES (${slot}, ${value}) ON CONFLICT DO NOTHING`
        stored = yield* read
      }
    }
    return stored.map(({ value }) => value)
  }
)
