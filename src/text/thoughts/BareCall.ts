/**
 * Puts control tokens in front of a tool call that a model of the harmony format wrote without them, in the middle of its
 * answer: `to=functions.weather` and JSON. Pure and incremental.
 *
 * @since 0.1.0
 */

const call = /(?<=\s)to=functions\.([\w-]{1,64})(?![\w-])/gu
/** Text that is no more than a call's beginning; only at the beginning of a line is a word held back for it. */
const begun = /(?:(?<=\n)[ \t]*to?|(?<=\s)to=[a-z]{0,9}(?:\.[\w-]{0,64})?)$/u
const mayBe = /\sto=|\n[ \t]*to?$/u

/**
 * The reader of one answer.
 *
 * @category models
 * @since 0.1.0
 */
export class BareCall {
  #rest = ""
  /** The character before the rest. */
  #before = "\n"

  push(text: string): string {
    if (text === "") return ""
    if (this.#rest === "" && !mayBe.test(this.#before + text)) {
      this.#before = text.charAt(text.length - 1)
      return text
    }
    this.#rest += text
    const whole = this.#before + this.#rest
    return this.#take(begun.exec(whole)?.index ?? whole.length)
  }

  flush(): string {
    const out = this.#take(this.#rest.length + 1)
    this.#before = "\n"
    return out
  }

  /** Gives out the text up to a position behind the character before it. */
  #take(end: number): string {
    const whole = this.#before + this.#rest
    const text = whole.slice(0, end)
    this.#rest = whole.slice(end)
    const out = text.replace(call, (_, name: string) => `<|channel|>commentary to=functions.${name}<|message|>`)
    const before = this.#before.length
    if (text.length > before) this.#before = text.charAt(text.length - 1)
    return out.slice(before)
  }
}
