/**
 * Normalises text for flite: printable ASCII, in pieces of bounded length. Pure.
 *
 * The text of a session comes here with its signs and numbers as words already. What is left, of a text in another language or
 * of a program's own, is said in English.
 *
 * @since 0.1.0
 */
import { english } from "../../text/language/English.ts"
import { expandNumbers } from "../../text/language/ExpandNumbers.ts"
import { sayWord } from "../../text/signs/SpokenSymbols.ts"
import * as TextWords from "../../text/TextWords.ts"

/**
 * The most characters per request to flite, about a minute of speech.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_LENGTH = 1_000

const replacements: ReadonlyArray<readonly [RegExp, string]> = [
  [/[‘’‚‛`´]/g, "'"],
  [/[“”„‟«»‹›]/g, "\""],
  [/[–—―]/g, ", "],
  [/[‐‑‒−]/g, "-"],
  [/…/g, "..."],
  [/€/g, " euros "],
  [/£/g, " pounds "],
  [/¥/g, " yen "],
  [/₹/g, " rupees "],
  [/₩/g, " won "],
  [/₽/g, " rubles "],
  [/₺/g, " lira "],
  [/₪/g, " shekels "],
  [/₫/g, " dong "],
  [/₦/g, " naira "],
  [/₴/g, " hryvnias "],
  [/฿/g, " baht "],
  [/₿/g, " bitcoins "],
  [/¢/g, " cents "],
  // "Node.js"
  [/(?<=[A-Za-z\d])\.(?=[a-z]{2,5}(?![A-Za-z.]))/g, " dot "],
  [/½/g, " a half "],
  [/¼/g, " a quarter "],
  [/¾/g, " three quarters "],
  [/ß/g, "ss"],
  [/[æÆ]/g, "ae"],
  [/[œŒ]/g, "oe"],
  [/[øØ]/g, "o"],
  [/[łŁ]/g, "l"],
  [/[đĐðÐ]/g, "d"],
  [/[þÞ]/g, "th"],
  [/ı/g, "i"]
]

const saySigns = sayWord(TextWords.make("en"))
const ascii = /^[\x20-\x7e]*$/
/** What is joined with a currency sign: the number on either side of it, and "million" or the like after it. */
const money =
  /[€£¥₹₩₽₺₪₫₦₴฿₿]\s?\d[\d.,]*(?:\s?(?:million|billion|trillion|thousand)\b|(?:k|m|mn|bn|tn)\b)?|\d[\d.,]*\s?[€£¥₹₩₽₺₪₫₦₴฿₿¢]/giu
const plainAmount = /^([€£¥])\s?(\d{1,3})$/u
const plainNames: { readonly [sign: string]: string } = { "€": "euros", "£": "pounds", "¥": "yen" }

/** Signs and amounts of money as words. */
const withWords = (text: string): string => {
  if (ascii.test(text)) return text
  const paid = text.replace(money, (amount) => {
    // a full stop or comma after the amount is not part of it
    const end = /[.,]*$/u.exec(amount)?.[0] ?? ""
    const whole = amount.slice(0, amount.length - end.length)
    const [, sign = "", number] = plainAmount.exec(whole) ?? []
    const isPlain = number !== undefined && number !== "1"
    return (isPlain ? `${number} ${plainNames[sign]}` : expandNumbers(whole, english).text) + end
  })
  let before = ""
  return paid.replace(/\S+/gu, (word) => {
    const said = ascii.test(word) ? word : saySigns(word, before)
    before = word
    return said
  })
}

/** One line of printable ASCII, or `""` when it has nothing to pronounce. */
const toAscii = (text: string): string => {
  let out = withWords(text)
  for (const [pattern, by] of replacements) out = out.replace(pattern, by)
  out = out
    .normalize("NFKD")
    // a stroke through a sign turns it into its opposite
    .replace(/(\S)\u0338/g, " not $1 ")
    .replace(/\p{M}+/gu, "")
    .replace(/[^\x20-\x7e]+/g, " ")
    // Markdown's signs would be read aloud.
    .replace(/[*_~^|<>[\]{}\\]+/g, " ")
    .replace(/\s+/g, " ")
    .trim()
  return /[A-Za-z0-9]|[%&@#$+=]/.test(out) ? out : ""
}

/** Where to split a text that is too long: after a sentence, else a clause, else a word, else anywhere. */
const splitAt = (text: string): number => {
  const head = text.slice(0, MAX_LENGTH)
  for (const pattern of [/[.!?]["')]*\s/g, /[,;:]\s/g, /\s/g]) {
    let last = 0
    for (const match of head.matchAll(pattern)) last = match.index + match[0].length
    if (last > MAX_LENGTH / 4) return last
  }
  return MAX_LENGTH
}

/**
 * Splits a text into pieces of at most `MAX_LENGTH` characters; none when nothing can be pronounced (spaces, emoji,
 * punctuation).
 *
 * Accents are removed, typographic signs and some symbols are spelt out, letters of other scripts are removed.
 *
 * @category conversions
 * @since 0.1.0
 */
export const pieces = (text: string): ReadonlyArray<string> => {
  const out: Array<string> = []
  let rest = toAscii(text)
  while (rest.length > MAX_LENGTH) {
    const at = splitAt(rest)
    out.push(rest.slice(0, at).trim())
    rest = rest.slice(at).trim()
  }
  out.push(rest)
  return out.filter((piece) => /[A-Za-z0-9%&@#$+=]/.test(piece))
}
