/**
 * The language of a text, and its words for signs. Pure.
 *
 * @since 0.1.0
 */
import { forTag } from "./language/Languages.ts"
import type { SpokenWords, TextLanguage } from "./language/TextLanguage.ts"

/**
 * - `language`: its tables; `undefined` when they are not known.
 * - `words`: its words for signs. A sign without a word stays as it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextWords {
  readonly language: TextLanguage | undefined
  readonly words: Partial<SpokenWords>
}

/** One object for each language: what is derived from it is derived once. */
const known = new Map<TextLanguage, TextWords>()
const unknown: TextWords = { language: undefined, words: {} }

const ofLanguage = (language: TextLanguage | undefined): TextWords => {
  if (language === undefined) return unknown
  const made = known.get(language) ?? { language, words: language.words }
  known.set(language, made)
  return made
}

/**
 * Derives something from a language once.
 *
 * @category combinators
 * @since 0.1.0
 */
export const derived = <A>(derive: (context: TextWords) => A): (context: TextWords) => A => {
  const made = new WeakMap<TextWords, { readonly value: A }>()
  return (context) => {
    const found = made.get(context) ?? { value: derive(context) }
    made.set(context, found)
    return found.value
  }
}

/**
 * The words of a language, with some of one's own. Without a tag the language is unknown. The same object for a language
 * without words of one's own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (tag: string | undefined, own: Partial<SpokenWords> = {}): TextWords => {
  const language = tag === undefined ? undefined : forTag(tag)
  if (Object.keys(own).length === 0) return ofLanguage(language)
  const words = { ...language?.words, ...own }
  if (language === undefined) return { language, words }
  // one's own words for a sign hold over the names of units
  const units = Object.fromEntries(Object.entries(language.units).filter(([symbol]) => !/[%‰°℃℉]/u.test(symbol)))
  return { language: { ...language, units }, words }
}

/** Words for signs that the tables of languages lack: arrows, and "||". */
const directions: {
  readonly [language: string]: {
    readonly from: string
    readonly up: string
    readonly down: string
    readonly or: string
    readonly flat?: string
  }
} = {
  en: { from: "from", up: "up", down: "down", or: "or", flat: "flat" },
  de: { from: "von", up: "hoch", down: "runter", or: "oder" },
  fr: { from: "de", up: "en hausse", down: "en baisse", or: "ou" },
  es: { from: "de", up: "arriba", down: "abajo", or: "o" },
  it: { from: "da", up: "su", down: "giù", or: "o" },
  pt: { from: "de", up: "acima", down: "abaixo", or: "ou" },
  nl: { from: "van", up: "omhoog", down: "omlaag", or: "of" }
}

/**
 * The words for arrows that point elsewhere than to the right, and for "||".
 *
 * @category accessors
 * @since 0.1.0
 */
export const directionsOf = ({ language }: TextWords) => directions[language?.tag.split("-", 1)[0] ?? ""]
