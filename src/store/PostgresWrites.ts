/**
 * Stores the snapshots of many sessions in PostgreSQL by one statement.
 *
 * The statement takes the common case: this owner has the session, all items before the new ones are there, and none after
 * them. It passes over what is locked by others. Whatever it leaves is written alone, in a transaction that gives up a lock
 * soon: the session's own writer tries again.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as SqlClient from "effect/sql/SqlClient"
import type { BackendError } from "../BackendError.ts"
import type { SessionLease } from "../session/persistence/SessionStore.ts"
import * as GatheredWrites from "./GatheredWrites.ts"
import { NAME, type PostgresPool } from "./PostgresPool.ts"
import * as StoreFault from "./StoreFault.ts"
import * as StoreLimits from "./StoreLimits.ts"
import * as WriteBatches from "./WriteBatches.ts"

const OP = "SessionStore.write"
/** A thousand sessions of a typical head and two items are 1.5 MB; the parameter is held in memory a few times. */
const LIMITS: WriteBatches.BatchLimits = { writes: 1_000, characters: 4 * 1024 * 1024 }
/** The database ends a statement after 5 s by itself. */
const BATCH_DEADLINE = Duration.seconds(6)
/** What is wrong with one session may fail the statement of all of them: they are tried alone. */
const TRIED_ALONE: ReadonlySet<unknown> = new Set(["failed", "busy", "damaged", "input_output"])

/** A caller has gone while its write was stored: it is rolled back, and what was stored with it is stored again. */
class Abandoned extends Data.TaggedError("Abandoned") {}

/**
 * @category models
 * @since 0.1.0
 */
export interface PostgresWritesOptions {
  readonly owner: string
  /** For the statement: it must not have to wait for other work. */
  readonly together: PostgresPool
  /** For what is written alone. */
  readonly sessions: PostgresPool
  /** Writes a single session, within a transaction. */
  readonly writeAlone: (
    lease: SessionLease,
    change: GatheredWrites.StoredChange
  ) => Effect.Effect<"written" | "fenced" | "gap", unknown>
}

/** Of these, the sessions that were written. */
const writeAll = (sql: SqlClient.SqlClient, owner: string, writes: ReadonlyArray<GatheredWrites.GatheredWrite>) => {
  const json = JSON.stringify(writes.map(({ change: { from, head, items }, lease: { fence, id } }) => ({
    id,
    fence,
    start: from,
    head,
    items
  })))
  return sql<{ id: string }>`
    WITH change AS (
      SELECT * FROM json_to_recordset(${json}::text::json)
        AS change (id text, fence integer, start integer, head text, items json)
    ), held AS MATERIALIZED (
      SELECT session.id, start, change.head, change.items FROM effect_voice_sessions AS session JOIN change USING (id)
      WHERE session.owner = ${owner} AND session.fence = change.fence AND session.items = start
        AND (SELECT count(*) = start AND count(*) FILTER (WHERE n < start) = start
          FROM effect_voice_items WHERE session = session.id)
      FOR NO KEY UPDATE OF session SKIP LOCKED
    ), added AS (
      INSERT INTO effect_voice_items (session, n, json)
      SELECT id, start + (n - 1)::integer, json
      FROM held, json_array_elements_text(held.items) WITH ORDINALITY AS new (json, n)
    )
    UPDATE effect_voice_sessions AS session SET head = held.head, items = start + json_array_length(held.items)
    FROM held WHERE session.id = held.id RETURNING session.id`
}

/**
 * Makes the write of the store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { owner, sessions, together: { attempt, sql, withTransaction }, writeAlone }: PostgresWritesOptions
): (lease: SessionLease, change: GatheredWrites.StoredChange) => Effect.Effect<void, BackendError> => {
  const transaction = (batch: ReadonlyArray<GatheredWrites.GatheredWrite>) =>
    withTransaction(Effect.gen(function*() {
      const open = batch.filter((write) => write.isOpen)
      const rows = open.length === 0 ? [] : yield* writeAll(sql, owner, open)
      if (open.some((write) => !write.isOpen)) return yield* new Abandoned()
      return new Set(rows.map(({ id }) => id))
    })).pipe(Effect.retry({ while: (error) => error instanceof Abandoned }))

  const writeBatch = (batch: ReadonlyArray<GatheredWrites.GatheredWrite>) =>
    attempt(OP, transaction(batch)).pipe(
      // a commit may hang, and the next batch waits for this one
      Effect.timeoutOrElse({
        duration: BATCH_DEADLINE,
        orElse: () => Effect.fail(StoreFault.toError(OP, NAME, StoreFault.unreachable))
      }),
      Effect.map((written) => {
        for (const write of batch) if (written.has(write.lease.id)) write.answer(Exit.void)
      }),
      Effect.catch((error) => TRIED_ALONE.has(error.details?.["reason"]) ? Effect.void : Effect.fail(error))
    )

  return GatheredWrites.make({
    together: (writes) =>
      Effect.forEach(
        WriteBatches.batchesOf(writes, LIMITS),
        writeBatch,
        { discard: true }
      ),
    alone: (write) =>
      sessions.ofSession(
        OP,
        Effect.gen(function*() {
          if (!write.isOpen) return yield* new Abandoned()
          const result = yield* writeAlone(write.lease, write.change)
          return write.isOpen ? result : yield* new Abandoned()
        })
      ).pipe(Effect.flatMap((result): Effect.Effect<void, BackendError> => {
        switch (result) {
          case "written":
            return Effect.void
          case "fenced":
            return Effect.fail(StoreLimits.leaseLost())
          case "gap":
            return Effect.fail(StoreLimits.nonContiguousItems())
        }
      }))
  })
}
