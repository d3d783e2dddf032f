/**
 * Leaves out what a model writes for itself: its thoughts, and tool calls that it writes as text. Pure and incremental.
 *
 * A mark in a code span or between quotation marks is text: somebody explains it. A thought without an end takes all that
 * follows. Of a thought nothing is kept, so that its length does not matter.
 *
 * A chat template may open the thought in the prompt, so that only the closing mark arrives. All before it was thought:
 * what has been given out cannot be taken back, the rest is dropped, and `onRetract` is called. With `begins` the text before
 * the closing mark is not given out in the first place.
 *
 * @since 0.1.0
 */
import { JsonExtent } from "../JsonExtent.ts"
import type { TextTransform, Transformer } from "../TextTransform.ts"
import * as ThoughtMarks from "./ThoughtMarks.ts"

/**
 * - `begins`: `text` (the default); `thought`: all up to the first closing mark is thought; `either`: the same, but a text in
 *   which no closing mark comes is an answer, given out at its end.
 * - `onCall`: receives each tool call that was written as text: what stood between its marks.
 * - `onRetract`: what was given out before was a thought.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThoughtOptions {
  readonly begins?: "text" | "thought" | "either" | undefined
  readonly onCall?: ((call: WrittenCall) => void) | undefined
  readonly onRetract?: (() => void) | undefined
}

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

/** Characters of a written call; a longer one is dropped. */
const MAX_CALL = 65_536
/** Characters that are kept because they may turn out to be the answer. */
const MAX_KEPT = 16_384
/** Characters of a harmony header, and of a fence's first line. */
const MAX_HEADER = 256
const MAX_INFO = 24

type Mode =
  | { readonly _tag: "Text" }
  | {
    readonly _tag: "Thought"
    depth: number
    /** A message of the harmony format ends with its control tokens. */
    readonly isMessage: boolean
    /** What came since the last closing mark, or, in a text that may be either, since its beginning. */
    kept: string | undefined
    /** Whether `kept` begins with a call: should the thought have no end, it ended there. */
    isKeptCall?: boolean
  }
  | {
    readonly _tag: "Call"
    readonly call: WrittenCall
    readonly isFence: boolean
    body: string
    extent: JsonExtent | undefined
  }
  | { readonly _tag: "Header"; readonly name: string; text: string }

const TEXT: Mode = { _tag: "Text" }

const begins = /[<[◁`]/gu
const quotes = /[`"'“”‘’«»„]/u
/** Around a mark within a line that somebody explains. */
const wrapped = /[()*_]/u
/** What follows a mark within a line that somebody explains: "the <think> tag", "it writes <think>, then …". */
const noun = /^(?:[,;:?!]|\.(?!\.)|[ -](?:tags?|tokens?|elements?|blocks?|markers?)(?![a-z]))/iu
const mayBeNoun = /^(?:\.|[ -][a-z]{0,8})?$/iu
const LONGEST_NOUN = 10
const callFence = /^`{3,}[^\S\n]*(?:tool_code|tool_calls?|tool_outputs?|function_calls?)\b/iu
const punctuation = /[.,;:!?…)\]}»”’*_]/u

/** Marks behind which several calls follow each other. */
const MESSAGE = "message"
const tokenCall = /^(?:python_tag|python_start|tool_calls?)$/u

/** Where the JSON of a call begins, behind the name in Mistral's notation; -1 when it does not begin with JSON. */
const jsonStart = (body: string, mark: string): number => {
  // some models write other tokens before the JSON of a harmony message
  if (mark === MESSAGE) return body.slice(0, MAX_HEADER).indexOf("{")
  const named = /^\s*[\w.-]+\s*(?=\{)/u.exec(body)?.[0].length
  if (named !== undefined) return named
  const before = /^\s*(?:[\w.-]+(?:\[CALL_ID\]\w*)?\[ARGS\]\s*)?/u.exec(body)![0].length
  return /^(?:\{|\[(?!$|ARGS|CALL_ID))/u.test(body.slice(before)) ? before : -1
}

class ThoughtFilter implements Transformer {
  readonly #options: ThoughtOptions
  #mode: Mode = TEXT
  #rest = ""
  #out = ""
  /** The character before `#rest`, of the input. */
  #before = "\n"
  /** The last character that was given out; "" before the first. */
  #last = ""
  /** Whether something was left out since. */
  #gap = false
  #lineStart = true
  /** The length of the code span's marks that is open, and of the fence. */
  #code = 0
  #fence = 0

  constructor(options: ThoughtOptions) {
    this.#options = options
    this.#start()
  }

  push(text: string): string {
    if (text === "") return ""
    begins.lastIndex = 0
    if (this.#rest === "" && this.#mode._tag === "Text" && !begins.test(text)) {
      // plain text: most pieces of most answers
      this.#text(text)
      this.#before = text.charAt(text.length - 1)
      return this.#take()
    }
    this.#rest += text
    this.#run(false)
    return this.#take()
  }

  flush(): string {
    this.#run(true)
    const mode = this.#mode
    if (mode._tag === "Call") this.#endCall(mode)
    const kept = mode._tag === "Thought" ? mode.kept : undefined
    if (kept !== undefined) {
      const inner = new ThoughtFilter({ onCall: this.#options.onCall })
      const said = inner.push(kept) + inner.flush()
      this.#gap = true
      if (mode._tag === "Thought" && mode.isKeptCall !== true) this.#emit(said)
    }
    const out = this.#take()
    this.#start()
    return out
  }

  #start(): void {
    const { begins = "text" } = this.#options
    this.#mode = begins === "text"
      ? TEXT
      : { _tag: "Thought", depth: 1, isMessage: false, kept: begins === "either" ? "" : undefined }
    this.#rest = this.#out = this.#last = ""
    this.#before = "\n"
    this.#gap = false
    this.#lineStart = true
    this.#code = this.#fence = 0
  }

  #take(): string {
    const out = this.#out
    this.#out = ""
    return out
  }

  #run(final: boolean): void {
    let at = 0
    while (at < this.#rest.length) {
      const next = this.#step(at, final)
      if (next === at) {
        if (!final) break
        // the beginning of a mark that never ended
        const rest = this.#rest.slice(at)
        if (this.#mode._tag === "Text" && !/^<[|/]?[a-z_]{3,}/iu.test(rest)) this.#emit(rest)
        else if (this.#mode._tag === "Call") this.#mode.body += rest
        at = this.#rest.length
        break
      }
      this.#before = this.#rest.charAt(next - 1)
      at = next
    }
    this.#rest = this.#rest.slice(at)
  }

  /** Reads on from a position; returns it when more text is needed. */
  #step(at: number, final: boolean): number {
    const mode = this.#mode
    const char = this.#rest.charAt(at)
    if (char === "`" && (mode._tag === "Text" || (mode._tag === "Call" && mode.isFence))) return this.#ticks(at, final)
    const mark = ThoughtMarks.at(this.#rest, at)
    if (mark === "more") return at
    switch (mode._tag) {
      case "Text":
        return this.#inText(at, mark, final)
      case "Thought":
        return this.#inThought(mode, at, mark, final)
      case "Call":
        return this.#inCall(mode, at, mark, final)
      case "Header":
        return this.#inHeader(mode, at, mark)
    }
  }

  /** The end of a run of characters that begin nothing. */
  #plainEnd(at: number): number {
    begins.lastIndex = at + 1
    return begins.exec(this.#rest)?.index ?? this.#rest.length
  }

  #ticks(at: number, final: boolean): number {
    let end = at
    while (this.#rest.charAt(end) === "`") end++
    const count = end - at
    if (end === this.#rest.length && !final) return count > MAX_INFO ? this.#textTo(at, end) : at
    const line = this.#rest.slice(at, at + count + MAX_INFO)
    if (this.#mode._tag === "Call") {
      if (this.#lineStart && count >= 3) {
        this.#endCall(this.#mode)
        return end
      }
      return this.#inCall(this.#mode, at, undefined, final)
    }
    if (this.#lineStart && count >= 3 && this.#fence === 0) {
      if (!line.includes("\n") && line.length < count + MAX_INFO && !final) return at
      if (callFence.test(line)) {
        const info = callFence.exec(line)![0]
        this.#begin({ _tag: "Call", call: { mark: info, body: "" }, isFence: true, body: "", extent: undefined })
        return at + info.length
      }
      this.#fence = count
    } else if (this.#fence > 0) {
      if (this.#lineStart && count >= this.#fence) this.#fence = 0
    } else if (this.#code === 0) this.#code = count
    else if (this.#code === count) this.#code = 0
    return this.#textTo(at, end)
  }

  /** Gives out text as it is, and notes where in its line it ends. */
  #text(text: string): void {
    this.#emit(text)
    this.#noteLine(text)
  }

  #textTo(at: number, end: number): number {
    this.#text(this.#rest.slice(at, end))
    return end
  }

  #noteLine(text: string): void {
    const line = text.lastIndexOf("\n")
    if (line >= 0) this.#code = 0
    const tail = text.slice(line + 1)
    this.#lineStart = (line >= 0 || this.#lineStart) && !/[^\s*_]/u.test(tail)
  }

  #inText(at: number, mark: ThoughtMarks.Mark | undefined, final: boolean): number {
    if (mark === undefined) return this.#textTo(at, this.#plainEnd(at))
    const end = at + mark.text.length
    const before = at === 0 ? this.#before : this.#rest.charAt(at - 1)
    const isWrapped = wrapped.test(before) && !this.#lineStart
    const isBeforeQuote = quotes.test(before)
    if ((isBeforeQuote || isWrapped) && end === this.#rest.length && !final) return at
    const after = this.#rest.slice(end, end + LONGEST_NOUN)
    const isNamed = mark.isTag && !this.#lineStart && /\s/u.test(before)
    if (isNamed && !final && mayBeNoun.test(after)) return at
    const isQuoted = this.#fence > 0 || (this.#code > 0 && !this.#lineStart) ||
      (isBeforeQuote && quotes.test(after.charAt(0))) ||
      (isWrapped && wrapped.test(after.charAt(0))) || (isNamed && noun.test(after))
    if (isQuoted) return this.#textTo(at, end)
    switch (mark.kind) {
      case "open":
        this.#begin({ _tag: "Thought", depth: 1, isMessage: false, kept: undefined })
        break
      case "close":
        this.#retract()
        break
      case "call":
        this.#beginCall(mark)
        break
      case "header":
        this.#begin({ _tag: "Header", name: mark.name, text: "" })
        break
      default:
        break
    }
    return end
  }

  #begin(mode: Mode): void {
    this.#mode = mode
    this.#gap = true
    this.#lineStart = true
    this.#code = 0
  }

  #beginCall(mark: ThoughtMarks.Mark): void {
    const tool = /(?:=|\bname\s*=\s*)["']?([\w.:-]{1,128})/u.exec(mark.text)?.[1]
    const call = { mark: mark.name, tool: mark.isTag ? tool : undefined, body: "" }
    this.#begin({ _tag: "Call", call, isFence: false, body: "", extent: undefined })
  }

  /** A closing mark alone: a chat template opened the thought. */
  #retract(): void {
    this.#out = ""
    this.#last = ""
    this.#gap = true
    this.#lineStart = true
    this.#code = 0
    this.#options.onRetract?.()
  }

  #inThought(
    mode: Extract<Mode, { _tag: "Thought" }>,
    at: number,
    mark: ThoughtMarks.Mark | undefined,
    final: boolean
  ): number {
    const end = mark === undefined ? this.#plainEnd(at) : at + mark.text.length
    const text = this.#rest.slice(at, end)
    const before = at === 0 ? this.#before : this.#rest.charAt(at - 1)
    const isInTicks = mark?.kind === "close" && before === "`"
    if (isInTicks && end === this.#rest.length && !final) return at
    const isMention = isInTicks && this.#rest.charAt(end) === "`"
    if (mark !== undefined && mode.isMessage && (mark.kind === "stop" || mark.kind === "header")) {
      this.#mode = TEXT
      this.#gap = true
      if (mark.kind === "header") this.#begin({ _tag: "Header", name: mark.name, text: "" })
    } else if (mark?.kind === "close") {
      // should no other end come, this was it
      mode.kept = ""
      mode.isKeptCall = false
      if (!isMention) mode.depth--
      if (mode.depth <= 0) {
        this.#begin(TEXT)
        return end
      }
    } else if (mark?.kind === "call" && mode.kept === undefined && !isInTicks && this.#lineStart) {
      mode.kept = text
      mode.isKeptCall = true
    } else if (mark?.kind === "open" && mark.isTag && this.#lineStart) {
      mode.depth++
      mode.kept = undefined
    } else if (mode.kept !== undefined) {
      mode.kept = mode.kept.length + text.length > MAX_KEPT ? undefined : mode.kept + text
    }
    this.#noteLine(text)
    return end
  }

  #inCall(
    mode: Extract<Mode, { _tag: "Call" }>,
    at: number,
    mark: ThoughtMarks.Mark | undefined,
    final: boolean
  ): number {
    const end = mark === undefined ? this.#plainEnd(at) : at + mark.text.length
    const isInString = mark !== undefined && mode.extent?.inString === true
    if (isInString && end === this.#rest.length && !final) return at
    // a mark within a string of the call, unless the string has no end
    const isText = isInString && /["\\]/u.test(this.#rest.charAt(end))
    if (mark !== undefined && !isText && !mode.isFence) {
      const isEnd = mark.kind === "stop" || (mark.kind === "end" && (!mark.isTag || mark.name === mode.call.mark))
      if (isEnd) {
        this.#endCall(mode)
        return end
      }
      // the next call begins without an end of this one
      if (mark.kind === "call" && mark.name === mode.call.mark) {
        this.#endCall(mode)
        return this.#inText(at, mark, final)
      }
    }
    const text = this.#rest.slice(at, end)
    if (mode.call.mark === "commentary" && mode.body.trim() === "" && /^\s*[^\s{]/u.test(text)) {
      // words to the user before a call
      this.#begin(TEXT)
      return this.#inText(at, mark, final)
    }
    if (mode.call.mark === MESSAGE && mode.extent?.whole === true && mark === undefined) {
      const line = text.indexOf("\n")
      if (line < 0) return end
      this.#endCall(mode)
      return at + line + 1
    }
    if (!mode.isFence && mode.extent?.whole === true) {
      // what is left of a tag that has no end, and what stands between two calls of one mark
      const gap = /^[\s>;]*/u.exec(text)![0].length
      if (gap === text.length) return end
      if (tokenCall.test(mode.call.mark) && text.charAt(gap) === "{") {
        this.#endCall(mode)
        this.#begin({ ...mode, body: "", extent: undefined })
        return at + gap
      }
      this.#endCall(mode)
      return gap === 0 ? this.#inText(at, mark, final) : at + gap
    }
    const used = this.#readBody(mode, text)
    this.#noteLine(text)
    return at + used
  }

  /** Takes the body of a call up to the end of its JSON, where it is JSON. */
  #readBody(mode: Extract<Mode, { _tag: "Call" }>, text: string): number {
    const { extent } = mode
    const start = extent === undefined && !mode.isFence && mode.body.length < MAX_HEADER
      ? jsonStart(mode.body + text, mode.call.mark) - mode.body.length
      : -1
    if (start >= 0 && start < text.length) {
      mode.extent = new JsonExtent()
      if (mode.call.mark === MESSAGE) mode.body = ""
    }
    if (mode.extent !== undefined) {
      const from = Math.max(0, start)
      const used = from + mode.extent.push(text.slice(from))
      if (mode.body.length <= MAX_CALL) mode.body += text.slice(mode.call.mark === MESSAGE ? from : 0, used)
      return used
    }
    if (mode.body.length <= MAX_CALL) mode.body += text
    return text.length
  }

  #endCall({ body, call }: Extract<Mode, { _tag: "Call" }>): void {
    this.#begin(TEXT)
    if (call.mark === "commentary" && body.trim() === "") return
    if (body.length <= MAX_CALL) this.#options.onCall?.({ ...call, body })
  }

  #inHeader(mode: Extract<Mode, { _tag: "Header" }>, at: number, mark: ThoughtMarks.Mark | undefined): number {
    if (mark?.kind === "message") return this.#endHeader(mode, at + mark.text.length)
    if (mark?.kind === "header" || mark?.kind === "token") {
      mode.text += " | "
      return at + mark.text.length
    }
    if (mark?.kind === "stop") {
      this.#begin(TEXT)
      return at + mark.text.length
    }
    const char = this.#rest.charAt(at)
    const isHarmony = mode.name === "channel" || mode.name === "start"
    if (char === "\n" && !isHarmony && mode.text.trim() !== "") return this.#endHeader(mode, at + 1)
    mode.text += char
    if (mode.text.length > MAX_HEADER) this.#begin(TEXT)
    return at + 1
  }

  #endHeader({ text }: Extract<Mode, { _tag: "Header" }>, end: number): number {
    const tool = /\bto=(?:functions\.)?([\w.:-]{1,128})/u.exec(text)?.[1]
    const role = /^\s*(?:user|system|developer|tool|functions\b|ipython|environment)/iu
    if (role.test(text) || /\banalysis\b/iu.test(text)) {
      this.#begin({ _tag: "Thought", depth: 1, isMessage: true, kept: undefined })
    } else if (tool !== undefined && tool !== "user" && tool !== "assistant") {
      const call = { mark: MESSAGE, tool, body: "" }
      this.#begin({ _tag: "Call", call, isFence: false, body: "", extent: undefined })
    } else if (/\bcommentary\b/iu.test(text)) {
      const call = { mark: "commentary", body: "" }
      this.#begin({ _tag: "Call", call, isFence: false, body: "", extent: undefined })
    } else this.#begin(TEXT)
    return end
  }

  /** Gives out text, after a space where something was left out between two words. */
  #emit(text: string): void {
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
}

/**
 * Starts a filter for one answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: ThoughtOptions = {}): Transformer => new ThoughtFilter(options)

/**
 * Leaves out thoughts and written tool calls.
 *
 * @category transforms
 * @since 0.1.0
 */
export const withoutThoughts: TextTransform = () => make()
