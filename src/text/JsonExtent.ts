/**
 * Finds the end of a JSON object, array or string in a text that arrives in pieces.
 *
 * It counts brackets outside of strings and checks nothing else: a value that has ended may still be malformed. Each
 * character is read once.
 *
 * @since 0.1.0
 */

/**
 * The extent of the first JSON value of a text.
 *
 * @category models
 * @since 0.1.0
 */
export class JsonExtent {
  #depth = 0
  #inString = false
  #escaped = false
  #begun = false
  #ended = false
  #last = ""

  /** Whether a value has begun. */
  get begun(): boolean {
    return this.#begun
  }

  /** Whether the value has ended, and only white space has come after it. */
  get whole(): boolean {
    return this.#ended
  }

  /** Whether the text ends within a string. */
  get inString(): boolean {
    return this.#inString
  }

  /** The last character that is no white space, outside of strings. */
  get last(): string {
    return this.#last
  }

  /**
   * Reads on. Returns the position after the value when it ends in this piece, and the length of the piece otherwise; what
   * is behind the value is not read.
   */
  push(text: string): number {
    for (let at = 0; at < text.length; at++) {
      const char = text.charAt(at)
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (char === "\\") this.#escaped = true
        else if (char === "\"") {
          this.#inString = false
          this.#last = char
          if (this.#depth === 0) return this.#end(at)
        }
        continue
      }
      if (char === " " || char === "\n" || char === "\r" || char === "\t") continue
      this.#last = char
      if (char === "\"") this.#begun = this.#inString = true
      else if (char === "{" || char === "[") {
        this.#begun = true
        this.#depth++
      } else if ((char === "}" || char === "]") && this.#depth > 0 && --this.#depth === 0) return this.#end(at)
    }
    return text.length
  }

  #end(at: number): number {
    this.#ended = true
    return at + 1
  }
}
