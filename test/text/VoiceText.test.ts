import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { tagSet } from "../../src/text/tags/SpeechTags.ts"
import * as TextWords from "../../src/text/TextWords.ts"
import * as VoiceText from "../../src/text/VoiceText.ts"

const prepare = (sentence: string, more: Partial<VoiceText.VoiceTextOptions> = {}) =>
  VoiceText.prepare(sentence, {
    context: TextWords.make("en"),
    kept: tagSet(["spell", "break", "[laughs]"]),
    understood: tagSet([]),
    pronounce: undefined,
    saysSigns: false,
    expandsNumbers: false,
    ...more
  })

/** The spoken text of each written word. */
const words = ({ ends, plain, written }: VoiceText.VoiceText) =>
  written.split(" ").map((word, i) => [word, plain.slice(ends[i - 1] ?? 0, ends[i]).trim()])

describe("VoiceText", () => {
  it("leaves a sentence that the voice gets as it is", () => {
    assert.isUndefined(prepare("It costs $5, a < b."))
    assert.isUndefined(prepare("Hello there.", { expandsNumbers: true, saysSigns: true }))
  })

  it("keeps the tags that this voice understands, and none in what is written", () => {
    const sentence = "Code <spell>A7</spell> <break time=\"1s\"/> now [laughs]."
    const all = prepare(sentence, { understood: tagSet(["spell", "break", "[laughs]"]) })
    assert.strictEqual(all?.spoken, sentence)
    assert.strictEqual(all?.written, "Code A7 now.")
    const one = prepare(sentence, { understood: tagSet(["break"]) })
    assert.strictEqual(one?.spoken, "Code A7 <break time=\"1s\"/> now.")
    assert.strictEqual(one?.written, "Code A7 now.")
    assert.strictEqual(prepare(sentence)?.spoken, "Code A7 now.")
    assert.strictEqual(prepare("<break time=\"1s\"/>")?.spoken, "")
  })

  it("says numbers, and knows which written word they belong to", () => {
    const text = prepare("It costs €1,234.56 on Oct 3, 2026 here.", { expandsNumbers: true })!
    assert.strictEqual(text.written, "It costs €1,234.56 on Oct 3, 2026 here.")
    assert.strictEqual(
      text.spoken,
      "It costs one thousand two hundred thirty-four euros and fifty-six cents on October third, twenty twenty-six here."
    )
    const said = words(text)
    assert.deepStrictEqual(said.slice(0, 4), [
      ["It", "It"],
      ["costs", "costs"],
      ["€1,234.56", "one thousand two hundred thirty-four euros and fifty-six cents"],
      ["on", "on"]
    ])
    assert.deepStrictEqual(said.at(-1), ["here.", "here."])
  })

  it("says signs where no voice before has", () => {
    assert.strictEqual(prepare("5 % & 20 °C", { saysSigns: true })?.spoken, "5 percent and 20 degrees Celsius")
    assert.strictEqual(prepare("5 % & 20 °C", { saysSigns: true })?.written, "5 % & 20 °C")
  })

  it("says pronunciations, whatever their case, the longest first, not inside words or tags", () => {
    const pronounce = VoiceText.pronouncer({
      sql: "sequel",
      "SQL Server": "sequel server",
      break: "brake",
      ".NET": "dot net"
    })
    const text = prepare("SQL, sql server, MySQL, .net, <break time=\"1s\"/> break 5.", {
      pronounce,
      understood: tagSet(["break"]),
      expandsNumbers: true
    })!
    assert.strictEqual(text.spoken, "sequel, sequel server, MySQL, dot net, <break time=\"1s\"/> brake five.")
    assert.strictEqual(text.written, "SQL, sql server, MySQL, .net, break 5.")
    assert.isUndefined(VoiceText.pronouncer({}))
  })

  it.prop("places every written word in order, up to the end", [
    Schema.Array(Schema.Literals([
      "word",
      "5",
      "€1,234.56",
      "SQL",
      "<break time=\"1s\"/>",
      "<spell>A 7</spell>",
      "[laughs]",
      "3.",
      "12:30",
      "<",
      "[",
      "a < b",
      ","
    ])).check(Schema.isMaxLength(16)),
    Schema.Boolean
  ], ([parts, understands]) => {
    const text = prepare(parts.join(" "), {
      pronounce: VoiceText.pronouncer({ SQL: "sequel sequel" }),
      understood: understands ? tagSet(["spell", "break", "[laughs]"]) : tagSet([]),
      expandsNumbers: true,
      saysSigns: true
    })
    if (text === undefined) return
    const { ends, plain, spoken, written } = text
    assert.isFalse(/<break|<spell|\[laughs/u.test(written))
    if (!understands) assert.isFalse(/<break|<spell|\[laughs/u.test(spoken))
    assert.deepStrictEqual(ends, ends.toSorted((a, b) => a - b))
    if (ends.length > 0) assert.strictEqual(ends.at(-1), plain.length)
    assert.isAtLeast(ends.length, written === "" ? 0 : written.split(" ").length)
  })
})
