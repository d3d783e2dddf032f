/**
 * Decodes a streamed response of Anthropic's Messages API.
 *
 * @since 0.1.0
 */
import type * as Response from "effect/ai/Response"
import * as CallArguments from "../../schema/CallArguments.ts"
import * as ContextLength from "../../schema/ContextLength.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import type * as ModelErrors from "../hosted/llm/ModelErrors.ts"
import { countOf, type DecodedCall, SseDecoder } from "../hosted/llm/SseDecoder.ts"

/**
 * The name of the engine.
 *
 * @category constants
 * @since 0.1.0
 */
export const VENDOR = "anthropic"

/** Characters of a call's input; the rest is ignored. It is more than an agent accepts. */
const MAX_INPUT = 131_072
/** Blocks of one response. */
const MAX_BLOCKS = 256

const finishes: { readonly [reason: string]: Response.FinishReason } = {
  end_turn: "stop",
  stop_sequence: "stop",
  pause_turn: "stop",
  tool_use: "tool-calls",
  max_tokens: "length",
  refusal: "content-filter"
}

interface Block {
  readonly id: string
  readonly name: string
  input: string
}

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

/**
 * Decodes one response. `objectTool`: the tool whose input is the answer itself, as text.
 *
 * @category decoding
 * @since 0.1.0
 */
export class MessageDeltas extends SseDecoder {
  readonly #blocks = new Map<number, Block>()
  readonly #objectTool: string | undefined
  #stopped = false

  constructor(response: ModelErrors.ResponseInfo, objectTool?: string) {
    super(VENDOR, "messages", response)
    this.#objectTool = objectTool
  }

  get closed(): boolean {
    return this.#stopped && this.ended
  }

  protected calls(isCut: boolean): ReadonlyArray<DecodedCall> {
    return Array.from(this.#blocks.values()).flatMap(({ id, input, name }) => {
      const params = CallArguments.parse(input)
      // the input of the last call is not whole, and no call of its own
      return name === this.#objectTool || (isCut && !isRecord(params)) ? [] : [{ id, name, params }]
    })
  }

  protected read(json: JsonRecord): void {
    const { content_block: block, delta, index, message } = json
    const at = typeof index === "number" ? index : -1
    switch (json["type"]) {
      case "message_start":
        if (isRecord(message)) this.#count(message["usage"])
        return
      case "content_block_start":
        if (isRecord(block)) this.#begin(at, block)
        return
      case "content_block_delta":
        if (isRecord(delta)) this.#delta(at, delta)
        return
      case "message_delta":
        this.#count(json["usage"])
        if (isRecord(delta) && typeof delta["stop_reason"] === "string") this.#finish(delta["stop_reason"])
        return
      case "message_stop":
        this.#stopped = true
        return
    }
  }

  #begin(at: number, block: JsonRecord): void {
    switch (block["type"]) {
      case "text":
        return this.text(textOf(block["text"]))
      case "thinking":
        return this.thought(textOf(block["thinking"]))
      case "tool_use": {
        if (this.#blocks.size >= MAX_BLOCKS) return
        const { input } = block
        const begun = isRecord(input) && Object.keys(input).length > 0 ? JSON.stringify(input).slice(0, MAX_INPUT) : ""
        this.#blocks.set(at, { id: textOf(block["id"]), name: textOf(block["name"]), input: begun })
      }
    }
  }

  #delta(at: number, delta: JsonRecord): void {
    switch (delta["type"]) {
      case "text_delta":
        return this.text(textOf(delta["text"]))
      case "thinking_delta":
        return this.thought(textOf(delta["thinking"]))
      case "input_json_delta": {
        const call = this.#blocks.get(at)
        const piece = textOf(delta["partial_json"])
        if (call === undefined) return
        if (call.name === this.#objectTool) this.text(piece)
        else call.input += piece.slice(0, Math.max(0, MAX_INPUT - call.input.length))
      }
    }
  }

  #finish(reason: string): void {
    if (ContextLength.isCode(reason) && !this.hasText) return this.fail({ codes: [ContextLength.CODE] })
    const told = ContextLength.isCode(reason) ? "length" : Object.hasOwn(finishes, reason) ? finishes[reason] : "other"
    this.reason = told === "tool-calls" && this.#objectTool !== undefined ? "stop" : told
  }

  /** The counts of the end are of the whole response. */
  #count(usage: unknown): void {
    if (!isRecord(usage)) return
    const cacheRead = countOf(usage["cache_read_input_tokens"]) ?? this.usage.cacheRead
    const cacheWrite = countOf(usage["cache_creation_input_tokens"]) ?? this.usage.cacheWrite
    const uncached = countOf(usage["input_tokens"])
    this.usage = {
      input: uncached === undefined ? this.usage.input : uncached + (cacheRead ?? 0) + (cacheWrite ?? 0),
      cacheRead,
      cacheWrite,
      output: countOf(usage["output_tokens"]) ?? this.usage.output
    }
  }
}
