/**
 * Makes the pools of the PostgreSQL session store from clients: its transactions, what is wrong with the database, and the
 * tables.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import type * as SqlClient from "effect/sql/SqlClient"
import { isSqlError } from "effect/sql/SqlError"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { abandonable } from "../Deadline.ts"
import * as PostgresFaults from "./PostgresFaults.ts"
import { NAME, type PostgresPool } from "./PostgresPool.ts"
import * as PostgresSchema from "./PostgresSchema.ts"
import * as PostgresTransactions from "./PostgresTransactions.ts"
import * as StoreFault from "./StoreFault.ts"

/**
 * Limits that the database itself holds, in ms. It ends the transaction of a process that hangs or is cut off, whose locks would
 * keep others from its sessions.
 *
 * @category constants
 * @since 0.1.0
 */
export const LIMITS = { statement_timeout: "5000", idle_in_transaction_session_timeout: "10000" }
/** How long what is done to a single session waits for a lock: others need the connection. The caller tries again. */
const LOCK_TIMEOUT = "500ms"
/** A little longer than the database's own limit, which a single statement of a client of the application does not have. */
const STATEMENT_DEADLINE = Duration.seconds(6)
/** Of a transaction that others contradict: the database's default isolation may be stricter than "read committed". */
const conflictRetry = Schedule.exponential("10 millis", 1.7).pipe(Schedule.jittered, Schedule.upTo({ times: 7 }))
/** In another encoding texts are refused, whatever a user says. */
const ENCODINGS = new Set(["UTF8", "SQL_ASCII"])

/**
 * Names the failures of the driver.
 *
 * @category models
 * @since 0.1.0
 */
export interface PostgresNaming {
  /** The error of a failure in an operation, without the database's own words. */
  readonly toError: (op: string) => (error: unknown) => BackendError
  /** Also those that the driver dies of, when a transaction cannot be rolled back. */
  readonly named: (op: string) => <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, BackendError>
  /** Whether the last failure was for want of space. */
  readonly isFull: () => boolean
  /** There is space again. */
  readonly notFull: () => void
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const makeNaming = (): PostgresNaming => {
  let isFull = false
  // without the database's own message, which may contain what was written
  const toError = (op: string) => (error: unknown) => {
    const fault = PostgresFaults.faultOf(error)
    isFull = fault.reason === "full"
    return StoreFault.toError(op, NAME, fault)
  }
  return {
    toError,
    named: (op) => (effect) =>
      effect.pipe(
        Effect.mapError(toError(op)),
        Effect.catchDefect((defect) => isSqlError(defect) ? Effect.fail(toError(op)(defect)) : Effect.die(defect))
      ),
    isFull: () => isFull,
    notFull: () => {
      isFull = false
    }
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export interface PostgresPoolOptions {
  readonly sql: SqlClient.SqlClient
  readonly naming: PostgresNaming
  /**
   * Whether the client is the application's: then the limits are set in each transaction, nothing waits for a connection
   * without end, and a transaction of the application that happens to be open is left alone. Default: false.
   */
  readonly isShared?: boolean | undefined
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ isShared = false, naming: { named }, sql }: PostgresPoolOptions): PostgresPool => {
  const begun = PostgresTransactions.of(sql, isShared)
  /** Settings that end with the transaction. */
  const set = (settings: { readonly [name: string]: string }) =>
    sql`SELECT ${sql.csv(Object.entries(settings).map(([name, value]) => sql`set_config(${name}, ${value}, true)`))}`
  const withTransaction: PostgresPool["withTransaction"] = (effect) =>
    begun(isShared ? Effect.andThen(set(LIMITS), effect) : effect)
  /**
   * A session may be created within a transaction of the application, and works on long after it. What is stored of it must
   * neither be part of that transaction nor use its connection.
   */
  const outside = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    isShared ? Effect.updateContext(effect, (context) => Context.omit(sql.transactionService)(context)) : effect
  /** Gives a single statement a connection that is not waited for without end, and a limit. */
  const alone = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | unknown> =>
    isShared
      ? PostgresTransactions.reserve(sql).pipe(
        Effect.flatMap((connection) => Effect.provideService(effect, sql.transactionService, [connection, 0])),
        Effect.scoped,
        Effect.timeoutOrElse({
          duration: STATEMENT_DEADLINE,
          orElse: () => Effect.fail(PostgresTransactions.noAnswer("statement"))
        })
      )
      : effect
  /** Creates the tables again where all of them are gone, as after a restore of a copy from before they were created. */
  const withTables = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | unknown> =>
    Effect.catch(
      effect,
      (error) =>
        PostgresFaults.isUndefinedTable(error)
          ? Effect.andThen(Effect.mapError(withTransaction(PostgresSchema.migrate(sql)), () => error), effect)
          : Effect.fail(error)
    )
  const attempt: PostgresPool["attempt"] = (op, effect) =>
    outside(withTables(effect.pipe(Effect.retry({ schedule: conflictRetry, while: PostgresFaults.isConflict })))).pipe(
      named(op),
      // a lease that is renewed every second would be a trace of its own each time
      Effect.provideService(References.TracerEnabled, false),
      // a commit cannot be interrupted, and waits for a replica that is gone without end
      abandonable
    )
  const transaction: PostgresPool["transaction"] = (op, effect) => attempt(op, withTransaction(effect))
  return {
    sql,
    withTransaction,
    attempt,
    transaction,
    ofSession: (op, effect) => transaction(op, Effect.andThen(set({ lock_timeout: LOCK_TIMEOUT }), effect)),
    statement: (op, effect) => attempt(op, alone(effect))
  }
}

/**
 * Checks a database and creates the tables. Fails `invalid_config` if its encoding is another than UTF-8, or the tables belong
 * to a newer release.
 *
 * @category combinators
 * @since 0.1.0
 */
export const prepare = Effect.fnUntraced(
  function*(op: string, pool: PostgresPool): Effect.fn.Return<void, BackendError> {
    const { sql } = pool
    const [database] = yield* pool.statement(
      op,
      sql<{ encoding: string }>`SELECT current_setting('server_encoding') AS encoding`
    )
    if (database !== undefined && !ENCODINGS.has(database.encoding)) {
      return yield* new InvalidConfig({
        op,
        message:
          `the session store ${NAME} has the encoding ${database.encoding}: create its database with ENCODING 'UTF8'`,
        details: { part: "store" }
      })
    }
    const version = yield* pool.transaction(op, PostgresSchema.migrate(sql))
    if (version > PostgresSchema.VERSION) {
      return yield* new InvalidConfig({
        op,
        message:
          `the tables effect_voice_* have the newer schema version ${version}; this release supports up to ${PostgresSchema.VERSION}`,
        details: { part: "store" }
      })
    }
  }
)
