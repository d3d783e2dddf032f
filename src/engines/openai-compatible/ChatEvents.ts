/**
 * Finds the JSON values in the body of a `/v1/chat/completions` response, in pieces of any size.
 *
 * The content type is not asked: the body may be an event stream, JSON by lines, or one JSON document, as servers and
 * proxies between label them wrongly. Comments, keep-alives and fields other than `data` and `event` are passed over. An
 * event whose JSON is whole is delivered at once, without waiting for the blank line after it.
 *
 * @since 0.1.0
 */
import * as Json from "../../schema/Json.ts"
import { JsonExtent } from "../../text/JsonExtent.ts"

/**
 * What a body consists of.
 *
 * - `Failure`: an error that is no JSON.
 * - `Value`: JSON; `event` is the name of the server's event, `""` for none.
 * - `Done`: `[DONE]`. `Unreadable`: malformed JSON, or JSON beyond the limits.
 *
 * @category models
 * @since 0.1.0
 */
export type ChatEvent =
  | { readonly _tag: "Value"; readonly json: Json.JsonRecord | ReadonlyArray<unknown>; readonly event: string }
  | { readonly _tag: "Failure"; readonly text: string }
  | { readonly _tag: "Done" }
  | { readonly _tag: "Unreadable" }

/** In characters, of one event and of one line: a server that does not stream sends all in one. */
const MAX_EVENT = 4_194_304
/** How often the lines of one event are tried to be read together before its end. */
const MAX_ATTEMPTS = 64

const field = /^\s*(data|event|id|retry|error)\s*(?::(.*))?$/isu
/** What stands between two values where the line breaks were lost or escaped, and before those of a JSON sequence. */
const between = /^(?:\s|\\[rn]|,|\u001e|data:)+/iu
const done = /^"?\[?DONE\]?"?$/iu

const isJson = (json: unknown): json is Json.JsonRecord | ReadonlyArray<unknown> =>
  Json.isRecord(json) || Array.isArray(json)

/** The length of a line's first value when more follows it. */
const firstValue = (line: string): number | undefined => {
  if (!/^[[{]/u.test(line)) return undefined
  const end = new JsonExtent().push(line)
  return end < line.length ? end : undefined
}

/** Whether a line may be a whole object or list: a failed parse of each line of a long body would take far longer. */
const mayBeWhole = (line: string): boolean => /^[[{]/u.test(line) && /[\]}]$/u.test(line)

/** Whether a line is a whole chunk by itself, and no part of a value that is written over several lines. */
const isChunk = (json: unknown): boolean =>
  Json.isRecord(json) && ["choices", "error", "message", "candidates"].some((key) => Object.hasOwn(json, key))

/**
 * The reader of one body. `onEvent` is called synchronously, in order.
 *
 * @category decoding
 * @since 0.1.0
 */
export class ChatEvents {
  readonly #onEvent: (event: ChatEvent) => void
  /** The pieces of a line that has not ended. */
  #line: Array<string> = []
  #lineLength = 0
  #skipLine = false
  #afterReturn = false
  /** The lines of a value that is not whole yet. */
  #value = ""
  #attempts = 0
  #isField = false
  #event = ""

  constructor(onEvent: (event: ChatEvent) => void) {
    this.#onEvent = onEvent
  }

  /** Characters of an event that has not ended; 0 for few, which may be a keep-alive's. */
  get pending(): number {
    const length = this.#lineLength + this.#value.length
    return length > 64 ? length : 0
  }

  /** Reads the next piece. */
  push(text: string): void {
    let from = 0
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code !== 10 && code !== 13) continue
      // the line feed of CR LF, which may have been cut between the two
      const isSecond = code === 10 && this.#afterReturn && at === from
      this.#afterReturn = code === 13
      if (!isSecond || this.#lineLength > 0) this.#endLine(text.slice(from, at))
      from = at + 1
    }
    if (from < text.length) {
      this.#afterReturn = false
      this.#keep(text.slice(from))
      // some send no line break after it, and keep the connection open
      if (this.#lineLength <= 24 && /^\s*data:\s*\[DONE\]$/u.test(this.#line.join(""))) this.#onEvent({ _tag: "Done" })
    }
  }

  /** Ends the body, in the middle of a line or of an event as well. */
  end(): void {
    if (this.#lineLength > 0 || this.#skipLine) this.#endLine("")
    this.#endValue()
  }

  #keep(text: string): void {
    if (this.#skipLine || text === "") return
    this.#lineLength += text.length
    if (this.#lineLength > MAX_EVENT) {
      this.#line = []
      this.#lineLength = 0
      this.#skipLine = true
    } else this.#line.push(text)
  }

  #endLine(rest: string): void {
    this.#keep(rest)
    const line = this.#line.join("")
    const isTooLong = this.#skipLine
    this.#line = []
    this.#lineLength = 0
    this.#skipLine = false
    if (isTooLong) this.#onEvent({ _tag: "Unreadable" })
    else this.#take(line)
  }

  #take(line: string): void {
    if (line.trim() === "") {
      // a document may have blank lines, an event ends with one
      if (this.#value === "" || this.#isField) this.#endEvent()
      return
    }
    const [, name, told = ""] = field.exec(line) ?? []
    switch (name?.toLowerCase()) {
      case "event":
        this.#event = told.trim().toLowerCase()
        return
      case "id":
      case "retry":
        return
      case "data":
        return this.#data(told.replace(/^(?:\s*data:)+/iu, ""), true)
      case "error":
        // llama.cpp's name for the field of an error
        if (this.#value === "") this.#event = "error"
        return this.#data(told, true)
      default:
        if (!/^\s*:/u.test(line)) this.#data(line, false)
    }
  }

  #data(text: string, isField: boolean): void {
    const trimmed = this.#value === "" ? text.trim().replace(between, "") : text.trim()
    if (trimmed === "") return
    if (trimmed === "[DONE]" || (done.test(trimmed) && (isField || this.#value === ""))) {
      this.#endValue()
      return this.#onEvent({ _tag: "Done" })
    }
    // "}" alone may be the last line of a document that is written over several
    const json = mayBeWhole(trimmed) ? Json.parse(trimmed) : undefined
    if (isJson(json) && (this.#value === "" || isChunk(json))) {
      this.#endValue()
      return this.#deliver(json)
    }
    if (json === undefined && this.#value === "" && firstValue(trimmed) !== undefined) {
      return this.#severalData(trimmed, isField)
    }
    if (this.#value !== "" && isField && !this.#isField) this.#endValue()
    if (this.#value === "" && !/^[[{]/u.test(trimmed)) {
      // a keep-alive, or the text of an error
      if (this.#event === "error") this.#onEvent({ _tag: "Failure", text: trimmed })
      return
    }
    this.#isField = isField
    this.#value += this.#value === "" ? text : `\n${text}`
    if (this.#value.length > MAX_EVENT) return this.#endValue()
    if (!/[\]}]$/u.test(trimmed) || ++this.#attempts > MAX_ATTEMPTS) return
    const together = Json.parse(this.#value.trim())
    if (!isJson(together)) return
    this.#clear()
    this.#deliver(together)
  }

  #severalData(line: string, isField: boolean): void {
    let rest = line
    for (let end = firstValue(rest); end !== undefined; end = firstValue(rest)) {
      this.#data(rest.slice(0, end), isField)
      rest = rest.slice(end).replace(between, "")
    }
    this.#data(rest, isField)
  }

  #deliver(json: Json.JsonRecord | ReadonlyArray<unknown>): void {
    this.#onEvent({ _tag: "Value", json, event: this.#event })
  }

  #endEvent(): void {
    this.#endValue()
    this.#event = ""
  }

  /** The value has ended: it is read, or cannot be. */
  #endValue(): void {
    if (this.#value === "") return
    const json = this.#value.length > MAX_EVENT ? undefined : Json.parse(this.#value.trim())
    this.#clear()
    if (isJson(json)) this.#deliver(json)
    else this.#onEvent({ _tag: "Unreadable" })
  }

  #clear(): void {
    this.#value = ""
    this.#attempts = 0
    this.#isField = false
  }
}
