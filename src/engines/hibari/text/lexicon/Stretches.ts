/**
 * Tells which neighbours among joined items may be one word, so that the others are not looked up: there are many stretches,
 * and few words.
 *
 * @since 0.1.0
 */
import { asciiDigits } from "../CharacterClasses.ts"
import type { WordItem } from "./WordItem.ts"

/** The most items that are read as one. */
const MAX_JOINED = 32
/** The most items of a word, its ending included: no word of the lexicon has more than 13. Longer are only "U.S." and numbers. */
const MAX_WORD = 16

/**
 * Whether the items from one index to another may be one word.
 *
 * @category models
 * @since 0.1.0
 */
export type MayBeWord = (left: number, right: number) => boolean

/**
 * The first index from which a stretch that ends at an index is looked for.
 *
 * @category accessors
 * @since 0.1.0
 */
export const leftmost = (right: number): number => Math.max(0, right - MAX_JOINED)

/**
 * Looks once at each of the joined items. One alone may always be a word. Several may be when they hold nothing but letters,
 * digits and `'.,-`, and no letter comes before a digit: the lexicon has no word with a digit, and a number is only followed
 * by an ending.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (items: ReadonlyArray<WordItem>): MayBeWord => {
  const texts = items.map(({ text }) => asciiDigits(text.normalize("NFKC")))
  /** The last index up to each at which a text is found. */
  const lastOf = (isFound: (text: string) => boolean): ReadonlyArray<number> => {
    let last = -1
    return texts.map((text, i) => isFound(text) ? last = i : last)
  }
  const digit = lastOf((text) => /[0-9]/u.test(text))
  const hyphen = lastOf((text) => text.includes("-"))
  const stop = lastOf((text) => text.includes("."))
  const other = lastOf((text) => /[^\p{L}\p{M}0-9'‘’.,-]/u.test(text))
  const letter: Array<number> = []
  for (let i = texts.length - 1; i >= 0; i--) letter[i] = /\p{L}/u.test(texts[i]!) ? i : letter[i + 1] ?? texts.length

  return (left, right) => {
    const last = right - 1
    if (left === last) return true
    if (other[last]! >= left || letter[left]! < digit[last]!) return false
    return right - left <= MAX_WORD || letter[left]! > last || (stop[last]! >= left && hyphen[last]! < left)
  }
}
