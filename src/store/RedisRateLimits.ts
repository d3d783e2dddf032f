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
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed, InvalidConfig } from "../BackendError.ts"

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

/**
 * Connects to Redis at a URL (`redis://`, `rediss://`), which is a secret, for as long as the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  url: string
): Effect.Effect<Limiter.RateLimiterStore["Service"], BackendError, Scope.Scope> => {
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    return Effect.fail(
      new InvalidConfig({
        op,
        message: "rate_limits.url: expected redis://host:port or rediss://host:port",
        details: { faults: [{ path: "rate_limits.url", message: "expected redis://host:port or rediss://host:port" }] }
      })
    )
  }
  const redis = NodeRedis.layer({ url, disableOfflineQueue: true, commandsQueueMaxLength: MAX_WAITING })
  return Effect.map(
    Layer.build(Limiter.layerStoreRedis({ prefix: PREFIX }).pipe(Layer.provide(redis))),
    (context) => Context.get(context, Limiter.RateLimiterStore)
  ).pipe(
    // without the cause, which may contain the URL
    Effect.mapError(() =>
      new ConnectionFailed({
        op,
        message: "the rate-limit store (rate_limits.url) is unreachable",
        details: { reason: "store_unreachable" }
      })
    )
  )
}
