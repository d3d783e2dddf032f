/**
 * Reads a tool call that a model writes as text, up to the mark that ends it or to the end of its JSON. Pure and incremental.
 *
 * @since 0.1.0
 */
import { JsonExtent } from "../JsonExtent.ts"
import type { Mark } from "./ThoughtMarks.ts"

/**
 * A tool call as a model wrote it. `mark` is the one that began it; `tool` is the name that the mark has, if any.
 *
 * @category models
 * @since 0.1.0
 */
export interface WrittenCall {
  readonly mark: string
  readonly tool?: string | undefined
  readonly body: string
}

/** Characters of a call; a longer one is dropped. */
const MAX_CALL = 65_536
/** Characters before the JSON of a call. */
const MAX_HEAD = 256

/** The mark of a message of the harmony format: a call of a tool, or words to the user before one. */
const MESSAGE = "message"
const COMMENTARY = "commentary"
/** Marks behind which several calls follow each other. */
const tokenCall = /^(?:python_tag|python_start|tool_calls?)$/u

/** Where the JSON of a call begins, behind the name in Mistral's notation; -1 when it does not begin with JSON. */
const jsonStart = (body: string, mark: string): number => {
  // some models write other tokens before the JSON of a harmony message
  if (mark === MESSAGE) return body.slice(0, MAX_HEAD).indexOf("{")
  const named = /^\s*[\w.-]+\s*(?=\{)/u.exec(body)?.[0].length
  if (named !== undefined) return named
  const before = /^\s*(?:[\w.-]+(?:\[CALL_ID\]\w*)?\[ARGS\]\s*)?/u.exec(body)![0].length
  return /^(?:\{|\[(?!$|ARGS|CALL_ID))/u.test(body.slice(before)) ? before : -1
}

/**
 * What a call begins with, and where it goes. The body of a fence ends with the fence, whatever stands in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallStart {
  readonly mark: string
  readonly tool?: string | undefined
  readonly isFence?: boolean
}

/**
 * The reader of one call; where several follow each other behind one mark, of all of them.
 *
 * @category models
 * @since 0.1.0
 */
export class WrittenCallReader {
  /** Whether the call is of a fence. */
  readonly isFence: boolean
  readonly #mark: string
  readonly #tool: string | undefined
  readonly #onCall: ((call: WrittenCall) => void) | undefined
  #body = ""
  #extent: JsonExtent | undefined
  #ended = false

  constructor({ isFence = false, mark, tool }: CallStart, onCall: ((call: WrittenCall) => void) | undefined) {
    this.isFence = isFence
    this.#mark = mark
    this.#tool = tool
    this.#onCall = onCall
  }

  /** Whether the call has ended, and was given out. */
  get ended(): boolean {
    return this.#ended
  }

  /** Ends the call. */
  end(): void {
    this.#ended = true
    this.#give()
  }

  /** Adds the rest of the text to the body. */
  append(text: string): void {
    this.#body += text
  }

  /**
   * Reads a mark, or text up to the next one; `after` is the character behind it, "" at the end of what has come. Returns how
   * much belongs to the call: nothing of it when the call ended before it, or when more text is needed.
   */
  read(text: string, mark: Mark | undefined, after: string, final: boolean): number {
    const isInString = mark !== undefined && this.#extent?.inString === true
    if (isInString && after === "" && !final) return 0
    // a mark within a string of the call, unless the string has no end
    const isText = isInString && /["\\]/u.test(after)
    if (mark !== undefined && !isText && !this.isFence) {
      if (mark.kind === "stop" || (mark.kind === "end" && (!mark.isTag || mark.name === this.#mark))) {
        return this.#endAt(text.length)
      }
      // the next call begins without an end of this one
      if (mark.kind === "call" && mark.name === this.#mark) return this.#endAt(0)
    }
    // words to the user before a call
    if (this.#mark === COMMENTARY && this.#body.trim() === "" && /^\s*[^\s{]/u.test(text)) return this.#endAt(0)
    return !this.isFence && this.#extent?.whole === true ? this.#readBehind(text, mark) : this.#readBody(text)
  }

  /** Reads what comes behind the JSON of a call. */
  #readBehind(text: string, mark: Mark | undefined): number {
    if (this.#mark === MESSAGE && mark === undefined) {
      const line = text.indexOf("\n")
      return line < 0 ? text.length : this.#endAt(line + 1)
    }
    // what is left of a tag that has no end, and what stands between two calls of one mark
    const gap = /^[\s>;]*/u.exec(text)![0].length
    if (gap === text.length) return gap
    if (!tokenCall.test(this.#mark) || text.charAt(gap) !== "{") return this.#endAt(gap)
    this.#give()
    this.#body = ""
    this.#extent = undefined
    return gap + this.#readBody(text.slice(gap))
  }

  /** Takes the body of a call up to the end of its JSON, where it is JSON. */
  #readBody(text: string): number {
    const start = this.#extent === undefined && !this.isFence && this.#body.length < MAX_HEAD
      ? jsonStart(this.#body + text, this.#mark) - this.#body.length
      : -1
    if (start >= 0 && start < text.length) {
      this.#extent = new JsonExtent()
      if (this.#mark === MESSAGE) this.#body = ""
    }
    if (this.#extent === undefined) {
      if (this.#body.length <= MAX_CALL) this.#body += text
      return text.length
    }
    const from = Math.max(0, start)
    const used = from + this.#extent.push(text.slice(from))
    if (this.#body.length <= MAX_CALL) this.#body += text.slice(this.#mark === MESSAGE ? from : 0, used)
    return used
  }

  #endAt(used: number): number {
    this.end()
    return used
  }

  #give(): void {
    if (this.#mark === COMMENTARY && this.#body.trim() === "") return
    if (this.#body.length <= MAX_CALL) this.#onCall?.({ mark: this.#mark, tool: this.#tool, body: this.#body })
  }
}
