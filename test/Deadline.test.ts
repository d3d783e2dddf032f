import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { withDeadline } from "../src/Deadline.ts"

/** What a finalizer makes of an effect, in a fiber that has been interrupted. */
const inFinalizer = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    let result: Option.Option<A> | undefined
    const fiber = yield* Effect.forkChild(
      Effect.onInterrupt(Effect.never, () =>
        Effect.map(Effect.orDie(withDeadline("1 second")(effect)), (exit) => {
          result = exit
        })),
      { startImmediately: true }
    )
    const ending = yield* Effect.forkChild(Fiber.interrupt(fiber))
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(ending)
    return result
  })

describe("bounded", () => {
  it.effect("waits for what takes time, though the fiber has been interrupted", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* inFinalizer(Effect.as(Effect.sleep("500 millis"), 5)), Option.some(5))
    }))

  it.effect("leaves behind what hangs, interruptible or not", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* inFinalizer(Effect.never), Option.none())
      assert.deepStrictEqual(yield* inFinalizer(Effect.uninterruptible(Effect.never)), Option.none())
    }))
})
