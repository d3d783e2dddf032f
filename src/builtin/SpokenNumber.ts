/**
 * Numbers in words: `"twenty one"` to 21 and back. Pure.
 *
 * @since 0.1.0
 */

const units = [
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

/**
 * A whole number from 0 to 100 in words; others in digits.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toWords = (value: number): string => {
  if (!Number.isInteger(value) || value < 0 || value > 100) return String(value)
  if (value === 100) return "one hundred"
  const unit = units[value]
  if (unit !== undefined) return unit
  const ten = tens[Math.floor(value / 10)]!
  return value % 10 === 0 ? ten : `${ten} ${units[value % 10]}`
}

const values = new Map<string, number>([
  ...units.map((word, value) => [word, value] as const),
  ...tens.slice(2).map((word, i) => [word, (i + 2) * 10] as const),
  ["a", 1],
  ["oh", 0]
])

/**
 * Reads a number: digits (`"12"`, `"3.5"`, `"1,000"`) or words up to the thousands (`"two hundred and five"`,
 * `"minus seven"`). `undefined` when the text is not a number.
 *
 * @category conversions
 * @since 0.1.0
 */
export const parse = (text: string): number | undefined => {
  const trimmed = text.trim()
  const negative = /^(minus|negative|-)\s*/.exec(trimmed)
  if (negative !== null) {
    const value = parse(trimmed.slice(negative[0].length))
    return value === undefined ? undefined : -value
  }
  if (/^\d{1,3}(,\d{3})+$|^\d{1,12}(\.\d{1,6})?$/.test(trimmed)) return Number(trimmed.replaceAll(",", ""))
  const words = trimmed.split(/[\s-]+/).filter((word) => word !== "and" && word !== "")
  if (words.length === 0 || words.length > 8 || (words.length === 1 && (words[0] === "a" || words[0] === "oh"))) {
    return undefined
  }
  let total = 0
  let group = 0
  for (const word of words) {
    if (word === "hundred") group = (group === 0 ? 1 : group) * 100
    else if (word === "thousand") {
      total += (group === 0 ? 1 : group) * 1000
      group = 0
    } else {
      const value = values.get(word) ?? (/^\d{1,6}$/.test(word) ? Number(word) : undefined)
      if (value === undefined) return undefined
      group += value
    }
  }
  return total + group
}
