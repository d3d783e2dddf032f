/**
 * A fast path for text that needs no transform: words, numbers, single spaces and single punctuation marks. Pure and
 * incremental.
 *
 * @since 0.1.0
 */
import { keyVerbs } from "./signs/SpokenSigns.ts"
import { cueStarts } from "./tags/SpeechTags.ts"
import type { TextTransform, Transformer } from "./TextTransform.ts"

const letter = "A-Za-z\\u00C0-\\u024F"
const word = `[${letter}\\d]{1,24}(?:[-'’][${letter}\\d]{1,24}){0,2}`
const number = "[$€£]?\\d{1,12}(?:[.,:]\\d{1,12}){1,3}|[$€£]\\d{1,12}"
/**
 * What is plain: runs of words, and a last word. `undecided`: an abbreviation, if a number follows it,
 * up to the end of the text.
 *
 * @category models
 * @since 0.1.0
 */
export interface Plain {
  readonly run: RegExp
  readonly last: RegExp
  readonly undecided: RegExp
}

/** A regular expression without regard to case: the flag for it would hold for abbreviations too, but "No. 5" is not "no. 5". */
const anyCase = (pattern: string): string =>
  pattern.replace(/\\p\{\p{L}+\}|\\.|\[[^\]]*\]|\p{L}/gu, (part) => {
    if (part.startsWith("\\")) return part
    const letters = part.replace(/[[\]]/gu, "")
    return `[${letters.toLowerCase()}${letters.toUpperCase()}]`
  })

/** After an abbreviation, a word and no number. */
const nextWord = `[${letter}][${letter}'’-]{0,24}[,.;:!?]?`
const keyWord = `(?:${anyCase(keyVerbs)})(?![${letter}\\d])`
const cue = `\\((?:${anyCase(cueStarts)})\\b`

/**
 * Plain text without these abbreviations, which the full transform expands (`numbered` ones before a number), stage directions
 * after "(", and words of keys.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plainOf = (abbreviations: ReadonlyArray<string>, numbered: ReadonlyArray<string>): Plain => {
  const escaped = abbreviations.map((text) =>
    text.endsWith(".")
      ? `${anyCase(text.slice(0, -1))}\\.`
      : `${anyCase(text)}(?![${letter}\\d])`
  )
  const beforeNumber = `(?:${
    numbered.map((text) => {
      const first = text.charAt(0)
      return (first === first.toLowerCase() ? anyCase(first) : first) + text.slice(1).replace(/\./gu, "\\.")
    }).join("|") || "(?!)"
  })`
  const special = `(?!(?:${[...escaped, `${beforeNumber}(?! ${nextWord}[ \\n])`, keyWord].join("|")}))`
  const plainWord = `(?!${cue})[("'“‘]?${special}(?:${number}|${word})[,.;:!?]?(?:[)"”’][,.;:!?]?)?`
  return {
    // a digit at the start of a line may be the number of a list item
    run: new RegExp(`(?:${plainWord}(?: |\\n(?!\\d)))+`, "uy"),
    last: new RegExp(`^${plainWord}$`, "u"),
    undecided: new RegExp(`^[("'“‘]?${beforeNumber} (?:${nextWord})?$`, "u")
  }
}

const wordStart = new RegExp(`^(?:[("'“‘]|[("'“‘]?[${letter}\\d$€£][${letter}\\d'’.,:;!?)"”-]*)$`, "u")

/** The full transform reads longer words. */
const MAX_WORD = 64

class PlainTextPath implements Transformer {
  readonly #start: TextTransform
  readonly #plain: Plain
  /** The full transform, which reads the text from the first word that is not plain. */
  #full: Transformer | undefined
  #rest = ""
  /** The last word that was passed on, with the space after it: the full transform needs no earlier context. */
  #before = ""
  #gap = ""

  constructor(start: TextTransform, plain: Plain) {
    this.#start = start
    this.#plain = plain
  }

  push(text: string): string {
    if (this.#full !== undefined) return this.#full.push(text)
    this.#rest += text
    const out = this.#take()
    const rest = this.#rest
    const isOpen = rest.length < MAX_WORD && (wordStart.test(rest) || this.#plain.undecided.test(rest))
    if (rest === "" || (isOpen && !this.#startsWithNumber())) return out
    return out + this.#startFullTransform().push(rest)
  }

  flush(): string {
    const rest = this.#rest
    let out: string
    if (this.#full !== undefined) out = this.#full.flush()
    else if (rest === "") out = ""
    else if (this.#plain.last.test(rest) && !this.#startsWithNumber()) out = this.#gap + rest
    else {
      const full = this.#startFullTransform()
      out = full.push(rest) + full.flush()
    }
    this.#full = undefined
    this.#rest = ""
    this.#before = ""
    this.#gap = ""
    return out
  }

  /** Takes the complete words; the space after the last one is passed on with the next word. */
  #take(): string {
    if (this.#startsWithNumber()) return ""
    const { run } = this.#plain
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

  #startsWithNumber(): boolean {
    return this.#gap === "" && /^\d/u.test(this.#rest)
  }

  #startFullTransform(): Transformer {
    const full = this.#full = this.#start()
    this.#rest = ""
    const before = this.#before
    // "a " keeps a number from being read as a list item, and stands for an abbreviation that turned out to be a word
    full.push(this.#plain.undecided.test(before) ? "a " : /^\d/u.test(before) ? `a ${before}` : before)
    return full
  }
}

/**
 * Makes the same transform with a fast path: `start` runs only from the first word that it may change. It must leave plain
 * words unchanged, hold back a space until the next word, and not depend on text before the last plain word.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withPlainTextPath = (start: TextTransform, plain: Plain): TextTransform => () =>
  new PlainTextPath(start, plain)
