/**
 * The database that the nodes of a cluster find each other in, and whose locks say who does what only one may do: the one that
 * their sessions are stored in, by connections of its own.
 *
 * @since 0.1.0
 */
import type * as PgClient from "@effect/sql-pg/PgClient"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import type * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Redacted from "effect/Redacted"
import * as SqlClient from "effect/sql/SqlClient"
import type { BackendError } from "../../BackendError.ts"
import { ConnectionFailed } from "../../BackendError.ts"
import { loadPackage } from "../../ExternalPackage.ts"
import * as NodeSqlite from "./NodeSqlite.ts"

const op = "VoiceCluster.open"

/**
 * The prefix of the cluster's tables.
 *
 * @category constants
 * @since 0.1.0
 */
export const PREFIX = "effect_voice_cluster"

/** One for locks, which keeps it, and one for the rest, and one to spare while one of them is replaced. */
const MAX_CONNECTIONS = 3
/** A statement waits for nothing but the database itself. */
const LIMITS = { statement_timeout: "5000", idle_in_transaction_session_timeout: "10000", timezone: "UTC" }

/**
 * Where the nodes find each other.
 *
 * - `postgres`: for several machines. `locks`: `session` takes PostgreSQL's advisory locks, on one connection that stays open;
 *   `rows` writes locks to a table, for a PgBouncer that gives a connection away after each transaction. Default: `session`.
 * - `sqlite`: a file, for several processes of one machine.
 *
 * @category models
 * @since 0.1.0
 */
export type ClusterStorage =
  | {
    readonly kind: "postgres"
    readonly url: Redacted.Redacted<string>
    readonly locks?: "session" | "rows" | undefined
  }
  | { readonly kind: "sqlite"; readonly path: string }

/**
 * The file of a cluster whose sessions are in a file: beside that.
 *
 * @category accessors
 * @since 0.1.0
 */
export const besideSessions = (path: string): string => `${path.replace(/\.db$/, "")}.cluster.db`

const connectPostgres = (url: Redacted.Redacted<string>) =>
  Effect.flatMap(
    loadPackage<typeof PgClient>({
      op,
      purpose: "a cluster on postgres",
      packageName: "@effect/sql-pg",
      module: "@effect/sql-pg/PgClient"
    }),
    (pg) =>
      pg.make({
        url,
        applicationName: "effect-voice cluster",
        maxConnections: MAX_CONNECTIONS,
        connectTimeout: "3 seconds",
        startupParameters: LIMITS
      }).pipe(Effect.provide(Reactivity.layer))
  )

const sqlLayer = (storage: ClusterStorage): Layer.Layer<SqlClient.SqlClient, unknown> =>
  storage.kind === "sqlite"
    ? NodeSqlite.layer({ filename: storage.path })
    : Layer.effect(SqlClient.SqlClient, connectPostgres(storage.url))

/** The database's own message may contain the URL. */
const unreachable = (storage: ClusterStorage): BackendError =>
  new ConnectionFailed({
    op,
    message: `the database of the cluster (${storage.kind}) cannot be used`,
    details: { part: "cluster", reason: "store_unreachable" }
  })

/**
 * The storage as Effect's cluster takes it. Fails `connection_failed` when the database cannot be used, and `invalid_config` when
 * a package is missing.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  storage: ClusterStorage
): Layer.Layer<RunnerStorage.RunnerStorage, BackendError, ShardingConfig.ShardingConfig> =>
  SqlRunnerStorage.layerWith({ prefix: PREFIX }).pipe(
    Layer.provide(sqlLayer(storage)),
    // migrations that fail are defects there
    Layer.catchCause(() => Layer.effect(RunnerStorage.RunnerStorage, Effect.fail(unreachable(storage))))
  )
