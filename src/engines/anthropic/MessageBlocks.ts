/**
 * The content of one response of Anthropic's Messages API, block by block, as the API wants it back. Pure.
 *
 * A model that thinks wants its thoughts back with the results of the calls that they led to, unchanged, and the blocks around them
 * in their order; the text of a thought may be empty, as its signature holds it.
 *
 * @since 0.1.0
 */
import * as CallArguments from "../../schema/CallArguments.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"

/** Blocks of one response. */
const MAX_BLOCKS = 256
/** Characters of a call's input; the rest is ignored. It is more than an agent accepts. */
const MAX_INPUT = 131_072
/** Characters of all blocks that are kept to be given back. */
const MAX_CONTENT = 524_288

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

/**
 * A block so far.
 *
 * @category models
 * @since 0.1.0
 */
export type MessageBlock =
  | { readonly type: "text"; text: string }
  | { readonly type: "thinking"; thinking: string; signature: string }
  | { readonly type: "redacted_thinking"; readonly data: string }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; input: string }
  | { readonly type: "other" }

const blockOf = (block: JsonRecord): MessageBlock => {
  switch (block["type"]) {
    case "text":
      return { type: "text", text: textOf(block["text"]) }
    case "thinking":
      return { type: "thinking", thinking: textOf(block["thinking"]), signature: textOf(block["signature"]) }
    case "redacted_thinking":
      return { type: "redacted_thinking", data: textOf(block["data"]) }
    case "tool_use": {
      const { input } = block
      const begun = isRecord(input) && Object.keys(input).length > 0 ? JSON.stringify(input).slice(0, MAX_INPUT) : ""
      return { type: "tool_use", id: textOf(block["id"]), name: textOf(block["name"]), input: begun }
    }
    default:
      return { type: "other" }
  }
}

/**
 * The blocks of one response.
 *
 * @category decoding
 * @since 0.1.0
 */
export class MessageBlocks {
  readonly #blocks = new Map<number, MessageBlock>()
  #size = 0

  get calls(): ReadonlyArray<Extract<MessageBlock, { readonly type: "tool_use" }>> {
    return Array.from(this.#blocks.values()).flatMap((block) => block.type === "tool_use" ? [block] : [])
  }

  begin(at: number, block: JsonRecord): void {
    if (this.#blocks.size >= MAX_BLOCKS && !this.#blocks.has(at)) return
    const begun = blockOf(block)
    this.#size += JSON.stringify(begun).length
    this.#blocks.set(at, begun)
  }

  /** Takes a piece of a block; what belongs to none is passed over. */
  add(at: number, delta: JsonRecord): void {
    const block = this.#blocks.get(at)
    const piece = textOf(delta["text"] ?? delta["thinking"] ?? delta["signature"] ?? delta["partial_json"])
    this.#size += piece.length
    const isKept = this.#size <= MAX_CONTENT
    switch (delta["type"]) {
      case "text_delta":
        if (block?.type === "text" && isKept) block.text += piece
        return
      case "thinking_delta":
        if (block?.type === "thinking" && isKept) block.thinking += piece
        return
      case "signature_delta":
        if (block?.type === "thinking" && isKept) block.signature += piece
        return
      case "input_json_delta":
        if (block?.type === "tool_use") block.input += piece.slice(0, Math.max(0, MAX_INPUT - block.input.length))
    }
  }

  /** All of it, to be given back with the results of its calls; `undefined` where there is no thought, or not all of it was kept. */
  get content(): ReadonlyArray<JsonRecord> | undefined {
    const blocks = Array.from(this.#blocks.entries()).sort(([one], [other]) => one - other).map(([, block]) => block)
    const thinks = blocks.some(({ type }) => type === "thinking" || type === "redacted_thinking")
    if (!thinks || this.#size > MAX_CONTENT || blocks.some(({ type }) => type === "other")) return undefined
    return blocks.flatMap((block): ReadonlyArray<JsonRecord> => {
      if (block.type === "text") return block.text.trim() === "" ? [] : [{ ...block }]
      if (block.type !== "tool_use") return [{ ...block }]
      const input = CallArguments.parse(block.input)
      return [{ ...block, input: isRecord(input) ? input : {} }]
    })
  }
}
