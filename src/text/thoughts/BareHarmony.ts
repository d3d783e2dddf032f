/**
 * Puts the control tokens of the harmony format back where a server has taken them out. Pure and incremental.
 *
 * gpt-oss begins its answer with the name of a channel. Without the tokens around it that name is read as text: an answer
 * that begins with `analysis` and a capital, or with `analysis<|message|>`, is one whose tokens were lost. Of other models'
 * marks the word `thought` may be left at the beginning.
 *
 * @since 0.1.0
 */

const header = (channel: string): string => `<|channel|>${channel}<|message|>`

/** The first words of an answer without its tokens, and a text that may become them. */
const begun = /^\s*(?:assistant)?(analysis|commentary|final)(?:<\|message\|>|(?=[A-Z"'“(]))/u
/** What Gemini's gateways leave of the mark of a thought that they have taken out: all behind it is the answer. */
const leftover = /^\s*thought(?:\s*(?:\[\]|\(\))\s*|[ \t]*\n\s*|(?=[A-Z]))/u
const leftoverBegun = /^\s*thought\s*[[(]?$/u
const names = [
  "thought",
  "analysis",
  "commentary",
  "final",
  "assistantanalysis",
  "assistantcommentary",
  "assistantfinal"
]
const MESSAGE = "<|message|>"

const mayBegin = (text: string): boolean => {
  const trimmed = text.trimStart()
  return leftoverBegun.test(text) ||
    names.some((name) =>
      name.startsWith(trimmed) || (trimmed.startsWith(name) && MESSAGE.startsWith(trimmed.slice(name.length)))
    )
}

/** The header of the next message, and a text that may become one. */
const next = /assistant(analysis|final|commentary)(?:( to=[\w.:-]{1,128})(?: ?(?:json|code))?)?(?![a-z])/u
const nextBegun = /^assistant[a-z]{0,10}(?: (?:t|to|to=[\w.:-]{0,128}(?: ?[a-z]{0,4}))?)?$/u
const ASSISTANT = "assistant"
const LONGEST = 160

/** Where the text may end within a header; its length when it does not. */
const openAt = (text: string): number => {
  const from = Math.max(0, text.length - LONGEST)
  const last = text.lastIndexOf(ASSISTANT)
  if (last >= from && nextBegun.test(text.slice(last))) return last
  for (let length = ASSISTANT.length - 1; length > 0; length--) {
    if (text.endsWith(ASSISTANT.slice(0, length))) return text.length - length
  }
  return text.length
}

/**
 * The reader of one answer; after the first words of most answers it passes on what it gets.
 *
 * @category models
 * @since 0.1.0
 */
export class BareHarmony {
  #state: "start" | "plain" | "bare" = "start"
  #rest = ""

  push(text: string): string {
    if (this.#state === "plain") return text
    this.#rest += text
    const state = this.#state === "start" ? this.#begin() : this.#state
    this.#state = state
    return state === "bare" ? this.#messages(openAt(this.#rest)) : state === "plain" ? this.#takeAll() : ""
  }

  flush(): string {
    const out = this.#state === "bare" ? this.#messages(this.#rest.length) : this.#takeAll()
    this.#state = "start"
    return out
  }

  #begin(): "start" | "plain" | "bare" {
    const channel = begun.exec(this.#rest)
    const mark = leftover.exec(this.#rest)?.[0]
    if (mark !== undefined) this.#rest = this.#rest.slice(mark.length)
    if (mark !== undefined) return "plain"
    if (channel === null) return this.#rest.length <= LONGEST && mayBegin(this.#rest) ? "start" : "plain"
    this.#rest = header(channel[1]!) + this.#rest.slice(channel[0].length)
    return "bare"
  }

  /** Gives out the text up to a position, its headers with their tokens. */
  #messages(end: number): string {
    let out = ""
    let at = 0
    for (let match = next.exec(this.#rest); match !== null; match = next.exec(this.#rest.slice(at))) {
      const index = at + match.index
      if (index >= end) break
      const [told, channel = "", to = ""] = match
      out += `${this.#rest.slice(at, index)}<|end|><|start|>assistant${header(channel + to)}`
      at = index + told.length
    }
    const from = Math.max(at, end)
    out += this.#rest.slice(at, from)
    this.#rest = this.#rest.slice(from)
    return out
  }

  #takeAll(): string {
    const text = this.#rest
    this.#rest = ""
    return text
  }
}
