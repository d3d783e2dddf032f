/**
 * The connections of the PostgreSQL session store: its transactions, and what is wrong with the database.
 *
 * @since 0.1.0
 */
import type * as PgClient from "@effect/sql-pg/PgClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import { isSqlError } from "effect/sql/SqlError"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { loadPackage } from "../ExternalPackage.ts"
import * as ServiceUrl from "../schema/ServiceUrl.ts"
import * as PostgresFaults from "./PostgresFaults.ts"
import * as PostgresSchema from "./PostgresSchema.ts"
import * as StoreFault from "./StoreFault.ts"

/**
 * The name of the store.
 *
 * @category constants
 * @since 0.1.0
 */
export const NAME = "postgres"
const CONNECT_TIMEOUT = Duration.seconds(3)
/**
 * Limits that the database itself holds, in ms. It ends the transaction of a process that hangs or is cut off, whose locks would
 * keep others from its sessions.
 */
const LIMITS = { statement_timeout: "5000", idle_in_transaction_session_timeout: "10000" }

/**
 * @category models
 * @since 0.1.0
 */
export interface PostgresConnectionOptions {
  /**
   * `postgres://user:password@host/database`, a secret. The tables `effect_voice_*` are created in its schema. PgBouncer needs
   * `ignore_startup_parameters = statement_timeout, idle_in_transaction_session_timeout`.
   */
  readonly url: Redacted.Redacted<string>
  /** The size of the connection pool. Default: 4. */
  readonly maxConnections?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface PostgresConnection {
  readonly sql: SqlClient.SqlClient
  /** Runs an effect in a transaction; its failures are named. */
  readonly transaction: <A, E>(op: string, effect: Effect.Effect<A, E>) => Effect.Effect<A, BackendError>
  /** Runs a single statement; its failures are named. */
  readonly statement: <A, E>(op: string, effect: Effect.Effect<A, E>) => Effect.Effect<A, BackendError>
  /** Whether the last failure was for want of space. */
  readonly isFull: () => boolean
  /** There is space again. */
  readonly notFull: () => void
}

/**
 * Connects to a database and creates the tables, for as long as the scope. Fails `connection_failed` if it is unreachable, and
 * `invalid_config` if the URL is invalid or the tables belong to a newer release.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: PostgresConnectionOptions
): Effect.fn.Return<PostgresConnection, BackendError, Scope.Scope> {
  const open = "PostgresStore.open"
  const fault = ServiceUrl.faultOf("postgres", Redacted.value(options.url))
  if (fault !== undefined) {
    return yield* new InvalidConfig({
      op: open,
      message: `store.url: ${fault}`,
      details: { faults: [{ path: "store.url", message: fault }] }
    })
  }
  let isFull = false
  // without the database's own message, which may contain what was written
  const toError = (op: string) => (error: unknown) => {
    const fault = PostgresFaults.faultOf(error)
    isFull = fault.reason === "full"
    return StoreFault.toError(op, NAME, fault)
  }
  /** Names the failures of the driver; it also dies of them, when a transaction cannot be rolled back. */
  const named = (op: string) => <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, BackendError> =>
    effect.pipe(
      Effect.mapError(toError(op)),
      Effect.catchDefect((defect) => isSqlError(defect) ? Effect.fail(toError(op)(defect)) : Effect.die(defect))
    )
  const pg = yield* loadPackage<typeof PgClient>({
    op: open,
    purpose: "the session store postgres",
    packageName: "@effect/sql-pg",
    module: "@effect/sql-pg/PgClient"
  })
  const sql = yield* pg.make({
    url: options.url,
    applicationName: "effect-voice",
    maxConnections: options.maxConnections ?? 4,
    connectTimeout: CONNECT_TIMEOUT,
    startupParameters: LIMITS
  }).pipe(Effect.provide(Reactivity.layer), Effect.mapError(toError(open)))

  const version = yield* sql.withTransaction(PostgresSchema.migrate(sql)).pipe(named(open))
  if (version > PostgresSchema.VERSION) {
    return yield* new InvalidConfig({
      op: open,
      message:
        `the tables effect_voice_* have the newer schema version ${version}; this release supports up to ${PostgresSchema.VERSION}`,
      details: { part: "store" }
    })
  }

  /** Creates the tables again where all of them are gone, as after a restore of a copy from before they were created. */
  const withTables = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | unknown> =>
    Effect.catch(
      effect,
      (error) =>
        PostgresFaults.isUndefinedTable(error)
          ? Effect.andThen(Effect.mapError(sql.withTransaction(PostgresSchema.migrate(sql)), () => error), effect)
          : Effect.fail(error)
    )
  const transaction = <A, E>(op: string, effect: Effect.Effect<A, E>): Effect.Effect<A, BackendError> =>
    withTables(sql.withTransaction(effect)).pipe(named(op))
  const statement = <A, E>(op: string, effect: Effect.Effect<A, E>): Effect.Effect<A, BackendError> =>
    withTables(effect).pipe(named(op))
  return {
    sql,
    transaction,
    statement,
    isFull: () => isFull,
    notFull: () => {
      isFull = false
    }
  }
})
