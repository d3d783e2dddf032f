import { assert, describe, it } from "@effect/vitest"
import * as MappedText from "../../../../src/engines/hibari/text/MappedText.ts"
import * as Normaliser from "../../../../src/engines/hibari/text/normaliser/Normaliser.ts"
import * as NumberWords from "../../../../src/engines/hibari/text/NumberWords.ts"
import * as Goldens from "./Goldens.ts"

const pairs = (name: string) => Goldens.rows(name).map(([text = "", value = ""]) => [text, value] as const)
const normaliser = () => Normaliser.make(Goldens.shared().normalise)

/** Each word of the normalised text, and what stands at its place in the original. */
const places = (text: string) => {
  const { origin, text: normalised } = normaliser()(MappedText.make(text, 0))
  return Array.from(
    normalised.matchAll(/\S+/gu),
    ({ 0: word, index }) => [word, text.slice(origin[index]).trimStart().split(" ")[0]]
  )
}

describe("NumberWords", () => {
  const kinds: { readonly [kind: string]: (number: string) => string } = {
    cardinal: NumberWords.cardinal,
    ordinal: NumberWords.ordinal,
    year: (number) => NumberWords.year(Number(number)),
    decimal: NumberWords.decimal
  }

  it.each(["cardinal", "ordinal", "year", "decimal"])("are the reference's: %s", (kind) => {
    const goldens = Goldens.rows("numbers.tsv").filter(([name]) => name === kind)
    assert.isAtLeast(goldens.length, 10)
    for (const [, number = "", words] of goldens) assert.strictEqual(kinds[kind]?.(number), words, number)
  })

  it("reads digit by digit what has no name", () => {
    assert.strictEqual(NumberWords.cardinal("9".repeat(36)).split(",").length, 12)
    assert.strictEqual(NumberWords.cardinal("1".repeat(37)), Array(37).fill("one").join(" "))
    assert.strictEqual(NumberWords.cardinal("0".repeat(50) + "7"), "seven")
  })
})

describe("Normaliser", () => {
  it("gives the lines of the reference", () =>
    Goldens.assertEqual(
      pairs("normalise.tsv"),
      pairs("normalise-repaired.tsv"),
      (text) => normaliser()(MappedText.make(text, 0)).text
    ))

  it.each<readonly [string, string]>([
    ["It opens at 9:30 am.", "It opens at nine thirty A.M."],
    ["Book Club, Part II, King Charles, Louis XIV", "Book Club, Part 2, King Charles, Louis the fourteenth"],
    ["Call 555-0142.", "Call 5 5 5, 0 1 4 2."],
    ["version 555-0142.5", "version 555-0142.5"],
    ["I ate 3/4.", "I ate 3 quarters."],
    ["3/4.5", "3/4.5"],
    ["٣ kg and ১২", "3 kilograms and 12"]
  ])("%s", (text, normalised) => {
    assert.strictEqual(normaliser()(MappedText.make(text, 0)).text, normalised)
  })

  it("knows where its words come from", () => {
    assert.deepStrictEqual(places("It cost $3.2 billion  on Jan. 5, 2023 (5 km off)"), [
      ["It", "It"],
      ["cost", "cost"],
      ["3.2", "3.2"],
      ["billion", "billion"],
      ["dollars", "n"],
      ["on", "on"],
      ["January", "Jan."],
      ["fifth,", "5,"],
      ["2023", "2023"],
      ["(5", "(5"],
      ["kilometers", "km"],
      ["off)", "off)"]
    ])
  })

  it.prop("gives every character a place in the text", [Goldens.hostileParts], ([parts]) => {
    const text = parts.join("")
    const { origin, text: normalised } = normaliser()(MappedText.make(text, 7))
    assert.strictEqual(origin.length, normalised.length)
    for (const place of origin) assert.isTrue(place >= 7 && place < 7 + text.length)
  })
})
