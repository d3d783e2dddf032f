/**
 * Splits an agent's text into sentences for text-to-speech, while it is streamed.
 *
 * The first piece may be a clause, so that speech starts early; then come sentences. Pure and incremental.
 *
 * @since 0.1.0
 */

import { plainSentenceEnd, segmenterSentenceEnd } from "./SentenceEnd.ts"

/** A shorter first clause would sound chopped. */
const MIN_CLAUSE = 12
/** A longer piece is split between words. */
const MAX_PIECE = 400
/**
 * How much text is searched for the end of a sentence. The segmenter copies its input into memory that is freed late: a reply
 * of 100 KB in short sentences, pushed at once, took 20 GB.
 */
const MAX_LOOKAHEAD = 1_024

// not within a date: "Oct 3, 2026"
const clause = /(?<!\d)[,;:–—]\s+|(?<=\d)[,;:–—]\s+(?=[^\d\s])/gu

/**
 * @category models
 * @since 0.1.0
 */
export class SentenceTokenizer {
  #rest = ""
  #first = true

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

  /** The length of the next complete piece; 0 if there is none yet. */
  #end(): number {
    const rest = this.#rest.slice(0, MAX_LOOKAHEAD)
    const end = plainSentenceEnd(rest) ?? segmenterSentenceEnd(rest)
    const limit = end === 0 ? rest.length : end
    if (this.#first) {
      clause.lastIndex = 0
      for (let match = clause.exec(rest); match !== null && match.index + 1 < limit; match = clause.exec(rest)) {
        const after = Math.min(limit, match.index + match[0].length)
        if (match.index >= MIN_CLAUSE && after <= MAX_PIECE) return after
      }
    }
    if (limit > MAX_PIECE) {
      const space = rest.lastIndexOf(" ", MAX_PIECE)
      if (space > 0) return space + 1
      // do not split a surrogate pair
      return /[\uDC00-\uDFFF]/u.test(rest.charAt(MAX_PIECE)) ? MAX_PIECE - 1 : MAX_PIECE
    }
    return end
  }
}
