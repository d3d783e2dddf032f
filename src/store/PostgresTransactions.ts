/**
 * Transactions of PostgreSQL whose begin and end do not wait without end.
 *
 * A host may vanish without a word, as in a failover. What is sent on its connections is then sent again for as long as TCP
 * tries, 15 min. The client of Effect closes such a connection when a statement on it is interrupted, but its own `BEGIN`,
 * `COMMIT` and `ROLLBACK` cannot be: each would keep a connection of the pool for that time.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlConnection from "effect/sql/SqlConnection"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import { isRecord } from "../schema/Json.ts"
import * as PostgresFaults from "./PostgresFaults.ts"

/** None of them waits for a lock; a commit may wait for a replica. */
const CONTROL_DEADLINE = Duration.seconds(10)
/** How long a connection of a pool that others use as well is waited for: less than a lease lasts. */
const FREE_DEADLINE = Duration.seconds(3)

/**
 * Runs an effect in a transaction: it is committed when the effect succeeds, else rolled back.
 *
 * @category models
 * @since 0.1.0
 */
export type WithTransaction = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | SqlError, R>

const faultOf = (operation: string, message: string, cause?: unknown) =>
  new SqlError({ reason: new ConnectionError({ cause, message, operation }) })

/**
 * The error of what the database has not answered in time.
 *
 * @category errors
 * @since 0.1.0
 */
export const noAnswer = (operation: string): SqlError => faultOf(operation, "the database does not answer")

/**
 * Takes a connection of a pool that others use as well, which may be busy for ever, for as long as the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reserve = (
  sql: SqlClient.SqlClient
): Effect.Effect<SqlConnection.Connection, SqlError, Scope.Scope> =>
  Effect.timeoutOrElse(sql.reserve, {
    duration: FREE_DEADLINE,
    orElse: () => Effect.fail(faultOf("reserve", "no connection is free", new PostgresFaults.NoneFree()))
  })

const control = Effect.fnUntraced(function*(connection: SqlConnection.Connection, statement: string) {
  const result = yield* Effect.interruptible(connection.executeRaw(statement, [])).pipe(
    Effect.timeoutOrElse({
      duration: CONTROL_DEADLINE,
      orElse: () => Effect.fail(noAnswer(statement))
    })
  )
  // so it answers where a statement has failed
  if (statement === "COMMIT" && isRecord(result) && result["command"] === "ROLLBACK") {
    return yield* faultOf(statement, "the transaction was rolled back")
  }
})

/**
 * Makes the transactions of a client. Those within another one are savepoints. With `isShared` the client is one that others
 * use as well: then a transaction does not wait for a connection without end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (sql: SqlClient.SqlClient, isShared = false): WithTransaction =>
  SqlClient.makeWithTransaction({
    transactionService: sql.transactionService,
    spanAttributes: [],
    acquireConnection: (restore) => restore(isShared ? reserve(sql) : sql.reserve),
    begin: (connection) => control(connection, "BEGIN"),
    commit: (connection) => control(connection, "COMMIT"),
    rollback: (connection) => control(connection, "ROLLBACK"),
    savepoint: (connection, id) => control(connection, `SAVEPOINT within_${id}`),
    rollbackSavepoint: (connection, id) => control(connection, `ROLLBACK TO SAVEPOINT within_${id}`)
  })
