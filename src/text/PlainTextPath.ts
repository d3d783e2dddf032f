/**
 * A short way for text that is spoken as it is written: words, numbers, single spaces and single marks. Pure and
 * incremental.
 *
 * @since 0.1.0
 */
import type { TextTransform, Transformer } from "./TextTransform.ts"

const letter = "A-Za-z\\u00C0-\\u024F"
const word = `[${letter}\\d]{1,24}(?:[-'’][${letter}\\d]{1,24}){0,2}`
const number = "[$€£]?\\d{1,12}(?:[.,:]\\d{1,12}){1,3}|[$€£]\\d{1,12}"
// "vs." is an abbreviation that is said in full
const whole = `[("'“‘]?(?![Vv][Ss]\\.)(?:${number}|${word})[,.;:!?]?(?:[)"”’][,.;:!?]?)?`
// a digit at the head of a line may number an item
const run = new RegExp(`(?:${whole}(?: |\\n(?!\\d)))+`, "uy")
const last = new RegExp(`^${whole}$`, "u")
const begun = new RegExp(`^(?:[("'“‘]|[("'“‘]?[${letter}\\d$€£][${letter}\\d'’.,:;!?)"”-]*)$`, "u")

/** A longer word is not waited for. */
const MAX_WORD = 64

class Plain implements Transformer {
  readonly #start: TextTransform
  /** Reads the rest of the text, from the first word that is not plain. */
  #full: Transformer | undefined
  #rest = ""
  /** The last word that was given, with the space after it: all that the rest depends on. */
  #before = ""
  #gap = ""

  constructor(start: TextTransform) {
    this.#start = start
  }

  push(text: string): string {
    if (this.#full !== undefined) return this.#full.push(text)
    this.#rest += text
    const out = this.#take()
    const rest = this.#rest
    if (rest === "" || (rest.length < MAX_WORD && begun.test(rest) && !this.#numbered())) return out
    return out + this.#leave().push(rest)
  }

  flush(): string {
    const rest = this.#rest
    let out: string
    if (this.#full !== undefined) out = this.#full.flush()
    else if (rest === "") out = ""
    else if (last.test(rest) && !this.#numbered()) out = this.#gap + rest
    else {
      const full = this.#leave()
      out = full.push(rest) + full.flush()
    }
    this.#full = undefined
    this.#rest = ""
    this.#before = ""
    this.#gap = ""
    return out
  }

  /** The words that are whole. The space after the last belongs to the next. */
  #take(): string {
    if (this.#numbered()) return ""
    run.lastIndex = 0
    const words = run.exec(this.#rest)?.[0]
    if (words === undefined) return ""
    this.#rest = this.#rest.slice(words.length)
    const end = words.length - 1
    this.#before = words.slice(Math.max(words.lastIndexOf(" ", end - 1), words.lastIndexOf("\n", end - 1)) + 1)
    const gap = this.#gap
    const isLine = words.endsWith("\n")
    this.#gap = isLine ? "" : " "
    return gap + (isLine ? words : words.slice(0, end))
  }

  #numbered(): boolean {
    return this.#gap === "" && /^\d/u.test(this.#rest)
  }

  #leave(): Transformer {
    const full = this.#full = this.#start()
    this.#rest = ""
    // at the head of a line its number would be an item's
    full.push(/^\d/u.test(this.#before) ? `a ${this.#before}` : this.#before)
    return full
  }
}

/**
 * The same transform, which is not begun before there is a word that it may change. It must leave plain words as they
 * are, hold back a space until the next word, and forget what was before the last plain word.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withPlainTextPath = (start: TextTransform): TextTransform => () => new Plain(start)
