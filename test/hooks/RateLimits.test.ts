import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer } from "effect"
import { RateLimiter as Limiter } from "effect/persistence"
import { TestClock } from "effect/testing"
import * as AudioQuota from "../../src/hooks/AudioQuota.ts"
import { RateLimiter } from "../../src/hooks/RateLimiter.ts"
import * as RateLimits from "../../src/hooks/RateLimits.ts"
import { MAX_BUCKETS, TokenBuckets } from "../../src/hooks/TokenBuckets.ts"

const rule = { limit: 3, window: Duration.seconds(30) }

describe("RateLimits", () => {
  it.effect("allow the limit at once, and one more after the time that a refusal names", () =>
    Effect.scoped(Effect.gen(function*() {
      const { count } = yield* RateLimits.makeCount()
      const three = yield* Effect.forEach([1, 2, 3], () => count("user:a", rule))
      assert.deepStrictEqual(three, [undefined, undefined, undefined])
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(yield* count("user:a", rule), 6_000)
      assert.strictEqual(yield* count("user:b", rule), undefined)
      yield* TestClock.adjust(5_999)
      assert.strictEqual(yield* count("user:a", rule), 1)
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* count("user:a", rule), undefined)
      assert.strictEqual(yield* count("user:a", rule), 10_000)
    })))

  it.effect("keep a bounded number of buckets, and remove full ones", () =>
    Effect.gen(function*() {
      const buckets = new TokenBuckets()
      const program = Effect.gen(function*() {
        const limiter = yield* Limiter.make
        const consume = (key: string) =>
          limiter.consume({ algorithm: "token-bucket", key, limit: 1, window: "1 minute" })
        for (let i = 0; i < MAX_BUCKETS + 20_000; i++) yield* consume(`addr:${i}`)
        assert.isAtMost(buckets.size, MAX_BUCKETS)
        // the newest bucket is kept
        assert.strictEqual(
          (yield* Effect.flip(consume(`addr:${MAX_BUCKETS + 19_999}`))).reason._tag,
          "RateLimitExceeded"
        )
        yield* TestClock.adjust("1 minute")
        for (let i = 0; i < 40_000; i++) {
          yield* consume("addr:one")
            .pipe(Effect.ignore)
        }
        assert.strictEqual(buckets.size, 1)
      })
      yield* Effect.provide(program, RateLimits.layerMemory(buckets))
    }))

  it.effect("apply in this process while the shared store hangs or fails", () =>
    Effect.scoped(Effect.gen(function*() {
      const store = yield* Layer.build(Limiter.layerStoreMemory)
      const real = yield* Effect.provide(Limiter.RateLimiterStore, store)
      for (const broken of [Effect.never, Effect.die(new Error("redis://secret"))]) {
        const { count } = yield* RateLimits.makeCount({ ...real, tokenBucket: () => broken })
        const asking = yield* Effect.forkChild(Effect.forEach([1, 2], () => count("k", { ...rule, limit: 1 })))
        yield* TestClock.adjust("1 second")
        yield* TestClock.adjust("1 second")
        const [first, second] = yield* Fiber.join(asking)
        assert.strictEqual(first, undefined)
        assert.isAbove(second ?? 0, 27_000)
      }
    })))

  it.effect("wait for a shared store that hangs once, ask it in the background, and tell when it works again", () =>
    Effect.scoped(Effect.gen(function*() {
      const store = yield* Layer.build(Limiter.layerStoreMemory)
      const real = yield* Effect.provide(Limiter.RateLimiterStore, store)
      let hangs = true
      let asked = 0
      const told: Array<string | undefined> = []
      const { count, health } = yield* RateLimits.makeCount({
        ...real,
        tokenBucket: (options) =>
          Effect.suspend(() => {
            asked++
            return hangs ? Effect.never : real.tokenBucket(options)
          })
      }, (failure) => Effect.sync(() => void told.push(failure?.message)))
      const counting = yield* Effect.forkChild(count("a", rule))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(counting)
      // no other key waits
      for (let i = 0; i < 50; i++) yield* count(`key ${i}`, rule)
      assert.strictEqual(asked, 1)
      const down = "the rate-limit store has not answered within 1s; this process applies the limits alone"
      assert.strictEqual((yield* Effect.flip(health?.probe ?? Effect.void)).message, down)
      yield* TestClock.adjust("5 seconds")
      for (let i = 0; i < 50; i++) yield* count(`key ${i}`, rule)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(asked, 2)
      hangs = false
      yield* TestClock.adjust("5 seconds")
      yield* count("a", rule)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(told, [down, undefined])
      yield* health?.probe ?? Effect.void
      assert.strictEqual(yield* count("b", { ...rule, limit: 1 }), undefined)
      assert.isAbove((yield* count("b", { ...rule, limit: 1 })) ?? 0, 27_000)
    })))

  it.effect("wait for a shared store that has not begun to count", () =>
    Effect.gen(function*() {
      const real = yield* Limiter.RateLimiterStore
      let isReady = false
      const changes: Array<unknown> = []
      const { count, health } = yield* RateLimits.makeCount({
        ...real,
        tokenBucket: (options) =>
          isReady ? real.tokenBucket(options) : Effect.fail(RateLimits.storeError("is not ready", "not_ready"))
      }, (failure) => Effect.sync(() => changes.push(failure)))
      assert.strictEqual((yield* Effect.flip(health?.probe ?? Effect.void)).code, "connection_failed")
      const waiting = yield* Effect.forkChild(count("a", { ...rule, limit: 1 }))
      yield* TestClock.adjust("500 millis")
      assert.isUndefined(waiting.pollUnsafe())
      isReady = true
      yield* TestClock.adjust("400 millis")
      assert.isUndefined(yield* Fiber.join(waiting))
      assert.isDefined(yield* count("a", { ...rule, limit: 1 }))
      assert.deepStrictEqual(changes, [])
    }).pipe(Effect.provide(RateLimits.layerMemory()), Effect.scoped))

  it.effect("show the words of a store that says what is wrong, and no other text", () =>
    Effect.scoped(Effect.gen(function*() {
      const store = yield* Layer.build(Limiter.layerStoreMemory)
      const real = yield* Effect.provide(Limiter.RateLimiterStore, store)
      for (
        const [failing, says] of [
          [Effect.fail(RateLimits.storeError("asks for a password (NOAUTH)")), "asks for a password (NOAUTH)"],
          [Effect.die(new Error("redis://secret")), "fails"]
        ] as const
      ) {
        const { health } = yield* RateLimits.makeCount({ ...real, tokenBucket: () => failing }, () => Effect.void)
        const { message } = yield* Effect.flip(health?.probe ?? Effect.void)
        assert.strictEqual(message, `the rate-limit store ${says}; this process applies the limits alone`)
      }
    })))

  it("count an IPv6 network of /64 as one address", () => {
    assert.strictEqual(RateLimits.addressKey("2001:db8::1"), RateLimits.addressKey("2001:DB8:0:0:ffff::2"))
    assert.notStrictEqual(RateLimits.addressKey("2001:db8::1"), RateLimits.addressKey("2001:db8:0:1::1"))
    assert.strictEqual(RateLimits.addressKey("::ffff:192.0.2.1"), "addr:192.0.2.1")
    assert.strictEqual(RateLimits.addressKey("::1"), "addr:::/64")
    assert.strictEqual(RateLimits.addressKey("fe80::1%eth0"), "addr:fe80::/64")
  })

  it("count all spellings of an IPv4 address as one", () => {
    assert.strictEqual(RateLimits.addressKey("10.0.0.1"), "addr:10.0.0.1")
    assert.strictEqual(RateLimits.addressKey("::ffff:a00:1"), "addr:10.0.0.1")
    assert.strictEqual(RateLimits.addressKey("::FFFF:10.0.0.1"), "addr:10.0.0.1")
    assert.notStrictEqual(RateLimits.addressKey("::ffff:a00:1"), RateLimits.addressKey("::1"))
  })

  it.effect("are a service as well", () =>
    Effect.gen(function*() {
      const limiter = yield* RateLimiter
      assert.isTrue(yield* limiter.allow("user:a"))
      assert.isFalse(yield* limiter.allow("user:a"))
      assert.isTrue(yield* limiter.allow("tenant:a"))
      const waiting = yield* Effect.forkChild(limiter.wait("user:a"))
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(waiting.pollUnsafe(), undefined)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(waiting)
    }).pipe(Effect.provide(RateLimiter.layer({ user: { limit: 1, window: "1 minute" } }))))

  it.effect("share one audio quota among a user's sessions", () =>
    Effect.scoped(Effect.gen(function*() {
      const quota = yield* Effect.clockWith((clock) => Effect.succeed(AudioQuota.make(clock)))
      const open = (user: string) => quota.open(user, { limit: Duration.seconds(10), window: Duration.seconds(40) })
      const [one, two, other] = yield* Effect.all([open("a"), open("a"), open("b")])
      assert.isTrue(one?.(6_000))
      assert.isFalse(two?.(6_000))
      assert.isTrue(two?.(4_000))
      assert.isFalse(one?.(20))
      assert.isTrue(other?.(10_000))
      yield* TestClock.adjust("80 millis")
      assert.isTrue(one?.(20))
      assert.isFalse(two?.(20))
    })))
})
