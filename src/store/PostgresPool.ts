/**
 * What the PostgreSQL session store needs of a database: some connections for each kind of its work.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as SqlClient from "effect/sql/SqlClient"
import type { BackendError } from "../BackendError.ts"
import type { WithTransaction } from "./PostgresTransactions.ts"

/**
 * The name of the store.
 *
 * @category constants
 * @since 0.1.0
 */
export const NAME = "postgres"

/**
 * Some of the connections.
 *
 * @category models
 * @since 0.1.0
 */
export interface PostgresPool {
  readonly sql: SqlClient.SqlClient
  /** Runs an effect in a transaction. */
  readonly withTransaction: WithTransaction
  /** Runs an effect that makes its transactions itself; its failures are named. */
  readonly attempt: <A, E>(op: string, effect: Effect.Effect<A, E>) => Effect.Effect<A, BackendError>
  /** Runs an effect in a transaction; its failures are named. */
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
export interface PostgresPools {
  readonly sessions: PostgresPool
  readonly leases: PostgresPool
  readonly writes: PostgresPool
  /** Whether the last failure was for want of space. */
  readonly isFull: () => boolean
  /** There is space again. */
  readonly notFull: () => void
}
