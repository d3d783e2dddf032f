/**
 * Reads a word by the lexicon's rules: special words, words of the lexicon, words with endings.
 *
 * @since 0.1.0
 */
import { isAlpha } from "../CharacterClasses.ts"
import { find, known, type Lexicon, lookup, type Use } from "./Lexicon.ts"
import * as SpecialWords from "./SpecialWords.ts"
import { readEd, readIng, readS } from "./WordEndings.ts"

const inLexicon = ({ gold, silver }: Lexicon, word: string) =>
  find(gold, word) !== undefined || find(silver, word) !== undefined

const withEnding = (lexicon: Lexicon, word: string, use: Use): string | undefined =>
  readS(lexicon, word, use) ?? readEd(lexicon, word, use) ?? readIng(lexicon, word, use)

/** A word in capitals, or with one, that is only known without: as that. */
const withoutCapitals = (lexicon: Lexicon, word: string, use: Use): string => {
  const lower = word.toLowerCase()
  if (word === lower || word.length < 2 || (use.tag === "NNP" && Array.from(word).length <= 7)) return word
  if (!isAlpha(word.replaceAll("'", "")) || inLexicon(lexicon, word)) return word
  const [first = ""] = word
  const rest = word.slice(first.length)
  if (word !== word.toUpperCase() && rest !== rest.toLowerCase()) return word
  return inLexicon(lexicon, lower) || withEnding(lexicon, lower, use) !== undefined ? lower : word
}

/**
 * The phonemes of a word; `undefined` when the lexicon does not say.
 *
 * @category accessors
 * @since 0.1.0
 */
export const read = (lexicon: Lexicon, given: string, use: Use): string | undefined => {
  const special = SpecialWords.read(lexicon, given, use)
  if (special !== undefined) return special
  const word = withoutCapitals(lexicon, given, use)
  if (known(lexicon, word)) return lookup(lexicon, word, use)
  if (word.endsWith("s'")) {
    const singular = `${word.slice(0, -2)}'s`
    if (known(lexicon, singular)) return lookup(lexicon, singular, use)
  }
  if (word.endsWith("'") && known(lexicon, word.slice(0, -1))) return lookup(lexicon, word.slice(0, -1), use)
  return withEnding(lexicon, word, use)
}
