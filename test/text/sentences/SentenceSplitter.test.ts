import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as AgentText from "../../../src/text/AgentText.ts"
import {
  LAST_WORD_MS,
  SENTENCE_PAUSE_MS,
  SentenceSplitter,
  WORDS_LIMIT_MS
} from "../../../src/text/sentences/SentenceSplitter.ts"
import * as SpokenText from "../../../src/text/SpokenText.ts"
import * as TextTransform from "../../../src/text/TextTransform.ts"

const english = { language: "en" }

interface Timed {
  readonly atMs: number
  readonly text: string
}

/** Reads texts as they come, and fires each timer when it is due; `flush`: the text ends after the last one. */
const play = (
  texts: ReadonlyArray<readonly [atMs: number, text: string]>,
  { aheadMs = 0, end = "waits", transform = SpokenText.spoken() }: {
    readonly aheadMs?: number
    readonly end?: "waits" | "ends" | "breaks off"
    readonly transform?: TextTransform.TextTransform
  } = {}
): ReadonlyArray<Timed> => {
  const splitter = new SentenceSplitter(transform)
  const given: Array<Timed> = []
  const add = (atMs: number, pieces: ReadonlyArray<string>) => {
    for (const text of pieces) given.push({ atMs, text })
    if (pieces.length > 0) splitter.waits(atMs)
  }
  const runUntil = (untilMs: number) => {
    for (let count = 0; splitter.dueMs < untilMs; count++) {
      assert.isBelow(count, 1_000, "timers without end")
      const atMs = splitter.dueMs
      add(atMs, splitter.release(atMs, aheadMs))
    }
  }
  splitter.waits(0)
  for (const [atMs, text] of texts) {
    runUntil(atMs)
    add(atMs, splitter.push(text, atMs))
  }
  const lastMs = texts.at(-1)?.[0] ?? 0
  if (end === "waits") runUntil(lastMs + 60_000)
  else add(lastMs, end === "ends" ? splitter.flush() : splitter.cut())
  return given
}

const texts = (given: ReadonlyArray<Timed>) => given.map(({ text }) => text)
const dribble = (text: string, everyMs: number) =>
  text.split(/(?<= )/u).map((word, index): [number, string] => [(index + 1) * everyMs, word])

describe("SentenceSplitter", () => {
  describe("gives out a sentence when nothing more came for 250 ms", () => {
    for (
      const text of [
        "One moment please.",
        "One moment please. ",
        "One moment please!",
        "One moment, please?",
        "He said \"One moment please.\"",
        "He said “One moment please.” ",
        "(One moment please.)",
        "Let me see…",
        "Let me see...",
        "**One moment please.**",
        "好的，请稍等。",
        "少々お待ちください！",
        "कृपया प्रतीक्षा करें।",
        "لحظة من فضلك؟",
        "I would like that. One moment please."
      ]
    ) {
      it(text, () => {
        const given = play([[0, text]])
        assert.strictEqual(given.at(-1)?.atMs, SENTENCE_PAUSE_MS)
        assert.deepStrictEqual(
          texts(given).join(" "),
          SpokenText.transform(SpokenText.spoken(), text).trim()
        )
      })
    }
  })

  it("waits for more from each piece of text on", () => {
    const given = play([[0, "One moment"], [200, " please"], [400, "."]])
    assert.deepStrictEqual(given, [{ atMs: 400 + SENTENCE_PAUSE_MS, text: "One moment please." }])
  })

  it("does not wait while nobody asks for more", () => {
    const splitter = new SentenceSplitter(SpokenText.spoken())
    splitter.waits(0)
    splitter.push("One moment please.", 10)
    splitter.waits(5_000)
    assert.strictEqual(splitter.dueMs, 5_000 + SENTENCE_PAUSE_MS)
  })

  describe("gives out an end that is not certain a second later", () => {
    for (const text of ["I called Dr.", "It costs 3.", "Look at www.example.", "It is 5 p.m.", "I choose plan B."]) {
      it(text, () => {
        const given = play([[0, text]])
        assert.isAbove(given[0]?.atMs ?? 0, SENTENCE_PAUSE_MS)
        assert.isAtMost(given[0]?.atMs ?? Infinity, WORDS_LIMIT_MS)
      })
    }
  })

  describe("does not cut what is still open", () => {
    for (
      const [before, after, whole] of [
        ["It costs 3.", "50 euros.", "It costs 3.50 euros."],
        ["It costs 1,", "234 euros.", "It costs 1,234 euros."],
        ["It costs 5 ", "euros.", "It costs 5 euros."],
        ["Write to anna@example.", "com now.", "Write to anna at example dot com now."],
        ["Write to anna@exam", "ple.com now.", "Write to anna at example dot com now."],
        ["See [our page.", "](https://a.example) now.", "See our page. now."],
        ["Try `npm start.", "` now.", "Try npm start. now."],
        ["Sorry did you me", "an it?", "Sorry did you mean it?"],
        ["Hello there <br", ">and more.", "Hello there and more."]
      ] as const
    ) {
      it(`${before}|${after}`, () => {
        for (const gap of [300, 700]) {
          const given = play([[0, before], [gap, after]], { end: "ends" })
          assert.strictEqual(texts(given).join(" ").replaceAll(/\s+/gu, " "), whole)
        }
        // after more than a second what ends like a sentence is one, and else the last word is kept
        if (before.endsWith(".")) return
        const given = play([[0, before], [1_500, after]], { end: "ends" })
        const [first = ""] = texts(given)
        assert.isTrue(whole.startsWith(first) && /^(?:$|\W|[A-Z])/u.test(whole.slice(first.length)), first)
      })
    }
  })

  it("gives out words without an end a second after the first of them, and goes on so", () => {
    const given = play(dribble("Sorry did you mean which swimming class you would like", 700), { end: "ends" })
    assert.strictEqual(given[0]?.atMs, 1_700)
    for (const [index, { atMs }] of given.entries()) {
      if (index > 0) assert.isAtMost(atMs - (given[index - 1]?.atMs ?? 0), 700 + WORDS_LIMIT_MS)
    }
    assert.strictEqual(texts(given).join(" "), "Sorry did you mean which swimming class you would like")
  })

  it("keeps the last word until it is complete", () => {
    const given = play([[0, "Sorry"], [300, " did"], [600, " you"], [2_900, "rself go?"]])
    assert.deepStrictEqual(texts(given), ["Sorry did", "yourself go?"])
    assert.strictEqual(given[0]?.atMs, WORDS_LIMIT_MS)
  })

  it("says the last word, too, when nothing more came for two seconds", () => {
    for (
      const [text, early, late] of [
        ["One moment please", "One moment", "please"],
        ["Yes", undefined, "Yes"],
        ["Je vais chercher l'hôtel", "Je vais chercher", "l'hôtel"],
        ["This is **very good", "This is very", "good"],
        ["It costs 30", "It costs", undefined],
        ["Go to https://exam", "Go to", undefined]
      ] as const
    ) {
      const given = play([[0, text]], { end: "waits" }).filter(({ atMs }) => atMs < 60_000)
      assert.deepStrictEqual(
        given,
        [
          ...(early === undefined ? [] : [{ atMs: WORDS_LIMIT_MS, text: early }]),
          ...(late === undefined
            ? []
            : [{ atMs: LAST_WORD_MS + (early === undefined ? 0 : WORDS_LIMIT_MS), text: late }])
        ],
        text
      )
    }
  })

  it("takes a word with a comma for complete", () => {
    assert.deepStrictEqual(play([[0, "Sure,"], [5_000, " here you are."]], { end: "ends" }), [
      { atMs: WORDS_LIMIT_MS, text: "Sure," },
      { atMs: 5_000, text: "here you are." }
    ])
  })

  it("says no part of a word where a longer text is read otherwise", () => {
    const transform = AgentText.make(() => english).transform
    for (
      const [before, after, said] of [
        ["He said no to No.", " 5 please.", ["He said no to No.", "Number 5 please."]],
        ["Fruit, or so, i.", "e. apples.", ["Fruit, or so,", "that is apples."]],
        ["Use the <", "b>bold</b> one.", ["Use the", "bold one."]],
        ["Use the <b>bold</", "b> one.", ["Use the", "bold one."]]
      ] as const
    ) assert.deepStrictEqual(texts(play([[0, before], [1_500, after]], { end: "ends", transform })), [...said], before)
  })

  it("says no mark alone after a pause", () => {
    for (
      const [before, after, said] of [
        ["Well this is ", ", as I said, good.", ["Well this is", "as I said, good."]],
        ["Hello you ", "! Good.", ["Hello you", "Good."]],
        ["It is (very warm ", ") today.", ["It is (very warm", "today."]],
        ["He said \"Stop.", "\" and left.", ["He said \"Stop.", "and left."]],
        ["好的，请稍等", "。查到了。", ["好的，请", "稍等。", "查到了。"]],
        ["Is it there ", "? Good.", ["Is it there", "?", "Good."]],
        ["We use the ", ".NET runtime.", ["We use the", "dot NET runtime."]],
        ["I am done ", ".", ["I am done"]]
      ] as const
    ) assert.deepStrictEqual(texts(play([[0, before], [1_500, after]], { end: "ends" })), [...said], before)
  })

  it("gives out words without spaces up to the last one", () => {
    const given = play([[0, "好的我来帮您查一下明天从北京到上海的航班"]])
    assert.strictEqual(given[0]?.atMs, WORDS_LIMIT_MS)
    assert.isAbove(given[0]?.text.length ?? 0, 12)
    assert.isTrue("好的我来帮您查一下明天从北京到上海的航班".startsWith(given[0]?.text ?? "?"))
  })

  it("lets words wait while there is speech to play", () => {
    const splitter = new SentenceSplitter(SpokenText.spoken())
    splitter.waits(0)
    splitter.push("Sorry did you mean ", 0)
    assert.deepStrictEqual(splitter.release(WORDS_LIMIT_MS, 3_000), [])
    assert.strictEqual(splitter.dueMs, WORDS_LIMIT_MS + 2_400)
    assert.deepStrictEqual(splitter.release(splitter.dueMs, 500), ["Sorry did you mean"])
    assert.strictEqual(play([[0, "One moment please."]], { aheadMs: 9_000 })[0]?.atMs, SENTENCE_PAUSE_MS)
  })

  it("gives out nothing of code, and goes on after it", () => {
    const given = play([[0, "```ts\nconst a = 1.\n"], [3_000, "const b = 2."], [6_000, "\n```\nThat is all. "]])
    assert.strictEqual(texts(given).filter((text) => text.includes("const")).length, 0)
    assert.strictEqual(texts(given).at(-1), "That is all.")
  })

  it("frees what a transform of the application holds back", () => {
    const shout = TextTransform.compose([SpokenText.spoken(), TextTransform.fromFunction((text) => text.toUpperCase())])
    assert.deepStrictEqual(play([[0, "One moment please."], [5_000, " Your table."]], { transform: shout }), [
      { atMs: SENTENCE_PAUSE_MS, text: "ONE MOMENT PLEASE." },
      { atMs: 5_000 + SENTENCE_PAUSE_MS, text: "YOUR TABLE." }
    ])
    const said = TextTransform.compose([
      SpokenText.spoken(),
      TextTransform.replace({ "one moment please thanks": "hey" })
    ])
    assert.strictEqual(play([[0, "One. two. one moment please."]], { transform: said }).at(-1)?.atMs, SENTENCE_PAUSE_MS)
  })

  it("breaks off after the last whole sentence", () => {
    for (
      const [text, kept] of [
        ["Well, here is the first half. And here", ["Well, here is the first half."]],
        ["Well, here is the first half.", ["Well, here is the first half."]],
        ["Well, here is the first half. ", ["Well, here is the first half."]],
        ["It is 42.", ["It is 42."]],
        ["It is ready. iPhones are in", ["It is ready."]],
        ["I called Dr.", []],
        ["Well", []],
        ["Sure I can do that for you", []],
        ["", []],
        ["No, thanks.\n```\ncode.", ["No, thanks.", "(code omitted)"]]
      ] as const
    ) assert.deepStrictEqual(texts(play([[0, text]], { end: "breaks off" })), [...kept], text)
  })

  const parts = Schema.Literals([
    "One ",
    "two",
    " three",
    ". ",
    "Dr.",
    " 3",
    ".",
    "5",
    " €",
    "**",
    "`",
    "[a](",
    "http://x.example)",
    "\n",
    "- ",
    "? ",
    "好的",
    "，",
    "。",
    "\"",
    "<br>",
    "it's ",
    "…",
    "🙂",
    "e.g. ",
    "www.a.example "
  ])
  it.prop(
    "says the same words, whenever they come",
    [
      Schema.Array(Schema.Struct({ text: parts, gap: Schema.Literals([0, 50, 240, 260, 600, 990, 1_010, 4_000]) }))
        .check(
          Schema.isMaxLength(24)
        )
    ],
    ([script]) => {
      let atMs = 0
      // where the text pauses for long, it does so between two words
      const spaced = script.map(({ text }, index) => ({
        text: (script[index + 1]?.gap ?? 0) < 240 ? text : `${text} `
      }))
      const timed = spaced.map(({ text }, index): [number, string] => [atMs += script[index]?.gap ?? 0, text])
      const words = (given: ReadonlyArray<Timed>) => texts(given).join(" ").replaceAll(/[^\p{L}\p{N}€]+/gu, "")
      const whole = play([[0, spaced.map(({ text }) => text).join("")]], { end: "ends" })
      assert.strictEqual(words(play(timed, { end: "ends" })), words(whole))
    },
    { arbitrary: { runs: 1_000 } }
  )
})
