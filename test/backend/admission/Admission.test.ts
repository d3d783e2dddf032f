import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { Admission } from "../../../src/backend/admission/Admission.ts"
import { ConnectionFailed } from "../../../src/BackendError.ts"

const running = (max: number) => {
  const admission = new Admission(() => max)
  admission.phase = "running"
  return admission
}

const outcome = (effect: Admission["enter"]) =>
  Effect.match(effect, { onFailure: ({ code }) => code as string, onSuccess: () => "in" })

describe("Admission", () => {
  it.effect("admits new sessions up to the cluster's limit, and resumed ones up to the process's own", () =>
    Effect.gen(function*() {
      const admission = running(4)
      admission.limit(2)
      const codes = yield* Effect.all([admission.enter, admission.enter, admission.enter].map(outcome))
      assert.deepStrictEqual(codes, ["in", "in", "session_limit_exceeded"])
      assert.deepStrictEqual([admission.taken, admission.max, admission.processMax], [2, 2, 4])
      const resumed = yield* Effect.all(Array.from({ length: 3 }, () => outcome(admission.enterResumed)))
      assert.deepStrictEqual(resumed, ["in", "in", "session_limit_exceeded"])
      admission.limit(undefined)
      assert.strictEqual(admission.max, 4)
    }))

  it.effect("asks the cluster for more places before it refuses a session because of its limit, and only then", () =>
    Effect.gen(function*() {
      const admission = running(3)
      let asked = 0
      const more: Effect.Effect<void> = Effect.sync(() => {
        asked++
        admission.limit(asked + 1, more)
      })
      admission.limit(1, more)
      assert.strictEqual(yield* outcome(admission.enter), "in")
      assert.strictEqual(asked, 0)
      assert.strictEqual(yield* outcome(admission.check), "in")
      assert.strictEqual(asked, 1)
      assert.deepStrictEqual([yield* outcome(admission.enter), yield* outcome(admission.enter)], ["in", "in"])
      assert.strictEqual(asked, 2)
      // the process itself is full: no cluster can help
      assert.strictEqual(yield* outcome(admission.enter), "session_limit_exceeded")
      assert.strictEqual(asked, 2)
      admission.phase = "draining"
      admission.limit(0, more)
      assert.strictEqual(yield* outcome(admission.enter), "session_limit_exceeded")
      assert.strictEqual(asked, 2)
    }))

  it.effect("refuses with the cluster's failure when it cannot be asked, and takes no slot", () =>
    Effect.gen(function*() {
      const admission = running(3)
      admission.limit(0, Effect.fail(new ConnectionFailed({ op: "test", message: "away" })))
      assert.strictEqual(yield* outcome(admission.enter), "connection_failed")
      assert.strictEqual(admission.taken, 0)
    }))

  it.effect("can be interrupted while it asks, also where a slot could not be", () =>
    Effect.gen(function*() {
      const admission = running(3)
      const asked = yield* Deferred.make<void>()
      admission.limit(0, Effect.andThen(Deferred.succeed(asked, undefined), Effect.never))
      const fiber = yield* Effect.forkChild(Effect.uninterruptible(admission.enter))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(admission.taken, 0)
    }))
})
