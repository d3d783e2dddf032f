/**
 * Numbers as they are written in figures, and how they are said. Pure.
 *
 * @since 0.1.0
 */
import type { CountedNoun, Gender, NumberFormat, TextLanguage } from "./TextLanguage.ts"

/**
 * A number in figures: its digits before and after the decimal mark.
 *
 * @category models
 * @since 0.1.0
 */
export interface WrittenNumber {
  readonly integer: string
  readonly fraction: string
}

/**
 * A space inside a number or an amount, as a class of a regular expression.
 *
 * @category constants
 * @since 0.1.0
 */
export const SPACE = "[ \\u00a0\\u202f\\u2009]"

/** Longer numbers are read digit by digit. */
const MAX_DIGITS = 15

/**
 * Makes the pattern of a number without a sign: groups and decimals as the language writes them, and those of other languages
 * where they cannot be mistaken. It matches at most about 40 characters.
 *
 * @category constructors
 * @since 0.1.0
 */
export const numberPattern = (format: NumberFormat): string => {
  const group = `[${format.group}]`
  const decimal = `[${format.decimal}]`
  const first = "[1-9]\\d{0,2}"
  const choices = [
    `${first}(?:${group}\\d{3}){1,5}(?:${decimal}\\d{1,12})?`,
    // as in India: 1,23,45,678
    "\\d{1,2}(?:,\\d{2}){1,5},\\d{3}(?:\\.\\d{1,4})?",
    `${first}(?:${decimal}\\d{3}){1,5}${group}\\d{1,2}`,
    `${first}(?:${decimal}\\d{3}){2,5}`,
    `${first}(?:[\\u00a0\\u202f\\u2009'’]\\d{3}){1,5}(?:[.,]\\d{1,12})?`,
    `${first}(?: \\d{3}){${format.spaceGroups ? 1 : 2},5}(?:[.,]\\d{1,12})?`,
    `\\d{1,${MAX_DIGITS}}${decimal}\\d{1,12}`,
    // "1,5 %" is nothing else
    ...(format.group === "," ? [`\\d{1,${MAX_DIGITS}},\\d{1,2}(?=${SPACE}?(?:[%‰°]|percent|per cent|degree))`] : []),
    ...(format.group === "." ? [`\\d{1,${MAX_DIGITS}}\\.(?:\\d{1,2}|\\d{4,12})`] : []),
    `\\d{1,${MAX_DIGITS}}`
  ]
  return `(?:${choices.join("|")})(?!\\d)`
}

/**
 * Reads what `numberPattern` matched.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parseNumber = (text: string, format: NumberFormat): WrittenNumber => {
  const bare = text.replace(/[^\d.,]/gu, "")
  const last = Math.max(bare.lastIndexOf("."), bare.lastIndexOf(","))
  if (last === -1) return { integer: bare, fraction: "" }
  const mark = bare.charAt(last)
  const count = bare.split(mark).length - 1
  const isGroup = count > 1 || (
    bare.length === text.length && mark === format.group && bare.length - last === 4 && last <= 3 &&
    bare.charAt(0) !== "0" &&
    !bare.slice(0, last).includes(format.decimal)
  )
  return isGroup
    ? { integer: bare.replace(/[.,]/gu, ""), fraction: "" }
    : { integer: bare.slice(0, last).replace(/[.,]/gu, ""), fraction: bare.slice(last + 1) }
}

/**
 * The value, as exact as a `number` can be.
 *
 * @category accessors
 * @since 0.1.0
 */
export const valueOf = (number: WrittenNumber): number => Number(`${number.integer || "0"}.${number.fraction || "0"}`)

/**
 * Says digits one by one.
 *
 * @category conversions
 * @since 0.1.0
 */
export const sayDigits = (digits: string, language: TextLanguage): string =>
  Array.from(digits, (digit) => language.numbers.digits[Number(digit)] ?? "").join(" ")

/**
 * Says a long row of digits in groups of four, or of three, with pauses between.
 *
 * @category conversions
 * @since 0.1.0
 */
export const sayDigitGroups = (digits: string, language: TextLanguage): string => {
  if (digits.length <= 5) return sayDigits(digits, language)
  const size = digits.length % 4 === 0 || digits.length > 12 ? 4 : 3
  const groups = digits.match(new RegExp(`\\d{1,${size}}`, "gu")) ?? []
  // no group of one
  const last = groups.at(-1)
  if (last?.length === 1) groups.splice(-2, 2, `${groups.at(-2) ?? ""}${last}`)
  return groups.map((group) => sayDigits(group, language)).join(", ")
}

/**
 * Says a whole number; digit by digit if it begins with a zero or is longer than 15 digits.
 *
 * @category conversions
 * @since 0.1.0
 */
export const sayInteger = (digits: string, language: TextLanguage, gender?: Gender): string =>
  digits.length > MAX_DIGITS || (digits.length > 1 && digits.startsWith("0"))
    ? sayDigitGroups(digits, language)
    : language.numbers.cardinal(Number(digits), gender)

const sayFraction = (digits: string, language: TextLanguage): string => {
  if (!language.numbers.decimalsAsNumber || digits.length > 3) return sayDigits(digits, language)
  const zeros = /^0*/u.exec(digits)?.[0].length ?? 0
  const rest = digits.slice(zeros)
  return [
    ...(zeros > 0 ? [sayDigits(digits.slice(0, zeros), language)] : []),
    ...(rest === "" ? [] : [language.numbers.cardinal(Number(rest))])
  ].join(" ")
}

/**
 * Says a number. The gender is that of the noun after it, with which only a whole number agrees.
 *
 * @category conversions
 * @since 0.1.0
 */
export const sayNumber = (number: WrittenNumber, language: TextLanguage, gender?: Gender): string =>
  number.fraction === ""
    ? sayInteger(number.integer, language, gender)
    : `${sayInteger(number.integer, language)} ${language.numbers.decimalPoint} ${
      sayFraction(number.fraction, language)
    }`

/**
 * Says a number and the noun that it counts.
 *
 * @category conversions
 * @since 0.1.0
 */
export const sayCounted = (number: WrittenNumber, noun: CountedNoun, language: TextLanguage): string => {
  const { elide, isPlural } = language.numbers
  const said = `${sayNumber(number, language, noun.gender)} ${isPlural(valueOf(number)) ? noun.many : noun.one}`
  return elide === undefined ? said : elide(said)
}

/**
 * Says a whole number and the noun that it counts.
 *
 * @category conversions
 * @since 0.1.0
 */
export const sayCount = (value: number, noun: CountedNoun, language: TextLanguage): string =>
  sayCounted({ integer: String(value), fraction: "" }, noun, language)

/**
 * What an amount is for, as an optional part of a pattern: "€5/month", "3 kg/m²".
 *
 * @category constants
 * @since 0.1.0
 */
export const PER = "(?:/(\\p{L}[\\p{L}²³]{0,11}))?"

/**
 * Says what `PER` matched.
 *
 * @category conversions
 * @since 0.1.0
 */
export const sayPer = (per: string | undefined, language: TextLanguage): string =>
  per === undefined || per === ""
    ? ""
    : ` ${language.words.per} ${Object.hasOwn(language.units, per) ? language.units[per]?.one ?? per : per}`
