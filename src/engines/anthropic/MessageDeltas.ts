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
import { MessageBlocks } from "./MessageBlocks.ts"

/**
 * The name of the engine.
 *
 * @category constants
 * @since 0.1.0
 */
export const VENDOR = "anthropic"

const finishes: { readonly [reason: string]: Response.FinishReason } = {
  end_turn: "stop",
  stop_sequence: "stop",
  pause_turn: "stop",
  tool_use: "tool-calls",
  max_tokens: "length",
  refusal: "content-filter"
}

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

/**
 * Decodes one response. `onCalls`: takes the content of a response with calls, where the API wants it back (`MessageBlocks`).
 *
 * @category decoding
 * @since 0.1.0
 */
export class MessageDeltas extends SseDecoder {
  readonly #blocks = new MessageBlocks()
  readonly #onCalls: (content: ReadonlyArray<JsonRecord>) => void
  #stopped = false

  constructor(
    response: ModelErrors.ResponseInfo,
    onCalls: (content: ReadonlyArray<JsonRecord>) => void = () => {}
  ) {
    super(VENDOR, "messages", response)
    this.#onCalls = onCalls
  }

  get closed(): boolean {
    return this.#stopped && this.ended
  }

  protected calls(isCut: boolean): ReadonlyArray<DecodedCall> {
    const calls = this.#blocks.calls.flatMap(({ id, input, name }) => {
      const params = CallArguments.parse(input)
      // the input of the last call is not whole, and no call of its own
      return isCut && !isRecord(params) ? [] : [{ id, name, params }]
    })
    const { content } = this.#blocks
    if (calls.length > 0 && !isCut && content !== undefined) this.#onCalls(content)
    return calls
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
    this.#blocks.begin(at, block)
    if (block["type"] === "text") this.text(textOf(block["text"]))
    else if (block["type"] === "thinking") this.thought(textOf(block["thinking"]))
  }

  #delta(at: number, delta: JsonRecord): void {
    this.#blocks.add(at, delta)
    if (delta["type"] === "text_delta") this.text(textOf(delta["text"]))
    else if (delta["type"] === "thinking_delta") this.thought(textOf(delta["thinking"]))
  }

  #finish(reason: string): void {
    if (ContextLength.isCode(reason) && !this.hasText) return this.fail({ codes: [ContextLength.CODE] })
    this.reason = ContextLength.isCode(reason) ? "length" : Object.hasOwn(finishes, reason) ? finishes[reason] : "other"
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
