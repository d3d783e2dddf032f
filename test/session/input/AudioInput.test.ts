import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Result, Schema } from "effect"
import { all } from "../../../src/audio/AudioBranch.ts"
import * as Resampler from "../../../src/audio/resampling/Resampler.ts"
import * as AudioProcessor from "../../../src/hooks/AudioProcessor.ts"
import { AudioInput } from "../../../src/session/input/AudioInput.ts"
import { EchoGate } from "../../../src/session/input/EchoGate.ts"
import * as ProcessorChain from "../../../src/session/input/ProcessorChain.ts"

const Size = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_000 }))
const half = AudioProcessor.sync({ name: "half", process: (audio) => audio.map((sample) => sample / 2) })
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

  it.effect.prop(
    "gives a recogniser what arrives, sample for sample, where it takes the connection's rate",
    [Schema.Literals([8_000, 24_000, 48_000]), Schema.Array(Size), Schema.Boolean],
    ([rate, sizes, guarded]) =>
      Effect.gen(function*() {
        const factory = yield* Resampler.load
        const gate = guarded ? new EchoGate(() => 0) : undefined
        const input = new AudioInput(factory, () => {}, undefined, undefined, gate)
        const [same, wide] = [ear(rate), ear(16_000)]
        // before the connection, as a session does, and after it
        input.add(same)
        input.add(wide)
        input.open(rate)
        const later = ear(rate)
        input.add(later)
        const sent = ramp(sizes.reduce((sum, size) => sum + size, 0))
        let at = 0
        for (const size of sizes) {
          input.push(sent.subarray(at, at + size))
          at += size
          // it has heard what the timeline has, and at most what a resampler holds back
          const ahead = same.heard.length * 16_000 / rate - input.position
          assert.isTrue(ahead >= -1 && ahead <= 160, `${ahead}`)
        }
        assert.deepStrictEqual(same.heard, Array.from(sent))
        assert.deepStrictEqual(later.heard, Array.from(sent))
        assert.strictEqual(wide.heard.length, input.position)
        input.free()
      }),
    { arbitrary: { runs: 40 } }
  )

  it.effect("converts for a recogniser when a connection of another rate replaces the former", () =>
    Effect.gen(function*() {
      const input = new AudioInput(yield* Resampler.load, () => {})
      const phone = ear(8_000)
      input.add(phone)
      const lengths = [8_000, 16_000, 48_000, 8_000, 8_000].map((rate) => {
        const before = phone.heard.length
        assert.isTrue(Result.isSuccess(input.open(rate)))
        input.push(ramp(rate))
        return phone.heard.length - before
      })
      for (const length of lengths) assert.approximately(length, 8_000, 100)
      assert.deepStrictEqual(phone.heard.slice(-8_000), Array.from(ramp(8_000)))
      input.gap(1_000)
      assert.deepStrictEqual(phone.heard.slice(-1_000), Array.from({ length: 1_000 }, () => 0))
      input.remove(phone)
      const heard = phone.heard.length
      input.push(ramp(160))
      assert.strictEqual(phone.heard.length, heard)
      input.free()
    }))

  it.effect("gives a recogniser at the connection's rate what processors have made of the audio", () =>
    Effect.gen(function*() {
      const chain = yield* ProcessorChain.make(
        [{ open: Effect.succeed(half), appliesTo: all, onFailure: "bypass" }],
        { sessionId: "s", metadata: () => ({}), timeout: Duration.seconds(1), onIncident: () => {} }
      )
      assert.isDefined(chain)
      const input = new AudioInput(yield* Resampler.load, () => {}, chain)
      const phone = ear(8_000)
      input.add(phone)
      input.open(8_000)
      input.push(new Int16Array(8_000).fill(8_000))
      assert.approximately(phone.heard.length, 8_000, 100)
      assert.isTrue(phone.heard.slice(1_000).every((sample) => Math.abs(sample - 4_000) < 200))
      input.free()
    }))
})
