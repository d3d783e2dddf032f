import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  MAX_BUFFERED,
  MAX_SEGMENT,
  type Segment,
  Segmenter,
  TAIL
} from "../../../../src/engines/local/segments/Segmenter.ts"
import { room } from "../../Recordings.ts"

const Step = Schema.Union([
  Schema.TaggedStruct("speech", { ms: Schema.Int.check(Schema.isBetween({ minimum: 100, maximum: 25_000 })) }),
  Schema.TaggedStruct("silence", { ms: Schema.Int.check(Schema.isBetween({ minimum: 20, maximum: 4_000 })) }),
  Schema.TaggedStruct("finalize", {})
])

const loud = Int16Array.from({ length: 320 }, (_, i) => i % 2 === 0 ? 8_000 : -8_000)
const quiet = new Int16Array(320)

/** Plays steps in frames of 20 ms to a segmenter with a perfect detector; returns its segments. */
const play = (steps: ReadonlyArray<typeof Step.Type>) => {
  const segmenter = new Segmenter()
  const out: Array<Segment> = []
  const spoken: Array<Segment> = []
  let capacity = 0
  const push = (frame: Int16Array) => {
    for (const segment of segmenter.push(frame)) {
      assert.strictEqual(segmenter.floats(segment, 0).length, segment.to - segment.from, "a segment is still buffered")
      out.push(segment)
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
    "returns every sample of speech once, in order, in segments that the model can take",
    [Schema.Array(Step).check(Schema.isMaxLength(8))],
    ([steps]) =>
      Effect.sync(() => {
        const { capacity, out, spoken } = play(steps)
        out.forEach((segment, i) => {
          assert.isAtLeast(segment.from, i === 0 ? 0 : out[i - 1]!.to)
          assert.isAtMost(segment.to - segment.from, MAX_SEGMENT + TAIL)
        })
        for (const { from, to } of spoken) {
          let at = from
          for (const segment of out) if (segment.from <= at && segment.to > at) at = segment.to
          assert.isAtLeast(at, to, "speech is covered")
        }
        assert.isAtMost(capacity, 2 * (MAX_SEGMENT + MAX_BUFFERED / 4))
      })
  )

  it("keeps the end of speech that is slightly too long", () => {
    const { out, spoken } = play([{ _tag: "speech", ms: 13_001 }])
    assert.strictEqual(out.at(-1)?.to, spoken[0]?.to)
  })

  it("splits long speech at its quietest point", () => {
    const segmenter = new Segmenter()
    segmenter.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
    const segments: Array<Segment> = []
    // 14 s with a dip of 80 ms at 10 s.
    for (let i = 0; i < 700; i++) segments.push(...segmenter.push(i >= 500 && i < 504 ? quiet : loud))
    assert.strictEqual(segments.length, 1)
    assert.isAtLeast(segments[0]!.to, 500 * 320)
    assert.isAtMost(segments[0]!.to, 504 * 320)
  })

  it("buffers one second during silence of any length", () => {
    const segmenter = new Segmenter()
    segmenter.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
    segmenter.activity({ _tag: "SpeechStopped", atSample: 0, decidedAtSample: 0 })
    for (let i = 0; i < 10_000; i++) {
      segmenter.push(quiet)
      segmenter.trim()
    }
    assert.isAtMost(segmenter.capacity, 32_000)
  })

  it("discards minutes of noise when there is no detector", () => {
    const segmenter = new Segmenter()
    const minute = room(60, 300)
    let given = 0
    for (let i = 0; i < 3 * minute.length; i += 16_000) {
      const at = i % minute.length
      given += segmenter.push(minute.subarray(at, at + 16_000)).length
      segmenter.trim()
    }
    assert.strictEqual(given, 0)
    assert.isAtMost(segmenter.capacity, 2 * MAX_BUFFERED)
  })

  it("never decodes audio before a finalized position, even if a detected start lies there", () => {
    const segmenter = new Segmenter()
    for (let i = 0; i < 100; i++) segmenter.push(loud)
    segmenter.finalize(20_000)
    segmenter.activity({ _tag: "SpeechStarted", atSample: 15_000, decidedAtSample: 21_000 })
    assert.deepEqual(segmenter.finalize(32_000), [{ from: 20_000, to: 32_000 }])
  })
})
