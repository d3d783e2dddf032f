import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { spokenWordCounts } from "../../../src/text/language/ExpandedText.ts"
import { expandNumbers } from "../../../src/text/language/ExpandNumbers.ts"
import { forTag } from "../../../src/text/language/Languages.ts"
import type { TextLanguage } from "../../../src/text/language/TextLanguage.ts"
import { fewer } from "../../support/Full.ts"
import { readCardinal } from "./NumberReader.ts"

const tags = ["en", "en-GB", "de", "de-AT", "fr", "fr-BE", "fr-CH", "es", "es-MX", "es-AR", "it", "pt", "pt-PT", "nl"]
const language = (tag: string): TextLanguage => {
  const found = forTag(tag)
  assert.isDefined(found, tag)
  return found as TextLanguage
}
const all = tags.map(language)
const say = (text: string, tag: string) => expandNumbers(text, language(tag)).text

/** Every value up to 1,100, and values around all that changes a word. */
const values: ReadonlyArray<number> = [
  ...Array.from({ length: 1_101 }, (_, index) => index),
  ...[1e3, 1e4, 1e5, 1e6, 1e7, 1e8].flatMap((power) =>
    [1, 2, 3, 7, 8, 9].flatMap((digit) => [-1, 0, 1, 20, 21, 100, 101, 999].map((more) => power * digit + more))
  ),
  1_234_567,
  21_021_021,
  100_100_100,
  999_999_999,
  123_456_789
]

const Piece = Schema.Literals([
  ..."0 1 2 3 5 7 8 9 00 01 10 12 19 21 24 30 31 59 60 99 100 101 112 1999 2026 1234 12345 123456 20261129 007".split(
    " "
  ),
  ..."1,234 1.234 1,234.56 1.234,56 1'234 0.5 0,5 .5 ,5 3.14 192.168.0.1 1.2.3 2026-11-29 29.11.2026 11/29/2026".split(
    " "
  ),
  ..."17:30 9:05 1:23:45 5pm 17h30 17.30 Uhr a.m. p.m. uur heures alle ore 1st 2nd 3rd 1er 2e 1º 2ª 3. ste".split(" "),
  ..."€ $ £ ¥ ₹ ¢ US$ CHF EUR kr % ‰ ° °C km km/h m² kg GB min h s million Mio. bn k M milliards".split(" "),
  ..."+ - – — − ± × x * / ÷ = ≠ ≥ < > ^ : ; , . ' ’ ( ) [ ] # @ & _ ~ ½ ¼ ² ³ ₂ ① Ⅳ ٣ ９ 𝟕 € %".split(" "),
  ..."Oct October 3 Oktober octobre octubre ottobre de del the am im in a code PIN call A v B x y".split(" "),
  " ",
  " ",
  " ",
  "\u00a0",
  "\u202f",
  "\n",
  "\t",
  "😀",
  "\ud83d"
])

describe("expandNumbers", () => {
  it("says the value that was written, in every language", () => {
    for (const tag of tags) {
      const reader = tag === "fr-CH" ? "frCH" : tag.slice(0, 2)
      if (tag === "fr-BE") continue
      for (const value of values) {
        const said = language(tag).numbers.cardinal(value)
        assert.strictEqual(readCardinal(reader, said), value, `${tag} ${value}: ${said}`)
      }
    }
  })

  it.prop(
    "says the value of any number with groups",
    [Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999_999_999 }))],
    ([value]) => {
      for (const tag of ["en", "de", "fr", "es", "it", "pt", "nl"]) {
        const grouped = new Intl.NumberFormat(tag, { useGrouping: "always" }).format(value)
        const said = say(`(${grouped})`, tag)
        assert.strictEqual(readCardinal(tag, said.slice(1, -1)), value, `${tag} ${grouped}: ${said}`)
      }
    },
    { arbitrary: { runs: fewer(400) } }
  )

  it.prop(
    "leaves no digit, never throws, and tells where each part came from",
    [Schema.Array(Piece).check(Schema.isMaxLength(24)), Schema.Literals([...tags])],
    ([pieces, tag]) => {
      const written = pieces.join("")
      const expanded = expandNumbers(written, language(tag))
      assert.notMatch(expanded.text, /\p{Nd}/u, JSON.stringify(written))
      let [at, spokenAt] = [0, 0]
      for (const span of expanded.spans) {
        assert.isTrue(span.start >= at && span.end > span.start && span.spokenStart >= spokenAt)
        assert.isTrue(span.spokenEnd >= span.spokenStart)
        // what is between the parts was not changed, but for a space
        assert.strictEqual(
          expanded.text.slice(spokenAt, span.spokenStart).trim(),
          written.slice(at, span.start).trim(),
          JSON.stringify(written)
        )
        at = span.end
        spokenAt = span.spokenEnd
      }
      assert.strictEqual(expanded.text.slice(spokenAt).trim(), written.slice(at).trim())
      const counts = spokenWordCounts(written, expanded)
      assert.lengthOf(counts, written.match(/\S+/gu)?.length ?? 0)
      if (counts.length > 0) {
        assert.strictEqual(counts.reduce((sum, count) => sum + count, 0), expanded.text.match(/\S+/gu)?.length ?? 0)
      }
    },
    { arbitrary: { runs: fewer(3_000) } }
  )

  it.prop(
    "leaves a text without digits as it is",
    [Schema.String.check(Schema.isMaxLength(200))],
    ([text]) => {
      const plain = text.replace(/\p{N}/gu, "")
      for (const language of all) assert.deepStrictEqual(expandNumbers(plain, language), { text: plain, spans: [] })
    },
    { arbitrary: { runs: 200 } }
  )

  it("takes time in proportion to a hostile text", () => {
    const hostile = [
      "1",
      "1,",
      "1.",
      "1/",
      "1 ",
      "1-",
      "1:",
      "€1 ",
      "€",
      "1€",
      "-",
      ",",
      "/",
      "(1",
      "+1",
      "0 ",
      "1e",
      "x1",
      "½",
      "²",
      "١",
      "𝟕",
      "October 1 ",
      "12.12.",
      "1'",
      "'1",
      "1 1/2 ",
      "3:1",
      "1^"
    ]
    const measure = (text: string) => {
      // of this thread alone: the machine may be busy
      const before = process.threadCpuUsage()
      expandNumbers(text, language("de"))
      return process.threadCpuUsage(before).user / 1_000
    }
    for (const unit of hostile) {
      const least = (length: number, atMost: number): number => {
        const text = unit.repeat(Math.ceil(length / unit.length))
        const once = measure(text)
        return once < atMost ? once : Math.min(once, measure(text))
      }
      // 8 times the text; a quadratic time would be 64 times as long. The clock of a thread has steps of 4 ms.
      const bound = Math.max(least(10_000, 0), 4) * 30
      assert.isBelow(least(80_000, bound), bound, JSON.stringify(unit))
    }
  })

  it("counts the spoken words of each written word", () => {
    const counts = (written: string, tag: string) => spokenWordCounts(written, expandNumbers(written, language(tag)))
    assert.deepStrictEqual(counts("It costs €5.50, or 5 million.", "en"), [1, 1, 5, 1, 1, 1])
    assert.deepStrictEqual(counts("Das sind 1.234 Tage.", "de"), [1, 1, 1, 1])
    assert.deepStrictEqual(counts("3–5 days", "en"), [3, 1])
    assert.deepStrictEqual(counts("Call 555-123-4567 now", "en"), [1, 10, 1])
  })

  it("knows languages by their tags", () => {
    const tagOf = (tag: string) => forTag(tag)?.tag
    assert.deepStrictEqual(["en", "EN-us", "en_GB", "en-AU", "de-CH", "de-Latn-AT", "fr-CA", "fr-CH"].map(tagOf), [
      "en",
      "en",
      "en-GB",
      "en-GB",
      "de",
      "de-AT",
      "fr",
      "fr-CH"
    ])
    assert.deepStrictEqual(["pt", "pt-BR", "pt-PT", "es-419", "es-MX", "es-ES", "nl-BE", "it-CH"].map(tagOf), [
      "pt-BR",
      "pt-BR",
      "pt-PT",
      "es-MX",
      "es-MX",
      "es",
      "nl",
      "it"
    ])
    assert.deepStrictEqual(["", "xx", "ja-JP", "constructor", "english", "-", "x".repeat(1_000)].map(tagOf), [
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined
    ])
  })
})
