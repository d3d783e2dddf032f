/**
 * Reads a number by the lexicon: years, ordinals, amounts of money, decimals, versions, codes.
 *
 * @since 0.1.0
 */
import * as NumberWords from "../NumberWords.ts"
import { type Lexicon, lookup } from "./Lexicon.ts"
import { addEd, addIng, addS, readS } from "./WordEndings.ts"

/**
 * The signs of money that are read with a number.
 *
 * @category models
 * @since 0.1.0
 */
export type Currency = "$" | "£" | "€"

const units: { readonly [sign in Currency]: readonly [main: string, minor: string] } = {
  $: ["dollar", "cent"],
  "£": ["pound", "pence"],
  "€": ["euro", "cent"]
}

/**
 * The plural of a currency's main unit.
 *
 * @category accessors
 * @since 0.1.0
 */
export const mainUnits = (lexicon: Lexicon, currency: Currency): string | undefined =>
  readS(lexicon, `${units[currency][0]}s`)

const endings = ["ing", "'d", "ed", "'s", "st", "nd", "rd", "th", "s"]

/**
 * Whether a word is a number, perhaps with an ending as in "1990s" or "3rd"; one that begins a token may have a minus sign.
 *
 * @category guards
 * @since 0.1.0
 */
export const isNumber = (word: string, isHead: boolean): boolean => {
  if (!/[0-9]/u.test(word)) return false
  const ending = endings.find((text) => word.endsWith(text)) ?? ""
  const rest = word.slice(0, word.length - ending.length)
  return (isHead ? /^-?[0-9.,]+$/u : /^[0-9.,]+$/u).test(rest)
}

/** The words of a number; "and" is not said. */
const say = (lexicon: Lexicon, words: string): ReadonlyArray<string | undefined> =>
  words.split(/[^a-z]+/u).flatMap((word) =>
    word === "" || word === "and" ? [] : [lookup(lexicon, word, { stress: word === "point" ? -2 : undefined })]
  )

const isOrdinal = (ending: string) => ["st", "nd", "rd", "th"].includes(ending)
/** Whether a group of digits is read one by one: "007", "4821", but not "800". */
const isSpelt = (group: string) => group.startsWith("0") || (group.length !== 2 && /[1-9]/u.test(group.slice(1)))

const money = (lexicon: Lexicon, number: string, currency: Currency): ReadonlyArray<string | undefined> => {
  const [whole = "", part = ""] = number.split(".")
  const plain = (digits: string) => digits.replace(/^0+/u, "")
  const [main, minor] = [plain(whole), plain(part)]
  const amount = (digits: string, unit: string) => [
    ...say(lexicon, NumberWords.cardinal(digits)),
    digits === "1" || unit === "pence" ? lookup(lexicon, unit) : readS(lexicon, `${unit}s`)
  ]
  const [mainUnit, minorUnit] = units[currency]
  if (minor === "") return amount(main, mainUnit)
  if (main === "") return amount(minor, minorUnit)
  return [...amount(main, mainUnit), lookup(lexicon, "and"), ...amount(minor, minorUnit)]
}

/** The digits of a code that stands within a word, such as the 264 of "H264". */
const code = (lexicon: Lexicon, digits: string): ReadonlyArray<string | undefined> => {
  if (digits.startsWith("0") || digits.length > 3) return say(lexicon, NumberWords.digits(digits))
  if (digits.length < 3 || digits.endsWith("00")) return say(lexicon, NumberWords.cardinal(digits))
  const [first = "", second = "", third = ""] = digits
  const rest = second === "0"
    ? [lookup(lexicon, "O", { stress: -2 }), ...say(lexicon, NumberWords.digits(third))]
    : say(lexicon, NumberWords.cardinal(second + third))
  return [...say(lexicon, NumberWords.digits(first)), ...rest]
}

const parts = (
  lexicon: Lexicon,
  number: string,
  ending: string,
  currency: Currency | undefined,
  isHead: boolean,
  isNegative: boolean
): ReadonlyArray<string | undefined> => {
  const isPlain = /^[0-9]+$/u.test(number)
  if (isPlain && isOrdinal(ending)) return say(lexicon, NumberWords.ordinal(number))
  if (!isNegative && isPlain && number.length === 4 && currency === undefined) {
    return say(lexicon, NumberWords.year(Number(number)))
  }
  const digits = number.replaceAll(",", "")
  const groups = digits.split(".")
  const dots = groups.length - 1
  if (!isHead && dots === 0) return code(lexicon, digits)
  if (!isHead || dots > 1) {
    return groups.filter((group) => group !== "").flatMap((group) =>
      say(lexicon, isSpelt(group) ? NumberWords.digits(group) : NumberWords.cardinal(group))
    )
  }
  if (currency !== undefined && (groups[1] ?? "").length < 3) return money(lexicon, digits, currency)
  if (dots === 0) {
    return say(lexicon, isOrdinal(ending) ? NumberWords.ordinal(digits) : NumberWords.cardinal(digits))
  }
  if (!digits.startsWith(".")) return say(lexicon, NumberWords.decimal(digits))
  return say(lexicon, `point ${NumberWords.digits(digits)}`)
}

/**
 * The phonemes of a number, given with its ending; `undefined` when nothing can be said.
 *
 * @category accessors
 * @since 0.1.0
 */
export const read = (
  lexicon: Lexicon,
  word: string,
  currency: Currency | undefined,
  isHead: boolean
): string | undefined => {
  const ending = /(?<![a-z'])[a-z']+$/u.exec(word)?.[0] ?? ""
  const isNegative = word.startsWith("-")
  const number = word.slice(0, word.length - ending.length).replace(/[^0-9.,]/gu, "")
  if (!/[0-9]/u.test(number)) return undefined
  const said = [
    ...(isNegative ? [lookup(lexicon, "minus")] : []),
    ...parts(lexicon, number, ending, currency, isHead, isNegative)
  ].filter((part) => part !== undefined && part !== "").join(" ")
  if (said === "") return undefined
  if (ending === "s" || ending === "'s") return addS(said, lexicon.british)
  if (ending === "ed" || ending === "'d") return addEd(said, lexicon.british)
  return ending === "ing" ? addIng(said, lexicon.british) : said
}
