/**
 * Reads the items of a line as phonemes, from the last to the first: "the", "to" and others depend on what follows.
 *
 * @since 0.1.0
 */
import { asciiDigits } from "../CharacterClasses.ts"
import * as Fallback from "./Fallback.ts"
import type { Following, Lexicon } from "./Lexicon.ts"
import * as LexiconNumber from "./LexiconNumber.ts"
import * as LexiconWord from "./LexiconWord.ts"
import * as Stress from "./Stress.ts"
import * as Stretches from "./Stretches.ts"
import { merge, type WordItem } from "./WordItem.ts"

/** Signs that are silent within what is joined. */
const silent = /^[',\-._‘’/]*$/u

const isReady = (item: WordItem) => item.phonemes !== undefined || item.alias !== undefined

const readItem = (lexicon: Lexicon, item: WordItem, following: Following): string | undefined => {
  const word = asciiDigits((item.alias ?? item.text).replace(/[‘’]/gu, "'").normalize("NFKC"))
  const capital = word === word.toLowerCase() ? undefined : word === word.toUpperCase() ? 2 : 0.5
  const said = LexiconWord.read(lexicon, word, { tag: item.tag, stress: capital, following })
  if (said !== undefined) {
    return item.currency === undefined ? said : `${said} ${LexiconNumber.mainUnits(lexicon, item.currency) ?? ""}`
  }
  if (!LexiconNumber.isNumber(word, item.isHead)) return undefined
  return LexiconNumber.read(lexicon, word, item.currency, item.isHead)
}

const followingOf = (phonemes: string, { tag, text }: WordItem, before: Following): Following => {
  const start = Stress.beginsWith(phonemes)
  return {
    vowel: start === undefined ? before.vowel : start === "pause" ? undefined : start === "vowel",
    to: text === "to" || text === "To" || (text === "TO" && (tag === "TO" || tag === "IN"))
  }
}

const kinds = [/\p{L}/u, /[0-9]/u, /[^\p{L}0-9]/u]

/** Whether joined items are of different kinds, letters and digits for instance, and are set apart. */
const isMixed = (text: string): boolean => {
  if (/[ /]/u.test(text)) return true
  const heard = text.replace(/[',\-._‘’/]/gu, "")
  return kinds.filter((kind) => kind.test(heard)).length > 1
}

/** Of joined items, at most about half keep their stress. */
const balance = (items: ReadonlyArray<WordItem>): void => {
  const heard = items.flatMap((item, index) =>
    item.phonemes === undefined || item.phonemes === "" ? [] : [{
      item,
      index,
      primary: item.phonemes.includes(Stress.PRIMARY) ? 1 : 0,
      weight: Stress.weight(item.phonemes)
    }]
  )
  const soften = ({ item }: { readonly item: WordItem }) => {
    item.phonemes = Stress.apply(item.phonemes ?? "", -0.5)
  }
  const [first, second] = heard
  if (heard.length === 2 && Array.from(first!.item.text).length === 1) return soften(second!)
  const count = heard.length
  if (count < 2 || heard.filter(({ primary }) => primary > 0).length <= Math.floor((count + 1) / 2)) return
  heard.sort((a, b) => a.primary - b.primary || a.weight - b.weight || a.index - b.index)
  heard.slice(0, Math.floor(count / 2)).forEach(soften)
}

const resolve = (items: ReadonlyArray<WordItem>): void => {
  const spaced = isMixed(merge(items).text)
  items.forEach((item, i) => {
    if (item.phonemes === undefined) {
      const isPause = i === items.length - 1 && item.text.length === 1 && Stress.PAUSES.includes(item.text)
      if (isPause) item.phonemes = item.text
      else if (silent.test(item.text)) item.phonemes = ""
    } else if (i > 0) item.spaced = spaced
  })
  if (!spaced) balance(items)
}

/** Reads joined items: the longest word at the end that is known, then what is left. */
const readJoined = (
  lexicon: Lexicon,
  items: ReadonlyArray<WordItem>,
  before: Following,
  unknownWord: (word: string) => string
): Following => {
  let following = before
  const mayBeWord = Stretches.make(items)
  let right = items.length
  let left = Stretches.leftmost(right)
  while (left < right) {
    const stretch = mayBeWord(left, right) ? items.slice(left, right) : []
    const joined = stretch.length === 0 || stretch.some(isReady) ? undefined : merge(stretch)
    const said = joined === undefined ? undefined : readItem(lexicon, joined, following)
    if (joined !== undefined && said !== undefined) {
      stretch.forEach((item, i) => item.phonemes = i === 0 ? said : "")
      following = followingOf(said, joined, following)
      right = left
      left = Stretches.leftmost(right)
    } else if (left + 1 < right) left++
    else {
      const item = items[--right]!
      if (item.phonemes === undefined && !silent.test(item.text)) {
        const whole = Fallback.read(lexicon, merge(items).text, unknownWord)
        items.forEach((each, i) => each.phonemes = i === 0 ? whole : "")
        return following
      }
      item.phonemes ??= ""
      left = Stretches.leftmost(right)
    }
  }
  resolve(items)
  return following
}

/**
 * Sets the phonemes of a line's items, given as `WordItems.itemsOf` gives them.
 *
 * @category conversions
 * @since 0.1.0
 */
export const read = (
  lexicon: Lexicon,
  groups: ReadonlyArray<ReadonlyArray<WordItem>>,
  unknownWord: (word: string) => string
): void => {
  let following: Following = { vowel: undefined, to: false }
  for (const group of groups.toReversed()) {
    const [item] = group
    if (item === undefined) continue
    if (group.length > 1) {
      following = readJoined(lexicon, group, following, unknownWord)
      continue
    }
    item.phonemes ??= readItem(lexicon, item, following) ?? Fallback.read(lexicon, item.text, unknownWord)
    following = followingOf(item.phonemes, item, following)
  }
}
