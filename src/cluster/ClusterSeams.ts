/**
 * What a cluster puts beneath the backend of a process, before the cluster is there: a backend is made first, since the cluster's
 * secret is in its session store, and listens first, since the others ask it on its port. Until the engine runs, single jobs wait,
 * and rate limits are counted by each process alone.
 *
 * @since 0.1.0
 */
import * as Sharding from "effect/cluster/Sharding"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Limiter from "effect/persistence/RateLimiter"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { ConnectionFailed } from "../BackendError.ts"
import * as HealthSource from "../HealthSource.ts"
import * as RateLimits from "../hooks/RateLimits.ts"
import { Singletons, supervised } from "../Singletons.ts"
import * as ClusterBuckets from "./ClusterBuckets.ts"
import type { ClusterEngine } from "./engine/ClusterEngine.ts"

/** The report is asked for every few seconds; the question is one small query. */
const FRESH = "5 seconds"
/** How long who counts waits for another process: a slow answer is no absent one. Longer than a takeover after 5 s. */
const PATIENCE = Duration.seconds(8)

/**
 * - `layer`: `Singletons`, the store of `rate_limits.store: cluster`, and the part `cluster` of the health report, for the backend
 *   of a process.
 * - `ready`: completes when the cluster counts rate limits for this process.
 * - `attach`: puts an engine into them, for as long as the scope.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterSeams {
  readonly layer: Layer.Layer<never>
  readonly ready: Effect.Effect<void>
  readonly attach: (engine: ClusterEngine["Service"]) => Effect.Effect<void, never, Scope.Scope>
}

const notJoined = new ConnectionFailed({
  op: "VoiceCluster.start",
  message: "this process has not joined its cluster yet",
  details: { part: "cluster", reason: "not_joined" }
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<ClusterSeams, never, Scope.Scope> = Effect.gen(function*() {
  const attached = yield* Deferred.make<ClusterEngine["Service"]>()
  const ready = yield* Deferred.make<void>()
  const sharding = Effect.flatMap(Deferred.await(attached), (engine) => engine.sharding)
  let take: Limiter.RateLimiterStore["Service"]["tokenBucket"] = () =>
    Effect.fail(RateLimits.storeError("is not ready: this process has not joined its cluster yet", "not_ready"))
  let nodes: ClusterEngine["Service"]["nodes"] = Effect.fail(notJoined)
  /** As far as was last heard. */
  let processes = 1

  // of the other algorithms, nothing of ours uses any
  const memory = Context.get(yield* Layer.build(RateLimits.layerMemory()), Limiter.RateLimiterStore)
  const store = Limiter.RateLimiterStore.of({
    ...memory,
    tokenBucket: (options) => Effect.suspend(() => take(options))
  })
  const heard = Effect.map(Effect.suspend(() => nodes), ({ length }) => {
    processes = Math.max(1, length)
  })
  const probe = yield* HealthSource.shared(heard, FRESH)
  const health: HealthSource.HealthSource = {
    name: "cluster",
    what: "the cluster",
    failed: "degraded",
    probe
  }
  const register = (name: string, job: Effect.Effect<never>) =>
    Effect.flatMap(sharding, (each) => each.registerSingleton(`effect-voice/${name}`, supervised(name, job)))

  return {
    layer: Layer.mergeAll(
      Layer.succeed(Singletons, {
        run: (name, job) =>
          Effect.flatMap(
            Effect.scope,
            (scope) => Effect.asVoid(Effect.forkIn(Scope.provide(register(name, job), scope), scope))
          )
      }),
      Layer.succeed(RateLimits.ClusterStore, { store, patience: PATIENCE, processes: () => processes }),
      HealthSource.layer(health)
    ),
    ready: Deferred.await(ready),
    attach: Effect.fnUntraced(function*(engine) {
      yield* Deferred.succeed(attached, engine)
      yield* Effect.forkScoped(Effect.gen(function*() {
        const running = yield* engine.sharding
        nodes = engine.nodes
        yield* Effect.forkScoped(Effect.repeat(Effect.ignore(probe), Schedule.spaced(FRESH)))
        const scope = yield* Effect.scope
        yield* Layer.buildWithScope(
          Layer.provide(ClusterBuckets.layer, Layer.succeed(Sharding.Sharding, running)),
          scope
        )
        take = yield* Effect.provideService(ClusterBuckets.make, Sharding.Sharding, running)
        yield* Deferred.succeed(ready, undefined)
      }))
    })
  }
})
