import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { PlayoutClock } from "../../../src/session/playout/PlayoutClock.ts"

describe("PlayoutClock", () => {
  it.effect("ticks every 20 ms while something plays, and sleeps while nothing does", () =>
    Effect.gen(function*() {
      const clock = yield* PlayoutClock.make
      const start = clock.now()
      const ticks: Array<number> = []
      const player = { tick: (nowMs: number) => void ticks.push(nowMs - start), failed: () => {} }
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(ticks, [])
      clock.add(player)
      clock.add(player)
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(ticks.map((at) => at - 1_000), [0, 20, 40, 60, 80, 100])
      clock.remove(player)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(ticks.length, 6)
      clock.add(player)
      yield* TestClock.adjust("40 millis")
      assert.strictEqual(ticks.length, 9)
    }))

  it.effect("removes a player that throws, tells it so, and goes on for the others", () =>
    Effect.gen(function*() {
      const clock = yield* PlayoutClock.make
      let ticks = 0
      let thrown = 0
      const causes: Array<unknown> = []
      clock.add({
        tick: () => {
          thrown++
          throw new Error("broken")
        },
        failed: (cause) => void causes.push(cause)
      })
      clock.add({
        tick: () => {
          throw new Error("broken")
        },
        failed: () => {
          throw new Error("broken, too")
        }
      })
      clock.add({ tick: () => void ticks++, failed: () => {} })
      yield* TestClock.adjust("200 millis")
      assert.strictEqual(thrown, 1)
      assert.deepStrictEqual(causes.map(String), ["Error: broken"])
      assert.strictEqual(ticks, 11)
    }))
})
