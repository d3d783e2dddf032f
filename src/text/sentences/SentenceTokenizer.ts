/**
 * Splits an agent's text into sentences for text-to-speech, while it is streamed.
 *
 * The first piece may be a clause, so that speech starts early; then come sentences. Pure and incremental.
 *
 * @since 0.1.0
 */

import { english } from "../language/English.ts"
import type { TextLanguage } from "../language/TextLanguage.ts"
import { plainSentenceEnd, segmenterSentenceEnd } from "./SentenceEnd.ts"

/** A shorter first clause would sound chopped; in characters of an alphabet. */
const MIN_CLAUSE = 12
/** A character of these scripts takes about as long to speak as three letters of an alphabet. */
const SYLLABLE_WEIGHT = 3
const syllables = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}]/gu
/** A longer piece is split between words. */
const MAX_PIECE = 400
/**
 * How much text is searched for the end of a sentence. The segmenter copies its input into memory that is freed late: a reply
 * of 100 KB in short sentences, pushed at once, took 20 GB.
 */
const MAX_LOOKAHEAD = 1_024

// a comma not within a date: "Oct 3, 2026"
const clause = /(?<!\d)[,;:–—]\s+|(?<=\d)[,;:–—]\s+(?=[^\d\s])|[，、；،؛]\s*|：(?=\D)/gu

/** How long a text is when it is spoken, in characters of an alphabet. */
const spokenLength = (text: string): number =>
  text.length + (SYLLABLE_WEIGHT - 1) * (text.match(syllables)?.length ?? 0)

/**
 * @category models
 * @since 0.1.0
 */
export class SentenceTokenizer {
  #rest = ""
  #first = true
  readonly #language: () => TextLanguage | undefined

  /** `language`: the text's, whose abbreviations end no sentence. Default: English, as of `spoken`. */
  constructor(language: () => TextLanguage | undefined = () => english) {
    this.#language = language
  }

  /** Takes more text, and returns the complete pieces. */
  push(text: string): ReadonlyArray<string> {
    this.#rest += text
    const pieces: Array<string> = []
    while (true) {
      const end = this.#end()
      if (end === 0) return pieces
      const piece = this.#rest.slice(0, end).trim()
      this.#rest = this.#rest.slice(end)
      if (piece === "") continue
      this.#first = false
      pieces.push(piece)
    }
  }

  /** Ends the text, and returns the rest. */
  flush(): ReadonlyArray<string> {
    const pieces = [...this.push("\n\n"), this.#rest.trim()].filter((piece) => piece !== "")
    this.#rest = ""
    this.#first = true
    return pieces
  }

  /** The text that is not a complete piece yet. */
  get rest(): string {
    return this.#rest
  }

  /** Takes `more` text, and gives out the first `length` characters of the rest with it, whether they are complete or not. */
  take(more: string, length: number): ReadonlyArray<string> {
    const rest = this.#rest
    this.#rest = (rest + more).slice(0, length)
    const pieces = [...this.push(""), this.#rest.trim()].filter((piece) => piece !== "")
    this.#rest = rest.slice(length)
    if (pieces.length > 0) this.#first = false
    return pieces
  }

  /** The length of the next complete piece; 0 if there is none yet. */
  #end(): number {
    const rest = this.#rest.slice(0, MAX_LOOKAHEAD)
    const language = this.#language()
    const end = plainSentenceEnd(rest, language) ?? segmenterSentenceEnd(rest, language)
    const limit = end === 0 ? rest.length : end
    if (this.#first) {
      clause.lastIndex = 0
      for (let match = clause.exec(rest); match !== null && match.index + 1 < limit; match = clause.exec(rest)) {
        const after = Math.min(limit, match.index + match[0].length)
        if (after <= MAX_PIECE && spokenLength(rest.slice(0, match.index)) >= MIN_CLAUSE) return after
      }
    }
    if (limit > MAX_PIECE) {
      const space = rest.lastIndexOf(" ", MAX_PIECE)
      if (space > 0) return space + 1
      const mark = rest.slice(0, MAX_PIECE).search(/[，、；：,;:](?=[^，、；：,;:]*$)/u)
      if (mark > 0) return mark + 1
      // do not split a surrogate pair
      return /[\uDC00-\uDFFF]/u.test(rest.charAt(MAX_PIECE)) ? MAX_PIECE - 1 : MAX_PIECE
    }
    return end
  }
}
