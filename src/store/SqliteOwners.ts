/**
 * The leases of owners in SQLite, and which sessions they have left. Synchronous; to be used in a transaction.
 *
 * @since 0.1.0
 */
import { numberOf } from "./SqliteDatabase.ts"
import type * as SqliteStatements from "./SqliteStatements.ts"
import * as StoreOwner from "./StoreOwner.ts"
import * as SweepRule from "./SweepRule.ts"

/**
 * `until_ms` of a session that an owner of the schema version 2 has is so far away: it cannot run out. An owner of version 1,
 * which may still run while its release is replaced, takes it for a lease that another owner renews.
 *
 * @category constants
 * @since 0.1.0
 */
export const HELD_MS = 365 * 86_400_000

/** A session whose `until_ms` is further away has an owner of version 2: leases of version 1 last 5 min at most. */
const LONGEST_LEASE_MS = 600_000

const textOf = (row: Record<string, unknown>, name: string): string | undefined => {
  const value = row[name]
  return typeof value === "string" ? value : undefined
}

/**
 * Sees to it that an owner has a lease for at least half of its time.
 *
 * @category operations
 * @since 0.1.0
 */
export const ensure = (sql: SqliteStatements.Statements, owner: string, now: number, leaseMs: number): void => {
  if (numberOf(sql.ownerEnd.get(owner), "until_ms") < now + leaseMs / 2) sql.renew.run(owner, now, now + leaseMs)
}

/**
 * When the lease of a session ends, or has ended; without an owner: when it was let go. `row` has `owner` and `until_ms`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const endOf = (sql: SqliteStatements.Statements, row: Record<string, unknown>): number => {
  const owner = textOf(row, "owner")
  const lease = owner === undefined ? undefined : sql.ownerEnd.get(owner)
  return numberOf(lease ?? row, "until_ms")
}

/**
 * Finds the abandoned sessions.
 *
 * @category accessors
 * @since 0.1.0
 */
export const abandoned = (
  sql: SqliteStatements.Statements,
  now: number,
  leaseMs: number
): ReadonlyArray<string> => {
  // owners whose rows are gone, but have sessions, have as long as if they had just been renewed
  sql.findLost.run(now, now + leaseMs, now + LONGEST_LEASE_MS)
  const up = sql.upSince.get(now)?.["up"]
  const time = {
    nowMs: now,
    upSinceMs: typeof up === "number" ? up : undefined,
    hasExited: StoreOwner.exits()
  }
  return sql.expired.all(now).flatMap((row) => {
    const session = { owner: textOf(row, "owner"), endMs: numberOf(row, "ends"), windowMs: numberOf(row, "window_ms") }
    return SweepRule.isAbandoned(session, time) ? [textOf(row, "id") ?? ""] : []
  })
}
