/**
 * The classes of characters that the rules of the voice speak of, by Unicode code point. JavaScript's own `\b`, `\w`, `\d`
 * and `\s` mean other characters, and are not used.
 *
 * The constants are for the inside of a character class, in patterns with the flag `u`.
 *
 * @since 0.1.0
 */

/** Decimal digits of any script. */
export const D = "\\p{Nd}"
/** Letters, and signs that stand for letters or numbers: superscripts, fractions, Roman numeral characters. */
export const LET = "\\p{L}\\p{Nl}\\p{No}"
/** Characters of words. Combining marks are none. */
export const W = "\\p{L}\\p{N}_"
/** White space. */
export const WS = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"
/** Lower-case letters of Latin-1. */
export const LOWER = "a-zß-öø-ÿ"
/** Upper-case letters of Latin-1. */
export const UPPER = "A-ZÀ-ÖØ-Þ"

/** A boundary between a character of a word and another character, or an end. */
export const BOUNDARY = `(?:(?<=[${W}])(?![${W}])|(?<![${W}])(?=[${W}]))`

/** Digits that are not decimal numbers (superscripts, circled ones): first, last, value of the first. */
const otherDigits: ReadonlyArray<readonly [first: number, last: number, value: number]> = [
  [0xb2, 0xb3, 2],
  [0xb9, 0xb9, 1],
  [0x1369, 0x1371, 1],
  [0x19da, 0x19da, 1],
  [0x2070, 0x2070, 0],
  [0x2074, 0x2079, 4],
  [0x2080, 0x2089, 0],
  [0x2460, 0x2468, 1],
  [0x2474, 0x247c, 1],
  [0x2488, 0x2490, 1],
  [0x24ea, 0x24ea, 0],
  [0x24f5, 0x24fd, 1],
  [0x24ff, 0x24ff, 0],
  [0x2776, 0x277e, 1],
  [0x2780, 0x2788, 1],
  [0x278a, 0x2792, 1],
  [0x10a40, 0x10a43, 1],
  [0x10e60, 0x10e68, 1],
  [0x11052, 0x1105a, 1],
  [0x1f100, 0x1f100, 0],
  [0x1f101, 0x1f10a, 0]
]

const hex = (code: number) => `\\u{${code.toString(16)}}`

/** Decimal digits, and other digits such as superscripts. */
export const DIGITLIKE = D + otherDigits.map(([first, last]) => `${hex(first)}-${hex(last)}`).join("")

const decimal = /^\p{Nd}$/u

/** The value of a decimal digit. Sets of ten stand in order of value; where several are side by side, the first begins with 0. */
const decimalValue = (code: number): number => {
  let first = code
  while (decimal.test(String.fromCodePoint(first - 1))) first--
  return (code - first) % 10
}

const digitValue = (digit: string): string => {
  const code = digit.codePointAt(0) ?? 0
  for (const [first, last, value] of otherDigits) if (code >= first && code <= last) return String(value + code - first)
  return String(decimalValue(code))
}

const foreignDecimals = /(?![0-9])\p{Nd}/gu
const foreignDigits = new RegExp(`(?![0-9])[${DIGITLIKE}]`, "gu")

/**
 * The text with decimal digits of other scripts as 0 to 9.
 *
 * @category conversions
 * @since 0.1.0
 */
export const asciiDecimals = (text: string): string => text.replace(foreignDecimals, digitValue)

/**
 * The text with all digits as 0 to 9, superscripts and the like included.
 *
 * @category conversions
 * @since 0.1.0
 */
export const asciiDigits = (text: string): string => text.replace(foreignDigits, digitValue)

const all = (chars: string) => new RegExp(`^[${chars}]+$`, "u")
const allLetters = all("\\p{L}")
const allDigits = all(DIGITLIKE)
const digitFirst = new RegExp(`^[${DIGITLIKE}]`, "u")

/**
 * Whether all characters are letters, and there is one.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAlpha = (text: string): boolean => allLetters.test(text)

/**
 * Whether all characters are digits, superscripts and the like included, and there is one.
 *
 * @category guards
 * @since 0.1.0
 */
export const isDigits = (text: string): boolean => allDigits.test(text)

/**
 * Whether the first character is a digit, superscripts and the like included.
 *
 * @category guards
 * @since 0.1.0
 */
export const startsWithDigit = (text: string): boolean => digitFirst.test(text)

/**
 * Whether there are letters with case, and all of them are lower case.
 *
 * @category guards
 * @since 0.1.0
 */
export const isLower = (text: string): boolean => /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text)

/**
 * Whether there are letters with case, and all of them are upper case.
 *
 * @category guards
 * @since 0.1.0
 */
export const isUpper = (text: string): boolean => /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text)

/**
 * The first character as capital, the others in lower case.
 *
 * @category conversions
 * @since 0.1.0
 */
export const capitalised = (text: string): string => {
  const [first = ""] = text
  return first.toUpperCase() + text.slice(first.length).toLowerCase()
}

/**
 * The last characters (code points) of a text.
 *
 * @category conversions
 * @since 0.1.0
 */
export const lastCharacters = (text: string, count: number): string => {
  let at = text.length
  for (let i = 0; i < count && at > 0; i++) at -= isPairAt(text, at - 2) ? 2 : 1
  return text.slice(at)
}

/**
 * Whether a surrogate pair begins at an offset, which must not be divided.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPairAt = (text: string, offset: number): boolean => (text.codePointAt(offset) ?? 0) > 0xffff

/**
 * Pattern text that matches one of these, tried in order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const anyOf = (texts: Iterable<string>): string =>
  Array.from(texts, (text) => text.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&")).join("|")

/**
 * The texts with the longest first; those of the same length stay in order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const longestFirst = (texts: Iterable<string>): ReadonlyArray<string> =>
  [...texts].sort((a, b) => b.length - a.length)
