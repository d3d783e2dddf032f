import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { PlayedAudio } from "../../../src/audio/echo/PlayedAudio.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Frames at any time, also far ahead, far behind and before zero; cuts; in any order. */
const Step = Schema.Union([
  Schema.Struct({ at: between(-90_000, 90_000), length: between(0, 2_000) }),
  Schema.Struct({ cut: between(-90_000, 90_000) })
])

const samples = (seed: number, length: number) => Int16Array.from({ length }, (_, i) => (seed * 7 + i) % 30_000 + 1)

describe("PlayedAudio", () => {
  it.prop(
    "holds the last that was written for each time, for two seconds, and silence after a cut and elsewhere",
    [Schema.Array(Step).check(Schema.isMinLength(1), Schema.isMaxLength(30)), between(-90_000, 90_000)],
    ([steps, probe]) => {
      const played = new PlayedAudio()
      const expected = new Map<number, number>()
      let end = Number.NEGATIVE_INFINITY
      let cutFrom = Number.POSITIVE_INFINITY
      steps.forEach((step, n) => {
        if ("cut" in step) {
          for (const time of expected.keys()) if (time >= step.cut) expected.delete(time)
          cutFrom = Math.min(cutFrom, step.cut)
          return played.cut(step.cut)
        }
        const pcm = samples(n, step.length)
        played.write(pcm, step.at)
        end = Math.max(end, step.at + step.length)
        pcm.forEach((sample, i) => {
          // what is older than it can hold was never taken
          if (step.at + i >= end - played.capacity) expected.set(step.at + i, sample)
        })
        for (const time of expected.keys()) if (time < end - played.capacity) expected.delete(time)
      })
      const out = new Int16Array(480)
      for (
        const from of [
          probe,
          end - 400,
          end - played.capacity - 100,
          ...steps.flatMap((s) => "at" in s ? [s.at] : [])
        ]
      ) {
        if (!Number.isFinite(from)) continue
        played.read(from, out)
        assert.deepEqual([...out], Array.from(out, (_, i) => expected.get(from + i) ?? 0), `from ${from}`)
      }
      for (const time of expected.keys()) assert.isBelow(time, played.soundUntil)
    }
  )

  it("reads frames in the order of time, however they were written", () => {
    const played = new PlayedAudio()
    const at = Date.UTC(2026, 0, 1) * 16
    for (const frame of [2, 0, 1]) played.write(new Int16Array(320).fill(frame + 1), at + frame * 320)
    const out = new Int16Array(1_280)
    played.read(at - 160, out)
    assert.deepEqual([...new Set(out)], [0, 1, 2, 3])
    assert.strictEqual(played.soundUntil, at + 960)
    played.cut(at + 400)
    played.read(at - 160, out)
    assert.strictEqual(out.findLastIndex((sample) => sample !== 0), 160 + 399)
    assert.strictEqual(played.soundUntil, at + 400)
  })
})
