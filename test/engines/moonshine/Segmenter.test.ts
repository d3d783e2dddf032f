import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { LONGEST, MEMORY, Segmenter, type Stretch, TAIL } from "../../../src/engines/moonshine/Segmenter.ts"
import { room } from "../Recordings.ts"

const Step = Schema.Union([
  Schema.TaggedStruct("speech", { ms: Schema.Int.check(Schema.isBetween({ minimum: 100, maximum: 25_000 })) }),
  Schema.TaggedStruct("silence", { ms: Schema.Int.check(Schema.isBetween({ minimum: 20, maximum: 4_000 })) }),
  Schema.TaggedStruct("finalize", {})
])

const loud = Int16Array.from({ length: 320 }, (_, i) => i % 2 === 0 ? 8_000 : -8_000)
const quiet = new Int16Array(320)

/** Plays steps in frames of 20 ms to a segmenter with a perfect detector; returns what it gave out. */
const play = (steps: ReadonlyArray<typeof Step.Type>) => {
  const segmenter = new Segmenter()
  const out: Array<Stretch> = []
  const spoken: Array<Stretch> = []
  let capacity = 0
  const push = (frame: Int16Array) => {
    for (const stretch of segmenter.push(frame)) {
      assert.strictEqual(segmenter.floats(stretch, 0).length, stretch.to - stretch.from, "a stretch is still held")
      out.push(stretch)
    }
    segmenter.trim()
    capacity = Math.max(capacity, segmenter.capacity)
  }
  for (const step of steps) {
    if (step._tag === "finalize") {
      out.push(...segmenter.finalize(segmenter.end))
      segmenter.trim()
    } else if (step._tag === "silence") {
      for (let ms = 0; ms < step.ms; ms += 20) push(quiet)
    } else {
      const from = segmenter.end
      segmenter.activity({ _tag: "SpeechStarted", atSample: from, decidedAtSample: from })
      for (let ms = 0; ms < step.ms; ms += 20) push(loud)
      const to = segmenter.end
      spoken.push({ from, to })
      segmenter.activity({ _tag: "SpeechStopped", atSample: to, decidedAtSample: to })
    }
  }
  out.push(...segmenter.finalize(segmenter.end))
  return { out, spoken, capacity }
}

describe("Segmenter", () => {
  it.effect.prop(
    "gives out every sample of speech once, in order, in stretches that the model can take",
    [Schema.Array(Step).check(Schema.isMaxLength(8))],
    ([steps]) =>
      Effect.sync(() => {
        const { capacity, out, spoken } = play(steps)
        out.forEach((stretch, i) => {
          assert.isAtLeast(stretch.from, i === 0 ? 0 : out[i - 1]!.to)
          assert.isAtMost(stretch.to - stretch.from, LONGEST + TAIL)
        })
        for (const { from, to } of spoken) {
          let at = from
          for (const stretch of out) if (stretch.from <= at && stretch.to > at) at = stretch.to
          assert.isAtLeast(at, to, "speech is covered")
        }
        assert.isAtMost(capacity, 2 * (LONGEST + MEMORY / 4))
      })
  )

  it("loses no end of speech that is a little too long", () => {
    const { out, spoken } = play([{ _tag: "speech", ms: 13_001 }])
    assert.strictEqual(out.at(-1)?.to, spoken[0]?.to)
  })

  it("cuts long speech in its quietest place", () => {
    const segmenter = new Segmenter()
    segmenter.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
    const cuts: Array<Stretch> = []
    // 14 s with a dip of 80 ms at 10 s.
    for (let i = 0; i < 700; i++) cuts.push(...segmenter.push(i >= 500 && i < 504 ? quiet : loud))
    assert.strictEqual(cuts.length, 1)
    assert.isAtLeast(cuts[0]!.to, 500 * 320)
    assert.isAtMost(cuts[0]!.to, 504 * 320)
  })

  it("holds a second of audio while nobody speaks, however long", () => {
    const segmenter = new Segmenter()
    segmenter.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
    segmenter.activity({ _tag: "SpeechStopped", atSample: 0, decidedAtSample: 0 })
    for (let i = 0; i < 10_000; i++) {
      segmenter.push(quiet)
      segmenter.trim()
    }
    assert.isAtMost(segmenter.capacity, 32_000)
  })

  it("forgets minutes of noise that no detector called speech", () => {
    const segmenter = new Segmenter()
    const minute = room(60, 300)
    let given = 0
    for (let i = 0; i < 3 * minute.length; i += 16_000) {
      const at = i % minute.length
      given += segmenter.push(minute.subarray(at, at + 16_000)).length
      segmenter.trim()
    }
    assert.strictEqual(given, 0)
    assert.isAtMost(segmenter.capacity, 2 * MEMORY)
  })

  it("never decodes before a finalized position, though an onset is said to lie there", () => {
    const segmenter = new Segmenter()
    for (let i = 0; i < 100; i++) segmenter.push(loud)
    segmenter.finalize(20_000)
    segmenter.activity({ _tag: "SpeechStarted", atSample: 15_000, decidedAtSample: 21_000 })
    assert.deepEqual(segmenter.finalize(32_000), [{ from: 20_000, to: 32_000 }])
  })
})
