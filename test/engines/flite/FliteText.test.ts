import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as FliteText from "../../../src/engines/flite/FliteText.ts"

const cases: ReadonlyArray<readonly [written: string, said: string]> = [
  ["€1,234.56", "one thousand two hundred thirty-four euros and fifty-six cents"],
  ["£2,000,000", "two million pounds"],
  ["€5 million", "five million euros"],
  ["£3m", "three million pounds"],
  ["It costs €5.", "It costs 5 euros."],
  ["₹500, 50¢ and ₩1000.", "five hundred rupees, fifty cents and one thousand won."],
  ["a ≠ b", "a is not equal to b"],
  ["a ≮ b, a ≰ b", "a at least b, a more than b"],
  ["x ∉ y", "x not in y"],
  ["x ≁ y", "x not y"],
  ["x ≥ 5, y ≤ 3", "x at least 5, y at most 3"],
  ["5 ± 2", "5 plus or minus 2"],
  ["5 m² and 3 m³", "5 square meters and 3 cubic meters"],
  ["10 µg", "10 micrograms"],
  ["5 Ω", "5 ohms"],
  ["Paris → Rome ← Oslo", "Paris to Rome from Oslo"],
  ["5 ‰", "5 per mille"],
  ["√16 = 4", "the square root of 16 = 4"],
  ["© 2026 Acme™", "copyright 2026 Acme trademark"],
  ["Node.js", "Node dot js"]
]

describe("FliteText", () => {
  it.each(cases)("%s", (written, said) => assert.deepStrictEqual(FliteText.pieces(written), [said]))

  it.prop("no sign vanishes", [
    Schema.Literals([..."≠≮≯≰≱≤≥±²³µΩ°₹₩¢£€¥→←↔⇒×÷√∞∑π%‰№½¼¾§©®™&@#+="])
  ], ([sign]) => {
    const [said = ""] = FliteText.pieces(`a 5${sign} b`)
    assert.notStrictEqual(said.replace(/\s+/gu, " "), "a 5 b", sign)
  })
})
