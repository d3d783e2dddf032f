/**
 * Looks words up in the lexicon.
 *
 * @since 0.1.0
 */
import { capitalised, isAlpha } from "../CharacterClasses.ts"
import * as Stress from "./Stress.ts"

/**
 * The phonemes of a word; by tag where they depend on it: `DEFAULT`, and `None` before a pause. `null`: it is spelled.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry = string | ReadonlyMap<string, string | null>

/**
 * What is looked up in: a Map, or anything else with its `get`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dictionary<A> {
  readonly get: (word: string) => A | undefined
}

/**
 * The lexicon of one accent: words that were checked (`gold`), and others.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lexicon {
  readonly british: boolean
  readonly gold: Dictionary<Entry>
  readonly silver: Dictionary<string>
}

/**
 * What comes after a word: whether it begins with a vowel (`undefined` before a pause and at the end), and whether it is "to".
 *
 * @category models
 * @since 0.1.0
 */
export interface Following {
  readonly vowel: boolean | undefined
  readonly to: boolean
}

/**
 * How a word is looked up; all may be left out.
 *
 * - `stress`: what `Stress.apply` makes of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Use {
  readonly tag?: string | undefined
  readonly stress?: number | undefined
  readonly following?: Following | undefined
}

/**
 * The kind of word of a tag: `VERB`, `NOUN`, `ADV`, `ADJ`, or the tag.
 *
 * @category accessors
 * @since 0.1.0
 */
export const kindOf = (tag: string | undefined): string | undefined => {
  if (tag === undefined) return undefined
  if (tag.startsWith("VB")) return "VERB"
  if (tag.startsWith("NN")) return "NOUN"
  if (tag.startsWith("ADV") || tag.startsWith("RB")) return "ADV"
  return tag.startsWith("ADJ") || tag.startsWith("JJ") ? "ADJ" : tag
}

/**
 * The entry of a word, else that of the word with another first letter: capital for small, small for capital.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = <A>(dictionary: Dictionary<A>, word: string): A | undefined => {
  const entry = dictionary.get(word)
  if (entry !== undefined || word.length < 2) return entry
  const lower = word.toLowerCase()
  const capital = capitalised(word)
  if (lower === word) return dictionary.get(capital)
  return word === capital ? dictionary.get(lower) : undefined
}

/**
 * One form of an entry, `undefined` when it is to be spelled.
 *
 * @category accessors
 * @since 0.1.0
 */
export const form = (entry: Entry | undefined, key: string | undefined): string | undefined => {
  if (entry === undefined || typeof entry === "string") return entry
  return (key !== undefined && entry.has(key) ? entry.get(key) : entry.get("DEFAULT")) ?? undefined
}

/**
 * The names of a word's letters, the last one stressed; `""` without letters, `undefined` if one has no name.
 *
 * @category conversions
 * @since 0.1.0
 */
export const spell = ({ gold }: Lexicon, word: string): string | undefined => {
  let names = ""
  for (const letter of word) {
    if (!isAlpha(letter)) continue
    const name = form(gold.get(letter.toUpperCase()), undefined)
    if (name === undefined) return undefined
    names += name
  }
  const flat = Stress.apply(names, 0)
  const last = flat.lastIndexOf(Stress.SECONDARY)
  return last === -1 ? flat : flat.slice(0, last) + Stress.PRIMARY + flat.slice(last + 1)
}

const asciiLetters = /^[A-Za-z]+$/u
const signs = new Set("%&+@")

/**
 * Whether the lexicon says how a word is read, or that it is spelled.
 *
 * @category guards
 * @since 0.1.0
 */
export const known = (lexicon: Lexicon, word: string): boolean => {
  const { gold, silver } = lexicon
  if (find(gold, word) !== undefined || signs.has(word) || find(silver, word) !== undefined) return true
  if (!asciiLetters.test(word)) return false
  if (word.length === 1) return true
  const upper = word.toUpperCase()
  if (upper === word && find(gold, word.toLowerCase()) !== undefined) return true
  return word.slice(1) === upper.slice(1)
}

/**
 * The phonemes of a word that is known, as it is used.
 *
 * @category accessors
 * @since 0.1.0
 */
export const lookup = (lexicon: Lexicon, word: string, use: Use = {}): string | undefined => {
  const { following, stress, tag } = use
  const { gold, silver } = lexicon
  const isShouted = word.toUpperCase() === word && find(gold, word) === undefined
  const text = isShouted ? word.toLowerCase() : word
  const isName = isShouted && tag === "NNP"
  const entry = find(gold, text) ?? (isName ? undefined : find(silver, text))
  let key: string | undefined
  if (entry !== undefined && typeof entry !== "string") {
    if (following !== undefined && following.vowel === undefined && entry.has("None")) key = "None"
    else key = tag !== undefined && entry.has(tag) ? tag : kindOf(tag)
  }
  const phonemes = form(entry, key)
  if (phonemes === undefined || (isName && !phonemes.includes(Stress.PRIMARY))) {
    const spelled = spell(lexicon, text)
    if (spelled !== undefined) return spelled
  }
  return phonemes === undefined ? undefined : Stress.apply(phonemes, stress)
}
