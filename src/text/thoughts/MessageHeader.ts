/**
 * Reads the header of a message, of the harmony format or of another chat template. Pure and incremental.
 *
 * @since 0.1.0
 */
import type { Mark } from "./ThoughtMarks.ts"
import type { CallStart } from "./WrittenCall.ts"

/**
 * What a message is by its header: an answer, a thought or another's words, or a tool call.
 *
 * @category models
 * @since 0.1.0
 */
export type Message = "text" | "thought" | CallStart

/** Characters of a header. */
const MAX_HEADER = 256

const otherRole = /^\s*(?:user|system|developer|tool|functions\b|ipython|environment)/iu

const messageOf = (header: string): Message => {
  const tool = /\bto=(?:functions\.)?([\w.:-]{1,128})/u.exec(header)?.[1]
  if (otherRole.test(header) || /\banalysis\b/iu.test(header)) return "thought"
  if (tool !== undefined && tool !== "user" && tool !== "assistant") return { mark: "message", tool }
  return /\bcommentary\b/iu.test(header) ? { mark: "commentary" } : "text"
}

/**
 * The reader of one header, behind the mark of a name that begins it.
 *
 * @category models
 * @since 0.1.0
 */
export class MessageHeader {
  readonly #isHarmony: boolean
  #text = ""
  #message: Message | undefined

  constructor(name: string) {
    this.#isHarmony = name === "channel" || name === "start"
  }

  /** The message that follows, when the header has ended. */
  get message(): Message | undefined {
    return this.#message
  }

  /** Reads the mark at a position, or one character; returns how much it read. */
  read(char: string, mark: Mark | undefined): number {
    if (mark?.kind === "message") this.#message = messageOf(this.#text)
    else if (mark?.kind === "stop") this.#message = "text"
    else if (mark?.kind === "header" || mark?.kind === "token") this.#text += " | "
    else {
      this.#readChar(char)
      return 1
    }
    return mark.text.length
  }

  #readChar(char: string): void {
    if (char === "\n" && !this.#isHarmony && this.#text.trim() !== "") this.#message = messageOf(this.#text)
    else this.#text += char
    if (this.#text.length > MAX_HEADER) this.#message = "text"
  }
}
