/**
 * Cuts an agent's text into pieces to speak while it is still being written.
 *
 * The first piece may be a clause, so that speech begins early; then come sentences. Pure and incremental.
 *
 * @since 0.1.0
 */

/** A first clause is at least this many characters, or it sounds chopped. */
const MIN_CLAUSE = 12
/** A piece is cut at a word before this many characters, whatever its punctuation. */
const MAX_PIECE = 400
/**
 * How far a piece looks for its end. The segmenter copies what it is given, into memory that is freed late: a reply of
 * 100 KB in short sentences, given at once, took 20 GB.
 */
const LOOK = 1_024

const segmenter = new Intl.Segmenter("en", { granularity: "sentence" })
// a title or an initial: its full stop ends no sentence
const abbreviation = /(?:^|\s)(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|[A-Z])\.\s*$/u
const decided = /[\p{L}\n]/u

/**
 * @category models
 * @since 0.1.0
 */
export class Sentences {
  #rest = ""
  #first = true

  /** Takes more text; returns the pieces that are complete. */
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

  /** No more text comes: what is left. */
  flush(): ReadonlyArray<string> {
    const pieces = [...this.push("\n\n"), this.#rest.trim()].filter((piece) => piece !== "")
    this.#rest = ""
    this.#first = true
    return pieces
  }

  /** How many characters the next complete piece has; 0 when there is none yet. */
  #end(): number {
    const rest = this.#rest.slice(0, LOOK)
    let end = 0
    for (const { index, segment } of segmenter.segment(rest)) {
      // the last segment may go on
      if (index + segment.length === rest.length && !/\n\s*$/u.test(segment)) break
      end = index + segment.length
      // a full stop before a small letter ends nothing: look as far as the next word
      if (!decided.test(rest.slice(end)) && !/\n\s*$/u.test(segment)) {
        end = 0
        break
      }
      if (!abbreviation.test(rest.slice(0, end))) break
      end = 0
    }
    const limit = end === 0 ? rest.length : end
    if (this.#first) {
      for (const match of rest.slice(0, limit).matchAll(/[,;:–—]\s+/gu)) {
        const after = match.index + match[0].length
        if (match.index >= MIN_CLAUSE && after <= MAX_PIECE) return after
      }
    }
    if (limit > MAX_PIECE) {
      const space = rest.lastIndexOf(" ", MAX_PIECE)
      if (space > 0) return space + 1
      // not within a surrogate pair
      return /[\uDC00-\uDFFF]/u.test(rest.charAt(MAX_PIECE)) ? MAX_PIECE - 1 : MAX_PIECE
    }
    return end
  }
}
