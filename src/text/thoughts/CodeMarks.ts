/**
 * Follows where in the Markdown of an answer its reader is: at the beginning of a line, in a code span, or in a fence. Pure.
 *
 * @since 0.1.0
 */

/**
 * The place in one answer.
 *
 * @category models
 * @since 0.1.0
 */
export class CodeMarks {
  #lineStart = true
  /** The length of the run of backticks that opened the code span of this line, and the fence. */
  #span = 0
  #fence = 0

  /** Whether the line has no word yet. */
  get lineStart(): boolean {
    return this.#lineStart
  }

  get inFence(): boolean {
    return this.#fence > 0
  }

  get inCode(): boolean {
    return this.#fence > 0 || (this.#span > 0 && !this.#lineStart)
  }

  /** Begins a line. */
  newLine(): void {
    this.#lineStart = true
    this.#span = 0
  }

  /** Reads a run of backticks; it is text, too. */
  readTicks(count: number): void {
    if (this.#fence > 0) {
      if (this.#lineStart && count >= this.#fence) this.#fence = 0
    } else if (this.#lineStart && count >= 3) this.#fence = count
    else if (this.#span === 0) this.#span = count
    else if (this.#span === count) this.#span = 0
  }

  readText(text: string): void {
    const line = text.lastIndexOf("\n")
    if (line >= 0) this.#span = 0
    this.#lineStart = (line >= 0 || this.#lineStart) && !/[^\s*_]/u.test(text.slice(line + 1))
  }
}
