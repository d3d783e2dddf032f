/** Engines of a cluster in this process, each with a server of its own on loopback. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Duration, Effect, Exit, Layer, Schedule, Schema, Scope, Stream } from "effect"
import * as Entity from "effect/cluster/Entity"
import * as Sharding from "effect/cluster/Sharding"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Rpc from "effect/rpc/Rpc"
import type { RpcClient } from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Fs from "node:fs"
import { createServer, type Server } from "node:http"
import * as Https from "node:https"
import * as Os from "node:os"
import * as Path from "node:path"
import { BackendError, SessionNotFound } from "../../src/BackendError.ts"
import type { ClusterEngine } from "../../src/cluster/engine/ClusterEngine.ts"
import type { ClusterStorage } from "../../src/cluster/engine/ClusterStorage.ts"
import { make } from "../../src/cluster/engine/makeClusterEngine.ts"
import { freePort } from "../support/FreePort.ts"

const Where = Entity.make("Where", [Rpc.make("Ask", { success: Schema.String })])
const Node = RpcGroup.make(
  Rpc.make("Name", { success: Schema.String }),
  Rpc.make("Fail", { error: BackendError }),
  Rpc.make("Count", { success: Schema.Int, stream: true })
)

/** The file of a cluster's database, for as long as the scope. */
export const file = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-cluster-"))),
    (made) => Effect.sync(() => Fs.rmSync(made, { recursive: true, force: true }))
  ),
  (directory) => Path.join(directory, "sessions.cluster.db")
)

/** A node; `stop` ends it, `cut` closes its server and leaves the rest as it is. */
export const node = Effect.fnUntraced(function*(options: {
  readonly storage: ClusterStorage
  readonly secret?: string
  readonly name?: string
  /** Where its API is mounted: `/voice`. */
  readonly prefix?: string
  readonly tls?: { readonly cert: string; readonly key: string }
}) {
  const { prefix = "", tls } = options
  const scope = yield* Effect.flatMap(Effect.scope, Scope.fork)
  const port = yield* freePort
  const url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}${prefix}`
  const engine = yield* make({
    name: options.name ?? "default",
    secret: { current: () => options.secret ?? "a secret", former: () => [] },
    address: Effect.succeed(url),
    storage: options.storage,
    lockExpiration: Duration.seconds(5),
    health: "ping",
    certificate: tls?.cert
  }).pipe(Scope.provide(scope))
  const rpc = yield* Effect.provide(
    engine.serve(Node),
    Node.toLayer({
      Name: () => Effect.succeed(url),
      Fail: () => Effect.fail(new SessionNotFound({ op: "test", message: "no such session" })),
      Count: () => Stream.range(1, 3)
    })
  ).pipe(Scope.provide(scope))
  let server: Server | undefined
  const listen = () =>
    server = tls === undefined
      ? createServer()
      : Https.createServer({ cert: Fs.readFileSync(tls.cert), key: Fs.readFileSync(tls.key) })
  const routes = [...engine.routes, rpc].map((route) => prefix === "" ? route : HttpRouter.prefixRoute(route, prefix))
  yield* Layer.buildWithScope(
    HttpRouter.serve(HttpRouter.addAll(routes), { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provide(NodeHttpServer.layer(listen, { port, host: "127.0.0.1" })),
      Layer.fresh
    ),
    scope
  )
  return {
    engine,
    url,
    stop: Scope.close(scope, Exit.void),
    cut: Effect.sync(() => {
      server?.close()
      server?.closeAllConnections()
    })
  }
})

/** Has a node answer for its share of the keys; gives a client of whoever has a key. */
export const whereOf = Effect.fnUntraced(function*(engine: ClusterEngine["Service"], url: string) {
  const sharding = Layer.succeed(Sharding.Sharding, yield* engine.sharding)
  yield* Layer.build(Layer.provide(Where.toLayer({ Ask: () => Effect.succeed(url) }), sharding))
  return yield* Effect.provide(Where.client, sharding)
})

/** Asks a node, as the nodes of a cluster do. */
export const ask = Effect.fnUntraced(function*<A, E>(
  engine: ClusterEngine["Service"],
  url: string,
  call: (client: RpcClient<RpcGroup.Rpcs<typeof Node>, RpcClientError>) => Effect.Effect<A, E>
) {
  return yield* Effect.flatMap((yield* engine.clients(Node)).of(url), call)
}, Effect.scoped)

export const soon = Schedule.max([Schedule.spaced("100 millis"), Schedule.recurs(400)])
