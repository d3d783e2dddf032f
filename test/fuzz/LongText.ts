import { Effect } from "effect"
import { markdown } from "../../src/text/markdown/SpokenMarkdown.ts"
import { SentenceTokenizer } from "../../src/text/sentences/SentenceTokenizer.ts"
import { symbols } from "../../src/text/signs/SpokenSymbols.ts"
import { tidy, withoutEmoji } from "../../src/text/SpokenCleanup.ts"
import { spoken } from "../../src/text/SpokenText.ts"
import { tagSet } from "../../src/text/tags/SpeechTags.ts"
import * as TextTransform from "../../src/text/TextTransform.ts"
import * as TextWords from "../../src/text/TextWords.ts"
import { slowness, timed } from "../support/CpuTime.ts"

/** Repeated, these are worst cases for regular expressions and parsers with look-ahead. */
const patterns: ReadonlyArray<string> = [
  "a",
  " ",
  "\n",
  ".",
  "!",
  "?!",
  "…",
  "*",
  "**",
  "_",
  "`",
  "```",
  "```\n",
  "~",
  "~~",
  "[",
  "](",
  "[a](",
  "![",
  "[[](",
  "<",
  "<a",
  "<a ",
  "<a href=\"",
  "<!--",
  "&",
  "&#",
  "&#x",
  "&amp",
  "|",
  "|-",
  "|---|\n",
  "- ",
  "1. ",
  "#",
  "# ",
  ">",
  "> ",
  "\\",
  "http://",
  "a.",
  "a.b",
  "a@b.",
  "www.",
  "://",
  "x_",
  "1,",
  "1-2-",
  "Dr. ",
  "e.g. ",
  "A. ",
  "a, ",
  "a. b",
  "; ",
  "\u200d",
  "\ufe0f",
  "\u{1f600}",
  "\u{1f468}\u200d",
  "\ud800",
  "\udc00",
  "你",
  "。",
  "ก",
  "e\u0301",
  "\t",
  "\r",
  "\r\n",
  "\u00a0",
  "\"",
  "')",
  "a\n",
  ".\n",
  "hello world ",
  "I am. he ",
  "5%",
  "$5 ",
  "**a**",
  "*a_",
  "<b>",
  "</b>",
  "<say-as a=b>",
  "a/b/",
  "--",
  "—",
  "– ",
  "(",
  ")",
  "((",
  "{}",
  "${",
  "\u0000"
]

const repeat = (pattern: string, length: number) => pattern.repeat(Math.ceil(length / pattern.length)).slice(0, length)

/** Cuts a text into pieces, as a language model streams it. */
const pieces = (text: string, size: number): ReadonlyArray<string> =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size))

const english = TextWords.make("en")

const ways: { readonly [name: string]: (text: string, size: number) => void } = {
  markdown: (text, size) => run(markdown({ words: english.words, tags: tagSet(["spell", "[*]"]) }), text, size),
  pictures: (text, size) => run(withoutEmoji, text, size),
  symbols: (text, size) => run(symbols(english), text, size),
  tidy: (text, size) => run(tidy, text, size),
  spoken: (text, size) => run(spoken(), text, size),
  function: (text, size) => run(TextTransform.fromFunction((sentence) => sentence), text, size),
  replace: (text, size) => run(TextTransform.replace({ SQL: "sequel", "a b c": "x" }), text, size),
  sentences: (text, size) => {
    const sentences = new SentenceTokenizer()
    for (const piece of pieces(text, size)) sentences.push(piece)
    sentences.flush()
  }
}
const run = (transform: TextTransform.TextTransform, text: string, size: number): void => {
  const transformer = transform()
  for (const piece of pieces(text, size)) transformer.push(piece)
  transformer.flush()
}

/** Finds texts of a length that take more CPU time than the limit on a usual machine; the faster of two runs counts. */
export const slow = Effect.fnUntraced(function*(length: number, usualLimitMs: number) {
  const limitMs = usualLimitMs * slowness()
  const found: Array<string> = []
  for (const [name, way] of Object.entries(ways)) {
    for (const pattern of patterns) {
      const text = repeat(pattern, length)
      for (const size of [length, 5]) {
        let ms = timed(() => way(text, size))
        if (ms > limitMs) ms = Math.min(ms, timed(() => way(text, size)))
        if (ms > limitMs) found.push(`${name} ${JSON.stringify(pattern)} in pieces of ${size}: ${ms.toFixed(0)} ms`)
      }
      yield* Effect.yieldNow
    }
  }
  return found
})
