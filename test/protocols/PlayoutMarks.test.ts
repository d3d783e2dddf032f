import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { MARK_EVERY_MS, PlayoutMarks } from "../../src/protocols/PlayoutMarks.ts"

const Steps = Schema.Array(
  Schema.Struct({
    step: Schema.Literals(["frame", "frame", "frame", "last", "clear", "reply", "echo"]),
    at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 }))
  })
).check(Schema.isMaxLength(120))

describe("PlayoutMarks", () => {
  it("asks for a mark every 200 ms of a reply, and behind its last audio", () => {
    const marks = new PlayoutMarks()
    const asked = Array.from({ length: 25 }, (_, i) => marks.next(1, 20 * (i + 1), i === 24))
    assert.deepStrictEqual(
      asked.flatMap((name) => name === undefined ? [] : [marks.played(name)]),
      [200, 400, 500].map((ms) => ({ epoch: 1, ms }))
    )
    assert.isUndefined(marks.next(1, 500, true), "there is no audio behind the last one")
  })

  it.prop(
    "takes what a far end returns for played only when it was asked for since the last clear",
    [Steps],
    ([steps]) => {
      const marks = new PlayoutMarks()
      const asked: Array<{ name: string; epoch: number; ms: number; clears: number }> = []
      let epoch = 1
      let ms = 0
      let clears = 0
      for (const { at, step } of steps) {
        if (step === "frame" || step === "last") {
          ms += 20
          const name = marks.next(epoch, ms, step === "last")
          assert.isFalse(name === undefined && step === "last", "audio is behind no mark")
          if (name === undefined) continue
          assert.isFalse(asked.some((former) => former.name === name), "a name is used once")
          asked.push({ name, epoch, ms, clears })
        } else if (step === "clear") {
          marks.cleared()
          // the reply goes on from where it was heard, or is over
          epoch++
          ms = 0
          clears++
        } else if (step === "reply") {
          epoch++
          ms = 0
        } else {
          const echo = asked[asked.length - 1 - at]
          if (echo === undefined) continue
          const expected = echo.clears === clears ? { epoch: echo.epoch, ms: echo.ms } : undefined
          assert.deepStrictEqual(marks.played(echo.name), expected)
        }
      }
      const last = asked.toReversed().find((each) => each.epoch === epoch)
      assert.isBelow(ms - (last?.ms ?? 0), MARK_EVERY_MS)
    }
  )

  it("takes nothing else for a mark of ours", () => {
    const marks = new PlayoutMarks()
    for (const name of ["", "0", "0.1", "0.1.2.3", "0.1.-2", "a.b.c", "1.1.1", "0.1.1e3", "0.1.9999999999", " 0.1.2"]) {
      assert.isUndefined(marks.played(name), name)
    }
  })

  it.prop("takes no other name", [Schema.String], ([name]) => {
    const played = new PlayoutMarks().played(name)
    if (played !== undefined) assert.match(name, /^0\.\d{1,9}\.\d{1,9}$/)
  })
})
