/**
 * Words whose phonemes depend on what they are and on what follows: "a", "the", "to", "used", and signs that are words.
 *
 * @since 0.1.0
 */
import { isAlpha } from "../CharacterClasses.ts"
import { find, form, kindOf, type Lexicon, lookup, spell, type Use } from "./Lexicon.ts"

const signWords = new Map([["%", "percent"], ["&", "and"], ["+", "plus"], ["@", "at"]])

/** "U.S.", "Ph.D.", "e.g.". */
const isDotted = (word: string): boolean => {
  const from = word.startsWith(".") ? word.search(/[^.]/u) : 0
  if (from === -1) return false
  let to = word.length
  while (word.endsWith(".", to)) to--
  if (!word.slice(from, to).includes(".")) return false
  const parts = word.split(".")
  return isAlpha(parts.join("")) && parts.every((part) => Array.from(part).length < 3)
}

const beforeVowelIs = (vowel: boolean | undefined, forms: readonly [pause: string, consonant: string, vowel: string]) =>
  vowel === undefined ? forms[0] : vowel ? forms[2] : forms[1]

/**
 * The phonemes of a special word; `undefined` for any other.
 *
 * @category accessors
 * @since 0.1.0
 */
export const read = (lexicon: Lexicon, word: string, use: Use): string | undefined => {
  const { following, stress, tag } = use
  const vowel = following?.vowel
  const isNoun = tag?.startsWith("NN") === true
  if (tag === "ADD" && (word === "." || word === "/")) {
    return lookup(lexicon, word === "." ? "dot" : "slash", { stress: -0.5 })
  }
  const sign = signWords.get(word)
  if (sign !== undefined) return lookup(lexicon, sign)
  if (word.includes(".") && isDotted(word)) return spell(lexicon, word)
  switch (word) {
    case "a":
    case "A":
      return tag === "DT" ? "ɐ" : "ˈA"
    case "am":
    case "Am":
    case "AM":
      if (isNoun) return spell(lexicon, word)
      return vowel === undefined || word !== "am" || (stress ?? 0) > 0
        ? form(find(lexicon.gold, "am"), undefined)
        : "ɐm"
    case "an":
    case "An":
    case "AN":
      return word === "AN" && isNoun ? spell(lexicon, word) : "ɐn"
    case "I":
      return tag === "PRP" ? "ˌI" : undefined
    case "by":
    case "By":
    case "BY":
      return kindOf(tag) === "ADV" ? "bˈI" : undefined
    case "TO":
    case "to":
    case "To":
      if (word === "TO" && tag !== "TO" && tag !== "IN") return undefined
      return beforeVowelIs(vowel, [form(find(lexicon.gold, "to"), undefined) ?? "tu", "tə", "tʊ"])
    case "IN":
    case "in":
    case "In":
      if (word === "IN" && tag === "NNP") return undefined
      return vowel === undefined || tag !== "IN" ? "ˈɪn" : "ɪn"
    case "THE":
    case "the":
    case "The":
      if (word === "THE" && tag !== "DT") return undefined
      return vowel === true ? "ði" : "ðə"
    case "used":
    case "Used":
    case "USED":
      return form(
        find(lexicon.gold, "used"),
        (tag === "VBD" || tag === "JJ") && following?.to === true ? "VBD" : undefined
      )
    default:
      return tag === "IN" && /^vs\.?$/iu.test(word) ? lookup(lexicon, "versus") : undefined
  }
}
