/**
 * The normaliser's rules of Roman numerals, telephone numbers, fractions, ranges and signs before numbers.
 *
 * @since 0.1.0
 */
import { anyOf, BOUNDARY as B, W } from "../CharacterClasses.ts"
import * as NumberWords from "../NumberWords.ts"
import { dayOfMonth } from "./DateRules.ts"
import { type NormaliseRule, type NormaliseTables, rule } from "./NormaliseRule.ts"

/** A Roman numeral of at least one character, not "D" or "M" first, and no initial or possessive after it. */
const ROMAN =
  `((?=[IVXLC])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))(?<=[MDCLXVI])${B}(?![.'’][${W}])`

const romanValues = new Map([["I", 1], ["V", 5], ["X", 10], ["L", 50], ["C", 100], ["D", 500], ["M", 1_000]])

const valueOf = (roman: string): number => {
  const values = Array.from(roman, (sign) => romanValues.get(sign) ?? 0)
  return values.reduce((sum, value, i) => sum + (value < (values[i + 1] ?? 0) ? -value : value), 0)
}

const fractionUnits = ["third", "quarter", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]

const fraction = (tables: NormaliseTables, first: string, second: string): string => {
  const [a, b] = [Number(first), Number(second)]
  if (a > 0 && a < b && b <= 10) return b === 2 ? "one half" : `${first} ${fractionUnits[b - 3]}${a === 1 ? "" : "s"}`
  return (a > 0 && a <= 12 ? dayOfMonth(tables, a, b) : undefined) ?? `${first} slash ${second}`
}

/** A full stop may follow, at the end of a sentence, but none within a number or word. */
const END = `(?!\\.[${W}])`

/**
 * "World War II", "Henry VIII", "555-0142", "3/4", "3-7", "+44".
 *
 * @category constructors
 * @since 0.1.0
 */
export const rules = (tables: NormaliseTables): ReadonlyArray<NormaliseRule> => [
  rule(`${B}(Nos?)\\. ?(?=[0-9])`, ([, word]) => (word === "No" ? "Number " : "Numbers ")),
  rule(`(?<![${W}&])#(?=[0-9])`, () => "number "),
  rule(`${B}(${anyOf(tables.romanCardinal)}) ${ROMAN}`, ([, word, roman = ""]) => `${word} ${valueOf(roman)}`),
  rule(
    `${B}(${anyOf(tables.romanOrdinal)}) ${ROMAN}`,
    ([, name, roman = ""]) => `${name} the ${NumberWords.ordinal(valueOf(roman))}`
  ),
  rule(
    `(?<![${W}.-])(?:[0-9]{3}-)?[0-9]{3}-[0-9]{4}(?![${W}-])${END}`,
    ([number]) => number.split("-").map((part) => Array.from(part).join(" ")).join(", ")
  ),
  rule(
    `(?<![${W}./])([0-9]{1,2})/([0-9]{1,2})(?![${W}/])${END}`,
    ([, first = "", second = ""]) => fraction(tables, first, second)
  ),
  rule(`(?<![${W}.-])([0-9]{1,4}) ?[-–] ?([0-9]{1,4})(?![${W}.%-])`, ([, from, to]) => `${from} to ${to}`),
  rule(`(?<![${W}+])\\+(?=[0-9])`, () => "plus ")
]
