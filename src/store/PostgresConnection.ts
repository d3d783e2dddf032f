/**
 * Connections of the PostgreSQL session store's own.
 *
 * @since 0.1.0
 */
import type * as PgClient from "@effect/sql-pg/PgClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { loadPackage } from "../ExternalPackage.ts"
import * as ServiceUrl from "../schema/ServiceUrl.ts"
import * as SecretValues from "../SecretValues.ts"
import * as MakePostgresPool from "./makePostgresPool.ts"
import type { PostgresPools } from "./PostgresPool.ts"

const CONNECT_TIMEOUT = Duration.seconds(3)
/**
 * How long a connection is used. After a failover the name of the host may lead to the new primary, while connections to the
 * former one stay, which is a standby then.
 */
const CONNECTION_TTL = Duration.seconds(30)

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
 * Connects to a database and creates the tables, for as long as the scope. Fails `connection_failed` if it is unreachable, and
 * `invalid_config` if the URL is invalid or the tables belong to a newer release.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: PostgresConnectionOptions
): Effect.fn.Return<PostgresPools, BackendError, Scope.Scope> {
  const open = "PostgresStore.open"
  SecretValues.rememberUrl(Redacted.value(options.url))
  const fault = ServiceUrl.faultOf("postgres", Redacted.value(options.url))
  if (fault !== undefined) {
    return yield* new InvalidConfig({
      op: open,
      message: `store.url: ${fault}`,
      details: { faults: [{ path: "store.url", message: fault }] }
    })
  }
  const naming = MakePostgresPool.makeNaming()
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
      startupParameters: MakePostgresPool.LIMITS
    }).pipe(
      Effect.provide(Reactivity.layer),
      Effect.mapError(naming.toError(open)),
      Effect.map((sql) => MakePostgresPool.make({ sql, naming }))
    )

  const most = options.maxConnections ?? 4
  const sessions = yield* connect(Math.max(1, most - 2))
  yield* MakePostgresPool.prepare(open, sessions)
  return {
    sessions,
    leases: most > 1 ? yield* connect(1) : sessions,
    writes: most > 2 ? yield* connect(1) : sessions,
    isFull: naming.isFull,
    notFull: naming.notFull
  }
})
