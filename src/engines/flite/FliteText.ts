/**
 * Normalises text for flite: printable ASCII, in pieces of bounded length. Pure.
 *
 * @since 0.1.0
 */

/**
 * The most characters per request to flite, about a minute of speech.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_LENGTH = 1_000

const replacements: ReadonlyArray<readonly [RegExp, string]> = [
  [/[‘’‚‛′`´]/g, "'"],
  [/[“”„‟″«»‹›]/g, "\""],
  [/[–—―]/g, ", "],
  [/[‐‑‒−]/g, "-"],
  [/…/g, "..."],
  [/€\s?(\d+(?:[.,]\d+)?)/g, "$1 euros"],
  [/£\s?(\d+(?:[.,]\d+)?)/g, "$1 pounds"],
  [/¥\s?(\d+(?:[.,]\d+)?)/g, "$1 yen"],
  [/€/g, " euros "],
  [/£/g, " pounds "],
  [/°\s?C\b/g, " degrees Celsius "],
  [/°\s?F\b/g, " degrees Fahrenheit "],
  [/°/g, " degrees "],
  [/×/g, " times "],
  [/÷/g, " divided by "],
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

/** One line of printable ASCII, or `""` when it has nothing to pronounce. */
const toAscii = (text: string): string => {
  let out = text
  for (const [pattern, by] of replacements) out = out.replace(pattern, by)
  out = out
    .normalize("NFKD")
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
