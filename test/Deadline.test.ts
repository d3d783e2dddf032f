import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { connectDeadline, deadline, finalizeWithin } from "../src/Deadline.ts"

/** The result of an effect in a finalizer, whose fiber has been interrupted. */
const inFinalizer = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    let result: Option.Option<A> | undefined
    const fiber = yield* Effect.forkChild(
      Effect.onInterrupt(Effect.never, () =>
        Effect.map(Effect.orDie(finalizeWithin("1 second")(effect)), (exit) => {
          result = exit
        })),
      { startImmediately: true }
    )
    const ending = yield* Effect.forkChild(Fiber.interrupt(fiber))
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(ending)
    return result
  })

describe("Deadline", () => {
  it.effect("fails with a timeout that says what timed out, and interrupts it", () =>
    Effect.gen(function*() {
      const interrupted = yield* Deferred.make<void>()
      const fiber = yield* Effect.never.pipe(
        Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined)),
        deadline("VoiceBackend.createSession", "the AuthHook", "5 seconds"),
        Effect.flip,
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("5 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.code, "timeout")
      assert.strictEqual(error.op, "VoiceBackend.createSession")
      assert.strictEqual(error.message, "the AuthHook timed out after 5s")
      yield* Deferred.await(interrupted)
    }))

  it.effect("passes on what is ready in time, a failure too", () =>
    Effect.gen(function*() {
      const within = deadline("op", "it", "5 seconds")
      assert.strictEqual(yield* within(Effect.succeed(5)), 5)
      assert.strictEqual(yield* Effect.flip(within(Effect.fail("no"))), "no")
    }))

  it.effect("tells a connect's timeout with the failure of the last attempt", () =>
    Effect.gen(function*() {
      let last: string | undefined
      const attempt = Effect.andThen(Effect.sync(() => last = "refused"), Effect.never)
      const fiber = yield* attempt.pipe(
        connectDeadline("VoiceBackend.start", "connecting provider local", 1_500, () => last),
        Effect.flip,
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust(1_500)
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.code, "connection_timeout")
      assert.strictEqual(error.message, "connecting provider local timed out after 1s 500ms")
      assert.strictEqual(error.cause, "refused")
    }))

  it.effect("waits in a finalizer for what takes time, though the fiber has been interrupted", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* inFinalizer(Effect.as(Effect.sleep("500 millis"), 5)), Option.some(5))
    }))

  it.effect("leaves behind a finalizer that hangs, interruptible or not", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* inFinalizer(Effect.never), Option.none())
      assert.deepStrictEqual(yield* inFinalizer(Effect.uninterruptible(Effect.never)), Option.none())
    }))
})
