/**
 * Markup inside a single word of Markdown. Pure.
 *
 * @since 0.1.0
 */
import type { SpokenWords } from "../language/TextLanguage.ts"

/**
 * Whether a word contains a URL or an e-mail address, in which `*` and `_` are no markup.
 *
 * @category guards
 * @since 0.1.0
 */
export const containsAddress = (word: string): boolean => /:\/\/|www\.|\w@\w/iu.test(word)

/**
 * Removes `*`, `_` and `~~` from a word. "3*4" becomes a product and "snake_case" two words; of an address, only the marks around
 * it are removed, and the ">" of "<https://x.org>".
 *
 * @category conversions
 * @since 0.1.0
 */
export const withoutEmphasis = (word: string, isAddress: boolean, words: Partial<SpokenWords>): string => {
  if (!/[*_~>]/u.test(word)) return word
  if (isAddress) {
    return word.replace(/>(?=[.,;:!?)"']*$)/u, "").replace(/^[*_~]+/u, "").replace(/[*_~]+(?=[^\p{L}\p{N}/*_~]*$)/u, "")
  }
  return word.replace(/\*+|_+|~~+/gu, (run, at: number) => {
    const before = word.charAt(at - 1)
    const after = word.charAt(at + run.length)
    if (run === "*" && /\d/u.test(before) && /\d/u.test(after)) {
      return words.times === undefined
        ? run
        : ` ${words.times} `
    }
    return run.startsWith("_") && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after) ? " " : ""
  })
}

/**
 * Converts a word of code to spoken words: "getUserName()" to "get User Name", "a.b" to "a dot b".
 *
 * @category conversions
 * @since 0.1.0
 */
export const codeWords = (word: string, words: Partial<SpokenWords>): string => {
  // a sign that is quoted, such as a key of a telephone
  if (/^(?:[*#&@%^|~_+=]|[<>!]=|\*\d+|[*#\d]+#)$/u.test(word)) return word
  if (words.dot === undefined) return word
  return word
    .replace(/(\p{Ll}|\d)(?=\p{Lu})/gu, "$1 ")
    .replace(/\.(?=[\p{L}_])/gu, ` ${words.dot} `)
    .replace(/\//gu, ` ${words.slash} `)
    .replace(/=+(?!>)/gu, ` ${words.equals} `)
    .replace(/\++/gu, ` ${words.plus} `)
    .replace(/@/gu, ` ${words.at} `)
    .replace(/(^|\s)-+(?=\p{L})/gu, "$1")
    .replace(/[_(){}[\];<>|&*^~"\\$!=]+|:(?=.)/gu, " ")
}

const namedEntities: { readonly [name: string]: string } = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: "\"",
  apos: "'",
  nbsp: " ",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
  euro: "€",
  pound: "£",
  yen: "¥",
  cent: "¢",
  deg: "°",
  times: "×",
  divide: "÷",
  plusmn: "±",
  frac12: "½",
  rarr: "→",
  larr: "←",
  copy: "©",
  reg: "®",
  trade: "™",
  ne: "≠",
  le: "≤",
  ge: "≥",
  minus: "−",
  sup2: "²",
  sup3: "³",
  micro: "µ",
  permil: "‰",
  sect: "§",
  infin: "∞",
  radic: "√",
  harr: "↔",
  bull: "",
  middot: " ",
  shy: ""
}

const character = (code: number): string =>
  code < 32 ? " " : code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? "" : String.fromCodePoint(code)

/**
 * Decodes the HTML entities in a word; unknown ones stay.
 *
 * @category conversions
 * @since 0.1.0
 */
export const decodeEntities = (word: string): string =>
  word.includes("&")
    ? word.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{2,8}));/giu, (entity, decimal, hex, name) =>
      decimal !== undefined
        ? character(Number(decimal))
        : hex !== undefined
        ? character(parseInt(hex, 16))
        : Object.hasOwn(namedEntities, name)
        ? namedEntities[name] ?? entity
        : entity)
    : word
