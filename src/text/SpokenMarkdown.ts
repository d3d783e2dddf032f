/**
 * What Markdown says: its text without its marks. Pure and incremental; an unclosed mark holds nothing back for long.
 *
 * @since 0.1.0
 */
import { codeWords, containsAddress, decodeEntities, withoutEmphasis } from "./MarkdownWord.ts"
import { english, type SpokenWords } from "./SpokenWords.ts"
import { fromReader, type TextReader, type TextTransform } from "./TextTransform.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface MarkdownOptions {
  /** What is said for a fenced block of code; `""` for nothing. `"(code omitted)"` by default. */
  readonly code?: string | undefined
  readonly words?: Partial<SpokenWords> | undefined
}

/** How far a mark looks for its end, in characters; also the longest word that is seen as one. */
const LOOK = 96

const blockTags = new Set(
  ("address article aside blockquote br center dd details div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 " +
    "header hr li main nav ol p pre section summary table tbody td tfoot th thead tr ul").split(" ")
)
const inlineTags = new Set(
  ("a abbr audio b bdi bdo big button cite code data del dfn em font i iframe img input ins kbd label mark q s samp " +
    "script select small source span strike strong style sub sup svg time tt u var video wbr " +
    "break emphasis phoneme prosody say-as speak voice").split(" ")
)

const isLetter = (char: string) => /^[a-z]$/iu.test(char)
const isSpace = (char: string) => /^\s$/u.test(char)
/** Scripts that set no spaces: a word is one character. */
const unspaced = /[\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u2E80-\u9FFF\uF900-\uFAFF\uFF00-\uFFEF]/u

/** Undecided without more text. */
const MORE = -1
/** Not what was looked for. */
const NONE = 0

/** Where the known HTML tag at `at` ends. */
const tagEnd = (text: string, at: number, final: boolean): number => {
  const limit = at + LOOK
  let i = at + 1
  const open = () => i >= limit || final ? NONE : MORE
  const more = () => i >= text.length || i >= limit
  if (text.charAt(i) === "/") i++
  const name = i
  while (!more() && /[a-z0-9-]/iu.test(text.charAt(i))) i++
  if (more()) return open()
  const tag = text.slice(name, i).toLowerCase()
  if (!blockTags.has(tag) && !inlineTags.has(tag)) return NONE
  while (true) {
    const gap = i
    while (!more() && isSpace(text.charAt(i))) i++
    if (more()) return open()
    if (text.charAt(i) === "/") i++
    if (more()) return open()
    if (text.charAt(i) === ">") return i + 1
    if (i === gap || !/[a-z_:@]/iu.test(text.charAt(i))) return NONE
    while (!more() && /[\w:.@-]/u.test(text.charAt(i))) i++
    if (more()) return open()
    if (text.charAt(i) !== "=") {
      if (/[>/]/u.test(text.charAt(i))) continue
      return NONE
    }
    i++
    if (more()) return open()
    const quote = text.charAt(i)
    if (quote === "\"" || quote === "'") {
      i++
      while (!more() && text.charAt(i) !== quote) i++
      i++
    } else while (!more() && /[^\s>"'<]/u.test(text.charAt(i))) i++
    if (more()) return open()
  }
}

class Markdown implements TextReader {
  readonly #code: string
  readonly #words: SpokenWords
  #lineStart = true
  #kind: "text" | "heading" | "item" | "row" = "text"
  #fence: { readonly mark: string; readonly length: number } | undefined
  /** The rest of the line is dropped. */
  #skipLine = false
  /** The rest of a long link's address is dropped. */
  #skipAddress = false
  /** The length of the run of backticks that opened a code span on this line. */
  #span = 0
  /** Brackets that are open on this line. */
  #open = 0
  /** The word that is cut here is an address. */
  #raw = false
  /** A cell of a table ended. */
  #cell = false
  /** The last character said on this line, closing marks aside. */
  #last = ""

  constructor(options: MarkdownOptions) {
    this.#code = options.code ?? "(code omitted)"
    this.#words = { ...english, ...options.words }
  }

  step(text: string, at: number, final: boolean, emit: (text: string) => void): number {
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
      const end = this.#block(text, at, final, emit)
      if (end !== NONE) return end === MORE ? at : end
      this.#lineStart = false
    }
    const end = this.#inline(text, at, final, emit)
    return end === MORE ? at : end
  }

  end(): string {
    return this.#stop()
  }

  /** What begins a line; `NONE` when the text begins. */
  #block(text: string, at: number, final: boolean, emit: (text: string) => void): number {
    const rest = text.length - at
    const more = !final && rest < LOOK
    const char = text.charAt(at)
    if (char === " " || char === "\t" || char === "\r") return at + 1
    if (char === "\n") {
      this.#kind = "text"
      emit("\n")
      return at + 1
    }
    const line = text.slice(at, at + LOOK)
    // a rule, an underline, the second row of a table
    if (/[-=*_|:+]/u.test(char)) {
      const rule = /^[-=*_|:+ \t]+/u.exec(line)?.[0] ?? ""
      if (rule.length === rest && more) return MORE
      if (rule.length === LOOK) return at + LOOK
      if (rule.length === rest || /[\r\n]/u.test(line.charAt(rule.length))) return at + rule.length
    }
    if (char === ">") return at + 1
    if (char === "|") {
      this.#kind = "row"
      this.#lineStart = false
      return at + 1
    }
    if (char === "`" || char === "~") {
      const run = /^(?:`+|~+)/u.exec(line)?.[0].length ?? 0
      if (run === rest && more) return MORE
      if (run >= 3) {
        const info = /^[^\n`]*/u.exec(line.slice(run))?.[0].length ?? 0
        if (run + info === rest && more) return MORE
        if (char === "~" || line.charAt(run + info) !== "`") {
          this.#fence = { mark: char, length: run }
          this.#skipLine = true
          if (this.#code !== "") emit(`\n${this.#code}\n`)
          return at + run
        }
      }
      return NONE
    }
    if (char === "#") {
      const marks = /^#{1,6}(?=[ \t\r\n])/u.exec(line)?.[0]
      if (marks !== undefined) {
        this.#kind = "heading"
        return at + marks.length
      }
      return /^#{1,6}$/u.test(line) && !final ? MORE : NONE
    }
    const list = /^(?:[-*+](?=[ \t])|[•·‣▪◦])/u.exec(line)?.[0] ?? ""
    if (list !== "") {
      this.#kind = "item"
      return at + list.length
    }
    if (/\d/u.test(char)) {
      const digits = /^(\d{1,3})[.)](?=[ \t])/u.exec(line)
      if (digits !== null) {
        this.#kind = "item"
        this.#say(`${digits[1]}, `, emit)
        return at + digits[0].length
      }
      return /^\d{1,3}[.)]?$/u.test(line) && !final ? MORE : NONE
    }
    if (char === "[") {
      const box = /^\[[ xX]\](?=\s)/u.exec(line)?.[0]
      if (box !== undefined && this.#kind === "item") return at + box.length
      if (this.#kind === "item" && /^\[(?:[ xX]\]?)?$/u.test(line) && !final) return MORE
      // "[1]: https://…" is for the links, "[^1]: …" is a note
      const label = /^\[(\^?)[^\]\n[]{1,40}\]:/u.exec(line)
      if (label !== null) {
        if (label[1] === "^") return at + label[0].length
        const target = line.slice(label[0].length)
        if (more && /^[ \t]*(?:\S*|\S+[ \t]+(?:(["'])[^"'\n]*\1?)?)$/u.test(target)) return MORE
        const address = /^[ \t]*(?:<?[a-z][a-z0-9+.-]*:\/\/|[/#.]|www\.)\S*(?:[ \t]+(["'])[^"'\n]*\1)?/iu.exec(target)
        if (address !== null) return at + label[0].length + address[0].length
      } else if (/^\[\^?[^\]\n[]{0,40}\]?$/u.test(line) && more) return MORE
    }
    return NONE
  }

  #inline(text: string, at: number, final: boolean, emit: (text: string) => void): number {
    const char = text.charAt(at)
    const atEnd = at + 1 === text.length && !final
    if (char === "\n") {
      emit(`${this.#stop()}\n`)
      this.#lineStart = true
      this.#kind = "text"
      this.#span = 0
      this.#open = 0
      this.#cell = false
      this.#raw = false
      this.#last = ""
      return at + 1
    }
    if (isSpace(char)) {
      this.#raw = false
      emit(" ")
      return at + 1
    }
    if (char === "`") {
      let end = at
      while (end < text.length && text.charAt(end) === "`" && end - at < LOOK) end++
      if (end === text.length && !final && end - at < LOOK) return MORE
      const run = end - at
      this.#span = this.#span === 0 ? run : this.#span === run ? 0 : this.#span
      return end
    }
    if (this.#span > 0) return this.#word(text, at, final, emit)
    if (char === "\\") {
      if (atEnd) return MORE
      const next = text.charAt(at + 1)
      if (!/[!-/:-@[-`{-~]/u.test(next)) {
        emit(" ")
        return at + 1
      }
      this.#say(next, emit)
      return at + 2
    }
    if (char === "|") {
      this.#cell = this.#last !== ""
      emit(" ")
      return at + 1
    }
    if (char === "!" && text.charAt(at + 1) === "[") return at + 1
    if (char === "[") {
      // a citation, "[1]" or "[^note]"
      const cited = /^\[(?:\^[^\]\s[]{1,20}|\d{1,3}(?:, ?\d{1,3}){0,3})\]/u.exec(text.slice(at, at + 24))?.[0]
      if (cited === undefined) {
        if (/^\[(?:\^[^\]\s[]*|[\d, ]*)$/u.test(text.slice(at, at + 24)) && text.length - at < 24 && !final) return MORE
        this.#open++
        return at + 1
      }
      this.#open++
      return at + cited.length - 1
    }
    if (char === "]") {
      if (this.#open === 0) return at + 1
      if (atEnd) return MORE
      this.#open--
      const next = text.charAt(at + 1)
      const end = next === "("
        ? this.#address(text, at + 1, final)
        : next === "["
        ? this.#label(text, at + 1, final)
        : NONE
      if (end === MORE) this.#open++
      return end === NONE ? at + 1 : end
    }
    if (char === "<") return this.#angle(text, at, final, emit)
    return this.#word(text, at, final, emit)
  }

  /** Where the "(address)" of a link ends. */
  #address(text: string, at: number, final: boolean): number {
    const limit = at + LOOK
    let depth = 0
    for (let i = at; i < text.length; i++) {
      if (i >= limit) {
        this.#skipAddress = true
        return i
      }
      const char = text.charAt(i)
      if (char === "(") depth++
      if (char === ")" && --depth === 0) return i + 1
      if (!isSpace(char)) continue
      const rest = text.slice(i, limit)
      const title = /^\s+(?:(["'])[^"'\n]*\1\s*)?\)/u.exec(rest)?.[0]
      if (title !== undefined) return i + title.length
      const open = /^\s+(?:(["'])[^"'\n]*(?:\1\s*)?)?$/u.test(rest)
      return open && text.length < limit && !final ? MORE : NONE
    }
    return final ? text.length : MORE
  }

  /** Where the "[label]" of a link ends. */
  #label(text: string, at: number, final: boolean): number {
    const label = /^\[[^\]\n[]*\]?/u.exec(text.slice(at, at + LOOK))?.[0] ?? ""
    if (label.endsWith("]")) return at + label.length
    return at + label.length === text.length && label.length < LOOK && !final ? MORE : NONE
  }

  #angle(text: string, at: number, final: boolean, emit: (text: string) => void): number {
    const line = text.slice(at, at + LOOK)
    if (line.startsWith("<!--")) {
      const end = line.indexOf("-->", 4)
      if (end !== -1) return at + end + 3
      return line.length < LOOK && !final ? MORE : at + 4
    }
    if ("<!--".startsWith(line) && !final) return MORE
    const end = tagEnd(text, at, final)
    if (end === MORE) return MORE
    if (end === NONE) {
      // the marks around an address
      if (/^<(?=[a-z])(?:[a-z0-9+.-]*:|[^\s<>@]+@)/iu.test(line)) return at + 1
      if (!final && line.length < LOOK && /^<[^\s<>]*$/u.test(line) && isLetter(line.charAt(1))) return MORE
      this.#say("<", emit)
      return at + 1
    }
    if (blockTags.has(/^<\/?([a-z0-9]+)/iu.exec(line)?.[1]?.toLowerCase() ?? "")) {
      emit(`${this.#stop()}\n`)
      this.#last = ""
    }
    return end
  }

  #word(text: string, at: number, final: boolean, emit: (text: string) => void): number {
    const limit = at + LOOK
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
      end++
      if (unspaced.test(char)) break
    }
    const isWhole = end < limit || unspaced.test(text.charAt(end - 1))
    if (end === text.length && isWhole && !final && !unspaced.test(text.charAt(end - 1))) return MORE
    // not within a surrogate pair
    if (!isWhole && /[\uD800-\uDBFF]/u.test(text.charAt(end - 1))) end--
    const word = text.slice(at, end)
    const raw = this.#raw || containsAddress(word)
    this.#raw = raw && !isWhole
    if (this.#kind === "heading" && /^#+$/u.test(word)) return end
    if (this.#span > 0) this.#say(raw ? word : codeWords(word, this.#words), emit)
    else if (word === "*" && /\d/u.test(this.#last)) this.#say(this.#words.times, emit)
    else this.#say(decodeEntities(withoutEmphasis(word, raw, this.#words)), emit)
    return end
  }

  #say(text: string, emit: (text: string) => void): void {
    if (text.trim() === "") return emit(text)
    if (this.#cell) emit(/[.,;:!?…]/u.test(this.#last) ? " " : ", ")
    this.#cell = false
    emit(text)
    this.#last = /[^\s"'”’»)\]*_]/u.exec(Array.from(text.slice(-8)).reverse().join(""))?.[0] ?? this.#last
  }

  /** The full stop that a heading, an item or a row lacks. */
  #stop(): string {
    return this.#kind === "text" || this.#last === "" || /[.,;:!?…。！？；：]/u.test(this.#last) ? "" : "."
  }

  #inFence(
    text: string,
    at: number,
    final: boolean,
    fence: { readonly mark: string; readonly length: number }
  ): number {
    const line = text.slice(at, at + LOOK)
    const match = /^[ \t]*([`~]*)[ \t\r]*/u.exec(line)
    const run = match?.[1] ?? ""
    const length = match?.[0].length ?? 0
    if (length === text.length - at && length < LOOK && !final) return at
    const closes = run.length >= fence.length && run === fence.mark.repeat(run.length)
    if (closes && (length === LOOK || length === text.length - at || line.charAt(length) === "\n")) {
      this.#fence = undefined
      this.#skipLine = true
      return at + Math.max(1, length)
    }
    // a line of code and its end
    const end = text.indexOf("\n", at)
    if (end !== -1) return end + 1
    this.#skipLine = true
    return text.length
  }
}

/**
 * Speaks Markdown (and the HTML in it) without its marks.
 *
 * Links are their text, images their description, tables rows of phrases, code spans words; a fenced block is one phrase.
 * A heading, an item and a row end with a full stop. Holds back a word, or at most 96 characters while it looks for the
 * end of a tag or an address.
 *
 * @category constructors
 * @since 0.1.0
 */
export const markdown = (options: MarkdownOptions = {}): TextTransform => fromReader(() => new Markdown(options))
