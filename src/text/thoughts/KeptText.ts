/**
 * Joins what is kept of a text, with a space where something was left out between two words. Pure and incremental.
 *
 * @since 0.1.0
 */

const punctuation = /[.,;:!?…)\]}»”’*_]/u

/**
 * What is kept of one text.
 *
 * @category models
 * @since 0.1.0
 */
export class KeptText {
  #out = ""
  /** The last character that was kept; "" before the first. */
  #last = ""
  /** Whether something was left out since. */
  #gap = false

  add(text: string): void {
    let rest = text
    if (this.#gap) {
      if (this.#last === "" || /\s/u.test(this.#last)) rest = rest.trimStart()
      else if (rest !== "" && !/\s/u.test(rest.charAt(0)) && !punctuation.test(rest.charAt(0))) rest = ` ${rest}`
    }
    if (rest === "") return
    this.#gap = false
    this.#out += rest
    this.#last = rest.charAt(rest.length - 1)
  }

  /** Notes that something was left out. */
  leaveOut(): void {
    this.#gap = true
  }

  /** Drops what was kept and not yet taken. */
  drop(): void {
    this.#out = this.#last = ""
    this.#gap = true
  }

  take(): string {
    const out = this.#out
    this.#out = ""
    return out
  }
}
