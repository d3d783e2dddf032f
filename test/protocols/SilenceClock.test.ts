import { assert, describe, it } from "@effect/vitest"
import { Effect, Scope } from "effect"
import { TestClock } from "effect/testing"
import { SilenceClock } from "../../src/protocols/SilenceClock.ts"

const sum = (all: ReadonlyArray<number>) => all.reduce((a, b) => a + b, 0)

describe("SilenceClock", () => {
  it.effect("gives a stream that is never heard as much silence as there is time, in bounded portions", () =>
    Effect.gen(function*() {
      const clock = yield* SilenceClock.make
      const given: Array<number> = []
      yield* clock.watch((ms) => void given.push(ms))
      yield* Effect.repeat(TestClock.adjust(50), { times: 11_999 })
      assert.isAtMost(Math.max(...given), 400)
      // but for the jitter that it may be at first
      assert.approximately(sum(given), 600_000, 700)
    }).pipe(Effect.scoped))

  it.effect("gives streams theirs alone, from 700 to 900 ms after they were heard, and nothing when they have gone", () =>
    Effect.gen(function*() {
      const clock = yield* SilenceClock.make
      const quiet: Array<number> = []
      const heard: Array<number> = []
      const gone: Array<number> = []
      const scope = yield* Scope.make()
      yield* clock.watch((ms) => void quiet.push(ms))
      yield* Scope.provide(clock.watch((ms) => void gone.push(ms)), scope)
      const stream = yield* clock.watch((ms) => void heard.push(ms))
      for (let i = 0; i < 50; i++) {
        // as late as the jitter of a network
        yield* TestClock.adjust(i % 5 === 0 ? 690 : 10)
        stream.heard()
        if (i === 20) yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      }
      const { length } = gone
      assert.isAbove(length, 0)
      assert.deepStrictEqual(heard, [])
      assert.isAbove(sum(quiet), 2_500)
      yield* TestClock.adjust(699)
      assert.deepStrictEqual(heard, [])
      yield* TestClock.adjust(200)
      assert.strictEqual(heard.length, 1)
      assert.isAtLeast(sum(heard), 100)
      assert.strictEqual(gone.length, length)
    }).pipe(Effect.scoped))

  it.effect("begins again after there was no stream, and goes on when one fails", () =>
    Effect.gen(function*() {
      const clock = yield* SilenceClock.make
      const seconds = Effect.fnUntraced(function*(give: (ms: number) => void) {
        yield* clock.watch(give)
        yield* Effect.repeat(TestClock.adjust(100), { times: 19 })
      }, Effect.scoped)
      const first: Array<number> = []
      yield* seconds((ms) => void first.push(ms))
      yield* TestClock.adjust("1 hour")
      const second: Array<number> = []
      let failures = 0
      yield* clock.watch(() => {
        failures++
        throw new Error("broken")
      })
      yield* seconds((ms) => void second.push(ms))
      assert.deepStrictEqual([first.length, second.length, failures], [7, 7, 1])
      assert.isAtMost(sum(second), 2_000)
    }).pipe(Effect.scoped))
})
