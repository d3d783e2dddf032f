/**
 * What a cluster stands on: who the nodes are, and what one of them does for all. Effect's cluster on the port of the API.
 *
 * It begins when the address of this node is known, that is when its server listens; until then, and while the database that
 * the nodes find each other in is away for longer than the locks last, what waits for `sharding` waits.
 *
 * @since 0.1.0
 */
import type * as Sharding from "effect/cluster/Sharding"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Rpc from "effect/rpc/Rpc"
import type { RpcClient } from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type * as Scope from "effect/Scope"
import type { ProviderRoute } from "../../backend/provider/ProviderInfo.ts"
import type { BackendError } from "../../BackendError.ts"

/**
 * The path of the engine's own requests.
 *
 * @category constants
 * @since 0.1.0
 */
export const ENGINE_PATH = "/internal/cluster"

/**
 * The path of what nodes ask each other.
 *
 * @category constants
 * @since 0.1.0
 */
export const RPC_PATH = "/internal/rpc"

/**
 * An effect that answers an HTTP request.
 *
 * @category models
 * @since 0.1.0
 */
export type Handler = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  never,
  Scope.Scope | HttpServerRequest.HttpServerRequest
>

/**
 * Clients of other nodes, by their base URL.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeClients<Rpcs extends Rpc.Any> {
  /** The client of a node, for as long as the scope; one for all that ask it, closed after some minutes without use. */
  readonly of: (address: string) => Effect.Effect<RpcClient<Rpcs, RpcClientError>, never, Scope.Scope>
}

/**
 * The engine of a cluster.
 *
 * @category services
 * @since 0.1.0
 */
export class ClusterEngine extends Context.Service<ClusterEngine, {
  /** The name of the cluster. */
  readonly name: string
  /** The base URL at which the other nodes ask this one; waits until it is known. */
  readonly address: Effect.Effect<string>
  /** Effect's cluster, for entities; waits until it runs. */
  readonly sharding: Effect.Effect<Sharding.Sharding["Service"]>
  /** The base URLs of the nodes that are there, this one among them. Fails when the database does not answer. */
  readonly nodes: Effect.Effect<ReadonlyArray<string>, BackendError>
  /** An HTTP client whose requests to `/internal` are signed, and that trusts the certificates of this cluster. */
  readonly client: HttpClient.HttpClient
  /** A route that other nodes alone may use: whoever has no signature is answered 401. The path begins with `/internal/`. */
  readonly route: (method: "GET" | "POST", path: `/internal/${string}`, handler: Handler) => ProviderRoute
  /** The engine's own routes, to be mounted with the backend's. */
  readonly routes: ReadonlyArray<ProviderRoute>
  /**
   * Serves a group of RPCs on `RPC_PATH` for as long as the scope; gives its route, to be mounted with the backend's. Its
   * handlers are given as `group.toLayer(…)` gives them.
   */
  readonly serve: <Rpcs extends Rpc.Any>(
    group: RpcGroup.RpcGroup<Rpcs>
  ) => Effect.Effect<
    ProviderRoute,
    never,
    Scope.Scope | Rpc.ToHandler<Rpcs> | Rpc.Middleware<Rpcs> | Rpc.ServicesServer<Rpcs>
  >
  /** Clients of other nodes for a group that they serve on `RPC_PATH`, for as long as the scope. */
  readonly clients: <Rpcs extends Rpc.Any>(
    group: RpcGroup.RpcGroup<Rpcs>
  ) => Effect.Effect<NodeClients<Rpcs>, never, Scope.Scope | Rpc.MiddlewareClient<Rpcs>>
}>()("effect-voice/cluster/ClusterEngine") {}
