/**
 * Effect's `SqlClient` on `node:sqlite`, for a file that several processes of one machine share.
 *
 * A statement that finds the file locked by another process is tried again for some seconds without blocking this one.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlConnection from "effect/sql/SqlConnection"
import * as SqlError from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import { closeSync, mkdirSync, openSync } from "node:fs"
import { dirname } from "node:path"
import { DatabaseSync, type SQLInputValue } from "node:sqlite"

/** How long a statement blocks for another process. It blocks the event loop, so longer waits are tries anew. */
const BUSY_MS = 5
/** For about 4 s in all. */
const busyRetry = Schedule.min([Schedule.exponential("10 millis", 1.5), Schedule.spaced("250 millis")]).pipe(
  Schedule.jittered,
  Schedule.upTo({ times: 20 })
)
const BUSY = 5
const LOCKED = 6

/** Whether another process has the file. The extended codes have the code in their low byte. */
const isBusy = (error: SqlError.SqlError): boolean => {
  const { cause } = error.reason
  const code = typeof cause === "object" && cause !== null && "errcode" in cause ? Number(cause.errcode) & 0xff : 0
  return code === BUSY || code === LOCKED
}

const attempt = <A>(operation: string, f: () => A): Effect.Effect<A, SqlError.SqlError> =>
  Effect.try({
    try: f,
    catch: (cause) =>
      new SqlError.SqlError({
        reason: SqlError.classifySqliteError(cause, { message: `Failed to ${operation}`, operation })
      })
  }).pipe(Effect.retry({ schedule: busyRetry, while: isBusy }))

const openFile = (filename: string): DatabaseSync => {
  if (filename !== ":memory:") {
    mkdirSync(dirname(filename), { recursive: true })
    // SQLite would make it for everybody to read
    closeSync(openSync(filename, "a", 0o600))
  }
  const db = new DatabaseSync(filename)
  db.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL`)
  return db
}

const makeConnection = (db: DatabaseSync): SqlConnection.Connection => {
  const query = (sql: string, params: ReadonlyArray<unknown>, arrays: boolean) =>
    attempt("execute", (): ReadonlyArray<unknown> => {
      const statement = db.prepare(sql)
      // as the driver checks at run time
      const given = params as ReadonlyArray<SQLInputValue>
      if (statement.columns().length === 0) {
        statement.run(...given)
        return []
      }
      if (arrays) statement.setReturnArrays(true)
      return statement.all(...given)
    })
  const run = (sql: string, params: ReadonlyArray<unknown>) =>
    query(sql, params, false) as Effect.Effect<ReadonlyArray<object>, SqlError.SqlError>
  // the driver gives an array for each row then
  const values = (sql: string, params: ReadonlyArray<unknown>) =>
    query(sql, params, true) as Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>, SqlError.SqlError>
  const rows: SqlConnection.Connection["execute"] = (sql, params, transform) =>
    transform === undefined ? run(sql, params) : Effect.map(run(sql, params), transform)
  return {
    execute: rows,
    executeUnprepared: rows,
    executeRaw: (sql, params) =>
      attempt("execute", () => db.prepare(sql).run(...params as ReadonlyArray<SQLInputValue>)),
    executeValues: values,
    executeValuesUnprepared: values,
    executeStream: () => Stream.die(new Error("streams of rows are not supported"))
  }
}

/**
 * Opens a file, which is made if there is none, for as long as the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { filename }: { readonly filename: string }
): Effect.fn.Return<SqlClient.SqlClient, SqlError.SqlError, Scope.Scope | Reactivity.Reactivity> {
  const db = yield* Effect.acquireRelease(
    attempt("open", () => openFile(filename)),
    (db) => Effect.sync(() => db.close())
  )
  return yield* SqlClient.make({
    ...SqlClient.makeSqliteAcquirers({
      connection: Effect.succeed(makeConnection(db)),
      semaphore: yield* Semaphore.make(1)
    }),
    compiler: Statement.makeCompilerSqlite(),
    driver: "node:sqlite",
    beginTransaction: "BEGIN IMMEDIATE",
    spanAttributes: [["db.system.name", "sqlite"]]
  })
})

/**
 * The client of a file as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: { readonly filename: string }
): Layer.Layer<SqlClient.SqlClient, SqlError.SqlError> =>
  Layer.effectContext(Effect.map(make(options), (client) => Context.make(SqlClient.SqlClient, client))).pipe(
    Layer.provide(Reactivity.layer)
  )
