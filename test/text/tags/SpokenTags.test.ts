/**
 * Tags of HTML, SSML and speech engines: kept whole, or gone whole.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as AgentText from "../../../src/text/AgentText.ts"
import { SentenceTokenizer } from "../../../src/text/sentences/SentenceTokenizer.ts"
import { spoken, transform } from "../../../src/text/SpokenText.ts"
import { TaggedPieces } from "../../../src/text/tags/TaggedPieces.ts"

const removed: ReadonlyArray<readonly [written: string, heard: string]> = [
  ["Your code is <spell>A7B9</spell>. <break time=\"1s\"/> Thanks [laughs].", "Your code is A7B9. Thanks."],
  ["Wait <break time=\"1s\"/> now", "Wait, now"],
  ["A <foo bar=\"x y\">b</foo> c", "A b c"],
  ["Hello <laugh> there<sigh/> and <chuckle>.", "Hello there and."],
  ["<speak>So <emphasis level=\"strong\">it</emphasis> is.</speak>", "So it is."],
  ["<a href=\"https://x.org\">here</a> <b>bold</b> H<sub>2</sub>O", "here bold H2O"],
  ["<script>alert('x')</script>Hi<style>p{}</style> you", "Hi you"],
  ["<SPELL>A</SPELL> <Foo Bar='1'/>b", "A b"],
  ["an end <break time=", "an end"],
  ["an end </spell", "an end"],
  ["(laughs) Well. *sighs* Yes. [clears throat] No.", "Well. Yes. No."],
  ["He *laughs* at it, and (really) so.", "He laughs at it, and (really) so."],
  ["[the docs](https://x.org) and [b] and [laughs](x.org)", "the docs and b and laughs"],
  ["x<y and <your name>, List<String>, a < b", "x less than y and your name, List String, a less than b"],
  ["if x<5 and y>3", "if x less than 5 and y more than 3"],
  [`<img src="data:image/png;base64,${"A".repeat(2_000)}" alt="x">pic`, "pic"]
]

const keepTags = ["spell", "break", "emotion", "phoneme", "[laughs]"]
const kept: ReadonlyArray<readonly [written: string, heard: string]> = [
  ["Your code is <spell>A7-B9/x</spell>, **ok** [laughs].", "Your code is <spell>A7-B9/x</spell>, ok [laughs]."],
  ["Wait <break time=\"1.5s\"/> now & then", "Wait <break time=\"1.5s\"/> now and then"],
  ["<emotion value=\"sad\"/>No. [sighs] <foo>x</foo>", "<emotion value=\"sad\"/>No. x"],
  [
    "Say <phoneme alphabet=\"ipa\" ph=\"təˈmɑːtoʊ\">tomato</phoneme>.",
    "Say <phoneme alphabet=\"ipa\" ph=\"təˈmɑːtoʊ\">tomato</phoneme>."
  ]
]

const inUnits = (options: Parameters<typeof spoken>[0], text: string) => {
  const transformer = spoken(options)()
  return text.split("").map((unit) => transformer.push(unit)).join("") + transformer.flush()
}

/** The pieces that voices which understand these tags get. */
const pieces = (settings: AgentText.AgentTextSettings, parts: Iterable<string>): ReadonlyArray<string> => {
  const text = AgentText.make(() => settings)
  const transformer = text.transform()
  const sentences = new SentenceTokenizer(text.language)
  const tagged = new TaggedPieces()
  const out: Array<string> = []
  const take = (texts: ReadonlyArray<string>) => out.push(...texts.flatMap((each) => tagged.push(each)))
  take(sentences.push(`Begin.\n`))
  for (const part of parts) take(sentences.push(transformer.push(part)))
  take(sentences.push(transformer.flush()))
  take(sentences.flush())
  return [...out, ...tagged.flush()].slice(1)
}

describe("SpokenTags", () => {
  it.each(removed)("removes whole: %s", (written, heard) => {
    assert.strictEqual(transform(spoken(), written), heard)
    assert.strictEqual(inUnits({}, written), heard)
  })

  it.each(kept)("keeps whole: %s", (written, heard) => {
    assert.strictEqual(transform(spoken({ keepTags }), written), heard)
    assert.strictEqual(inUnits({ keepTags }, written), heard)
  })

  it("keeps any element and any cue by a star", () => {
    assert.strictEqual(
      transform(spoken({ keepTags: ["*", "[*]"] }), "<x-y a=\"1\"/>Hi [sarcastic tone] [1] [the docs](https://x.org)"),
      "<x-y a=\"1\"/>Hi [sarcastic tone] the docs"
    )
  })

  it("cuts no element in two, and no piece is a tag alone", () => {
    const settings = { language: "en", keepTags: ["break", "spell", "prosody", "emotion"] }
    assert.deepStrictEqual(
      pieces(settings, [
        "It is <spell>A. B. C.</spell>. <break time=\"1.5s\"/> Now <prosody rate=\"slow\">one. Two.</prosody> Three. <break/>"
      ]),
      [
        "It is <spell>A. B. C.</spell>.",
        "<break time=\"1.5s\"/> Now <prosody rate=\"slow\">one. Two.</prosody>",
        "Three."
      ]
    )
  })

  it.prop(
    "gives the same pieces however the text comes",
    [
      Schema.Array(Schema.Literals([
        "<spell>A. B</spell>",
        "<break time=\"1.5s\"/>",
        "<break",
        "/>",
        ">",
        "<",
        "[laughs]",
        "[",
        "]",
        "(sighs)",
        "(",
        "*laughs*",
        "<emotion value=\"x\">",
        "</emotion>",
        "<foo a=\"b c\">",
        "<your name>",
        "x<y",
        "word ",
        "Word. ",
        "! ",
        "\n",
        "5% ",
        "\"",
        "<script>",
        "</script>",
        "y".repeat(200)
      ])).check(Schema.isMaxLength(20))
    ],
    ([tokens]) => {
      const whole = tokens.join("")
      const settings = { language: "en", keepTags }
      assert.deepStrictEqual(pieces(settings, tokens), pieces(settings, [whole]))
      assert.deepStrictEqual(pieces(settings, whole.split("")), pieces(settings, [whole]))
    },
    { arbitrary: { runs: 500 } }
  )

  it("is bounded for hostile tags", () => {
    for (
      const hostile of ["<foo ", "<foo a=\"", "<spell>", "[laughs", "(laughs ", "*laughs ", "<script>", "<a b='c' "]
    ) {
      const text = hostile + "x".repeat(1_000_000)
      const transformer = spoken({ keepTags })()
      let longest = 0
      for (let at = 0; at < text.length; at += 1_000) {
        longest = Math.max(longest, transformer.push(text.slice(at, at + 1_000)).length)
      }
      assert.isAtMost(longest, 3_000)
      assert.isAtMost(transformer.flush().length, 3_000)
    }
  })

  it("keeps no characters that stand for encoded tags", () => {
    assert.strictEqual(transform(spoken({ keepTags }), "a \u{F003C}b\u{F003E} c"), "a b c")
  })
})
