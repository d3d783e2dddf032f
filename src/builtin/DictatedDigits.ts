/**
 * Digits that a user dictates: a telephone number, a code, an account. Pure.
 *
 * @since 0.1.0
 */

const words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

const values = new Map([...words.map((word, digit) => [word, String(digit)] as const), ["oh", "0"], ["o", "0"]])

/** Fewer are a number or a date rather than a series of digits. */
const MIN_DIGITS = 5
const MAX_DIGITS = 40

/** The digits of a word of a transcript, however a recogniser writes them; `undefined` for any other word. */
const digitsOf = (word: string): string | undefined => values.get(word) ?? (/^\d+$/.test(word) ? word : undefined)

/**
 * The digits at the end of a transcript, such as `"4155550123"` of `"My number is 415. Five, five, five, 0123."`; `undefined`
 * where there are fewer than 5 or more than 40.
 *
 * @category accessors
 * @since 0.1.0
 */
export const atEnd = (transcript: string): string | undefined => {
  const found = transcript.toLowerCase().split(/[^\p{L}\p{N}']+/u).filter((word) => word !== "").map(digitsOf)
  const digits = found.slice(found.lastIndexOf(undefined) + 1).join("")
  return digits.length >= MIN_DIGITS && digits.length <= MAX_DIGITS ? digits : undefined
}

/**
 * Digits in words, as people say them: in threes, and four at the end rather than one alone.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toWords = (digits: string): string => {
  const groups: Array<string> = []
  for (let at = 0; at < digits.length;) {
    const left = digits.length - at
    const size = left === 4 ? 4 : 3
    groups.push(digits.slice(at, at + size))
    at += size
  }
  return groups.map((group) => Array.from(group, (digit) => words[Number(digit)]).join(" ")).join(", ")
}
