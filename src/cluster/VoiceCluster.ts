/**
 * One backend of several processes, on one machine or many.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { randomBytes } from "node:crypto"
import type { Backend } from "../backend/BackendContract.ts"
import * as SharedSecret from "../backend/sessions/SharedSecret.ts"
import { VoiceBackend } from "../backend/VoiceBackend.ts"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import type { SessionStore } from "../session/persistence/SessionStore.ts"
import * as ClusterSeams from "./ClusterSeams.ts"
import { ClusterEngine } from "./engine/ClusterEngine.ts"
import type { ClusterStorage } from "./engine/ClusterStorage.ts"
import * as makeClusterEngine from "./engine/makeClusterEngine.ts"
import * as EngineBackend from "./EngineBackend.ts"
import * as Joining from "./Joining.ts"

const SECRET = "cluster"
/** How often the secret is offered to a store that may have lost it. */
const OFFER_EVERY = "10 seconds"

/**
 * The options of a cluster: those of the section `cluster` of a config, and what a program knows besides.
 *
 * - `address`: the base URL at which other nodes ask this one, as soon as its server listens: `http://10.0.0.7:8080`.
 * - `storage`: where the nodes find each other: the database of the session store.
 * - `certificate`: the file with the certificate of the API, where it has TLS: other nodes that have it are trusted. Default: none.
 * - `nodeUrl`: the base URL at which clients reach exactly this process, as soon as its server listens. Default: none.
 * - `maxSessions`: how many sessions may be active in all processes together. Default: no such limit.
 * - `lockExpiration`: how long a process may be silent until what only one may do is done by another. Default: 5 s.
 * - `health`: how it is found out that a silent process has gone. Default: `ping`.
 * - `cell`: the name of the cell that the cluster is. Default: none.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceClusterOptions {
  readonly address: Effect.Effect<string>
  readonly storage: ClusterStorage
  readonly certificate?: string | undefined
  readonly nodeUrl?: Effect.Effect<string> | undefined
  readonly maxSessions?: number | undefined
  readonly lockExpiration?: Duration.Input | undefined
  readonly health?: "ping" | "k8s" | undefined
  readonly cell?: string | undefined
}

const storeOf = ({ store }: Backend): Effect.Effect<SessionStore["Service"], InvalidConfig> =>
  store === undefined
    ? Effect.fail(
      new InvalidConfig({
        op: "VoiceCluster.layer",
        message: "cluster: processes find each other's sessions in a session store: configure `store`",
        details: { missing: "store" }
      })
    )
    : Effect.succeed(store)

/** The secret that all nodes have from the store; it is offered again and again, so that it survives a loss of the store's data. */
const sharedSecret = Effect.fnUntraced(function*(store: SessionStore["Service"]) {
  const secret = yield* SharedSecret.make(store, SECRET, randomBytes(32).toString("hex"))
  yield* Effect.forkScoped(Effect.repeat(Effect.delay(Effect.ignore(secret.offer), OFFER_EVERY), Schedule.forever))
  return secret
})

/**
 * Makes the layer of a cluster's backend from that of a process: any node answers for every session of the cluster, new ones are
 * made on the least loaded, and there are never more than `maxSessions`. Releasing the layer drains this process. Fails
 * `invalid_config` where the backend has no session store.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E, R>(
  local: Layer.Layer<VoiceBackend, E, R>,
  options: VoiceClusterOptions
): Layer.Layer<VoiceBackend | ClusterEngine, E | BackendError, R> =>
  Layer.unwrap(
    Effect.map(ClusterSeams.make, (seams) =>
      Layer.effectContext(Effect.gen(function*() {
        const process = yield* VoiceBackend
        const store = yield* storeOf(process)
        const engine = yield* makeClusterEngine.make({
          name: options.cell ?? "default",
          secret: yield* sharedSecret(store),
          address: options.address,
          storage: options.storage,
          lockExpiration: Duration.fromInputUnsafe(options.lockExpiration ?? "5 seconds"),
          health: options.health ?? "ping",
          certificate: options.certificate
        })
        yield* seams.attach(engine)
        const backend = yield* EngineBackend.make(process, store, engine, options)
        const { isJoined, joined } = yield* Joining.make(
          options.address,
          Effect.andThen(backend.joined ?? Effect.void, seams.ready)
        )
        return Context.make(VoiceBackend, {
          ...backend,
          get routes() {
            return backend.routes
          },
          get clientOrigins() {
            return backend.clientOrigins
          },
          joined,
          ready: Effect.flatMap(isJoined, (isThere) => isThere ? backend.ready : Effect.succeed(false))
        }).pipe(Context.add(ClusterEngine, engine))
      })).pipe(
        Layer.provide(Layer.provide(local, seams.layer))
      ))
  )
