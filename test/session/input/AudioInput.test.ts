import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as Resampler from "../../../src/audio/resampling/Resampler.ts"
import { AudioInput } from "../../../src/session/input/AudioInput.ts"

const ramp = (length: number) => Int16Array.from({ length }, (_, i) => i % 10_000)
const ear = (sampleRate: number) => {
  const heard: Array<number> = []
  return { heard, sampleRate, push: (pcm: Int16Array) => void heard.push(...pcm) }
}

describe("AudioInput", () => {
  it.effect("gives each listener the same audio at its rate, whatever the pieces", () =>
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

  it.effect("calls back once for each watch, at its sample, in order, also within a long piece", () =>
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

  it.effect("fills gaps with silence, two seconds at most", () =>
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

  it.effect("keeps its source when another rate is not supported, and removes listeners", () =>
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
