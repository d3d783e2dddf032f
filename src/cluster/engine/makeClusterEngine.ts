/**
 * Makes the engine of a cluster: Effect's cluster on the port of the API.
 *
 * Its routes are there at once, and are answered 503 until the address of this node is known and its database has answered.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as HttpRunner from "effect/cluster/HttpRunner"
import * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerServer from "effect/cluster/RunnerServer"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Sharding from "effect/cluster/Sharding"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type { SharedSecret } from "../../backend/sessions/SharedSecret.ts"
import { ConnectionFailed, InvalidConfig, isBackendError } from "../../BackendError.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import * as PeerClient from "../peers/PeerClient.ts"
import * as PeerGuard from "../peers/PeerGuard.ts"
import * as PeerTrust from "../peers/PeerTrust.ts"
import * as RequestSignature from "../peers/RequestSignature.ts"
import { type ClusterEngine, ENGINE_PATH, type Handler, RPC_PATH } from "./ClusterEngine.ts"
import * as ClusterStorage from "./ClusterStorage.ts"
import * as EngineSettings from "./EngineSettings.ts"
import * as NodeAddress from "./NodeAddress.ts"
import * as NodeClients from "./NodeClients.ts"
import * as NodeHealth from "./NodeHealth.ts"

const op = "VoiceCluster.start"

/**
 * - `name`: the name of the cluster.
 * - `secret`: the secret that all nodes share.
 * - `address`: the base URL at which the other nodes ask this one, as soon as it is known.
 * - `storage`: where the nodes find each other.
 * - `lockExpiration`: how long a node may be silent until another does what only one may do.
 * - `health`: how it is found out that a silent node has gone.
 * - `certificate`: the file with the certificate of the API, where it has TLS. Default: none.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterEngineOptions {
  readonly name: string
  readonly secret: SharedSecret
  readonly address: Effect.Effect<string>
  readonly storage: ClusterStorage.ClusterStorage
  readonly lockExpiration: Duration.Duration
  readonly health: "ping" | "k8s"
  readonly certificate?: string | undefined
}

/** How long a start that failed waits until the next try. */
const startRetry = Schedule.min([Schedule.exponential("500 millis", 2), Schedule.spaced("10 seconds")])
/** The list of nodes is one small query. */
const NODES_WITHIN = "2 seconds"

/** Readable by other releases: what is not known in it is left out. */
const serialization = RpcSerialization.layerNdjson

/** Derives the keys of the secrets that count now, once each. */
const keysOf = (secret: SharedSecret, name: string) => {
  const known = new Map<string, Buffer>()
  const keyOf = (text: string) => {
    const found = known.get(text) ?? RequestSignature.keyOf(text, name)
    known.set(text, found)
    return found
  }
  return { current: () => keyOf(secret.current()), all: () => [secret.current(), ...secret.former()].map(keyOf) }
}

/**
 * Makes it for as long as the scope. It begins in the background: a database that is away is asked again until it is there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: ClusterEngineOptions
): Effect.fn.Return<ClusterEngine["Service"], never, Scope.Scope> {
  const scope = yield* Effect.scope
  const keys = keysOf(options.secret, options.name)
  const known = yield* Deferred.make<NodeAddress.NodeAddress>()
  const running = yield* Deferred.make<Context.Context<Sharding.Sharding | RunnerStorage.RunnerStorage>>()
  let self: NodeAddress.NodeAddress | undefined
  let handler: Handler | undefined

  const guard = yield* PeerGuard.make({
    keys: keys.all,
    self: () => self === undefined ? undefined : NodeAddress.hostAndPort(self)
  })
  const client = HttpClient.transformResponse(
    yield* PeerClient.make({ key: keys.current, trust: yield* PeerTrust.make(options.certificate) }),
    // nodes ask each other several times a second
    Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
  )

  const serverProtocol = Layer.effect(
    RpcServer.Protocol,
    Effect.map(RpcServer.makeProtocolWithHttpEffect(), ({ httpEffect, protocol }) => {
      handler = httpEffect
      return protocol
    })
  )
  const layer = (address: NodeAddress.NodeAddress) => {
    const config = ShardingConfig.layer(EngineSettings.make({
      address: NodeAddress.toRunner(address),
      lockExpiration: options.lockExpiration,
      storage: options.storage
    }))
    const clientProtocol = HttpRunner.layerClientProtocolHttp({
      path: `${address.prefix}${ENGINE_PATH}`,
      https: address.scheme === "https"
    }).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, client)))
    return RunnerServer.layerWithClients.pipe(
      Layer.provide(serverProtocol),
      Layer.provide(NodeHealth.layer(options.health)),
      Layer.provide(clientProtocol),
      Layer.provide(MessageStorage.layerNoop),
      Layer.provideMerge(ClusterStorage.layer(options.storage)),
      Layer.provide([config, serialization])
    )
  }

  /** One try: what a failed one has built is released. */
  const tryOnce = (address: NodeAddress.NodeAddress) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Scope.fork(scope), (inner) =>
        restore(Layer.buildWithScope(layer(address), inner)).pipe(
          // what it logs of others that come and go is no news; what matters is in the health report
          Effect.provideService(References.MinimumLogLevel, "Error"),
          Effect.provideServiceEffect(Layer.CurrentMemoMap, Layer.makeMemoMap),
          Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Scope.close(inner, exit))
        ))
    )

  const start = Effect.gen(function*() {
    const text = yield* options.address
    const address = NodeAddress.parse(text)
    if (address === undefined) {
      return yield* new InvalidConfig({ op, message: "the address of this node is not a base URL" })
    }
    self = address
    yield* Deferred.succeed(known, address)
    let isKnown = false
    const context = yield* tryOnce(address).pipe(
      Effect.tapCause((cause) => {
        if (isKnown || Cause.hasInterruptsOnly(cause)) return Effect.void
        isKnown = true
        const error = Cause.squash(cause)
        const why = isBackendError(error) ? ThrownValue.textOf(error) : "an unexpected failure"
        return Effect.logWarning(`cannot join the cluster yet: ${why}; it is tried again`)
      }),
      Effect.sandbox,
      Effect.retry(startRetry),
      Effect.orDie
    )
    yield* Deferred.succeed(running, context)
    yield* Effect.logInfo("joined the cluster").pipe(
      Effect.annotateLogs({ cluster: options.name, node: NodeAddress.format(address) })
    )
  })
  yield* start.pipe(
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.logError("this node cannot join the cluster", ThrownValue.loggable(cause))
    ),
    Effect.forkScoped
  )

  const urlOf = (host: string, port: number): string =>
    NodeAddress.format({ scheme: self?.scheme ?? "http", prefix: self?.prefix ?? "", host, port })
  const nodes = Effect.flatMap(
    Deferred.await(running),
    (context) => Context.get(context, RunnerStorage.RunnerStorage).getRunners
  ).pipe(
    Effect.timeout(NODES_WITHIN),
    Effect.map((all) =>
      all.flatMap(([{ address }, isHealthy]) => isHealthy ? [urlOf(address.host, address.port)] : [])
    ),
    Effect.mapError(() =>
      new ConnectionFailed({
        op: "VoiceCluster.nodes",
        message: "the database of the cluster does not answer",
        details: { part: "cluster", reason: "store_unreachable" }
      })
    )
  )

  return {
    name: options.name,
    address: Effect.map(Deferred.await(known), NodeAddress.format),
    sharding: Effect.map(Deferred.await(running), (context) => Context.get(context, Sharding.Sharding)),
    nodes,
    client,
    route: guard,
    routes: [
      guard(
        "POST",
        ENGINE_PATH,
        Effect.suspend(() => handler ?? Effect.succeed(HttpServerResponse.empty({ status: 503 })))
      )
    ],
    serve: Effect.fnUntraced(function*(group) {
      const { httpEffect, protocol } = yield* RpcServer.makeProtocolWithHttpEffect().pipe(
        Effect.provide(serialization)
      )
      yield* RpcServer.make(group, { disableTracing: true, disableFatalDefects: true }).pipe(
        Effect.provideService(RpcServer.Protocol, protocol),
        Effect.forkScoped
      )
      return guard("POST", RPC_PATH, httpEffect)
    }),
    clients: (group) => Effect.provide(NodeClients.make(group, client), serialization)
  }
})
