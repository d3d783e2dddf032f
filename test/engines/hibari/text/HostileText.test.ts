import { assert, describe, it } from "@effect/vitest"
import * as EnglishReader from "../../../../src/engines/hibari/text/EnglishReader.ts"
import type { Dictionary } from "../../../../src/engines/hibari/text/lexicon/Lexicon.ts"
import type { PhonemeReader, Piece } from "../../../../src/engines/hibari/text/PhonemeReader.ts"
import * as Goldens from "./Goldens.ts"

/** Text that grows with a number, each kind of which is slow for some rule or search that is not bounded. */
const growing: { readonly [kind: string]: (size: number) => string } = {
  "a letter": (size) => "a".repeat(size),
  "capitals": (size) => "A".repeat(size),
  "emoji": (size) => "😀".repeat(size / 2),
  "Japanese": (size) => "東京".repeat(size / 2),
  "Hebrew": (size) => "שלום ".repeat(size / 5),
  "digits": (size) => "7".repeat(size),
  "groups of digits": (size) => "1,111".repeat(size / 5),
  "letters and digits": (size) => "a1".repeat(size / 2),
  "letters and hyphens": (size) => "a-".repeat(size / 2),
  "letters and full stops": (size) => "a.b-".repeat(size / 4),
  "capitals within": (size) => "aA".repeat(size / 2),
  "apostrophes": (size) => "a'b".repeat(size / 3),
  "opening brackets": (size) => "[".repeat(size),
  "brackets and letters": (size) => "((x))".repeat(size / 5),
  "half a pronunciation": (size) => "](".repeat(size / 2),
  "pronunciations without end": (size) => "[x](/".repeat(size / 5),
  "full stops": (size) => ".".repeat(size),
  "full stops apart": (size) => "\t.".repeat(size / 2),
  "quotes after a stop": (size) => `.${")".repeat(size)}`,
  "spaces": (size) => `a${" ".repeat(size)}b`,
  "amounts": (size) => "$1 ".repeat(size / 3),
  "symbols": (size) => "=<>~".repeat(size / 4),
  "numerals": (size) => "King XIV".repeat(size / 8),
  "addresses": (size) => "a@b.".repeat(size / 4)
}

/** A reader that counts what it looks up. */
const counting = (): { readonly reader: PhonemeReader; readonly lookups: () => number } => {
  let count = 0
  const counted = <A>(dictionary: Dictionary<A>): Dictionary<A> => ({
    get: (word) => {
      count++
      return dictionary.get(word)
    }
  })
  class CountedMap<K, V> extends Map<K, V> {
    override get(key: K) {
      count++
      return super.get(key)
    }
  }
  const shared = Goldens.shared()
  const accent = Goldens.american()
  const { gold, silver } = accent.lexicon
  const reader = EnglishReader.make(
    { ...shared, exceptions: new CountedMap(shared.exceptions), ids: new CountedMap(shared.ids) },
    { ...accent, lexicon: { ...accent.lexicon, gold: counted(gold), silver: counted(silver) } }
  )
  return { reader, lookups: () => count }
}

const readAll = (reader: PhonemeReader, text: string): ReadonlyArray<Piece> =>
  reader.sentences(text).flatMap((sentence) => reader.read(sentence, () => "ˈɛks").pieces)

const american = () => EnglishReader.make(Goldens.shared(), Goldens.american())
const british = () => EnglishReader.make(Goldens.shared(), Goldens.british())

describe("hostile text", () => {
  it.each(Object.keys(growing))("takes twice as many lookups when it is twice as long: %s", (kind) => {
    const lookups = (size: number): number => {
      const { lookups: count, reader } = counting()
      readAll(reader, growing[kind]!(size))
      return count()
    }
    // two sentences of the longest, and four
    const [once, twice] = [lookups(4_000), lookups(8_000)]
    assert.isAtMost(twice, 2.1 * once + 100)
    assert.isAtMost(once, 200 * 4_000)
  })

  it.each(Object.keys(growing))("is cut into sentences of bounded length, and pieces: %s", (kind) => {
    const { reader } = counting()
    const text = growing[kind]!(4_000)
    for (const sentence of reader.sentences(text)) assert.isAtMost(sentence.text.length, 2_000)
    for (const { ids, phonemes } of readAll(reader, text)) {
      assert.isAtMost(Array.from(phonemes).length, 800)
      assert.isTrue(ids.length >= 3 && ids.length <= 802)
    }
  })

  it.each([
    "",
    " \n\t\u2028",
    "\u0000\u0001\u007f",
    "\ud800",
    "\udc00\ud800 a\ud800b",
    "__proto__ constructor toString hasOwnProperty valueOf",
    "[__proto__](/constructor/)",
    "مرحبا שלום",
    "こんにちは世界",
    "e\u0301".repeat(500),
    "İ ı ß ǆ ﬁ ℌ Ⅻ ② ½",
    "1".repeat(10_000),
    `${"9".repeat(36)} ${"9".repeat(37)} ${"9".repeat(40)}th $${"9".repeat(40)}.99`,
    "-".repeat(999) + "1,2.3,4.5",
    "[[[[x]](/y/)](/z/)",
    "$ £ € $$ $1$2 USD USD 5 Rs.Rs. 5",
    "99:99 24:60:61 13/13/13 0/0 31/31/31 2023-99-99 May 99",
    "King IIII, Part MMMMM, World War ",
    "2".repeat(30).split("").join("a2A"),
    "%'&'+'@'"
  ])("is never an error: %#", (text) => {
    for (const reader of [american(), british()]) {
      for (const piece of readAll(reader, text)) assert.isTrue(piece.ids.every((id) => Number.isInteger(id)))
    }
  })

  it.prop("of any kind is never an error", [Goldens.hostileParts], ([parts]) => {
    for (const reader of [american(), british()]) readAll(reader, parts.join(""))
  })
})
