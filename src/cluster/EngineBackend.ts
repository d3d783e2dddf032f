/**
 * The clustered backend on the engine of the cluster.
 *
 * @since 0.1.0
 */
import * as Sharding from "effect/cluster/Sharding"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { createRequire } from "node:module"
import type { Backend } from "../backend/BackendContract.ts"
import type { SessionStore } from "../session/persistence/SessionStore.ts"
import * as BoardEntity from "./board/BoardEntity.ts"
import type { AskBoard } from "./board/Reporting.ts"
import * as ClusteredBackend from "./ClusteredBackend.ts"
import type { ClusterEngine } from "./engine/ClusterEngine.ts"
import { VoiceNode } from "./nodes/VoiceNode.ts"
import * as VoiceNodeHandlers from "./nodes/VoiceNodeHandlers.ts"

/**
 * - `nodeUrl`: the base URL at which clients reach exactly this process, as soon as its server listens. Default: none.
 * - `maxSessions`: how many sessions may be active in all processes together. Default: no such limit.
 * - `cell`: the name of the cell that the cluster is. Default: none.
 *
 * @category models
 * @since 0.1.0
 */
export interface EngineBackendOptions {
  readonly nodeUrl?: Effect.Effect<string> | undefined
  readonly maxSessions?: number | undefined
  readonly cell?: string | undefined
}

/** The release that this is; a bundle does not know it. */
const versionOf: Effect.Effect<string> = Effect.sync(() => {
  try {
    const manifest: { readonly version?: unknown } = createRequire(import.meta.url)("../../package.json")
    return typeof manifest.version === "string" ? manifest.version : "unknown"
  } catch {
    return "unknown"
  }
})

/**
 * Makes the backend of a cluster from that of this process, for as long as the scope. It is there at once, and alone until the engine
 * has begun.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  local: Backend,
  store: SessionStore["Service"],
  engine: ClusterEngine["Service"],
  { cell, maxSessions, nodeUrl }: EngineBackendOptions
): Effect.fn.Return<Backend, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const board = yield* Deferred.make<AskBoard>()
  yield* engine.sharding.pipe(
    Effect.flatMap((sharding) => {
      const running = Layer.succeed(Sharding.Sharding, sharding)
      return Layer.buildWithScope(Layer.provide(BoardEntity.layer(() => maxSessions, engine.nodes), running), scope)
        .pipe(
          Effect.andThen(Effect.provide(BoardEntity.ask, running))
        )
    }),
    Effect.flatMap((ask) => Deferred.succeed(board, ask)),
    Effect.forkScoped
  )
  const clients = yield* engine.clients(VoiceNode)
  const route = yield* Effect.provide(engine.serve(VoiceNode), VoiceNodeHandlers.layer(local))
  const version = yield* versionOf
  const identity = Effect.gen(function*() {
    const address = yield* engine.address
    const url = nodeUrl === undefined ? undefined : yield* nodeUrl
    return {
      owner: store.owner,
      address,
      version,
      ...(url === undefined ? {} : { nodeUrl: url }),
      ...(cell === undefined ? {} : { cell })
    }
  })
  const backend = yield* ClusteredBackend.make({
    local,
    store,
    clients,
    identity,
    isLimited: maxSessions !== undefined,
    askBoard: (report) => Effect.flatMap(Deferred.await(board), (ask) => ask(report))
  })
  return {
    ...backend,
    get routes() {
      return [...local.routes, ...engine.routes, route]
    },
    get clientOrigins() {
      return local.clientOrigins
    }
  }
})
