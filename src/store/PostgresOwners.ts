/**
 * The leases of owners in PostgreSQL, and the sweep of what they have left.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import type { PostgresPool } from "./PostgresPool.ts"
import { LONGEST_LEASE } from "./PostgresSchema.ts"
import * as StoreOwner from "./StoreOwner.ts"
import * as SweepRule from "./SweepRule.ts"

/** So many sessions are erased by one statement. */
const MAX_ERASED = 1_000

/**
 * @category models
 * @since 0.1.0
 */
export interface PostgresOwnersOptions {
  readonly owner: string
  readonly leaseMs: number
  readonly sessions: PostgresPool
  /** A connection that no session can take. */
  readonly leases: PostgresPool
  readonly clock: Clock.Clock
}

interface SweptRow {
  readonly id: string
  readonly fence: number
  readonly owner: string | null
  readonly ends: number
  readonly window_ms: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface PostgresOwners {
  readonly renew: Effect.Effect<void, BackendError>
  /** Renews the lease, unless that was done a short time ago. */
  readonly ensure: Effect.Effect<void, BackendError>
  /** Ends the lease. */
  readonly release: Effect.Effect<void, BackendError>
  /** When the lease of an owner ends, in seconds since 1970 and in ms from now; `undefined`: it has none. */
  readonly endOf: (
    owner: string
  ) => Effect.Effect<{ readonly until: number; readonly left: number } | undefined, unknown>
  readonly sweep: Effect.Effect<number, BackendError>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ clock, leaseMs, leases, owner, sessions }: PostgresOwnersOptions): PostgresOwners => {
  const { sql, statement } = sessions
  let renewedMs = Number.NEGATIVE_INFINITY

  const renew = Effect.suspend(() => {
    const atMs = MonotonicTime.nowMs(clock)
    const { sql } = leases
    return Effect.tap(
      leases.statement(
        "SessionStore.renew",
        sql`INSERT INTO effect_voice_owners AS former (owner, since, until)
          VALUES (${owner}, clock_timestamp(), clock_timestamp() + ${leaseMs}::float8 * interval '1 millisecond')
          ON CONFLICT (owner) DO UPDATE SET until = excluded.until,
            since = CASE WHEN former.until < excluded.since THEN excluded.since ELSE former.since END`
      ),
      () =>
        Effect.sync(() => {
          renewedMs = atMs
        })
    )
  }).pipe(Effect.asVoid)

  const seconds = (column: string) => sql.literal(`extract(epoch FROM ${column})::float8`)

  /** Owners whose rows are gone, but have sessions, have as long as if they had just been renewed. */
  const findLost = statement(
    "SessionStore.sweep",
    sql`INSERT INTO effect_voice_owners (owner, since, until)
      SELECT DISTINCT owner, clock_timestamp(), clock_timestamp() + ${leaseMs}::float8 * interval '1 millisecond'
      FROM effect_voice_sessions AS session
      WHERE owner IS NOT NULL AND until > clock_timestamp() + ${sql.literal(LONGEST_LEASE)}
        AND NOT EXISTS (SELECT FROM effect_voice_owners AS known WHERE known.owner = session.owner)
      ON CONFLICT DO NOTHING`
  )
  const findExpired = statement(
    "SessionStore.sweep",
    sql<SweptRow>`SELECT id, fence, session.owner, ${seconds("coalesce(known.until, session.until)")} * 1000 AS ends,
        ${seconds("resume_window")} * 1000 AS window_ms
      FROM effect_voice_sessions AS session LEFT JOIN effect_voice_owners AS known ON known.owner = session.owner
      WHERE coalesce(known.until, session.until) + resume_window <= clock_timestamp()`
  )
  const findTime = statement(
    "SessionStore.sweep",
    sql<{ now: number; up: number | null }>`SELECT ${seconds("clock_timestamp()")} * 1000 AS now,
        ${seconds("min(since)")} * 1000 AS up
      FROM effect_voice_owners WHERE until > clock_timestamp()`
  )
  const erase = (rows: ReadonlyArray<SweptRow>) =>
    statement(
      "SessionStore.sweep",
      // one that was taken over or given back meanwhile has another fence
      sql`DELETE FROM effect_voice_sessions WHERE id IN (
        SELECT session.id FROM effect_voice_sessions AS session
        JOIN json_to_recordset(${
        JSON.stringify(rows.map(({ fence, id, owner }) => ({ fence, id, owner })))
      }::text::json)
          AS gone (id TEXT, fence INTEGER, owner TEXT)
        ON session.id = gone.id AND session.fence = gone.fence AND session.owner IS NOT DISTINCT FROM gone.owner
        FOR UPDATE OF session SKIP LOCKED) RETURNING id`
    )
  const forget = statement(
    "SessionStore.sweep",
    sql`DELETE FROM effect_voice_owners WHERE owner IN (
      SELECT owner FROM effect_voice_owners AS known
      WHERE until <= clock_timestamp() - ${SweepRule.FORGET_MS}::float8 * interval '1 millisecond'
        AND NOT EXISTS (SELECT FROM effect_voice_sessions AS session WHERE session.owner = known.owner)
      FOR UPDATE SKIP LOCKED)`
  )

  return {
    renew,
    ensure: Effect.suspend(() => MonotonicTime.nowMs(clock) - renewedMs < leaseMs / 2 ? Effect.void : renew),
    release: Effect.suspend(() => {
      renewedMs = Number.NEGATIVE_INFINITY
      return Effect.asVoid(leases.statement(
        "SessionStore.releaseAll",
        leases.sql`UPDATE effect_voice_owners SET until = clock_timestamp() WHERE owner = ${owner}`
      ))
    }),
    endOf: (owner) =>
      Effect.map(
        sql<{ until: number; left: number }>`SELECT ${seconds("until")} AS until,
            ${seconds("until - clock_timestamp()")} * 1000 AS left
          FROM effect_voice_owners WHERE owner = ${owner}`,
        ([row]) => row
      ),
    sweep: Effect.gen(function*() {
      yield* findLost
      const hasExited = StoreOwner.exits()
      const [time] = yield* findTime
      const rows = time === undefined ?
        [] :
        (yield* findExpired).filter(({ ends, owner, window_ms }) =>
          SweepRule.isAbandoned({ owner: owner ?? undefined, endMs: ends, windowMs: window_ms }, {
            nowMs: time.now,
            upSinceMs: time.up ?? undefined,
            hasExited
          })
        )
      let erased = 0
      for (let from = 0; from < rows.length; from += MAX_ERASED) {
        erased += (yield* erase(rows.slice(from, from + MAX_ERASED))).length
      }
      yield* forget
      return erased
    })
  }
}
