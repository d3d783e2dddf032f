/**
 * Words that the lexicon holds without their ending: -s, -ed, -ing.
 *
 * @since 0.1.0
 */
import { known, type Lexicon, lookup, type Use } from "./Lexicon.ts"

/** The last sign before a "t" that becomes a tap in American English, as in "waited". */
const TAP = new Set("AIOWYiuæɑəɛɪɹʊʌ")
const isTapped = (signs: ReadonlyArray<string>) => signs.length > 1 && TAP.has(signs.at(-2)!)

/** Adds an ending to phonemes; nothing to none. */
type AddEnding = (phonemes: string | undefined, british: boolean) => string | undefined

/**
 * The phonemes with a plural's or verb's -s.
 *
 * @category mapping
 * @since 0.1.0
 */
export const addS: AddEnding = (phonemes, british) => {
  if (!phonemes) return undefined
  const last = Array.from(phonemes).at(-1)!
  if ("ptkfθ".includes(last)) return `${phonemes}s`
  return "szʃʒʧʤ".includes(last) ? `${phonemes}${british ? "ɪ" : "ᵻ"}z` : `${phonemes}z`
}

/**
 * The phonemes with -ed.
 *
 * @category mapping
 * @since 0.1.0
 */
export const addEd: AddEnding = (phonemes, british) => {
  if (!phonemes) return undefined
  const signs = Array.from(phonemes)
  const last = signs.at(-1)!
  if ("pkfθʃsʧ".includes(last)) return `${phonemes}t`
  if (last === "d") return `${phonemes}${british ? "ɪ" : "ᵻ"}d`
  if (last !== "t") return `${phonemes}d`
  if (british || signs.length < 2) return `${phonemes}ɪd`
  return isTapped(signs) ? `${phonemes.slice(0, -1)}ɾᵻd` : `${phonemes}ᵻd`
}

/**
 * The phonemes with -ing.
 *
 * @category mapping
 * @since 0.1.0
 */
export const addIng: AddEnding = (phonemes, british) => {
  if (!phonemes) return undefined
  const signs = Array.from(phonemes)
  const last = signs.at(-1)!
  if (british) return last === "ə" || last === "ː" ? undefined : `${phonemes}ɪŋ`
  return last === "t" && isTapped(signs) ? `${phonemes.slice(0, -1)}ɾɪŋ` : `${phonemes}ɪŋ`
}

/**
 * A word with -s, from the word without it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const readS = (lexicon: Lexicon, word: string, use: Use = {}): string | undefined => {
  if (word.length < 3 || !word.endsWith("s")) return undefined
  const isLong = word.length > 4
  const isIes = word.endsWith("ies")
  const read = (stem: string) => addS(lookup(lexicon, stem, use), lexicon.british)
  if (!word.endsWith("ss") && known(lexicon, word.slice(0, -1))) return read(word.slice(0, -1))
  if ((word.endsWith("'s") || (isLong && word.endsWith("es") && !isIes)) && known(lexicon, word.slice(0, -2))) {
    return read(word.slice(0, -2))
  }
  const stem = `${word.slice(0, -3)}y`
  return isLong && isIes && known(lexicon, stem) ? read(stem) : undefined
}

/**
 * A word with -ed, from the word without it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const readEd = (lexicon: Lexicon, word: string, use: Use): string | undefined => {
  if (word.length < 4 || !word.endsWith("d")) return undefined
  const read = (stem: string) => addEd(lookup(lexicon, stem, use), lexicon.british)
  if (!word.endsWith("dd") && known(lexicon, word.slice(0, -1))) return read(word.slice(0, -1))
  const isEd = word.length > 4 && word.endsWith("ed") && !word.endsWith("eed")
  return isEd && known(lexicon, word.slice(0, -2)) ? read(word.slice(0, -2)) : undefined
}

const doubled = /(?:([bcdgklmnprstvxz])\1|ck)ing$/u

/**
 * A word with -ing, from the word without it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const readIng = (lexicon: Lexicon, word: string, use: Use): string | undefined => {
  if (word.length < 5 || !word.endsWith("ing")) return undefined
  const isLong = word.length > 5
  const read = (stem: string) => addIng(lookup(lexicon, stem, { ...use, stress: use.stress ?? 0.5 }), lexicon.british)
  const stem = word.slice(0, -3)
  if (isLong && known(lexicon, stem)) return read(stem)
  if (known(lexicon, `${stem}e`)) return read(`${stem}e`)
  const single = word.slice(0, -4)
  return isLong && doubled.test(word) && known(lexicon, single) ? read(single) : undefined
}
