import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { plainSentenceEnd, segmenterSentenceEnd } from "../../../src/text/sentences/SentenceEnd.ts"
import { SentenceTokenizer } from "../../../src/text/sentences/SentenceTokenizer.ts"
import { fewer } from "../../support/Full.ts"

const cut = (...texts: ReadonlyArray<string>): ReadonlyArray<string> => {
  const sentences = new SentenceTokenizer()
  return [...texts.flatMap((text) => sentences.push(text)), ...sentences.flush()]
}
const squeeze = (text: string) => text.replace(/\s+/gu, "")

describe("SentenceTokenizer", () => {
  it("splits after sentences, and the first one after a clause", () => {
    assert.deepStrictEqual(cut("That is a good question, and here is more. Then this, after that! Why? "), [
      "That is a good question,",
      "and here is more.",
      "Then this, after that!",
      "Why?"
    ])
  })

  it("does not split within an address", () => {
    const text =
      "Open https://example.com/find?q=1&n=2!x and (www.example.com/?a=1) now. Is it https://a.example/? Yes."
    const tokenizer = new SentenceTokenizer()
    assert.deepStrictEqual([...tokenizer.push(text), ...tokenizer.flush()], [
      "Open https://example.com/find?q=1&n=2!x and (www.example.com/?a=1) now.",
      "Is it https://a.example/?",
      "Yes."
    ])
  })

  it("returns a sentence as soon as the next word begins", () => {
    const sentences = new SentenceTokenizer()
    assert.deepStrictEqual(sentences.push("It is noon."), [])
    assert.deepStrictEqual(sentences.push(" "), [])
    assert.deepStrictEqual(sentences.push("T"), ["It is noon."])
    assert.deepStrictEqual(sentences.flush(), ["T"])
  })

  it("does not split off a short first clause", () => {
    assert.deepStrictEqual(cut("Well, yes, of course I know it."), ["Well, yes, of course I know it."])
  })

  it("splits off a first clause of scripts that have marks of their own, measured by how long it is spoken", () => {
    assert.deepStrictEqual(cut("好的，我来帮您查一下明天的航班信息，请稍等一下。谢谢您。"), [
      "好的，我来帮您查一下明天的航班信息，",
      "请稍等一下。",
      "谢谢您。"
    ])
    assert.deepStrictEqual(cut("はい、少々お待ちください、ありがとうございます。"), [
      "はい、少々お待ちください、",
      "ありがとうございます。"
    ])
    assert.deepStrictEqual(cut("航班的时间是10：30，请您准时。"), ["航班的时间是10：30，", "请您准时。"])
    assert.deepStrictEqual(cut("قل لي من فضلك، ماذا تريد؟"), ["قل لي من فضلك،", "ماذا تريد؟"])
    assert.strictEqual(cut(`${"很".repeat(390)}，${"好".repeat(40)}`)[0]?.length, 391)
  })

  it("does not split after titles, initials and numbers", () => {
    assert.deepStrictEqual(cut("Ask Dr. Who. J. S. Bach cost 3.50, e.g. in May. Fine."), [
      "Ask Dr. Who.",
      "J. S. Bach cost 3.50, e.g. in May.",
      "Fine."
    ])
  })

  it("splits at a line break", () => {
    assert.deepStrictEqual(cut("One\ntwo\n"), ["One", "two"])
  })

  it("splits text without an end between words, or anywhere, but never within a character", () => {
    const words = cut("word ".repeat(300))
    assert.isTrue(words.every((piece) => piece.length <= 400 && piece.startsWith("word") && piece.endsWith("word")))
    const faces = cut(`a${"😀".repeat(500)}`)
    assert.isTrue(faces.every((piece) => piece.length <= 400 && piece.isWellFormed()))
    assert.strictEqual(faces.join(""), `a${"😀".repeat(500)}`)
  })

  it("starts over after a flush", () => {
    const sentences = new SentenceTokenizer()
    assert.deepStrictEqual([...sentences.push("One. Two"), ...sentences.flush(), ...sentences.flush()], ["One.", "Two"])
    assert.deepStrictEqual(sentences.push("This is a long clause, and"), ["This is a long clause,"])
  })

  const plainTokens = [
    "Dr. ",
    "J. ",
    "Word",
    "word ",
    "Über ",
    "É",
    "2 ",
    "$5 ",
    ". ",
    "! ",
    "? ",
    ".",
    " ",
    "’",
    "(so) ",
    "\"Well\" ",
    "no. small ",
    ", "
  ] as const
  const Token = Schema.Literals([
    "a",
    "Word",
    "tree ",
    " ",
    ". ",
    ".",
    "! ",
    "?",
    ", ",
    "; ",
    "\n",
    "\n\n",
    "Dr. ",
    "3.5",
    "…",
    "😀",
    "\"",
    ") ",
    "(",
    "etc. ",
    "这是。",
    "\u00a0",
    "x".repeat(150)
  ])

  it("splits a first clause that is longer than a piece", () => {
    const pieces = cut(`${"word ".repeat(90)}end, and so on.`)
    assert.isTrue(pieces.every((piece) => piece.length <= 400), String(pieces.map((piece) => piece.length)))
    assert.strictEqual(pieces.length, 2)
  })

  it.prop(
    "gives all of the text, in bounded pieces, none of them empty, however it comes",
    [Schema.Array(Token).check(Schema.isMaxLength(80))],
    ([tokens]) => {
      const whole = tokens.join("")
      const byToken = cut(...tokens)
      const byCharacter = cut(...whole)
      for (const pieces of [cut(whole), byToken, byCharacter]) {
        assert.strictEqual(squeeze(pieces.join("")), squeeze(whole))
        assert.isTrue(pieces.every((piece) => piece.trim() !== "" && piece.length <= 400))
      }
    },
    { arbitrary: { runs: 300 } }
  )

  it.prop(
    "cuts at the same places however the text comes, but for the first clause",
    [Schema.Array(Token).check(Schema.isMaxLength(60))],
    ([tokens]) => {
      // a first sentence without a clause
      const whole = `Begin.\n${tokens.join("")}`
      assert.deepStrictEqual(cut("Begin.\n", ...tokens), cut(whole))
      assert.deepStrictEqual(cut(...whole), cut(whole))
    },
    { arbitrary: { runs: 300 } }
  )

  it("needs no segmenter for plain text", () => {
    assert.deepStrictEqual(
      ["Hello", "It is noon. ", "It is noon. T", "At no. Five o", "Ask Dr. Who. Yes", "Yes.\n\n", "3.5"].map(
        (text) => plainSentenceEnd(text)
      ),
      [0, 0, 12, 7, 13, 5, undefined]
    )
  })

  it.prop(
    "finds the ends of plain text where the segmenter does",
    [Schema.Array(Schema.Literals([...plainTokens, ...Token.literals])).check(Schema.isMaxLength(20)), Schema.Boolean],
    ([tokens, whole]) => {
      for (const most of [1, 3, 20]) {
        const text = tokens.slice(0, most).join("") + (whole ? "\n\n" : "")
        const end = plainSentenceEnd(text)
        if (end !== undefined) assert.strictEqual(end, segmenterSentenceEnd(text), JSON.stringify(text))
      }
    },
    { arbitrary: { runs: fewer(3_000) } }
  )

  it("searches a bounded part of the text, however much is pushed at once", () => {
    // The segmenter's copies are not on the heap: what it is given is counted.
    const { segment } = Intl.Segmenter.prototype
    let given = 0
    Intl.Segmenter.prototype.segment = function(text) {
      given += text.length
      return segment.call(this, text)
    }
    try {
      const sentences = new SentenceTokenizer()
      const pieces = [...sentences.push("One two. ".repeat(10_000)), ...sentences.flush()]
      assert.lengthOf(pieces, 10_000)
    } finally {
      Intl.Segmenter.prototype.segment = segment
    }
    assert.isBelow(given, 20_000_000)
  })
})
