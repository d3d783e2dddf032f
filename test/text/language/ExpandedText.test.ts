import { assert, describe, it } from "@effect/vitest"
import { type ExpandedText, spokenOffset, spokenWordCounts } from "../../../src/text/language/ExpandedText.ts"

const written = "It is (€5.50), or 5 million"
const expanded: ExpandedText = {
  text: "It is (five euros and fifty cents), or five million",
  spans: [
    { start: 7, end: 12, spokenStart: 7, spokenEnd: 33 },
    { start: 18, end: 27, spokenStart: 39, spokenEnd: 51 }
  ]
}

describe("ExpandedText", () => {
  it("finds places before, in and after a part that was replaced", () => {
    assert.deepStrictEqual([0, 7, 12, 13, 17].map((at) => spokenOffset(expanded, at)), [0, 7, 33, 34, 38])
    assert.deepStrictEqual([18, 27].map((at) => spokenOffset(expanded, at)), [39, 51])
    const inside = spokenOffset(expanded, 9)
    assert.isTrue(inside > 7 && inside < 33)
  })

  it("counts the spoken words of each written word", () => {
    assert.deepStrictEqual(spokenWordCounts(written, expanded), [1, 1, 5, 1, 1, 1])
  })

  it("counts words of a text without numbers one for one", () => {
    assert.deepStrictEqual(spokenWordCounts("a b  c", { text: "a b  c", spans: [] }), [1, 1, 1])
    assert.deepStrictEqual(spokenWordCounts("", { text: "", spans: [] }), [])
  })
})
