import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as CacheLock from "../../src/models/CacheLock.ts"
import * as Fake from "./FakeRegistry.ts"

/** Moves the clock on until the fiber is done, and lets the file system answer in between. Gives the time that it took. */
const advanceUntilDone = Effect.fnUntraced(function*(fiber: Fiber.Fiber<unknown, unknown>) {
  let elapsed = 0
  while (fiber.pollUnsafe() === undefined) {
    yield* TestClock.adjust(100)
    elapsed += 100
    yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 2)))
  }
  return elapsed
})

describe("CacheLock", () => {
  it.effect("lets one in after the other, and leaves nothing", () =>
    Effect.gen(function*() {
      const path = Path.join(yield* Fake.temporary, "lock")
      let inside = 0
      const use = CacheLock.withLock(path)(Effect.gen(function*() {
        assert.strictEqual(++inside, 1)
        yield* Effect.sleep(5_000)
        inside--
      }))
      const fiber = yield* Effect.forkChild(Effect.all([use, use, use], { concurrency: "unbounded" }))
      yield* advanceUntilDone(fiber)
      yield* Fiber.join(fiber)
      assert.isFalse(Fs.existsSync(path))
    }))

  it.effect("waits for an owner that lives, however long, and takes the lock of one that died after 30 s", () =>
    Effect.gen(function*() {
      const path = Path.join(yield* Fake.temporary, "lock")
      const holds = yield* Deferred.make<void>()
      const owner = yield* Effect.forkChild(
        CacheLock.withLock(path)(Effect.andThen(Deferred.succeed(holds, undefined), Effect.sleep("3 minutes")))
      )
      yield* Deferred.await(holds)
      const waits = yield* Effect.forkChild(CacheLock.withLock(path)(Effect.void))
      assert.isAtLeast(yield* advanceUntilDone(waits), 180_000)
      yield* Fiber.join(owner)
      Fs.writeFileSync(path, "a process that was killed")
      const taken = yield* Effect.forkChild(CacheLock.withLock(path)(Effect.void))
      const elapsed = yield* advanceUntilDone(taken)
      assert.isAtLeast(elapsed, 30_000)
      assert.isFalse(Fs.existsSync(path))
    }))

  it.effect("is free again when its owner is interrupted, and the wait for it can be interrupted", () =>
    Effect.gen(function*() {
      const path = Path.join(yield* Fake.temporary, "lock")
      const holds = yield* Deferred.make<void>()
      const owner = yield* Effect.forkChild(
        CacheLock.withLock(path)(Effect.andThen(Deferred.succeed(holds, undefined), Effect.never))
      )
      yield* Deferred.await(holds)
      const waits = yield* Effect.forkChild(CacheLock.withLock(path)(Effect.void), { startImmediately: true })
      yield* Fiber.interrupt(waits)
      assert.isTrue(Fs.existsSync(path))
      yield* Fiber.interrupt(owner)
      assert.isFalse(Fs.existsSync(path))
    }))

  it.effect("fails where the directory cannot be written", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        CacheLock.withLock(Path.join(yield* Fake.temporary, "none", "lock"))(Effect.void)
      )
      assert.strictEqual(error._tag, "FetchFailure")
    }))
})
