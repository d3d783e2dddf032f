/**
 * The signs between two numbers: ranges, sums, products, comparisons. Pure.
 *
 * @since 0.1.0
 */
import type { Reading } from "./NumberRule.ts"
import type { SpokenWords, TextLanguage } from "./TextLanguage.ts"

interface Placed extends Reading {
  readonly start: number
  readonly end: number
}

const signs: Readonly<Record<string, keyof SpokenWords>> = {
  "+": "plus",
  "−": "minus",
  "±": "plusOrMinus",
  "*": "times",
  "·": "times",
  "⋅": "times",
  "÷": "dividedBy",
  "=": "equals",
  "≠": "notEqual",
  "≈": "approximatelyEqual",
  "<": "lessThan",
  ">": "moreThan",
  "≤": "atMost",
  "≥": "atLeast",
  "/": "slash",
  "^": "toThePowerOf",
  "_": "underscore"
}

const hasEquals = (text: string, words: SpokenWords): boolean =>
  text.includes("=") || text.includes(` ${words.equals} `)

/** "6 × 10^23" */
const isPower = (text: string): boolean => /^10[\^⁻⁰¹²³⁴-⁹]/u.test(text)

/** How far a sign of equality is searched, in characters. */
const NEAR = 24

/**
 * Returns what is said for the text between two numbers, with the spaces around it; `undefined` to leave that text as it is.
 *
 * @category conversions
 * @since 0.1.0
 */
export const joinWords = (
  gap: string,
  last: Placed,
  next: Placed,
  text: string,
  language: TextLanguage
): string | undefined => {
  if (gap.length > 5) return undefined
  if (gap === "") return " "
  const sign = gap.trim()
  const { words } = language
  const nearEquals = hasEquals(text.slice(Math.max(0, last.start - NEAR), next.end + NEAR), words)
  if (/^[–—‒]$/u.test(sign)) return last.isFinal === true ? ", " : ` ${words.to} `
  if (sign === "-") {
    if (nearEquals) return ` ${words.minus} `
    if (last.isFinal === true || next.isFinal === true) return gap === "-" ? " " : undefined
    // "50-50"
    if (gap === "-" && last.value !== undefined && last.value === next.value) return " "
    const rises = last.value === undefined || next.value === undefined || last.value < next.value ||
      (last.isYear === true && next.value < 100)
    return rises ? ` ${words.to} ` : gap === "-" ? ` ${words.ratio} ` : undefined
  }
  // part of a code: "7Q4X9"
  if (/^[xX]$/u.test(gap) && /\p{L}/u.test(text.charAt(last.start - 1))) return undefined
  if (/^[xX×✕]$/u.test(sign)) {
    return ` ${nearEquals || isPower(text.slice(next.start, next.start + 3)) ? words.times : words.by} `
  }
  if (sign === "/" && last.isQuantity === true) {
    // "5 l/100 km" and "24h/24", but "72 °F/22 °C"
    if (text.slice(Math.max(0, last.end - 3), last.end).includes("°")) return ` ${words.slash} `
    // "$5/$10"
    if (!/\d/u.test(text.charAt(next.start))) return ` ${words.slash} `
    return ` ${next.isQuantity === true ? words.per : words.outOf} `
  }
  if (sign === ".") return gap === "." ? ` ${words.dot} ` : undefined
  if (sign === "," || sign === ":") return gap.length === 1 ? ", " : undefined
  const word = signs[sign]
  return word === undefined ? undefined : ` ${words[word]} `
}
