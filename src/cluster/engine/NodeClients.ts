/**
 * Clients of other nodes: one for each that is asked, kept until many others have been asked since.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Scope from "effect/Scope"
import { type NodeClients, RPC_PATH } from "./ClusterEngine.ts"

/** More nodes than a cluster has: so many clients are kept. */
const MAX_KEPT = 512

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<Rpcs extends Rpc.Any>(
  group: RpcGroup.RpcGroup<Rpcs>,
  client: HttpClient.HttpClient
) {
  const scope = yield* Effect.scope
  const serialization = yield* RpcSerialization.RpcSerialization
  const makeClient = (address: string) =>
    Effect.flatMap(
      Effect.provideService(
        RpcClient.makeProtocolHttp(
          HttpClient.mapRequest(client, HttpClientRequest.prependUrl(`${address}${RPC_PATH}`))
        ),
        RpcSerialization.RpcSerialization,
        serialization
      ),
      (protocol) => Effect.provideService(RpcClient.make(group, { disableTracing: true }), RpcClient.Protocol, protocol)
    )
  type Kept = { readonly client: Effect.Success<ReturnType<typeof makeClient>>; readonly scope: Scope.Closeable }
  const kept = new Map<string, Kept>()
  const open = Effect.fnUntraced(function*(address: string) {
    const own = yield* Scope.fork(scope)
    const made = yield* Scope.provide(makeClient(address), own)
    kept.set(address, { client: made, scope: own })
    const [oldest] = kept
    if (kept.size > MAX_KEPT && oldest !== undefined) {
      kept.delete(oldest[0])
      yield* Scope.close(oldest[1].scope, Exit.void)
    }
    return made
  })
  const made: NodeClients<Rpcs> = {
    of: (address) =>
      Effect.suspend(() => {
        const found = kept.get(address)
        return found === undefined ? open(address) : Effect.succeed(found.client)
      })
  }
  return made
})
