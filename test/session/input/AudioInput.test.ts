import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { TestClock } from "effect/testing"
import * as Resampler from "../../../src/audio/Resampler.ts"
import { AudioInput } from "../../../src/session/input/AudioInput.ts"
import { PlayoutClock } from "../../../src/session/playout/PlayoutClock.ts"

const ramp = (length: number) => Int16Array.from({ length }, (_, i) => i % 10_000)
const ear = (sampleRate: number) => {
  const heard: Array<number> = []
  return { heard, sampleRate, push: (pcm: Int16Array) => void heard.push(...pcm) }
}

describe("AudioInput", () => {
  it.effect("gives each ear the same audio at its rate, however it is cut", () =>
    Effect.gen(function*() {
      const factory = yield* Resampler.load
      const results = [7, 320, 5_000].map((size) => {
        const reached: Array<string> = []
        const input = new AudioInput(factory, (key) => reached.push(`${key} ${input.position}`))
        const ears = [ear(16_000), ear(8_000), ear(8_000), ear(24_000)]
        for (const one of ears) assert.isTrue(Result.isSuccess(input.add(one)))
        assert.isTrue(Result.isSuccess(input.open(48_000)))
        const pcm = ramp(48_000)
        for (let at = 0; at < pcm.length; at += size) input.push(pcm.subarray(at, at + size))
        input.free()
        return { ears: ears.map((one) => one.heard), position: input.position }
      })
      const [first, ...others] = results
      assert.approximately(first?.position ?? 0, 16_000, 100)
      assert.strictEqual(first?.ears[0]?.length, first?.position)
      assert.approximately(first?.ears[1]?.length ?? 0, 8_000, 100)
      assert.deepStrictEqual(first?.ears[1], first?.ears[2])
      for (const other of others) assert.deepStrictEqual(other, first)
    }))

  it.effect("tells each watch once, at its sample, in order, also within a long piece", () =>
    Effect.gen(function*() {
      const reached: Array<[string, number]> = []
      const input = new AudioInput(yield* Resampler.load, (key: string) => {
        reached.push([key, input.position])
        if (key === "a") input.watch("late", input.position)
      })
      input.watch("b", 4_000)
      input.watch("a", 1_000)
      input.watch("never", 100_000)
      input.watch("gone", 2_000)
      input.unwatch("gone")
      input.watch("moved", 500)
      input.watch("moved", 6_000)
      input.push(ramp(8_000))
      assert.deepStrictEqual(reached.map(([key]) => key), ["a", "late", "b", "moved"])
      for (const [index, at] of [1_000, 1_000, 4_000, 6_000].entries()) {
        const position = reached[index]?.[1] ?? 0
        assert.isTrue(position >= at && position < at + 2 * 480, `${position}`)
      }
      input.push(ramp(1_000))
      assert.strictEqual(reached.length, 4)
    }))

  it.effect("goes on over gaps with silence, at most two seconds of it", () =>
    Effect.gen(function*() {
      const input = new AudioInput(yield* Resampler.load, () => {})
      const one = ear(16_000)
      input.add(one)
      input.open(8_000)
      input.gap(1_234)
      assert.strictEqual(input.position, 2_468)
      input.gap(1e9)
      assert.strictEqual(input.position, 2_468 + 32_000)
      input.gap(-5)
      input.gap(Number.NaN)
      assert.strictEqual(input.position, 2_468 + 32_000)
      assert.isTrue(one.heard.every((sample) => sample === 0))
      input.free()
    }))

  it.effect("keeps its former source when another cannot be had, and forgets ears", () =>
    Effect.gen(function*() {
      const input = new AudioInput(yield* Resampler.load, () => {})
      input.open(8_000)
      assert.isTrue(Result.isFailure(input.open(12)))
      input.push(ramp(8_000))
      assert.approximately(input.position, 16_000, 100)
      const gone = ear(8_000)
      input.add(gone)
      input.remove(gone)
      input.push(ramp(800))
      assert.deepStrictEqual(gone.heard, [])
      assert.isTrue(Result.isFailure(input.add(ear(-1))))
      input.free()
    }))
})

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
      clock.add({ tick: () => void ticks++, failed: () => {} })
      yield* TestClock.adjust("200 millis")
      assert.strictEqual(thrown, 1)
      assert.deepStrictEqual(causes.map(String), ["Error: broken"])
      assert.strictEqual(ticks, 11)
    }))
})
