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
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed, InvalidConfig, isBackendError } from "../BackendError.ts"
import * as RateLimits from "../hooks/RateLimits.ts"
import * as ServiceUrl from "../schema/ServiceUrl.ts"
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
    const store = Context.get(context, Limiter.RateLimiterStore)
    return Limiter.RateLimiterStore.of({
      ...store,
      tokenBucket: (options) =>
        Effect.mapError(
          store.tokenBucket(options),
          (error) => RateLimits.storeError((RedisFaults.faultOf(error) ?? faultOf(lost)).why)
        )
    })
  }).pipe(
    Effect.timeoutOrElse({ duration: CONNECT_DEADLINE, orElse: () => Effect.fail(unreachable(undefined)) }),
    Effect.catchIf((error) => !isBackendError(error), (error) => Effect.fail(unreachable(error)))
  )
}

const faultOf = (error: unknown) => RedisFaults.faultOf(error) ?? StoreFault.unreachable
