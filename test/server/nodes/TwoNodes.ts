import { Context, Effect, Exit, Layer, Queue, Scope, Stream } from "effect"
import type { SessionPlace } from "../../../src/backend/BackendContract.ts"
import * as BackendConfig from "../../../src/backend/config/BackendConfig.ts"
import type { Peer, ProviderHost } from "../../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { type BackendError, SessionNotFound } from "../../../src/BackendError.ts"
import { provider } from "../../../src/providers/local/index.ts"
import * as Server from "../../../src/server/Server.ts"
import type { SessionStore } from "../../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"
import type { Attached } from "../../providers/LocalServer.ts"
import { host } from "../../providers/LocalServer.ts"
import { ScriptedListener } from "../../transport/ScriptedListener.ts"
import { backend } from "../support.ts"

export interface TestNode {
  readonly url: string
  readonly port: number
  /** Every id that the node looked up, in order. */
  readonly lookups: Array<string>
  readonly recoveries: Array<string>
  /** The addresses of the users who were let in. */
  readonly peers: Array<Peer>
  /** What the node's lookups give; `Unknown` when there is none. */
  readonly places: Map<string, SessionPlace | Effect.Effect<SessionPlace, BackendError>>
  readonly open: (id: string, transport?: "websocket" | "webrtc") => Effect.Effect<{
    readonly token: string
    readonly attached: Effect.Effect<Attached>
  }>
  readonly stop: Effect.Effect<void>
}

/** A store whose secrets are all the same; an empty one: each its own. */
const storeOf = (secret: string): SessionStore["Service"] => ({
  ...MemoryStore.make(),
  ...(secret === "" ? {} : { secret: () => Effect.succeed(secret) })
})

/** A server with the local provider, whose backend looks sessions up in a map of the test. */
export const node = Effect.fnUntraced(function*(
  options: Server.ServerOptions & {
    readonly secret?: string
    readonly backendConfig?: Record<string, unknown>
    readonly stopping?: Effect.Effect<void>
  } = {}
): Effect.fn.Return<TestNode, BackendError, Scope.Scope> {
  const { backendConfig, secret = "a secret of the cluster", stopping, ...server } = options
  const scope = yield* Scope.fork(yield* Effect.scope)
  const sessions = yield* Scope.fork(scope)
  const config = yield* BackendConfig.decode({
    provider: "local",
    pipeline_type: "stt_tts",
    stt_provider: "none",
    tts_provider: "none",
    provider_config: { bind_address: "127.0.0.1" },
    ...backendConfig
  })
  const lookups: Array<string> = []
  const recoveries: Array<string> = []
  const peers: Array<Peer> = []
  const places: TestNode["places"] = new Map()
  const providerHost: ProviderHost = {
    ...host,
    admit: (_session, peer) => Effect.sync(() => void peers.push(peer)),
    recover: (id) =>
      Effect.suspend(() => {
        recoveries.push(id)
        return Effect.fail(new SessionNotFound({ op: "test", message: "no session has this id" }))
      })
  }
  const configured = yield* provider.configure(config.providerConfig)
  const connection = yield* configured.connect(config, providerHost).pipe(Scope.provide(sessions))
  const clustered = Layer.effect(
    VoiceBackend,
    Effect.map(VoiceBackend, (one) => ({
      ...one,
      config: Effect.succeed(config),
      stop: Effect.andThen(stopping ?? Effect.void, one.stop),
      routes: connection.routes ?? [],
      store: storeOf(secret),
      locate: (id: string) =>
        Effect.suspend(() => {
          lookups.push(id)
          const place = places.get(id) ?? { _tag: "Unknown" as const }
          return Effect.isEffect(place) ? place : Effect.succeed(place)
        })
    }))
  ).pipe(Layer.provide(backend))
  const { port, url } = yield* Layer.buildWithScope(
    Server.layer({ port: 0, grace: "100 millis", ...server }).pipe(Layer.provide(clustered)),
    scope
  ).pipe(Effect.map((context) => Context.get(context, Server.VoiceServer)))

  return {
    url,
    port,
    lookups,
    recoveries,
    peers,
    places,
    open: Effect.fnUntraced(function*(id, transport = "websocket") {
      const link = yield* connection.open({ id, resumed: false, config: { userId: "user", transport } }).pipe(
        Scope.provide(sessions),
        Effect.orDie
      )
      const attached = yield* Queue.unbounded<Attached>()
      yield* link.attachments.pipe(
        Stream.runForEach((connection) => {
          const listener = new ScriptedListener()
          connection.listen(listener)
          return Queue.offer(attached, { connection, listener })
        }),
        Effect.forkIn(sessions)
      )
      return { token: link.access.token ?? "", attached: Queue.take(attached) }
    }),
    stop: Scope.close(scope, Exit.void)
  }
})

/** Two nodes; the first one has the sessions. */
export const pair = Effect.fnUntraced(function*(
  options: {
    readonly owner?: Parameters<typeof node>[0]
    readonly other?: Parameters<typeof node>[0]
    readonly nodeUrl?: boolean
  } = {}
) {
  const owner = yield* node(options.owner)
  const other = yield* node(options.other)
  const there = {
    _tag: "There" as const,
    address: `${owner.url}${options.owner?.prefix ?? ""}`,
    ...(options.nodeUrl === true ? { nodeUrl: owner.url } : {})
  }
  return { owner, other, there }
})
