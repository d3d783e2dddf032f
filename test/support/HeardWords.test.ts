import { assert, describe, it } from "@effect/vitest"
import { heardWords } from "./HeardWords.ts"

describe("heardWords", () => {
  it("takes two ways to write the same for the same, and a number for one word", () => {
    const alike: ReadonlyArray<readonly [one: string, other: string, words: string]> = [
      ["It costs $12.50.", "it costs twelve dollars and fifty cents", "it costs 12 dollars and 50 cents"],
      ["Order 48213 now", "order four eight two one three, now", "order 48213 now"],
      ["at 9:30 a.m.", "At nine thirty AM", "at 930 am"],
      ["in 1969", "in nineteen sixty-nine", "in 1969"],
      ["March 14", "March fourteenth", "march 14"],
      ["205 of 2,001", "two hundred and five of two thousand and one", "205 of 2001"],
      ["70%", "seventy percent", "70 per cent"],
      ["Dr. Smith's o'clock: good-bye", "doctor smiths oclock goodbye", "doctor smiths oclock goodbye"],
      ["room 6:05", "room six oh five", "room 605"]
    ]
    for (const [one, other, words] of alike) {
      assert.strictEqual(heardWords(one).join(" "), words)
      assert.strictEqual(heardWords(other).join(" "), words)
    }
    for (
      const [one, other] of [["five and six", "56"], ["15 miles", "50 miles"], ["the second", "the third"]] as const
    ) {
      assert.notDeepEqual(heardWords(one), heardWords(other))
    }
  })
})
