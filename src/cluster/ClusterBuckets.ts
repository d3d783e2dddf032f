/**
 * Rate limits that are counted in the cluster: each key in one of its processes, in memory.
 *
 * A limit is exact over all processes. A process that ends takes its buckets with it, which are full again elsewhere; where limits
 * must survive that, Redis keeps them.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Entity from "effect/cluster/Entity"
import type * as Sharding from "effect/cluster/Sharding"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Limiter from "effect/persistence/RateLimiter"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import * as RateLimits from "../hooks/RateLimits.ts"
import { MAX_BUCKETS, TokenBuckets } from "../hooks/TokenBuckets.ts"
import * as MonotonicTime from "../MonotonicTime.ts"

/** Keys come from strangers, entities are bounded in number: an entity has the buckets of many keys. */
const ENTITIES = 240
/** Longer than any window: an entity that was quiet for so long has only full buckets, which need not be kept. */
const IDLE = "25 hours"

const Take = Rpc.make("Take", {
  payload: {
    key: Schema.String,
    tokens: Schema.Natural,
    limit: Schema.Natural,
    refillMs: Schema.Finite,
    allowOverflow: Schema.Boolean
  },
  success: Schema.Struct({ left: Schema.Finite, elapsedMs: Schema.Finite })
})

/**
 * The buckets of some keys.
 *
 * @category entities
 * @since 0.1.0
 */
export const Buckets = Entity.make("effect-voice/Buckets", [Take])

/**
 * The entity of a key.
 *
 * @category keys
 * @since 0.1.0
 */
export const entityOf = (key: string): string =>
  String(createHash("sha256").update(key).digest().readUInt32BE(0) % ENTITIES)

const handlers = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const buckets = new TokenBuckets(Math.ceil(MAX_BUCKETS / ENTITIES * 8))
  return Buckets.of({
    Take: ({ payload: { allowOverflow, key, limit, refillMs, tokens } }) =>
      Effect.sync(() => {
        const now = MonotonicTime.nowMs(clock)
        const bucket = buckets.get(key, limit, refillMs, now)
        return { left: bucket.take(tokens, now, allowOverflow), elapsedMs: bucket.elapsedMs(now) }
      })
  })
})

/**
 * Has this process keep its share of the buckets.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, never, Sharding.Sharding> = Buckets.toLayer(handlers, {
  maxIdleTime: IDLE,
  concurrency: "unbounded"
})

/**
 * Takes tokens in the cluster. It waits for ever where no process has the key's entity: who asks has a time limit.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<
  Limiter.RateLimiterStore["Service"]["tokenBucket"],
  never,
  Sharding.Sharding
> = Effect.map(
  Buckets.client,
  (clientOf) => ({ allowOverflow, key, limit, refillRate, tokens }) =>
    clientOf(entityOf(key)).Take({ key, limit, tokens, allowOverflow, refillMs: Duration.toMillis(refillRate) }).pipe(
      Effect.map(({ elapsedMs, left }) => [left, elapsedMs] as const),
      Effect.mapError(() => RateLimits.storeError("fails: another process of the cluster does not count"))
    )
)
