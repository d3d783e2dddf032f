/**
 * When an engine is left alone, and when it is tried again.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { ConnectionFailed, RateLimitExceeded } from "../../../src/BackendError.ts"
import * as CircuitBreaker from "../../../src/speech/resilience/CircuitBreaker.ts"
import { down } from "../Faulty.ts"

const fail = (breaker: CircuitBreaker.CircuitBreaker, error: Parameters<CircuitBreaker.Admission["fail"]>[0] = down) =>
  Effect.scoped(Effect.flatMap(breaker.admit, (permit) => permit?.fail(error) ?? Effect.succeed(false)))
const admitted = (breaker: CircuitBreaker.CircuitBreaker) =>
  Effect.scoped(Effect.map(breaker.admit, (permit) => permit !== undefined))

describe("Breaker", () => {
  it.effect("opens after so many failures in a row, and not after as many with a success between", () =>
    Effect.gen(function*() {
      const breaker = yield* CircuitBreaker.make({ failures: 3 })
      yield* fail(breaker)
      yield* fail(breaker)
      yield* Effect.scoped(Effect.flatMap(breaker.admit, (permit) => permit?.succeed ?? Effect.void))
      assert.isFalse(yield* fail(breaker))
      assert.isFalse(yield* fail(breaker))
      assert.isTrue(yield* fail(breaker))
      assert.isFalse(yield* admitted(breaker))
      assert.strictEqual(breaker.lastError(), down)
    }))

  it.effect("doubles its cool-down with each probe that fails, up to a bound, and begins anew", () =>
    Effect.gen(function*() {
      const breaker = yield* CircuitBreaker.make({ failures: 1, coolDown: "1 second", maxCoolDown: "5 seconds" })
      for (const ms of [1_000, 2_000, 4_000, 5_000, 5_000]) {
        assert.isTrue(yield* fail(breaker))
        yield* TestClock.adjust(ms - 1)
        assert.isFalse(yield* admitted(breaker))
        yield* TestClock.adjust(1)
      }
      // one probe at a time
      yield* Effect.scoped(Effect.gen(function*() {
        const probe = yield* breaker.admit
        assert.isFalse(yield* admitted(breaker))
        assert.isTrue(yield* probe?.succeed ?? Effect.succeed(false))
        assert.isFalse(yield* probe?.succeed ?? Effect.succeed(true))
      }))
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(yield* admitted(breaker))
      yield* fail(breaker)
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* admitted(breaker))
    }))

  it.effect("releases a probe that did not settle", () =>
    Effect.gen(function*() {
      const breaker = yield* CircuitBreaker.make({ failures: 1, coolDown: "1 second" })
      yield* fail(breaker)
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* admitted(breaker))
      assert.isTrue(yield* admitted(breaker))
    }))

  it.effect("stays open as long as the engine asks for", () =>
    Effect.gen(function*() {
      const breaker = yield* CircuitBreaker.make({ failures: 1, coolDown: "1 second", maxCoolDown: "1 minute" })
      const limited = new RateLimitExceeded({ op: "test", message: "slow down", details: { retryAfterMs: 20_000 } })
      yield* fail(breaker, limited)
      yield* TestClock.adjust("19 seconds")
      assert.isFalse(yield* admitted(breaker))
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* admitted(breaker))
    }))

  it.effect("does not count the failure of what had worked", () =>
    Effect.gen(function*() {
      const breaker = yield* CircuitBreaker.make({ failures: 1 })
      yield* Effect.scoped(Effect.gen(function*() {
        const permit = yield* breaker.admit
        assert.isFalse(yield* permit?.succeed ?? Effect.succeed(true))
        assert.isFalse(yield* permit?.fail(down) ?? Effect.succeed(true))
      }))
      assert.isTrue(yield* admitted(breaker))
      assert.strictEqual(breaker.lastError(), down)
    }))

  it.effect("is open for as long as its cool-down runs, and closed by a success", () =>
    Effect.gen(function*() {
      const breaker = yield* CircuitBreaker.make({ failures: 1, coolDown: "5 seconds" })
      const error = new ConnectionFailed({ op: "test", message: "no" })
      assert.isFalse(breaker.isOpen())
      yield* Effect.scoped(Effect.flatMap(breaker.admit, (permit) => permit?.fail(error) ?? Effect.void))
      assert.isTrue(breaker.isOpen())
      assert.strictEqual(breaker.lastError(), error)
      yield* TestClock.adjust("6 seconds")
      assert.isFalse(breaker.isOpen())
      yield* Effect.scoped(Effect.flatMap(breaker.admit, (permit) => permit?.succeed ?? Effect.void))
      assert.isFalse(breaker.isOpen())
    }))
})
