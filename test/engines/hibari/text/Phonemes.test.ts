import { assert, describe, it } from "@effect/vitest"
import * as EnglishReader from "../../../../src/engines/hibari/text/EnglishReader.ts"
import * as Stress from "../../../../src/engines/hibari/text/lexicon/Stress.ts"
import type { Piece, Sentence } from "../../../../src/engines/hibari/text/PhonemeReader.ts"
import * as Sentences from "../../../../src/engines/hibari/text/Sentences.ts"
import * as UnknownWords from "../../../../src/engines/hibari/text/UnknownWords.ts"
import * as Goldens from "./Goldens.ts"

const pairs = (name: string) => Goldens.rows(name).map(([text = "", value = ""]) => [text, value] as const)

const american = () => EnglishReader.make(Goldens.shared(), Goldens.american())
const phonemes = (pieces: ReadonlyArray<Piece>) => pieces.map((piece) => piece.phonemes)

/** Reads all sentences of a text. */
const readAsked = async (text: string): Promise<ReadonlyArray<Piece>> => {
  const ask = await Goldens.americanLetters()
  const reader = american()
  const pieces: Array<Piece> = []
  for (const sentence of reader.sentences(text)) pieces.push(...await UnknownWords.read(reader, ask, sentence))
  return pieces
}

/** Each word of a text, and the phonemes of its ids. */
const wordsOf = (text: string, pieces: ReadonlyArray<Piece>): ReadonlyArray<readonly [string, string]> => {
  const signs = new Map(Array.from(Goldens.shared().ids, ([sign, id]) => [id, sign]))
  return pieces.flatMap(({ ids, words }) =>
    words.map(({ end, endId, firstId, start }) =>
      [text.slice(start, end), ids.slice(firstId, endId).map((id) => signs.get(id)).join("")] as const
    )
  )
}

describe("Stress", () => {
  it("is that of the reference", () => {
    for (const [before = "", stress, after, weight] of Goldens.rows("stress.tsv")) {
      assert.strictEqual(
        Stress.apply(before, stress === "None" ? undefined : Number(stress)),
        after,
        `${before} ${stress}`
      )
      assert.strictEqual(Stress.weight(before), Number(weight), before)
    }
  })
})

describe("Sentences", () => {
  const split = () => Sentences.make(Goldens.shared().normalise)
  type Split = readonly [text: string, sentences: ReadonlyArray<string>]

  it("are the reference's", () =>
    Goldens.assertEqual(
      Goldens.json<Split>("sentences.jsonl"),
      Goldens.json<Split>("sentences-repaired.jsonl"),
      (text) => split()(text).map((sentence) => sentence.text)
    ))

  it.prop("hold all of a text but white space, where they say, in at most 2,000 characters", [Goldens.hostileParts], (
    [parts]
  ) => {
    const text = parts.join("").repeat(40)
    const found = split()(text)
    for (const sentence of found) {
      assert.isTrue(text.startsWith(sentence.text, sentence.start))
      assert.isTrue(sentence.text.length > 0 && sentence.text.length <= Sentences.MAX_LENGTH)
    }
    const bare = (each: string) => each.replace(/[\s\x1c-\x1f\x85]/gu, "").replaceAll("\ufeff", "")
    assert.strictEqual(bare(found.map((sentence) => sentence.text).join("")), bare(text))
  })
})

describe("the letter network", () => {
  it("says the words of the reference", async () => {
    const ask = await Goldens.americanLetters()
    await Goldens.assertEqual(pairs("oov.tsv").map(([word, said]) => [word, said === "(none)" ? "" : said]), [], ask)
  })
})

describe("EnglishReader", () => {
  it("reads the 2,092 American lines of the reference, but 36 that it repairs", async () => {
    const goldens = pairs("phonemes-us.tsv")
    assert.strictEqual(goldens.length, 2_092)
    const repaired = pairs("phonemes-us-repaired.tsv")
    assert.strictEqual(repaired.length, 36)
    await Goldens.assertEqual(goldens, repaired, async (text) => phonemes(await readAsked(text)).join(" || "))
  })

  it("reads the 212 British lines of the reference, but one that it repairs", async () => {
    const ask = await Goldens.britishLetters()
    const goldens = pairs("phonemes-gb.tsv")
    assert.strictEqual(goldens.length, 212)
    const repaired = pairs("phonemes-gb-repaired.tsv")
    assert.strictEqual(repaired.length, 1)
    const reader = EnglishReader.make(Goldens.shared(), Goldens.british())
    await Goldens.assertEqual(
      goldens,
      repaired,
      async (text) => phonemes(await UnknownWords.read(reader, ask, { text, start: 0 })).join(" ")
    )
  })

  it.each(Goldens.rows("fixes.tsv").map(([, text = "", value = ""]) => [text, value] as const))(
    "%s",
    async (text, value) => {
      assert.strictEqual(phonemes(await readAsked(text)).join(" || "), value)
    }
  )

  it("names the unknown words, and is silent where they stand until they are answered", () => {
    const reader = american()
    const sentence: Sentence = { text: "The kwyjibo of Zorblax, the kwyjibo", start: 0 }
    const first = reader.read(sentence, () => undefined)
    assert.deepStrictEqual([...first.unknown].sort(), ["Zorblax", "kwyjibo"])
    const second = reader.read(sentence, (word) => (word === "kwyjibo" ? "ˈɛks" : ""))
    assert.deepStrictEqual(second.unknown, [])
    // "the" before what begins with a vowel now
    assert.deepStrictEqual(phonemes(second.pieces), ["ði ˈɛks ʌv , ði ˈɛks"])
  })
})

describe("the words of a piece", () => {
  it.each<readonly [string, ReadonlyArray<readonly [string, string]>]>([
    ["Hello, “big” world!", [["Hello,", "həlˈO"], ["“big”", "bˈɪɡ"], ["world!", "wˈɜɹld"]]],
    ["It cost $3.2 billion.", [
      ["It", "ˌɪt"],
      ["cost", "kˈɔst"],
      ["$3.2", "θɹˈi pYnt tˈu"],
      ["billion.", "bˈɪljən dˈɑləɹz"]
    ]],
    ["Rs. 50 😀 now", [["Rs.", ""], ["50", "fˈɪfti ɹupˈiz"], ["😀", ""], ["now", "nˈW"]]],
    ["Call 555-0142. Then go.", [
      ["Call", "kˈɔl"],
      ["555-0142.", "fˈIv fˈIv fˈIv, zˈɪɹO wˈʌn fˈɔɹ tˈu"],
      ["Then", "ðˈɛn"],
      ["go.", "ɡˌO"]
    ]],
    ["A well-known B2B [thing](/θˈɪŋ/) at 9:30 am", [
      ["A", "ɐ"],
      ["well-known", "wˌɛlnˈOn"],
      ["B2B", "bˈitəbˈi"],
      ["[thing](/θˈɪŋ/)", "θˈɪŋ"],
      ["at", "æt"],
      ["9:30", "nˈIn θˈɜɹTi"],
      ["am", "ˌAˈɛm"]
    ]]
  ])("%s", async (text, expected) => {
    assert.deepStrictEqual(wordsOf(text, await readAsked(text)), expected)
  })

  it.prop("are all words of the text in order, and their ids are in order", [Goldens.hostileParts], ([parts]) => {
    const text = parts.join("")
    const reader = american()
    for (const sentence of reader.sentences(text)) {
      const { pieces } = reader.read(sentence, () => "wˈɜɹd")
      const words = pieces.flatMap((piece) => piece.words)
      assert.deepStrictEqual(
        pieces.length === 0 ? [] : words.map(({ end, start }) => text.slice(start, end)),
        pieces.length === 0 ? [] : sentence.text.match(/\S+/gu) ?? []
      )
      for (const { ids, words: inPiece } of pieces) {
        let at = 1
        for (const { endId, firstId } of inPiece) {
          assert.isTrue(at <= firstId && firstId <= endId && endId < ids.length)
          at = endId
        }
      }
    }
  })
})

describe("Pieces", () => {
  const sentence = (text: string): Sentence => ({ text, start: 0 })
  const lengths = (pieces: ReadonlyArray<Piece>) => pieces.map((piece) => Array.from(piece.phonemes).length)

  it("are shorter where it is asked for, the first one most of all", () => {
    const text = sentence(Array(20).fill("one two three").join(", "))
    const { pieces } = american().read(text, () => undefined, { longest: 120, longestFirst: 60 })
    assert.isAtMost(lengths(pieces)[0]!, 60)
    assert.isAtLeast(lengths(pieces)[0]!, 30)
    for (const length of lengths(pieces).slice(1)) assert.isAtMost(length, 120)
    assert.isAtMost(pieces.length, 5)
  })

  it("are bounded where there is no punctuation, and no spaces", () => {
    for (const text of ["one ".repeat(500), "A".repeat(1_900)]) {
      const { pieces } = american().read(sentence(text), () => "")
      assert.isAbove(pieces.length, 1)
      for (const length of lengths(pieces)) assert.isAtMost(length, 800)
    }
  })
})
