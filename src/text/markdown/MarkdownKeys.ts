/**
 * The keys "*" and "#" of a telephone, in Markdown: "Press * or #", "dial *9", "**31#". They look like emphasis. Pure.
 *
 * @since 0.1.0
 */
import { isKeyVerb } from "../signs/SpokenSigns.ts"

/** "Wählen Sie bitte *9": how many words before a key may speak of keys. */
const MAX_SINCE_VERB = 2
/** "*1 or #2": how many words may stand between two keys. */
const MAX_SINCE_KEY = 2
/** How far the end of an emphasis that begins with a number is searched, in characters. */
const MAX_EMPHASIS = 80

const star = /^["'“‘(]*\*["'”’).,;:!?]*$/u
const keys = /^["'“‘(]*(?:\*{1,2}[\d*#]*\d[\d*#]*|[\d*#]*#)["'”’).,;:!?]*$/u
const oneStar = /^["'“‘(]*\*\d{1,6}["'”’).,;:!?]*$/u
const hashBefore = /^["'“‘(]*#\d{1,4}["'”’).,;:!?]*$/u
const factor = /^(?:\p{L}|.*\d\)?)$/u
const starBefore = /^[^*]*\*{1,2}[^*]*$/u

/**
 * What a word is: a product ("3 * 4"), keys, or anything else; `more`: more text is needed.
 *
 * @category models
 * @since 0.1.0
 */
export type KeyWord = "product" | "keys" | "other" | "more"

/**
 * @category models
 * @since 0.1.0
 */
export class MarkdownKeys {
  /** A key has been named on this line. */
  #named = false
  /** How many words ago keys were spoken of, on this line. */
  #sinceVerb = Number.POSITIVE_INFINITY
  /** The last word is a number or a single letter. */
  #isFactor = false
  /** How many words ago a key was named, on this line. */
  #sinceKey = Number.POSITIVE_INFINITY

  /** Another line begins. */
  newLine(): void {
    this.#named = false
    this.#isFactor = false
    this.#sinceKey = Number.POSITIVE_INFINITY
    this.#sinceVerb = Number.POSITIVE_INFINITY
  }

  /** A word has been read. */
  said(word: string): void {
    this.#isFactor = factor.test(word)
    this.#sinceKey++
    this.#sinceVerb = isKeyVerb(word) ? 0 : this.#sinceVerb + 1
  }

  /** Looks at a word that ends at `end`; `last`: the last character before it. */
  look(word: string, text: string, end: number, final: boolean, last: string): KeyWord {
    if (!/[*#]/u.test(word)) return "other"
    if (star.test(word)) {
      const next = /^\s*(\S\S?)/u.exec(text.slice(end, end + 8))?.[1]
      if ((next === undefined || /^\p{L}$/u.test(next)) && !final && end + 8 > text.length) return "more"
      if (next !== undefined && /^[\d(]/u.test(next) && (this.#isFactor || /\d/u.test(last))) return "product"
      if (next !== undefined && /^\p{L}(?!\p{L})/u.test(next) && this.#isFactor) return "product"
      return this.#keys()
    }
    // "Press *1 or #2"
    if (this.#sinceKey <= MAX_SINCE_KEY && hashBefore.test(word)) return this.#keys()
    if (!keys.test(word)) return "other"
    if (/\*.*#/u.test(word) || (starBefore.test(word) && (this.#named || this.#sinceVerb <= MAX_SINCE_VERB))) {
      return this.#keys()
    }
    if (!oneStar.test(word)) return "other"
    // "*9 lives*"
    const rest = text.slice(end, end + MAX_EMPHASIS)
    const line = /^[^\n]*/u.exec(rest)?.[0] ?? ""
    if (line.includes("*")) return "other"
    return line.length === rest.length && rest.length < MAX_EMPHASIS && !final ? "more" : this.#keys()
  }

  #keys(): KeyWord {
    this.#named = true
    this.#sinceKey = -1
    return "keys"
  }
}
