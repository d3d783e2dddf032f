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
import type { TextTransform, Transformer } from "../TextTransform.ts"
import { CodeMarks } from "./CodeMarks.ts"
import { KeptText } from "./KeptText.ts"
import { isMentioned } from "./MentionedMark.ts"
import { MessageHeader } from "./MessageHeader.ts"
import * as ThoughtMarks from "./ThoughtMarks.ts"
import { ThoughtReader } from "./ThoughtReader.ts"
import { type CallStart, type WrittenCall, WrittenCallReader } from "./WrittenCall.ts"

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

/** Characters of a fence's first line. */
const MAX_INFO = 24

type Mode =
  | { readonly _tag: "Text" }
  /** The thought of a message ends with the message, too. */
  | { readonly _tag: "Thought"; readonly reader: ThoughtReader; readonly isMessage: boolean }
  | { readonly _tag: "Call"; readonly reader: WrittenCallReader }
  | { readonly _tag: "Header"; readonly header: MessageHeader }

const TEXT: Mode = { _tag: "Text" }

const begins = /[<[◁`]/gu
const toolOf = /(?:=|\bname\s*=\s*)["']?([\w.:-]{1,128})/u
const callFence = /^`{3,}[^\S\n]*(?:tool_code|tool_calls?|tool_outputs?|function_calls?)\b/iu

class ThoughtFilter implements Transformer {
  readonly #options: ThoughtOptions
  #mode: Mode = TEXT
  #rest = ""
  #kept = new KeptText()
  /** The character before `#rest`, of the input. */
  #before = "\n"
  #marks = new CodeMarks()

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
      return this.#kept.take()
    }
    this.#rest += text
    this.#run(false)
    return this.#kept.take()
  }

  flush(): string {
    this.#run(true)
    const mode = this.#mode
    if (mode._tag === "Call") mode.reader.end()
    const leftover = mode._tag === "Thought" ? mode.reader.leftover : undefined
    if (leftover !== undefined) {
      const inner = new ThoughtFilter({ onCall: this.#options.onCall })
      const said = inner.push(leftover.text) + inner.flush()
      this.#kept.leaveOut()
      if (!leftover.isCall) this.#kept.add(said)
    }
    const out = this.#kept.take()
    this.#start()
    return out
  }

  #start(): void {
    const { begins = "text" } = this.#options
    this.#mode = begins === "text"
      ? TEXT
      : { _tag: "Thought", reader: new ThoughtReader(begins === "either"), isMessage: false }
    this.#rest = ""
    this.#kept = new KeptText()
    this.#before = "\n"
    this.#marks = new CodeMarks()
  }

  #run(final: boolean): void {
    let at = 0
    while (at < this.#rest.length) {
      const next = this.#step(at, final)
      if (next === at) {
        if (!final) break
        // the beginning of a mark that never ended
        const rest = this.#rest.slice(at)
        if (this.#mode._tag === "Text" && !/^<[|/]?[a-z_]{3,}/iu.test(rest)) this.#kept.add(rest)
        else if (this.#mode._tag === "Call") this.#mode.reader.append(rest)
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
    if (char === "`" && (mode._tag === "Text" || (mode._tag === "Call" && mode.reader.isFence))) {
      return this.#ticks(at, final)
    }
    const mark = ThoughtMarks.at(this.#rest, at)
    if (mark === "more") return at
    if (mode._tag === "Header") return this.#inHeader(mode.header, at, mark)
    const end = mark === undefined ? this.#plainEnd(at) : at + mark.text.length
    switch (mode._tag) {
      case "Text":
        return this.#inText(at, end, mark, final)
      case "Thought":
        return this.#inThought(mode, at, end, mark, final)
      case "Call":
        return this.#inCall(mode.reader, at, end, mark, final)
    }
  }

  /** The character before a position. */
  #charBefore(at: number): string {
    return at === 0 ? this.#before : this.#rest.charAt(at - 1)
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
      const { reader } = this.#mode
      if (!this.#marks.lineStart || count < 3) return this.#inCall(reader, at, this.#plainEnd(at), undefined, final)
      reader.end()
      this.#begin(TEXT)
      return end
    }
    if (this.#marks.lineStart && count >= 3 && !this.#marks.inFence) {
      if (!line.includes("\n") && line.length < count + MAX_INFO && !final) return at
      const info = callFence.exec(line)?.[0]
      if (info !== undefined) {
        this.#beginCall({ mark: info, isFence: true })
        return at + info.length
      }
    }
    this.#marks.readTicks(count)
    return this.#textTo(at, end)
  }

  /** Gives out text as it is, and notes where in its line it ends. */
  #text(text: string): void {
    this.#kept.add(text)
    this.#marks.readText(text)
  }

  #textTo(at: number, end: number): number {
    this.#text(this.#rest.slice(at, end))
    return end
  }

  #inText(at: number, end: number, mark: ThoughtMarks.Mark | undefined, final: boolean): number {
    if (mark === undefined) return this.#textTo(at, end)
    const isMention = isMentioned(mark, this.#charBefore(at), this.#marks.lineStart, this.#rest, end, final)
    if (isMention === "more") return at
    if (isMention || this.#marks.inCode) return this.#textTo(at, end)
    switch (mark.kind) {
      case "open":
        this.#beginThought(false)
        break
      case "close":
        // alone: a chat template opened the thought
        this.#kept.drop()
        this.#marks.newLine()
        this.#options.onRetract?.()
        break
      case "call":
        this.#beginCall({ mark: mark.name, tool: mark.isTag ? toolOf.exec(mark.text)?.[1] : undefined })
        break
      case "header":
        this.#beginHeader(mark)
        break
      default:
        break
    }
    return end
  }

  #begin(mode: Mode): void {
    this.#mode = mode
    this.#kept.leaveOut()
    this.#marks.newLine()
  }

  #beginThought(isMessage: boolean): void {
    this.#begin({ _tag: "Thought", reader: new ThoughtReader(false), isMessage })
  }

  #beginHeader(mark: ThoughtMarks.Mark): void {
    this.#begin({ _tag: "Header", header: new MessageHeader(mark.name) })
  }

  #beginCall(start: CallStart): void {
    this.#begin({ _tag: "Call", reader: new WrittenCallReader(start, this.#options.onCall) })
  }

  #inThought(
    { isMessage, reader }: Extract<Mode, { _tag: "Thought" }>,
    at: number,
    end: number,
    mark: ThoughtMarks.Mark | undefined,
    final: boolean
  ): number {
    let next = end
    if (isMessage && mark?.kind === "stop") this.#begin(TEXT)
    else if (isMessage && mark?.kind === "header") this.#beginHeader(mark)
    else {
      const { lineStart } = this.#marks
      const text = this.#rest.slice(at, end)
      next = at + reader.read(text, mark, this.#charBefore(at), this.#rest.charAt(end), lineStart, final)
      if (reader.ended) {
        this.#begin(TEXT)
        return next
      }
    }
    this.#marks.readText(this.#rest.slice(at, next))
    return next
  }

  #inCall(
    reader: WrittenCallReader,
    at: number,
    end: number,
    mark: ThoughtMarks.Mark | undefined,
    final: boolean
  ): number {
    const next = at + reader.read(this.#rest.slice(at, end), mark, this.#rest.charAt(end), final)
    if (reader.ended) {
      this.#begin(TEXT)
      return next === at ? this.#inText(at, end, mark, final) : next
    }
    this.#marks.readText(this.#rest.slice(at, next))
    return next
  }

  #inHeader(header: MessageHeader, at: number, mark: ThoughtMarks.Mark | undefined): number {
    const next = at + header.read(this.#rest.charAt(at), mark)
    const { message } = header
    if (message === "text") this.#begin(TEXT)
    else if (message === "thought") this.#beginThought(true)
    else if (message !== undefined) this.#beginCall(message)
    return next
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
