/**
 * Clients of other nodes: one for each that is asked, kept for a while.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as RcMap from "effect/RcMap"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import { type NodeClients, RPC_PATH } from "./ClusterEngine.ts"

const KEEP = "3 minutes"

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<Rpcs extends Rpc.Any>(
  group: RpcGroup.RpcGroup<Rpcs>,
  client: HttpClient.HttpClient
) {
  const clients = yield* RcMap.make({
    idleTimeToLive: KEEP,
    lookup: (address: string) =>
      Effect.flatMap(
        RpcClient.makeProtocolHttp(
          HttpClient.mapRequest(client, HttpClientRequest.prependUrl(`${address}${RPC_PATH}`))
        ),
        (protocol) =>
          Effect.provideService(RpcClient.make(group, { disableTracing: true }), RpcClient.Protocol, protocol)
      )
  })
  const made: NodeClients<Rpcs> = { of: (address) => RcMap.get(clients, address) }
  return made
})
