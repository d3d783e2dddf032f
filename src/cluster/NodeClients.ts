/**
 * Clients of other nodes: one for each that is asked, kept for a while.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as RcMap from "effect/RcMap"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import { type BackendError, ConnectionFailed, isBackendError } from "../BackendError.ts"
import { type NodeClients, RPC_PATH } from "./ClusterEngine.ts"

const ASK_WITHIN_MS = 1_000
const KEEP = "3 minutes"

const unreachable = (): BackendError =>
  new ConnectionFailed({
    op: "VoiceCluster.ask",
    message: "another node of the cluster does not answer",
    details: { reason: "node_unreachable", retryAfterMs: 1_000 }
  })

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
  const made: NodeClients<Rpcs> = {
    of: (address) => RcMap.get(clients, address),
    ask: (address, call, withinMs = ASK_WITHIN_MS) =>
      Effect.scoped(Effect.flatMap(RcMap.get(clients, address), call)).pipe(
        Effect.timeout(withinMs),
        Effect.catchCause((cause) => {
          if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
          const error = Cause.squash(cause)
          return Effect.fail(isBackendError(error) ? error : unreachable())
        })
      )
  }
  return made
})
