/**
 * The lines that a program writes to its standard output, of which some may be no messages: what it says of itself, the log lines
 * of its libraries, a result that is too long. Pure.
 *
 * The client ends the connection, and with it all calls, for any line that it cannot read, so it is given those alone that it can.
 *
 * @since 0.1.0
 */
import { isRecord, parse } from "../../schema/Json.ts"

/** How much of the beginning and of the end of a line that is too long is looked at for its id. */
const EDGE = 256

/** What the members of a message are; the client refuses any other. */
const MEMBERS = ["jsonrpc", "id", "method", "params", "result", "error"] as const

const AT_BEGINNING = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15})\s*,/u
const AT_END =
  /[}\]]\s*,\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/u

/**
 * The code of the error that stands for a message that is too long.
 *
 * @category constants
 * @since 0.1.0
 */
export const TOO_LONG = -32_099

/**
 * What is told of the lines.
 *
 * - `onMessage`: a message, before it is passed on. `onGarbage`: a line that is none.
 *
 * @category models
 * @since 0.1.0
 */
export interface McpLinesOptions {
  readonly maxLine: number
  readonly onMessage: (message: { readonly [key: string]: unknown }) => void
  readonly onGarbage: () => void
}

/**
 * The lines of one program.
 *
 * @category decoding
 * @since 0.1.0
 */
export class McpLines {
  readonly #options: McpLinesOptions
  readonly #decoder = new TextDecoder()
  #parts: Array<string> = []
  #length = 0
  #head = ""
  #tail = ""

  constructor(options: McpLinesOptions) {
    this.#options = options
  }

  /** The length of the line so far, with what of it is not kept. */
  get pending(): number {
    return this.#length
  }

  /** Takes what the program has written, and returns the lines that are messages. */
  push(bytes: Uint8Array): string {
    const text = this.#decoder.decode(bytes, { stream: true })
    let out = ""
    let from = 0
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", from)) {
      this.#keep(text.slice(from, at))
      out += this.#end()
      from = at + 1
    }
    this.#keep(text.slice(from))
    return out
  }

  #keep(text: string): void {
    if (text === "") return
    this.#length += text.length
    if (this.#head.length < EDGE) this.#head = (this.#head + text).slice(0, EDGE)
    if (this.#length > this.#options.maxLine) this.#parts = []
    else this.#parts.push(text)
    this.#tail = (this.#tail + text.slice(-EDGE)).slice(-EDGE)
  }

  #end(): string {
    const isTooLong = this.#length > this.#options.maxLine
    const told = isTooLong ? this.#tooLong() : this.#message(this.#parts.join(""))
    this.#parts = []
    this.#length = 0
    this.#head = ""
    this.#tail = ""
    return told
  }

  /** The call whose result is too long fails, and no other. */
  #tooLong(): string {
    const id = AT_BEGINNING.exec(this.#head)?.[1] ?? AT_END.exec(this.#tail)?.[1]
    return id === undefined
      ? ""
      : `${JSON.stringify({ jsonrpc: "2.0", id: Number(id), error: { code: TOO_LONG, message: "too long" } })}\n`
  }

  #message(line: string): string {
    if (line.trim() === "") return ""
    const json = parse(line)
    if (!isRecord(json) || json["jsonrpc"] !== "2.0") {
      this.#options.onGarbage()
      return ""
    }
    this.#options.onMessage(json)
    return `${JSON.stringify(Object.fromEntries(MEMBERS.flatMap((key) => key in json ? [[key, json[key]]] : [])))}\n`
  }
}
