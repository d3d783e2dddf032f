/**
 * Cuts a line into tagged tokens, and the pronunciations that it gives itself.
 *
 * @since 0.1.0
 */
import * as MappedText from "../MappedText.ts"
import * as InlinePhonemes from "./InlinePhonemes.ts"
import type { Tag } from "./Tagger.ts"
import { type Token, type Tokenise, tokens } from "./Tokens.ts"

/**
 * A token with its tag, and with its phonemes where the text gives them.
 *
 * @category models
 * @since 0.1.0
 */
export interface TaggedToken extends Token {
  readonly tag: string
  readonly phonemes?: string | undefined
}

/**
 * The tokens of a line. What stands around a pronunciation is tagged apart.
 *
 * @category conversions
 * @since 0.1.0
 */
export const read = (tokenise: Tokenise, tag: Tag, line: MappedText.MappedText): ReadonlyArray<TaggedToken> => {
  const out: Array<TaggedToken> = []
  const add = (from: number, to: number) => {
    const found = tokens(tokenise, MappedText.slice(line, from, to))
    const tags = tag(found.map(({ text }) => text))
    found.forEach((token, i) => out.push({ ...token, tag: tags[i]! }))
  }
  let from = 0
  for (const { end, phonemes, start, text } of InlinePhonemes.find(line.text)) {
    add(from, start)
    const origin = line.origin[start + 1] ?? 0
    out.push({ text, tag: "NN", space: line.text[end] === " ", origin, phonemes })
    from = end
  }
  add(from, line.text.length)
  return out
}
