import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { AutomaticGain } from "../../src/audio/AutomaticGain.ts"
import * as Gain from "../../src/audio/Gain.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import { SampleQueue } from "../../src/audio/SampleQueue.ts"

const options = { sampleRate: 16_000, targetDbfs: -20, maxGainDb: 24, maxCutDb: 12, gateDbfs: -55 }
const Sample = Schema.Int.check(Schema.isBetween({ minimum: -32_768, maximum: 32_767 }))
let state = 1
const noise = (length: number, amplitude: number) =>
  Int16Array.from({ length }, () => {
    state = (state * 1103515245 + 12345) & 0x7fffffff
    return Math.round((state / 0x40000000 - 1) * amplitude)
  })
/** Syllables of 250 ms with as much quiet between them. */
const voice = (seconds: number, amplitude: number) =>
  Int16Array.from(
    { length: seconds * 16_000 },
    (_, i) => Math.round((i % 8_000 < 4_000 ? amplitude : amplitude / 200) * Math.sin(i * 2 * Math.PI * 220 / 16_000))
  )
const syllable = (pcm: Int16Array) => Pcm.rmsDbfs(pcm.subarray(pcm.length - 8_000, pcm.length - 4_000))

describe("Gain", () => {
  it.effect.prop(
    "is exact below the knee, odd, and never beyond full scale",
    [Sample, Schema.Finite.check(Schema.isBetween({ minimum: -60, maximum: 40 })), Schema.Literals(["soft", "hard"])],
    ([sample, db, clipping]) =>
      Effect.sync(() => {
        const [out = 0, mirrored = 0] = Gain.make(db, clipping)(Int16Array.of(sample, Math.min(32_767, -sample)))
        const exact = sample * Pcm.gainOfDb(db)
        if (Math.abs(exact) < 23_000) assert.approximately(out, exact, 0.51)
        assert.isAtMost(Math.abs(out), Math.abs(exact) + 0.51)
        assert.approximately(mirrored, -out, 2)
        assert.strictEqual(Math.sign(out) * Math.sign(sample) >= 0, true)
      })
  )
})

describe("AutomaticGain", () => {
  it.effect.prop(
    "does not depend on how the audio is cut, and stays below its ceiling",
    [
      Schema.Array(Sample).check(Schema.isMaxLength(2_000)),
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 700 }))
    ],
    ([samples, size]) =>
      Effect.sync(() => {
        const whole = new AutomaticGain(options).process(Int16Array.from(samples))
        const cut = Int16Array.from(samples)
        const gain = new AutomaticGain(options)
        for (let at = 0; at < cut.length; at += size) gain.process(cut.subarray(at, at + size))
        assert.deepStrictEqual(cut, whole)
        assert.isAtMost(Pcm.peak(whole), 29_205)
      })
  )

  it("brings a quiet and a loud voice to the target, slowly", () => {
    for (const amplitude of [400, 3_000, 15_000]) {
      const gain = new AutomaticGain(options)
      const first = gain.process(voice(1, amplitude))
      assert.isAtMost(Math.abs(gain.gainDb), 24, "not at once")
      assert.isAbove(Pcm.peak(first), 0)
      assert.approximately(syllable(gain.process(voice(12, amplitude))), -20, 1.5, `${amplitude}`)
    }
  })

  it("does not amplify background noise, alone or between words", () => {
    const alone = new AutomaticGain(options)
    alone.process(noise(16_000 * 20, 60))
    alone.process(new Int16Array(16_000 * 5))
    assert.strictEqual(alone.gainDb, 0)
    const between = new AutomaticGain(options)
    between.process(voice(10, 1_000))
    const before = between.gainDb
    between.process(noise(16_000 * 20, 20))
    assert.approximately(between.gainDb, before, 0.1)
  })
})

describe("SampleQueue", () => {
  it.effect.prop(
    "gives what it was given, after its silence, however it is cut",
    [
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3_000 }))),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4_000 }))
    ],
    ([sizes, silence]) =>
      Effect.sync(() => {
        const fifo = new SampleQueue(silence)
        const out: Array<number> = []
        let next = 0
        for (const size of sizes) {
          fifo.push(Int16Array.from({ length: size }, () => ++next % 30_000))
          out.push(...fifo.take(new Int16Array(size)))
        }
        assert.strictEqual(fifo.length, silence)
        assert.deepStrictEqual(out, Array.from({ length: next }, (_, i) => Math.max(0, i + 1 - silence) % 30_000))
      })
  )
})
