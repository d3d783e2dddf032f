import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Joining from "../../src/cluster/Joining.ts"

describe("Joining", () => {
  it.effect("counts from the join on", () =>
    Effect.gen(function*() {
      const listening = yield* Deferred.make<string>()
      const joins = yield* Deferred.make<void>()
      const { isJoined, joined } = yield* Joining.make(Deferred.await(listening), Deferred.await(joins))
      const waiting = yield* Effect.forkChild(joined)
      // models may load for long before a process listens
      yield* TestClock.adjust("1 minute")
      yield* Deferred.succeed(listening, "http://a")
      yield* TestClock.adjust("14 seconds")
      assert.isFalse(yield* isJoined)
      assert.isUndefined(waiting.pollUnsafe())
      yield* Deferred.succeed(joins, undefined)
      yield* Fiber.join(waiting)
      assert.isTrue(yield* isJoined)
    }).pipe(Effect.scoped))

  it.effect("does not keep a process from its own sessions while the cluster is away", () =>
    Effect.gen(function*() {
      const { isJoined, joined } = yield* Joining.make(Effect.void, Effect.never)
      const waiting = yield* Effect.forkChild(joined)
      yield* TestClock.adjust("14 seconds")
      assert.isFalse(yield* isJoined)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(waiting)
      assert.isTrue(yield* isJoined)
    }).pipe(Effect.scoped))
})
