/**
 * Rate limits that are counted in the cluster: each key in one of its processes, in memory.
 *
 * A limit is exact over all processes. When a bucket moves to another process, it goes on from what the others were last answered
 * about it; what only a process knew that was killed is lost with it. Where limits must survive that, Redis keeps them.
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
import { createHash, randomUUID } from "node:crypto"
import * as RateLimits from "../hooks/RateLimits.ts"
import { MAX_BUCKETS, TokenBuckets } from "../hooks/TokenBuckets.ts"
import * as MonotonicTime from "../MonotonicTime.ts"

/** Keys come from strangers, entities are bounded in number: an entity has the buckets of many keys. */
const ENTITIES = 240
/** Longer than any window: an entity that was quiet for so long has only full buckets, which need not be kept. */
const IDLE = "25 hours"

const Before = Schema.Struct({ holder: Schema.String, left: Schema.Finite, sinceMs: Schema.Finite })

const Take = Rpc.make("Take", {
  payload: {
    key: Schema.String,
    tokens: Schema.Natural,
    limit: Schema.Natural,
    refillMs: Schema.Finite,
    allowOverflow: Schema.Boolean,
    before: Schema.optionalKey(Before)
  },
  success: Schema.Struct({ left: Schema.Finite, elapsedMs: Schema.Finite, holder: Schema.String })
})

/**
 * The buckets of some keys. `before` is what the asking process was last answered about a key: a holder that has come after that one
 * goes on from there.
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
  const holder = randomUUID()
  return Buckets.of({
    Take: ({ payload: { allowOverflow, before, key, limit, refillMs, tokens } }) =>
      Effect.sync(() => {
        const now = MonotonicTime.nowMs(clock)
        const bucket = buckets.get(key, limit, refillMs, now)
        if (before !== undefined && before.holder !== holder) bucket.atMost(before.left, before.sinceMs, now)
        return { left: bucket.take(tokens, now, allowOverflow), elapsedMs: bucket.elapsedMs(now), holder }
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

/** What was last answered about a key. */
interface Answer {
  readonly holder: string
  /** The tokens that were left. */
  readonly left: number
  /** When the refill interval had begun, in ms of this process. */
  readonly refilledAt: number
}

/** The answers about the keys that were asked for last. */
const makeAnswers = () => {
  const answers = new Map<string, Answer>()
  return {
    of: (key: string, now: number): typeof Before.Type | undefined => {
      const found = answers.get(key)
      return found === undefined
        ? undefined
        : { holder: found.holder, left: found.left, sinceMs: Math.max(0, now - found.refilledAt) }
    },
    keep: (key: string, answer: Answer): void => {
      answers.delete(key)
      answers.set(key, answer)
      if (answers.size > MAX_BUCKETS) { for (const oldest of answers.keys()) return void answers.delete(oldest) }
    }
  }
}

type Ask = (entity: string) => {
  readonly Take: (payload: typeof Take.payloadSchema.Type) => Effect.Effect<typeof Take.successSchema.Type, unknown>
}

/**
 * Takes tokens of whoever has the entity of a key, and tells a new holder what the former one has answered.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeTake = (
  clientOf: Ask,
  clock: Clock.Clock
): Limiter.RateLimiterStore["Service"]["tokenBucket"] => {
  const answers = makeAnswers()
  return ({ allowOverflow, key, limit, refillRate, tokens }) =>
    Effect.suspend(() => {
      const before = answers.of(key, MonotonicTime.nowMs(clock))
      return clientOf(entityOf(key)).Take({
        key,
        limit,
        tokens,
        allowOverflow,
        refillMs: Duration.toMillis(refillRate),
        ...(before === undefined ? {} : { before })
      })
    }).pipe(
      Effect.map(({ elapsedMs, holder, left }) => {
        const isRefused = left < 0 && !allowOverflow
        answers.keep(key, {
          holder,
          left: isRefused ? left + tokens : left,
          refilledAt: MonotonicTime.nowMs(clock) - elapsedMs
        })
        return [left, elapsedMs] as const
      }),
      Effect.mapError(() => RateLimits.storeError("fails: another process of the cluster does not count"))
    )
}

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
> = Effect.gen(function*() {
  return makeTake(yield* Buckets.client, yield* Clock.Clock)
})
