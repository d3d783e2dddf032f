/**
 * Converts Markdown to spoken text by removing its markup. Pure and incremental; unclosed markup is held back for at most 96
 * characters.
 *
 * @since 0.1.0
 */
import type { SpokenWords } from "../language/TextLanguage.ts"
import { MAX_LOOKAHEAD, MORE, NONE } from "../Lookahead.ts"
import { isBlockTag, restOfTag, tagAt } from "../tags/HtmlTag.ts"
import type { TagSet } from "../tags/SpeechTags.ts"
import { withoutEncoded } from "../tags/SpeechTags.ts"
import { fromReader, type TextReader, type TextTransform } from "../TextTransform.ts"
import { type Fence, type LineKind, lineMarkup } from "./MarkdownBlock.ts"
import { cueAt, emphasisedCueEnd, keptTag, skippedEnd } from "./MarkdownCue.ts"
import { MarkdownKeys } from "./MarkdownKeys.ts"
import { citationEnd, targetAt, templateMarkEnd } from "./MarkdownLink.ts"
import { mathAt } from "./MarkdownMath.ts"
import { codeWords, containsAddress, decodeEntities, withoutEmphasis } from "./MarkdownWord.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface MarkdownOptions {
  /** What is spoken for a fenced code block; `""` for nothing. Default: the language's words for it. */
  readonly code?: string | undefined
  /** The words for signs; a sign without a word stays. */
  readonly words: Partial<SpokenWords>
  /** The tags that are kept. They are encoded (`SpeechTags`). */
  readonly tags: TagSet
}

const isLetter = (char: string) => /^[a-z]$/iu.test(char)
const isSpace = (char: string) => /^\s$/u.test(char)
/** Scripts without spaces between words: every character is read as a word. */
const unspaced = /[\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u2E80-\u9FFF\uF900-\uFAFF\uFF00-\uFFEF]/u

class Markdown implements TextReader {
  readonly #code: string
  readonly #words: Partial<SpokenWords>
  readonly #tags: TagSet
  #lineStart = true
  #kind: LineKind = "text"
  #fence: Fence | undefined
  /** The rest of the line is skipped. */
  #skipLine = false
  /** The rest of a long link address is skipped. */
  #skipAddress = false
  /** The rest of a long tag is skipped. */
  #skipTag = false
  /** The element whose content is skipped: a script or a style sheet. */
  #skipElement: string | undefined
  /** The last character that was read, and the last word. */
  #previous = ""
  #lastWord = ""
  readonly #keys = new MarkdownKeys()
  /** The word is a path with backslashes. */
  #inPath = false
  /** The length of the run of backticks that opened a code span on this line. */
  #span = 0
  /** The number of open brackets on this line. */
  #open = 0
  /** The word that is read in parts is an address. */
  #inAddress = false
  /** A table cell has ended, and the next text starts a new one. */
  #cellEnded = false
  /** The last spoken character on this line, except closing quotes and brackets. */
  #last = ""

  constructor(options: MarkdownOptions) {
    this.#code = options.code ?? options.words.codeOmitted ?? ""
    this.#words = options.words
    this.#tags = options.tags
  }

  step(text: string, at: number, final: boolean, emit: (text: string) => void): number {
    const end = this.#step(text, at, final, emit)
    if (end > at) this.#previous = text.charAt(end - 1)
    return end
  }

  #step(text: string, at: number, final: boolean, emit: (text: string) => void): number {
    if (this.#skipTag) {
      const rest = restOfTag(text, at, final)
      if (rest === MORE) return at
      this.#skipTag = rest.isOpen
      if (rest.end > at) return rest.end
    }
    if (this.#skipElement !== undefined) {
      const end = skippedEnd(text, at, final, this.#skipElement)
      if (end === MORE) return at
      if (end !== NONE) return end
      this.#skipElement = undefined
    }
    if (this.#skipLine) {
      const end = text.indexOf("\n", at)
      this.#skipLine = end === -1
      if (end !== at) return end === -1 ? text.length : end
    }
    if (this.#fence !== undefined) return this.#inFence(text, at, final, this.#fence)
    if (this.#skipAddress) {
      this.#skipAddress = !/[)\s]/u.test(text.charAt(at))
      if (!isSpace(text.charAt(at))) return at + 1
    }
    if (this.#lineStart) {
      const end = this.#lineMarkup(text, at, final, emit)
      if (end !== NONE) return end === MORE ? at : end
      this.#lineStart = false
    }
    const end = this.#inline(text, at, final, emit)
    return end === MORE ? at : end
  }

  end(): string {
    return this.#fullStop()
  }

  /** Reads markup at the start of the line; `NONE` when the line's text begins. */
  #lineMarkup(text: string, at: number, final: boolean, emit: (text: string) => void): number {
    const { end, fence, isEmptyLine, kind, number } = lineMarkup(text, at, final, this.#kind)
    if (kind !== undefined) this.#kind = kind
    if (kind === "row") this.#lineStart = false
    if (isEmptyLine === true) emit("\n")
    if (number !== undefined) this.#say(`${number}, `, emit)
    if (fence !== undefined) {
      this.#fence = fence
      this.#skipLine = true
      if (this.#code !== "") emit(`\n${this.#code}\n`)
    }
    return end
  }

  #inline(text: string, at: number, final: boolean, emit: (text: string) => void): number {
    const char = text.charAt(at)
    const atEnd = at + 1 === text.length && !final
    if (char === "\n") {
      emit(`${this.#fullStop()}\n`)
      this.#lineStart = true
      this.#kind = "text"
      this.#span = 0
      this.#open = 0
      this.#cellEnded = false
      this.#inAddress = false
      this.#inPath = false
      this.#keys.newLine()
      this.#last = ""
      this.#lastWord = ""
      return at + 1
    }
    if (isSpace(char)) {
      this.#inAddress = false
      this.#inPath = false
      // within a number: "10 000"
      const isNarrow = /^[\u00a0\u202f\u2009]$/u.test(char) && /^\d$/u.test(this.#previous)
      if (isNarrow && atEnd) return MORE
      emit(isNarrow && /^\d$/u.test(text.charAt(at + 1)) ? char : " ")
      return at + 1
    }
    if (char === "`") {
      let end = at
      while (end < text.length && text.charAt(end) === "`" && end - at < MAX_LOOKAHEAD) end++
      if (end === text.length && !final && end - at < MAX_LOOKAHEAD) return MORE
      const run = end - at
      this.#span = this.#span === 0 ? run : this.#span === run ? 0 : this.#span
      return end
    }
    if (this.#span > 0) return this.#word(text, at, final, emit)
    if (char === "\\" || char === "$") {
      if (atEnd) return MORE
      const math = this.#inPath ? NONE : mathAt(text, at, final, this.#previous, this.#words)
      if (math === MORE) return MORE
      if (math !== NONE) {
        this.#say(math.by, emit)
        return math.end
      }
    }
    if (char === "\\") {
      const next = text.charAt(at + 1)
      if (!/[!-/:-@[-`{-~]/u.test(next) || (this.#inPath && next !== "\\")) {
        this.#inPath ||= this.#last === ":" && /^\p{L}:$/u.test(this.#lastWord)
        emit(this.#inPath || (isSpace(next) && isSpace(this.#previous)) ? "\\" : " ")
        return at + 1
      }
      this.#say(next, emit)
      return at + 2
    }
    if (char === "|" && this.#kind === "text" && this.#last !== "") {
      // "a || b"
      if (atEnd) return MORE
      if (text.charAt(at + 1) === "|") {
        this.#say("||", emit)
        return at + 2
      }
    }
    if (char === "|") {
      this.#cellEnded = this.#last !== ""
      emit(" ")
      return at + 1
    }
    if (char === "!" && text.charAt(at + 1) === "[") return at + 1
    if (char === "[" || char === "(") {
      const cue = cueAt(text, at, final, this.#tags)
      if (cue === MORE) return MORE
      if (cue !== NONE) {
        emit(cue.by)
        return cue.end
      }
    }
    if (char === "[") {
      const template = templateMarkEnd(text, at, final)
      if (template !== NONE) return template
      const cited = citationEnd(text, at, final)
      if (cited === MORE) return MORE
      this.#open++
      return cited === NONE ? at + 1 : cited - 1
    }
    if (char === "]") {
      if (this.#open === 0) return at + 1
      if (atEnd) return MORE
      const target = targetAt(text, at + 1, final)
      if (target === MORE) return MORE
      this.#open--
      if (target === NONE) return at + 1
      this.#skipAddress = target.isCut
      return target.end
    }
    if (char === "<") return this.#angle(text, at, final, emit)
    return this.#word(text, at, final, emit)
  }

  #angle(text: string, at: number, final: boolean, emit: (text: string) => void): number {
    const line = text.slice(at, at + MAX_LOOKAHEAD)
    if (line.startsWith("<!--")) {
      const end = line.indexOf("-->", 4)
      if (end !== -1) return at + end + 3
      return line.length < MAX_LOOKAHEAD && !final ? MORE : at + 4
    }
    if ("<!--".startsWith(line) && !final) return MORE
    const tag = tagAt(text, at, final, this.#tags.element, /[\p{L}\p{N}_]/u.test(this.#previous))
    if (tag === MORE) return MORE
    if (tag === NONE) {
      // the angle brackets around an address
      if (/^<(?=[a-z])(?:[a-z0-9+.-]*:|[^\s<>@]+@)/iu.test(line)) return at + 1
      if (!final && line.length < MAX_LOOKAHEAD && /^<[^\s<>]*$/u.test(line) && isLetter(line.charAt(1))) return MORE
      this.#say("<", emit)
      return at + 1
    }
    const { end, isOpen, kind, name } = tag
    if (isOpen === true) this.#skipTag = true
    else if (this.#tags.element(name)) {
      const kept = keptTag(text, at, final, tag)
      if (kept === MORE) return MORE
      emit(kept.by)
      return kept.end
    } else if (kind === "start" && (name === "script" || name === "style")) this.#skipElement = name
    else if ((name === "break" || name === "pause") && !(final && end === text.length)) emit(", ")
    if (isBlockTag(tag)) {
      emit(`${this.#fullStop()}\n`)
      this.#last = ""
    }
    return end
  }

  #word(text: string, at: number, final: boolean, emit: (text: string) => void): number {
    const limit = at + MAX_LOOKAHEAD
    const breaks = this.#span > 0 ? /[\s`]/u : /[\s`[\]<\\|]/u
    let end = at
    while (end < text.length && end < limit) {
      const char = text.charAt(end)
      if (end > at && (breaks.test(char) || unspaced.test(char))) break
      if (end > at && char === "!") {
        // "!" may begin an image
        if (end + 1 === text.length && !final) return MORE
        if (text.charAt(end + 1) === "[") break
      }
      // "($x$)"
      if (end > at && char === "$" && this.#span === 0) {
        if (end + 1 === text.length && !final) return MORE
        if (/[\p{L}\\]/u.test(text.charAt(end + 1)) && !/[\p{L}\p{N}]/u.test(text.charAt(end - 1))) break
      }
      end++
      if (unspaced.test(char)) break
    }
    const isWhole = end < limit || unspaced.test(text.charAt(end - 1))
    if (end === text.length && isWhole && !final && !unspaced.test(text.charAt(end - 1))) return MORE
    // do not split a surrogate pair
    if (!isWhole && /[\uD800-\uDBFF]/u.test(text.charAt(end - 1))) end--
    const word = withoutEncoded(text.slice(at, end))
    const what = this.#span === 0 ? this.#keys.look(word, text, end, final, this.#last) : "other"
    if (what === "more") return MORE
    const cueEnd = what === "other" && this.#span === 0 && isWhole
      ? emphasisedCueEnd(text, at, final, this.#last)
      : NONE
    if (cueEnd === MORE) return MORE
    if (cueEnd !== NONE) return cueEnd
    this.#lastWord = word
    this.#keys.said(word)
    if (what !== "other") {
      this.#say(
        what === "product"
          ? this.#words.times ?? word
          : this.#words.hashKey === undefined
          ? word
          : word.replace(/#(?=\d{1,4}[^\d*#]*$)/u, "# "),
        emit
      )
      return end
    }
    const isAddress = this.#inAddress || containsAddress(word)
    this.#inAddress = isAddress && !isWhole
    if (this.#kind === "heading" && /^#+$/u.test(word)) return end
    if (this.#span > 0) this.#say(isAddress ? word : codeWords(word, this.#words), emit)
    else this.#say(decodeEntities(withoutEmphasis(word, isAddress, this.#words)), emit)
    return end
  }

  #say(text: string, emit: (text: string) => void): void {
    if (text.trim() === "") return emit(text)
    if (this.#cellEnded) emit(/[.,;:!?…]/u.test(this.#last) ? " " : ", ")
    this.#cellEnded = false
    emit(text)
    this.#last = /[^\s"'”’»)\]*_]/u.exec(Array.from(text.slice(-8)).reverse().join(""))?.[0] ?? this.#last
  }

  /** The full stop after a heading, a list item or a table row that has no punctuation. */
  #fullStop(): string {
    return this.#kind === "text" || this.#last === "" || /[.,;:!?…。！？；：]/u.test(this.#last) ? "" : "."
  }

  #inFence(
    text: string,
    at: number,
    final: boolean,
    fence: Fence
  ): number {
    const line = text.slice(at, at + MAX_LOOKAHEAD)
    const match = /^[ \t]*([`~]*)[ \t\r]*/u.exec(line)
    const run = match?.[1] ?? ""
    const length = match?.[0].length ?? 0
    if (length === text.length - at && length < MAX_LOOKAHEAD && !final) return at
    const closes = run.length >= fence.length && run === fence.mark.repeat(run.length)
    if (closes && (length === MAX_LOOKAHEAD || length === text.length - at || line.charAt(length) === "\n")) {
      this.#fence = undefined
      this.#skipLine = true
      return at + Math.max(1, length)
    }
    // skip a line of code
    const end = text.indexOf("\n", at)
    if (end !== -1) return end + 1
    this.#skipLine = true
    return text.length
  }
}

/**
 * Makes the transform that removes the markup of Markdown, and of HTML inside it.
 *
 * A link is spoken as its text, an image as its description, a table as phrases, a code span as words, and a fenced code block
 * as one phrase. A heading, a list item and a table row end with a full stop. It holds back one word, or at most 96 characters
 * while it searches the end of a tag or an address.
 *
 * @category constructors
 * @since 0.1.0
 */
export const markdown = (options: MarkdownOptions): TextTransform => fromReader(() => new Markdown(options))
