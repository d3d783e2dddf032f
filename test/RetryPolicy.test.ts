/** How failures are retried: how often, and after which pauses. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { ConnectionFailed } from "../src/BackendError.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"

const lost = (retryAfterMs?: number) =>
  new ConnectionFailed({
    op: "test",
    message: "lost",
    ...(retryAfterMs === undefined ? {} : { details: { retryAfterMs } })
  })

describe("RetryPolicy", () => {
  it.effect("doubles the pause with each retry, within 20 %, up to the longest", () =>
    Effect.gen(function*() {
      const pauses = yield* RetryPolicy.start({ delay: Duration.seconds(1), maxDelay: Duration.seconds(5) })
      for (const expected of [1_000, 2_000, 4_000, 5_000, 5_000]) {
        const pause = yield* pauses(lost())
        assert.closeTo(pause ?? Number.NaN, expected, expected / 5)
      }
      for (let i = 0; i < 2_000; i++) assert.isAtMost((yield* pauses(lost())) ?? Number.NaN, 6_000)
    }))

  it.effect("waits at least as long as the failure asks for", () =>
    Effect.gen(function*() {
      const pauses = yield* RetryPolicy.start({ delay: Duration.seconds(1), maxDelay: Duration.seconds(5) })
      assert.strictEqual(yield* pauses(lost(7_000)), 7_000)
      assert.isAbove((yield* pauses(lost(10))) ?? 0, 1_500)
    }))

  it.effect("ends after the most retries", () =>
    Effect.gen(function*() {
      const policy = { delay: Duration.seconds(1), maxRetries: 3 }
      const pauses = yield* RetryPolicy.start(policy)
      for (let i = 0; i < 3; i++) assert.isNumber(yield* pauses(lost()))
      assert.isUndefined(yield* pauses(lost()))
      assert.isUndefined(yield* (yield* RetryPolicy.start({ ...policy, maxRetries: 0 }))(lost()))
      let attempts = 0
      const failing = Effect.suspend(() => {
        attempts++
        return Effect.fail(lost())
      })
      const fiber = yield* Effect.forkChild(Effect.exit(Effect.retry(failing, RetryPolicy.schedule(policy))))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.strictEqual(attempts, 4)
    }))
})
