/**
 * Connections of the application's own client for the PostgreSQL session store.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import * as MakePostgresPool from "./makePostgresPool.ts"
import type { PostgresPool, PostgresPools } from "./PostgresPool.ts"

const shared = Effect.fnUntraced(function*(
  op: string,
  naming: MakePostgresPool.PostgresNaming
): Effect.fn.Return<PostgresPool, BackendError, SqlClient.SqlClient> {
  // the names of our columns are not for the application's transformations
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  if (!sql.onDialectOrElse({ orElse: () => false, pg: () => true })) {
    return yield* new InvalidConfig({
      op,
      message: "the session store postgres needs a SqlClient of PostgreSQL, such as that of @effect/sql-pg",
      details: { part: "store" }
    })
  }
  return MakePostgresPool.make({ sql, naming, isShared: true })
})

/**
 * Uses the application's client and creates the tables. Fails `connection_failed` if the database is unreachable or no
 * connection is free, and `invalid_config` if it is no PostgreSQL or the tables belong to a newer release.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<PostgresPools, BackendError, SqlClient.SqlClient> = Effect.gen(function*() {
  const op = "PostgresStore.open"
  const naming = MakePostgresPool.makeNaming()
  const pool = yield* shared(op, naming)
  yield* MakePostgresPool.prepare(op, pool)
  return { sessions: pool, leases: pool, writes: pool, isFull: naming.isFull, notFull: naming.notFull }
})

/**
 * Creates the tables, or brings those of a former release to this one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const migrate: Effect.Effect<void, BackendError, SqlClient.SqlClient> = Effect.suspend(() =>
  Effect.flatMap(
    shared("PostgresStore.migrate", MakePostgresPool.makeNaming()),
    (pool) => MakePostgresPool.prepare("PostgresStore.migrate", pool)
  )
)
