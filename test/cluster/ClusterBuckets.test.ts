import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import * as TestRunner from "effect/cluster/TestRunner"
import * as Limiter from "effect/persistence/RateLimiter"
import * as ClusterBuckets from "../../src/cluster/ClusterBuckets.ts"
import * as ClusterSeams from "../../src/cluster/ClusterSeams.ts"
import * as RateLimits from "../../src/hooks/RateLimits.ts"

const rule = { limit: 5, window: Duration.minutes(1) }

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
      const results = yield* Effect.forEach(
        Array.from({ length: 30 }, (_, n) => counters[n % 3]!),
        ({ count }) => count("user:a", rule),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(results.filter((wait) => wait === undefined).length, 5)
      assert.isUndefined(yield* counters[0]!.count("user:b", rule))
    }).pipe(Effect.scoped, Effect.provide([TestRunner.layer, RateLimits.layerMemory()])), 30_000)

  it("spreads keys over a bounded number of entities", () => {
    const entities = new Set(Array.from({ length: 10_000 }, (_, n) => ClusterBuckets.entityOf(`user:${n}`)))
    assert.strictEqual(entities.size, 240)
  })

  it.live("is counted by each process alone until it has joined", () =>
    Effect.gen(function*() {
      const seams = yield* ClusterSeams.make
      const results = yield* Effect.provide(
        Effect.gen(function*() {
          const { count } = yield* RateLimits.makeCount(yield* RateLimits.ClusterStore, () => Effect.void)
          return yield* Effect.forEach(Array.from({ length: 7 }), () => count("user:a", rule))
        }),
        seams.layer
      )
      assert.strictEqual(results.filter((wait) => wait === undefined).length, 5)
    }).pipe(Effect.scoped))
})
