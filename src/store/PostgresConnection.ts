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
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import { isSqlError } from "effect/sql/SqlError"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { abandonable } from "../Deadline.ts"
import { loadPackage } from "../ExternalPackage.ts"
import * as ServiceUrl from "../schema/ServiceUrl.ts"
import * as PostgresFaults from "./PostgresFaults.ts"
import * as PostgresSchema from "./PostgresSchema.ts"
import * as PostgresTransactions from "./PostgresTransactions.ts"
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
 * How long a connection is used. After a failover the name of the host may lead to the new primary, while connections to the
 * former one stay, which is a standby then.
 */
const CONNECTION_TTL = Duration.seconds(30)
/** Of a transaction that others contradict: the database's default isolation may be stricter than "read committed". */
const conflictRetry = Schedule.exponential("10 millis", 1.7).pipe(Schedule.jittered, Schedule.upTo({ times: 7 }))
/** How long what is done to a single session waits for a lock: others need the connection. The caller tries again. */
const LOCK_TIMEOUT = "500ms"
/** In another encoding texts are refused, whatever a user says. */
const ENCODINGS = new Set(["UTF8", "SQL_ASCII"])
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
  /**
   * The most connections. Of two or more, one is for leases and the probe alone; of three or more, another one for the writes
   * that are gathered. Default: 4.
   */
  readonly maxConnections?: number | undefined
}

/**
 * Some of the connections.
 *
 * @category models
 * @since 0.1.0
 */
export interface PostgresPool {
  readonly sql: SqlClient.SqlClient
  /** Runs an effect in a transaction. */
  readonly withTransaction: PostgresTransactions.WithTransaction
  /** The same; its failures are named. */
  readonly transaction: <A, E>(op: string, effect: Effect.Effect<A, E>) => Effect.Effect<A, BackendError>
  /** The same, for a single session, which a stranger may have locked: it gives up soon, and fails `busy`. */
  readonly ofSession: <A, E>(op: string, effect: Effect.Effect<A, E>) => Effect.Effect<A, BackendError>
  /** Runs a single statement; its failures are named. */
  readonly statement: <A, E>(op: string, effect: Effect.Effect<A, E>) => Effect.Effect<A, BackendError>
}

/**
 * - `sessions`: for what is done to single sessions, which waits for their locks, but not for long.
 * - `leases`: for the leases of all sessions, and the probe: these must not wait behind the others.
 * - `writes`: for what is written of many sessions at once, which waits for no lock of a single one.
 *
 * @category models
 * @since 0.1.0
 */
export interface PostgresConnection {
  readonly sessions: PostgresPool
  readonly leases: PostgresPool
  readonly writes: PostgresPool
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
  const connect = (maxConnections: number) =>
    pg.make({
      url: options.url,
      applicationName: "effect-voice",
      maxConnections,
      connectTimeout: CONNECT_TIMEOUT,
      connectionTTL: CONNECTION_TTL,
      startupParameters: LIMITS
    }).pipe(Effect.provide(Reactivity.layer), Effect.mapError(toError(open)))

  const most = options.maxConnections ?? 4
  const sql = yield* connect(Math.max(1, most - 2))

  const [database] = yield* sql<{ encoding: string }>`SELECT current_setting('server_encoding') AS encoding`.pipe(
    named(open)
  )
  if (database !== undefined && !ENCODINGS.has(database.encoding)) {
    return yield* new InvalidConfig({
      op: open,
      message:
        `the session store ${NAME} has the encoding ${database.encoding}: create its database with ENCODING 'UTF8'`,
      details: { part: "store" }
    })
  }
  const version = yield* PostgresTransactions.of(sql)(PostgresSchema.migrate(sql)).pipe(named(open))
  if (version > PostgresSchema.VERSION) {
    return yield* new InvalidConfig({
      op: open,
      message:
        `the tables effect_voice_* have the newer schema version ${version}; this release supports up to ${PostgresSchema.VERSION}`,
      details: { part: "store" }
    })
  }

  const poolOf = (sql: SqlClient.SqlClient): PostgresPool => {
    const withTransaction = PostgresTransactions.of(sql)
    /** Creates the tables again where all of them are gone, as after a restore of a copy from before they were created. */
    const withTables = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | unknown> =>
      Effect.catch(
        effect,
        (error) =>
          PostgresFaults.isUndefinedTable(error)
            ? Effect.andThen(Effect.mapError(withTransaction(PostgresSchema.migrate(sql)), () => error), effect)
            : Effect.fail(error)
      )
    const statement = <A, E>(op: string, effect: Effect.Effect<A, E>): Effect.Effect<A, BackendError> =>
      withTables(effect.pipe(Effect.retry({ schedule: conflictRetry, while: PostgresFaults.isConflict }))).pipe(
        named(op),
        // a commit cannot be interrupted, and waits for a replica that is gone without end
        abandonable
      )
    const transaction: PostgresPool["transaction"] = (op, effect) => statement(op, withTransaction(effect))
    return {
      sql,
      statement,
      withTransaction,
      transaction,
      ofSession: (op, effect) =>
        transaction(op, Effect.andThen(sql`SELECT set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`, effect))
    }
  }
  const sessions = poolOf(sql)
  return {
    sessions,
    leases: most > 1 ? poolOf(yield* connect(1)) : sessions,
    writes: most > 2 ? poolOf(yield* connect(1)) : sessions,
    isFull: () => isFull,
    notFull: () => {
      isFull = false
    }
  }
})
