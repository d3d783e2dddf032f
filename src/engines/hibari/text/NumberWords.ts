/**
 * Numbers as English words, the way the lexicon reads them. Numbers of more than 36 digits are read digit by digit.
 *
 * @since 0.1.0
 */

const small = [
  "zero",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
  "eleven",
  "twelve",
  "thirteen",
  "fourteen",
  "fifteen",
  "sixteen",
  "seventeen",
  "eighteen",
  "nineteen"
]
const tens = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
const scales = [
  "",
  "thousand",
  "million",
  "billion",
  "trillion",
  "quadrillion",
  "quintillion",
  "sextillion",
  "septillion",
  "octillion",
  "nonillion",
  "decillion"
]
/** The most digits that have a name. */
const MAX_DIGITS = scales.length * 3

const ordinals = new Map([
  ["one", "first"],
  ["two", "second"],
  ["three", "third"],
  ["five", "fifth"],
  ["eight", "eighth"],
  ["nine", "ninth"],
  ["twelve", "twelfth"]
])

const belowHundred = (n: number): string => {
  if (n < 20) return small[n]!
  return n % 10 === 0 ? tens[n / 10]! : `${tens[Math.floor(n / 10)]}-${small[n % 10]}`
}

const belowThousand = (n: number): string => {
  if (n < 100) return belowHundred(n)
  const hundreds = `${small[Math.floor(n / 100)]} hundred`
  return n % 100 === 0 ? hundreds : `${hundreds} and ${belowHundred(n % 100)}`
}

/**
 * Each digit's word; other characters are left out.
 *
 * @category conversions
 * @since 0.1.0
 */
export const digits = (text: string): string =>
  Array.from(text).flatMap((digit) => (/^[0-9]$/.test(digit) ? [small[Number(digit)]!] : [])).join(" ")

/**
 * A cardinal number, given as digits 0 to 9, a minus sign before them perhaps; no digits are zero.
 *
 * @category conversions
 * @since 0.1.0
 */
export const cardinal = (number: string | number): string => {
  const text = String(number)
  if (text.startsWith("-")) return `minus ${cardinal(text.slice(1))}`
  const plain = text.replace(/[^0-9]/gu, "").replace(/^0+/u, "")
  if (plain === "") return "zero"
  if (plain.length > MAX_DIGITS) return digits(plain)
  const groups: Array<string> = []
  const count = Math.ceil(plain.length / 3)
  for (let i = 0; i < count; i++) {
    const scale = count - 1 - i
    const group = Number(plain.slice(Math.max(0, plain.length - 3 * (scale + 1)), plain.length - 3 * scale))
    if (group > 0) groups.push(scale === 0 ? belowThousand(group) : `${belowThousand(group)} ${scales[scale]}`)
  }
  const last = groups.at(-1)!
  if (groups.length < 2 || last.includes(" ")) return groups.join(", ")
  return `${groups.slice(0, -1).join(", ")} and ${last}`
}

/**
 * An ordinal number, given as digits.
 *
 * @category conversions
 * @since 0.1.0
 */
export const ordinal = (number: string | number): string => {
  const words = cardinal(number)
  const at = Math.max(words.lastIndexOf(" "), words.lastIndexOf("-")) + 1
  const last = words.slice(at)
  return words.slice(0, at) + (ordinals.get(last) ?? (last.endsWith("y") ? `${last.slice(0, -1)}ieth` : `${last}th`))
}

/**
 * A number as a year.
 *
 * @category conversions
 * @since 0.1.0
 */
export const year = (number: number): string => {
  const high = Math.floor(number / 100)
  const low = number % 100
  if (high === 0 || (high % 10 === 0 && low < 10) || high >= 100) return cardinal(number)
  return `${cardinal(high)} ${low === 0 ? "hundred" : low < 10 ? `oh-${cardinal(low)}` : cardinal(low)}`
}

/**
 * A number with a decimal point, without the zeros at its end.
 *
 * @category conversions
 * @since 0.1.0
 */
export const decimal = (number: string): string => {
  const [whole = "", fraction = ""] = number.split(".")
  let end = fraction.length
  while (fraction.endsWith("0", end)) end--
  const places = digits(fraction.slice(0, end))
  return cardinal(whole) + (places === "" ? "" : ` point ${places}`)
}
