import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import * as MonotonicTime from "../src/MonotonicTime.ts"
import * as SteppedClock from "./support/SteppedClock.ts"

describe("MonotonicTime", () => {
  it.effect("moves with the test clock, also by fractions of a millisecond, and not with the wall clock", () =>
    Effect.gen(function*() {
      const { clock, step } = yield* SteppedClock.make
      const before = MonotonicTime.nowMs(clock)
      yield* TestClock.adjust("1500 micros")
      assert.closeTo(MonotonicTime.nowMs(clock) - before, 1.5, 1e-6)
      for (const stepMs of [-3_600_000, -20_000, -1_000, 1_000, 20_000, 3_600_000]) {
        step(stepMs)
        assert.closeTo(MonotonicTime.nowMs(clock) - before, 1.5, 1e-6)
      }
    }))

  it.effect("makes timestamps that begin at Unix time and whose differences are durations", () =>
    Effect.gen(function*() {
      const { clock, step } = yield* SteppedClock.make
      step(1_700_000_000_000)
      const now = MonotonicTime.timestamps(clock)
      assert.strictEqual(now(), 1_700_000_000_000)
      yield* TestClock.adjust("2 seconds")
      step(-3_600_000)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(now(), 1_700_000_003_000)
      // what begins after the step shows the new time, unless it goes on from something later
      assert.strictEqual(MonotonicTime.timestamps(clock)(), 1_699_996_403_000)
      assert.strictEqual(MonotonicTime.timestamps(clock, now())(), 1_700_000_003_000)
    }))

  it.effect("finds steps of the wall clock, each once", () =>
    Effect.gen(function*() {
      const { clock, step } = yield* SteppedClock.make
      const steps = MonotonicTime.wallClockSteps(clock)
      yield* TestClock.adjust("1 hour")
      step(50)
      assert.strictEqual(steps(), 0)
      step(-20_000)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(steps(), -20_000)
      assert.strictEqual(steps(), 0)
    }))

  it.effect("gives a module that measures by the wall clock a steady one, which sleeps as usual", () =>
    Effect.gen(function*() {
      const { clock, step } = yield* SteppedClock.make
      const measured = MonotonicTime.withSteadyClock(Effect.gen(function*() {
        const from = yield* Clock.currentTimeMillis
        yield* Effect.sleep("5 seconds")
        const nanos = (yield* Clock.currentTimeNanos) - (yield* Clock.monotonicTimeNanos)
        return [(yield* Clock.currentTimeMillis) - from, nanos] as const
      })).pipe(Effect.provideService(Clock.Clock, clock))
      const fiber = yield* Effect.forkChild(measured)
      yield* TestClock.adjust("2 seconds")
      step(-3_600_000)
      yield* TestClock.adjust("3 seconds")
      const [ms, nanos] = yield* Effect.map(
        Effect.all([Effect.sync(() => fiber.pollUnsafe())]),
        ([exit]) => exit?._tag === "Success" ? exit.value : [Number.NaN, 0n] as const
      )
      assert.closeTo(ms, 5_000, 1e-6)
      assert.strictEqual(nanos, 0n)
    }))
})
