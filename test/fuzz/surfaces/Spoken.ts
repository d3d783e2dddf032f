import { SentenceTokenizer } from "../../../src/text/sentences/SentenceTokenizer.ts"
import { spoken } from "../../../src/text/SpokenText.ts"
import { Chance } from "../Chance.ts"
import { textOf } from "../Mutate.ts"
import { expect, type Surface, text } from "../Surface.ts"

/** Runs a text through what an agent's words go through, cut at chance; returns what is said. */
export const speak = (whole: string, chance: Chance, longest = 64): ReadonlyArray<string> => {
  const transformer = spoken()()
  const sentences = new SentenceTokenizer()
  const pieces: Array<string> = []
  for (let at = 0; at < whole.length;) {
    const length = 1 + chance.below(longest)
    pieces.push(...sentences.push(transformer.push(whole.slice(at, at + length))))
    at += length
  }
  pieces.push(...sentences.push(transformer.flush()), ...sentences.flush())
  return pieces
}

/** What a language model writes, or was talked into writing. */
export const spokenText: Surface = {
  name: "spoken-text",
  maxBytes: 8_192,
  seeds: text(
    "# Title\n\nHello **bold** and *italic* `code` ~~gone~~ [link](https://example.org/a?b=c) ![img](x.png).\n\n- one\n- two\n\n1. a\n2. b\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n> quote\n\n```js\nconst x = 1\n```\n\nDone. Dr. Smith, e.g. 3–5 °C & 7% at https://a.example/b_c/d?e=f#g!",
    "<p>Hello <b>you</b> &amp; me &#x1F600; &lt;tag&gt;</p><speak><say-as interpret-as=\"date\">2026</say-as></speak>",
    "It costs $5.50 (about 5 €)… \u{1f468}\u200d\u{1f469}\u200d\u{1f467} ok? Yes!! No?! 你好，世界。 สวัสดี ملف",
    "**unclosed *marks `everywhere [and](here <a href=\"x"
  ),
  dictionary: [
    "**",
    "*",
    "_",
    "`",
    "```",
    "~~",
    "[",
    "](",
    ")",
    "<",
    ">",
    "&#",
    ";",
    "|",
    "\n",
    "# ",
    "- ",
    "://",
    "www.",
    "!",
    "?",
    ". ",
    "…",
    "\ue000",
    "\ue001",
    "\u200d",
    "\ufe0f",
    "e.g.",
    "Dr.",
    "\\"
  ],
  run: (input) => {
    const whole = textOf(input)
    for (const piece of speak(whole, new Chance(String(input.length)))) {
      expect(piece.trim() !== "", () => "an empty piece")
      expect(piece.length <= 401, () => `a piece of ${piece.length} characters`)
    }
  }
}
