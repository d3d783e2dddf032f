import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Layer, Schema, type Scope } from "effect"
import * as Entity from "effect/cluster/Entity"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as TestRunner from "effect/cluster/TestRunner"
import * as Limiter from "effect/persistence/RateLimiter"
import { TestClock } from "effect/testing"
import * as ClusterBuckets from "../../src/cluster/ClusterBuckets.ts"
import * as ClusterSeams from "../../src/cluster/ClusterSeams.ts"
import * as RateLimits from "../../src/hooks/RateLimits.ts"
import { TokenBucket } from "../../src/hooks/TokenBuckets.ts"

const rule = { limit: 5, window: Duration.minutes(1) }

type Ask = Parameters<typeof ClusterBuckets.makeTake>[0]
type Taking = ReturnType<Limiter.RateLimiterStore["Service"]["tokenBucket"]>

/** Three processes that count in one store, which is reached as `reach` says. */
const nodes = Effect.fnUntraced(function*(reach: (take: Taking) => Taking) {
  const store = yield* Effect.provide(Limiter.RateLimiterStore, yield* Layer.build(RateLimits.layerMemory()))
  return yield* Effect.forEach([1, 2, 3], () =>
    RateLimits.makeCount({
      store: { ...store, tokenBucket: (options) => reach(store.tokenBucket(options)) },
      patience: Duration.seconds(5),
      processes: () => 3
    }, () => Effect.void))
})

/** How many of 30 at once are let through. */
const allAtOnce = (counters: ReadonlyArray<RateLimits.Counting>, key = "user:a") =>
  Effect.map(
    Effect.forEach(
      Array.from({ length: 30 }, (_, n) => counters[n % 3]!),
      ({ count }) => count(key, rule),
      { concurrency: "unbounded" }
    ),
    (waits) => waits.filter((wait) => wait === undefined).length
  )

describe("ClusterBuckets", () => {
  it.live("lets exactly as many through as the limit, whoever counts", () =>
    Effect.gen(function*() {
      const { layer } = ClusterBuckets
      yield* Layer.build(layer)
      const take = yield* ClusterBuckets.make
      const memory = yield* Limiter.RateLimiterStore
      const counters = yield* Effect.forEach(
        [1, 2, 3],
        () => RateLimits.makeCount(Limiter.RateLimiterStore.of({ ...memory, tokenBucket: take }))
      )
      assert.strictEqual(yield* allAtOnce(counters), 5)
      assert.isUndefined(yield* counters[0]!.count("user:b", rule))
    }).pipe(Effect.scoped, Effect.provide([TestRunner.layer, RateLimits.layerMemory()])), 30_000)

  it("spreads keys over a bounded number of entities", () => {
    const entities = new Set(Array.from({ length: 10_000 }, (_, n) => ClusterBuckets.entityOf(`user:${n}`)))
    assert.strictEqual(entities.size, 240)
  })

  it.effect("waits for a slow holder, and lets exactly as many through", () =>
    Effect.gen(function*() {
      const counters = yield* nodes((take) => Effect.delay(take, "3 seconds"))
      const counting = yield* Effect.forkChild(allAtOnce(counters))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* Fiber.join(counting), 5)
    }).pipe(Effect.scoped))

  it.effect("waits for the next holder while the last one's lease runs", () =>
    Effect.gen(function*() {
      let isAway = true
      const counters = yield* nodes((take) =>
        take.pipe(
          Effect.delay("100 millis"),
          Effect.repeat({ while: () => isAway })
        )
      )
      const counting = yield* Effect.forkChild(allAtOnce(counters))
      yield* TestClock.adjust("4500 millis")
      isAway = false
      yield* TestClock.adjust("200 millis")
      assert.isAtMost(yield* Fiber.join(counting), 5)
    }).pipe(Effect.scoped))

  it.effect("has each process allow its part while nobody counts, and adds no time once somebody does", () =>
    Effect.gen(function*() {
      let isAway = true
      const counters = yield* nodes((take) => Effect.suspend(() => isAway ? Effect.never : take))
      const counting = yield* Effect.forkChild(allAtOnce(counters))
      yield* TestClock.adjust("4900 millis")
      assert.isUndefined(counting.pollUnsafe())
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(yield* Fiber.join(counting), 3)
      // nobody waits again
      assert.strictEqual(yield* allAtOnce(counters), 0)
      isAway = false
      yield* TestClock.adjust("5 seconds")
      for (const { count } of counters) yield* count("user:b", rule)
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* allAtOnce(counters, "user:c"), 5)
    }).pipe(Effect.scoped))

  it.effect("goes on from what the last holder answered when a bucket moves", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const holder: Effect.Effect<Ask, never, Scope.Scope | ShardingConfig.ShardingConfig> = Effect.map(
        Entity.makeTestClient(ClusterBuckets.Buckets, ClusterBuckets.layer),
        (clientOf) => (id) => ({
          Take: (payload) => Effect.flatMap(clientOf(id), (client) => client.Take(payload))
        })
      )
      const first = yield* holder
      const second = yield* holder
      let current = first
      const takes = [1, 2, 3].map(() => ClusterBuckets.makeTake((id) => current(id), clock))
      const left = (n: number) =>
        Effect.map(
          takes[n]!({ key: "k", tokens: 1, limit: 5, refillRate: Duration.seconds(12), allowOverflow: false }),
          ([left]) => left
        )
      assert.deepStrictEqual([yield* left(0), yield* left(1), yield* left(0), yield* left(1)], [4, 3, 2, 1])
      yield* TestClock.adjust("14 seconds")
      current = second
      // one has come back in the meantime
      assert.deepStrictEqual([yield* left(1), yield* left(0), yield* left(2), yield* left(1)], [1, 0, -1, -1])
      // at its time, as if it had not moved
      yield* TestClock.adjust("9900 millis")
      assert.strictEqual(yield* left(1), -1)
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(yield* left(2), 0)
      // and a refusal is no debt
      assert.strictEqual(yield* left(0), -1)
      current = first
      assert.strictEqual(yield* left(0), -1)
      yield* TestClock.adjust("12 seconds")
      assert.strictEqual(yield* left(0), 0)
    }).pipe(Effect.scoped, Effect.provide(ShardingConfig.layer())))

  it.effect.prop(
    "never has more tokens after it has heard of another count",
    [Schema.Int.check(Schema.isBetween({ minimum: -5, maximum: 12 })), Schema.Natural, Schema.Natural],
    ([left, sinceMs, ageMs]) =>
      Effect.sync(() => {
        const heard = new TokenBucket(10, 1_000, 0)
        const alone = new TokenBucket(10, 1_000, 0)
        for (const bucket of [heard, alone]) bucket.take(4, 0)
        heard.atMost(left, sinceMs, ageMs)
        for (const ms of [ageMs, ageMs + 1_500, ageMs + 20_000]) {
          assert.isAtMost(heard.take(0, ms), alone.take(0, ms))
          assert.isAtMost(heard.elapsedMs(ms), Math.max(1_000, alone.elapsedMs(ms)))
        }
      })
  )

  it.effect("waits until its process has joined, and counts alone when that takes too long", () =>
    Effect.gen(function*() {
      const seams = yield* ClusterSeams.make
      const { counting } = yield* Effect.provide(
        Effect.gen(function*() {
          const { count } = yield* RateLimits.makeCount(yield* RateLimits.ClusterStore, () => Effect.void)
          return { counting: Effect.forEach(Array.from({ length: 7 }), () => count("user:a", rule)) }
        }),
        seams.layer
      )
      const results = yield* Effect.forkChild(counting)
      yield* TestClock.adjust("7900 millis")
      assert.isUndefined(results.pollUnsafe())
      yield* TestClock.adjust("100 millis")
      assert.strictEqual((yield* Fiber.join(results)).filter((wait) => wait === undefined).length, 5)
    }).pipe(Effect.scoped))
})
