import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { spoken, spokenByFullPath, transform } from "../../src/text/SpokenText.ts"
import { compose, fromFunction, replace, type TextTransform } from "../../src/text/TextTransform.ts"
import { fewer } from "../support/Full.ts"

const say = (text: string) => transform(spoken(), text)
const inParts = (start: TextTransform, parts: Iterable<string>): string => {
  const transformer = start()
  let out = ""
  for (const part of parts) out += transformer.push(part)
  return out + transformer.flush()
}
/** UTF-16 units, so that surrogate pairs are cut too. */
const units = (text: string) => text.split("")

const cases: ReadonlyArray<readonly [what: string, written: string, heard: string]> = [
  ["plain text", "It is 5:30, isn't it? Yes (really).", "It is 5:30, isn't it? Yes (really)."],
  ["headings", "# Hello World\n## Why? ##\nText", "Hello World.\nWhy?\nText"],
  ["emphasis", "This is **bold**, *it*, __x__, ~~gone~~ and ***all***.", "This is bold, it, x, gone and all."],
  ["products and names", "3*4, 3 * 4 and snake_case", "3 times 4, 3 times 4 and snake case"],
  ["lists", "- Flour\n* Sugar!\n  + Salt\n1. Mix\n2) Bake\n• Eat", "Flour.\nSugar!\nSalt.\n1, Mix.\n2, Bake.\nEat."],
  ["tasks", "- [x] Done\n- [ ] Open", "Done.\nOpen."],
  [
    "a number at the head of a line",
    "2024. was good\n3.5 is less\n#1 it is",
    "2024. was good\n3.5 is less\nnumber 1 it is"
  ],
  ["links", "See [the docs](https://x.com/a_b \"T\"), [a][1] and [b].", "See the docs, a and b."],
  ["half a link", "[it]( \"x) and [so](https://x.c", "it( \"x) and so"],
  ["images", "Look: ![a cat](cat.png) sleeps", "Look: a cat sleeps"],
  ["citations", "It is so [1], they say[2](https://y.com).[^n]", "It is so, they say."],
  ["definitions of links", "Yes.\n[1]: https://x.com \"T\"\n[Note]: no link", "Yes.\nNote: no link"],
  ["tables", "| Name | Age |\n|---|:-:|\n| Jo | 30 |\n\nSo", "Name, Age.\nJo, 30.\nSo"],
  ["tables without borders", "a | b\n--|--\n1 | 2", "a, b\n1, 2"],
  ["quotes and rules", "> He said\n> so\n\n---\n***\nEnd", "He said\nso\nEnd"],
  ["underlined headings", "Title\n=====\ntext", "Title\ntext"],
  ["code spans", "Run `npm install` or `getUserName()`, `a.b`.", "Run npm install or get User Name, a dot b."],
  ["fences", "So:\n```js\nlet x = `1`\n```\nDone", "So:\n(code omitted)\nDone"],
  ["fences of tildes", "~~~\n```\n~~~\nDone", "(code omitted)\nDone"],
  ["an open fence", "So:\n```\nlet", "So:\n(code omitted)\n"],
  ["a span of three", "```x``` is", "x is"],
  ["tags", "A <b class=\"x\">bold</b> word<br/>and <!-- no --> more", "A bold word\nand more"],
  ["no tags", "x<y and <your name>", "x less than y and your name"],
  ["entities", "R &amp; D&nbsp;&lt; 5 &euro;5 &#233; &#xZZ; &nope;", "R and D less than 5 €5 é and #xZZ; and nope;"],
  ["escapes", "\\*no\\* \\# C:\\Users", "*no* pound C colon backslash Users"],
  ["emoji", "Great 🎉! Hi👋🏽 there 👨‍👩‍👧‍👦🇩🇪❤️ 1️⃣ #️⃣ ok ™", "Great! Hi there 1 pound ok trademark"],
  ["a line of emoji only", "Hi\n- 🎉\nthere", "Hi\nthere"],
  ["joiners of letters", "क्\u200dष", "क्\u200dष"],
  ["emoticons", "Hi :) there ;-)", "Hi there"],
  ["addresses", "Go to https://example.com/docs.", "Go to example dot com slash docs."],
  ["long addresses", "(http://www.foo.org/a/b/c?x=1#y)", "(foo dot org)"],
  [
    "names of hosts",
    "example.com, my-site.co.uk:8080/a",
    "example dot com, my dash site dot co dot uk port 8080 slash a"
  ],
  ["no addresses", "Node.js, 3.14, a.m. and e.t.c", "Node.js, 3.14, a.m. and e.t.c"],
  ["a password", "ftp://jo:secret@x.org", "x dot org"],
  ["marks around addresses", "**https://a_b.com** <https://x.dev>", "a underscore b dot com x dot dev"],
  ["mail", "Write to jo_x.y+z@mail.example.com!", "Write to jo underscore x dot y plus z at mail dot example dot com!"],
  ["signs", "AT&T, 5% or 5 %, ~5, a -> b, 3–5", "AT and T, 5 percent or 5 percent, about 5, a to b, 3 to 5"],
  ["degrees", "20°C, 20 °C, 70 °F, 90°.", "20 degrees Celsius, 20 degrees Celsius, 70 degrees Fahrenheit, 90 degrees."],
  ["money and numbers", "€12.50, $5, 1,000 and -3", "€12.50, $5, 1,000 and -3"],
  ["abbreviations", "E.g. this, i.e., that vs. it, etc., so", "For example this, that is, that versus it, etc., so"],
  ["repeated marks", "What?!! No!!! Wait... so,, yes.", "What? No! Wait… so, yes."],
  ["space", "  a \t b \n\n\n  c  ", "a b\nc"],
  ["a fraction", "It is .5 or .", "It is .5 or."],
  ["scripts without spaces", "你好**重要**。这是 `x`", "你好重要。这是 x"],
  ["nothing", "", ""],
  ["nothing to say", "** __ ``` ", ""]
].map(([what = "", written = "", heard = ""]) => [what, written, heard] as const)

const tokens = [
  ..."a|b|Word|12|.5| |  |\n|\n\n|.|,|!|?|…|:|-|--|- |1. |# |## |> ".split("|"),
  "|",
  "| ",
  "**",
  "*",
  "_",
  "__",
  "~~",
  "`",
  "``",
  "```",
  "```js\n",
  "~~~",
  "[",
  "]",
  "(",
  ")",
  "](",
  "![",
  "[1]",
  "[^n]",
  "<",
  ">",
  "<b>",
  "</b>",
  "<br>",
  "<a href=\"",
  "\"",
  "'",
  "<!--",
  "-->",
  "&",
  "&amp;",
  "&#",
  ";",
  "\\",
  "%",
  "°C",
  "@",
  "https://",
  "www.",
  "x.com",
  "/docs",
  "jo@x.com",
  "e.g.",
  "i.e.",
  ":)",
  "->",
  "=",
  "+",
  "---",
  "===",
  "[ ] ",
  "]: ",
  "😀",
  "🇩",
  "\u200d",
  "\ufe0f",
  "\ud83d",
  "\u20e3",
  "é",
  "日本",
  "。",
  "\t",
  "\r\n",
  "\u00a0",
  "x".repeat(60),
  "y_".repeat(60)
]
const Parts = Schema.Array(Schema.Literals(tokens)).check(Schema.isMaxLength(40))

/** Of which plain text is made, and what could be taken for it. */
const plainTokens = [
  "Word",
  "word ",
  "isn't ",
  "well-known ",
  "so, ",
  "Yes. ",
  "no. ",
  "No. ",
  "p. ",
  "7 ",
  "No! ",
  "Why? ",
  "vs",
  "vs. ",
  "a vs.",
  "5 ",
  "5. ",
  "12",
  "3.50 ",
  "$5 ",
  "5:30, ",
  "1,000",
  "\"So,\" ",
  "(really). ",
  "'",
  "’",
  "(",
  ") ",
  "Über ",
  "\n",
  "\n5",
  ".",
  ",",
  "! ",
  " ",
  "www.",
  "Node.js ",
  "e.g. ",
  "x".repeat(30),
  "é\u0301 "
]
const Cuts = Schema.NonEmptyArray(Schema.Literals([1, 2, 3, 5, 8, 13, 100]))

const everyTransform: ReadonlyArray<readonly [string, TextTransform]> = [
  ["spoken", spoken()],
  ["fromFunction", fromFunction((sentence) => `<${sentence}>`)],
  [
    "replace",
    replace({ "x.com": "ex", "Word a": "phrase", Word: "term", "**": "two", a: "b" }, { caseSensitive: false })
  ],
  [
    "a row of them",
    compose([spoken(), replace({ a: "**", and: "und" }), fromFunction((sentence) => sentence.toUpperCase())])
  ]
]

describe("SpokenText", () => {
  it.each(cases)("%s", (_, written, heard) => assert.strictEqual(say(written), heard))

  for (const [name, start] of everyTransform) {
    it.prop(
      `${name}: gives the same however the text comes, and begins anew`,
      [Parts],
      ([parts]) => {
        const whole = parts.join("")
        const once = transform(start, whole)
        assert.strictEqual(inParts(start, parts), once)
        assert.strictEqual(inParts(start, units(whole)), once)
        const twice = start()
        for (let i = 0; i < 2; i++) assert.strictEqual(twice.push(whole) + twice.flush(), once)
      },
      { arbitrary: { runs: fewer(1_000) } }
    )
  }

  it.prop("takes any text", [Schema.String], ([text]) => {
    assert.strictEqual(inParts(spoken(), units(text)), say(text))
  }, { arbitrary: { runs: 500 } })

  it.prop(
    "holds back at most 200 characters, whatever was opened",
    [
      Schema.Array(Schema.Literals(tokens.filter((token) => !/^(?:```|~~~)/u.test(token)))).check(
        Schema.isMaxLength(20)
      )
    ],
    ([parts]) => {
      const transformer = spoken()()
      for (const part of parts) transformer.push(part)
      const words = 100
      // a fence swallows its code
      if (/```|~~~/u.test(parts.join(""))) return
      let said = ""
      for (let i = 1; i <= words; i++) {
        said += transformer.push(" word")
        assert.isAtMost((i - (said.split("word").length - 1)) * " word".length, 200, JSON.stringify(parts))
      }
      assert.isAtLeast(said.split("word").length - 1, words - 1, JSON.stringify(parts))
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "takes the short way where it leads to the same, piece by piece",
    [Schema.Array(Schema.Literals([...plainTokens, ...plainTokens, ...tokens])).check(Schema.isMaxLength(40)), Cuts],
    ([parts, cuts]) => {
      const short = spoken()()
      const full = spokenByFullPath()()
      const whole = parts.join("")
      for (let i = 0; i < 2; i++) {
        let at = 0
        for (let n = 0; at < whole.length; n++) {
          const part = whole.slice(at, at + (cuts[n % cuts.length] ?? 1))
          assert.strictEqual(short.push(part), full.push(part), JSON.stringify([whole, at, part]))
          at += part.length
        }
        assert.strictEqual(short.flush(), full.flush(), JSON.stringify(whole))
      }
    },
    { arbitrary: { runs: fewer(3_000) } }
  )

  it("passes plain text on at once", () => {
    const transformer = spoken()()
    assert.strictEqual(transformer.push("**Hello** there, fri"), "Hello there,")
    assert.strictEqual(transformer.push("end\n"), " friend\n")
    assert.strictEqual(transformer.flush(), "")
  })

  it("holds nothing back for a comparison", () => {
    const transformer = spoken()()
    assert.strictEqual(transformer.push("If x < 5 and so"), "If x less than 5 and")
    assert.strictEqual(transformer.push(" on <\r\n more words"), " so on less than\nmore")
  })

  it("drops the rest of an address that is too long", () => {
    const long = "x".repeat(5_000)
    assert.strictEqual(say(`See [it](https://x.com/${long}) now`), "See it now")
    assert.strictEqual(say(`See https://x.com/${long} now`), "See x dot com now")
    assert.strictEqual(say(`See ![it](data:image/png;base64,${long}) now`), "See it now")
  })

  it("takes time proportional to the text", () => {
    for (
      const hostile of [
        "*",
        "`",
        "[",
        "]",
        "![",
        "](",
        "[a](",
        "<",
        "<a ",
        "<a x=\"",
        "&",
        "|",
        "#",
        ">",
        "- ",
        "-",
        "\\",
        "(",
        "@",
        ".",
        "a@",
        "http://",
        "www.",
        "a.",
        "1.",
        "~",
        "\n",
        "\n```",
        "😀",
        "\ud83d",
        "\u200d",
        "日",
        "<!--",
        "[^",
        "_a",
        ":/"
      ]
    ) {
      const text = hostile.repeat(Math.ceil(20_000 / hostile.length))
      const transformer = spoken()()
      let length = 0
      for (let at = 0; at < text.length; at += 7) length += transformer.push(text.slice(at, at + 7)).length
      length += transformer.flush().length
      assert.isAtMost(length, text.length * 12)
    }
  })

  it("uses the configured words for code and symbols", () => {
    const german = spoken({ code: "", words: { and: "und", percent: "Prozent", dot: "Punkt" } })
    assert.strictEqual(transform(german, "5 % & x.de\n```\na\n```\nja"), "5 Prozent und x Punkt de\nja")
  })
})

describe("TextTransform", () => {
  it("replaces whole words and phrases, the longest first", () => {
    const pronounce = replace({ SQL: "sequel", "SQL Server": "sequel server", Xiao: "show", "C++": "see plus plus" })
    assert.strictEqual(
      transform(pronounce, "SQL, MySQL, SQLite, SQL Server and C++. Xiao? sql"),
      "sequel, MySQL, SQLite, sequel server and see plus plus. show? sql"
    )
    assert.strictEqual(transform(replace({ sql: "sequel" }, { caseSensitive: false }), "SQL Sql"), "sequel sequel")
    assert.strictEqual(transform(replace({ "": "x" }), "ab"), "ab")
  })

  it("holds back no more than the beginning of an entry", () => {
    const transformer = replace({ SQL: "sequel" })()
    assert.strictEqual(transformer.push("My SQ"), "My ")
    assert.strictEqual(transformer.push("L"), "")
    assert.strictEqual(transformer.push(" is"), "sequel is")
    assert.strictEqual(transformer.flush(), "")
  })

  it("calls a function with whole sentences", () => {
    const seen: Array<string> = []
    const watch = fromFunction((sentence) => {
      seen.push(sentence)
      return sentence.toUpperCase()
    })
    assert.strictEqual(
      transform(watch, "Ask Dr. Who. \"Why?\" I ask!\nyes 3.5"),
      "ASK DR. WHO. \"WHY?\" I ASK!\nYES 3.5"
    )
    assert.deepStrictEqual(seen, ["Ask Dr. Who.", "\"Why?\"", "I ask!", "yes 3.5"])
    seen.length = 0
    transform(watch, "word ".repeat(200))
    assert.isTrue(seen.every((sentence) => sentence.length <= 200 && /^word.*word$/u.test(sentence)))
  })

  it("leaves the text as it is without transforms", () => {
    assert.strictEqual(transform(compose([]), "a **b**"), "a **b**")
  })
})
