/**
 * Rate limits in Redis, shared by several processes: token buckets with Effect's own scripts.
 *
 * @since 0.1.0
 */
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Limiter from "effect/persistence/RateLimiter"
import type { Redis } from "effect/persistence/Redis"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed, InvalidConfig, isBackendError } from "../BackendError.ts"
import * as RateLimits from "../hooks/RateLimits.ts"
import * as ServiceUrl from "../schema/ServiceUrl.ts"
import * as SecretValues from "../SecretValues.ts"
import * as RedisFaults from "./RedisFaults.ts"
import * as StoreFault from "./StoreFault.ts"

const op = "RateLimits.open"

/**
 * The prefix of all keys.
 *
 * @category constants
 * @since 0.1.0
 */
export const PREFIX = "effect-voice:limit:"

/** Commands that wait for an answer; further ones fail, and the process then uses its own limits. */
const MAX_WAITING = 10_000
const CONNECT_DEADLINE = "3 seconds"

/**
 * Connects to Redis at a URL (`redis://`, `rediss://`), which is a secret, for as long as the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  url: string
): Effect.Effect<Limiter.RateLimiterStore["Service"], BackendError, Scope.Scope> => {
  SecretValues.rememberUrl(url)
  const fault = ServiceUrl.faultOf("redis", url)
  if (fault !== undefined) {
    return Effect.fail(
      new InvalidConfig({
        op,
        message: `rate_limits.url: ${fault}`,
        details: { faults: [{ path: "rate_limits.url", message: fault }] }
      })
    )
  }
  const redis = NodeRedis.layer({ url, disableOfflineQueue: true, commandsQueueMaxLength: MAX_WAITING }).pipe(
    // the client logs each attempt to connect; the health check tells once that the store is away
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
  )
  const unreachable = (error: unknown) =>
    new ConnectionFailed({
      op,
      // without the cause, which may contain the URL
      message: `the rate-limit store (rate_limits.url) ${faultOf(error).why}`,
      details: { reason: "store_unreachable" }
    })
  return Effect.gen(function*() {
    const context = yield* Layer.build(Limiter.layerStoreRedis({ prefix: PREFIX }).pipe(Layer.provideMerge(redis)))
    const { client } = Context.get(context, NodeRedis.NodeRedis)
    // before the client's own end, which waits for commands that a server that hangs never answers
    yield* Effect.addFinalizer(() => Effect.sync(() => client.isOpen ? client.destroy() : undefined))
    let lost: unknown
    client.on("error", (error: unknown) => {
      lost = error
    })
    client.on("ready", () => {
      lost = undefined
    })
    return named(Context.get(context, Limiter.RateLimiterStore), () => lost)
  }).pipe(
    Effect.timeoutOrElse({ duration: CONNECT_DEADLINE, orElse: () => Effect.fail(unreachable(undefined)) }),
    Effect.catchIf((error) => !isBackendError(error), (error) => Effect.fail(unreachable(error)))
  )
}

/** Says in plain words what is wrong with the server; `lost` is why its connection is away. */
const named = (store: Limiter.RateLimiterStore["Service"], lost: () => unknown = () => undefined) =>
  Limiter.RateLimiterStore.of({
    ...store,
    tokenBucket: (options) =>
      Effect.mapError(
        store.tokenBucket(options),
        (error) => RateLimits.storeError((RedisFaults.faultOf(error) ?? faultOf(lost())).why)
      )
  })

/**
 * Counts over the application's own client, Effect's `Redis` service such as `NodeRedis.layer`, which stays open when the layer
 * is released: for `RateLimiter.layer`. Default of `prefix`: `PREFIX`. While the server does not answer within a second, each
 * process counts alone.
 *
 * ```ts
 * import * as NodeRedis from "@effect/platform-node/NodeRedis"
 * import { Layer } from "effect"
 * import { RateLimiter } from "effect-voice"
 * import * as RedisRateLimits from "effect-voice/store/RedisRateLimits"
 *
 * export const Limits = RateLimiter.layer({ user: { limit: 10, window: "1m" } }).pipe(
 *   Layer.provide(RedisRateLimits.layerClient()),
 *   Layer.provide(NodeRedis.layer())
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient = (
  options: { readonly prefix?: string | undefined } = {}
): Layer.Layer<Limiter.RateLimiterStore, never, Redis> =>
  Layer.effect(Limiter.RateLimiterStore, Effect.map(Limiter.RateLimiterStore, (store) => named(store))).pipe(
    Layer.provide(Limiter.layerStoreRedis({ prefix: options.prefix ?? PREFIX }))
  )

const faultOf = (error: unknown) => RedisFaults.faultOf(error) ?? StoreFault.unreachable
