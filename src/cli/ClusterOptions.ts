/**
 * The cluster that `serve` is in: that of the section `cluster`, or with `--workers` that of the workers alone.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { join } from "node:path"
import type { BackendConfig } from "../backend/config/BackendConfig.ts"
import { defaultPath } from "../builtin/Stores.ts"
import * as ClusterStorage from "../cluster/engine/ClusterStorage.ts"
import * as NodeAddress from "../cluster/engine/NodeAddress.ts"
import type { VoiceClusterOptions } from "../cluster/VoiceCluster.ts"
import { isLoopback, type ServerConfig } from "../server/ServerConfig.ts"
import type { WorkerRole } from "./workers/Worker.ts"

/** Where the nodes find each other: workers without a section `cluster` in a file that nobody else knows. */
const storageOf = ({ cluster, store }: BackendConfig, role: WorkerRole | undefined): ClusterStorage.ClusterStorage =>
  cluster === undefined && role !== undefined
    ? { kind: "sqlite", path: join(role.directory, "cluster.db") }
    : store.kind === "postgres"
    ? { kind: "postgres", url: store.url ?? Redacted.make(""), locks: cluster?.locks }
    : { kind: "sqlite", path: ClusterStorage.besideSessions(store.path ?? defaultPath()) }

/**
 * The base URL at which clients reach exactly this process; `undefined` where they come through the general one. Workers of a
 * server on loopback are all reached by whoever reaches it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const nodeUrlOf = (
  { cluster }: Pick<BackendConfig, "cluster">,
  listen: Pick<ServerConfig, "host" | "publicUrl">,
  role: Pick<WorkerRole, "index"> | undefined,
  own: URL
): string | undefined => {
  const given = cluster?.nodeUrl
  if (given !== undefined) {
    const port = own.port === "" ? (own.protocol === "https:" ? "443" : "80") : own.port
    return given.trim().replaceAll("{worker}", String(role?.index ?? 0)).replaceAll("{port}", port)
  }
  return role !== undefined && listen.publicUrl === undefined && isLoopback(listen.host) ? own.origin : undefined
}

/**
 * The options of the cluster; `undefined` for a process that is alone. `listening`: the URL of this process, as soon as it
 * listens.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  config: BackendConfig,
  listen: ServerConfig,
  role: WorkerRole | undefined,
  listening: Effect.Effect<string>
): VoiceClusterOptions | undefined => {
  const { cluster } = config
  if (cluster === undefined && role === undefined) return undefined
  const own = Effect.map(listening, (url) => new URL(url))
  // Whether there is one is known before it is known which.
  const hasNodeUrl = nodeUrlOf(config, listen, role, new URL("http://localhost")) !== undefined
  return {
    address: Effect.map(own, ({ hostname, port, protocol }) =>
      NodeAddress.format({
        scheme: protocol === "https:" ? "https" : "http",
        host: NodeAddress.hostOf(cluster?.address, hostname),
        port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
        prefix: ""
      })),
    nodeUrl: hasNodeUrl
      ? Effect.map(own, (url) => nodeUrlOf(config, listen, role, url) ?? url.origin)
      : undefined,
    storage: storageOf(config, role),
    certificate: listen.tls?.cert,
    maxSessions: cluster?.maxSessions,
    lockExpiration: cluster?.lockExpiration,
    health: cluster?.health,
    cell: cluster?.cell
  }
}
