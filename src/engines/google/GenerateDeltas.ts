/**
 * Decodes a response of the Gemini API's `streamGenerateContent`.
 *
 * @since 0.1.0
 */
import type * as Response from "effect/ai/Response"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import type { CallMarks } from "../hosted/llm/CallMarks.ts"
import type * as ModelErrors from "../hosted/llm/ModelErrors.ts"
import { countOf, type DecodedCall, SseDecoder } from "../hosted/llm/SseDecoder.ts"

/**
 * The name of the engine.
 *
 * @category constants
 * @since 0.1.0
 */
export const VENDOR = "google"

/**
 * What the API wants back with a call: the signature of the thought behind it, and the id that it gave.
 *
 * @category models
 * @since 0.1.0
 */
export interface GeminiMark {
  readonly signature?: string | undefined
  readonly id?: string | undefined
}

/**
 * The characters of a mark.
 *
 * @category accessors
 * @since 0.1.0
 */
export const sizeOf = ({ id = "", signature = "" }: GeminiMark): number => id.length + signature.length

/** Parts of one event, and calls of a response that are read. */
const MAX_PARTS = 1_024
const MAX_CALLS = 64

const finishes: { readonly [reason: string]: Response.FinishReason } = {
  STOP: "stop",
  MAX_TOKENS: "length",
  SAFETY: "content-filter",
  RECITATION: "content-filter",
  LANGUAGE: "content-filter",
  BLOCKLIST: "content-filter",
  PROHIBITED_CONTENT: "content-filter",
  SPII: "content-filter",
  MODEL_ARMOR: "content-filter",
  IMAGE_SAFETY: "content-filter",
  IMAGE_PROHIBITED_CONTENT: "content-filter",
  IMAGE_RECITATION: "content-filter",
  // the model wrote a call that nobody can read: what was said before it stays
  MALFORMED_FUNCTION_CALL: "error",
  UNEXPECTED_TOOL_CALL: "error",
  TOO_MANY_TOOL_CALLS: "error",
  MISSING_THOUGHT_SIGNATURE: "error",
  MALFORMED_RESPONSE: "error"
}

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

/**
 * Decodes one response. `idPrefix`: of the ids that calls get; their marks are kept in `marks`.
 *
 * @category decoding
 * @since 0.1.0
 */
export class GenerateDeltas extends SseDecoder {
  readonly #idPrefix: string
  readonly #marks: CallMarks<GeminiMark>
  readonly #calls: Array<DecodedCall> = []

  constructor(
    response: ModelErrors.ResponseInfo,
    options: { readonly idPrefix: string; readonly marks: CallMarks<GeminiMark> }
  ) {
    super(VENDOR, "streamGenerateContent", response)
    this.#idPrefix = options.idPrefix
    this.#marks = options.marks
  }

  /** The usage may follow the reason of the end, so the end of the body counts. */
  get closed(): boolean {
    return false
  }

  protected calls(): ReadonlyArray<DecodedCall> {
    return this.#calls
  }

  protected read(json: JsonRecord): void {
    const { candidates, promptFeedback, usageMetadata } = json
    if (isRecord(usageMetadata)) this.#count(usageMetadata)
    const [first]: ReadonlyArray<unknown> = Array.isArray(candidates) ? candidates : []
    if (isRecord(first)) {
      const { content, finishReason } = first
      const parts: unknown = isRecord(content) ? content["parts"] : undefined
      for (const part of Array.isArray(parts) ? parts.slice(0, MAX_PARTS) : []) {
        if (isRecord(part)) this.#part(part)
      }
      if (typeof finishReason === "string" && finishReason !== "FINISH_REASON_UNSPECIFIED") {
        this.reason = Object.hasOwn(finishes, finishReason) ? finishes[finishReason] : "other"
      }
    } else if (isRecord(promptFeedback) && typeof promptFeedback["blockReason"] === "string") {
      // the prompt was refused, so there is no answer
      this.reason = "content-filter"
    }
  }

  #part(part: JsonRecord): void {
    const { functionCall: call } = part
    if (isRecord(call) && typeof call["name"] === "string") {
      if (this.#calls.length >= MAX_CALLS) return
      const id = `${this.#idPrefix}${this.#calls.length + 1}`
      const { args, id: own } = call
      const mark: GeminiMark = {
        signature: typeof part["thoughtSignature"] === "string" ? part["thoughtSignature"] : undefined,
        id: typeof own === "string" && own !== "" ? own.slice(0, 256) : undefined
      }
      if ((mark.signature ?? mark.id) !== undefined) this.#marks.set(id, mark)
      this.#calls.push({ id, name: call["name"], params: isRecord(args) ? args : {} })
      return
    }
    if (part["thought"] === true) this.thought(textOf(part["text"]))
    else this.text(textOf(part["text"]))
  }

  #count(usage: JsonRecord): void {
    const reasoning = countOf(usage["thoughtsTokenCount"]) ?? this.usage.reasoning
    const said = countOf(usage["candidatesTokenCount"])
    this.usage = {
      input: countOf(usage["promptTokenCount"]) ?? this.usage.input,
      cacheRead: countOf(usage["cachedContentTokenCount"]) ?? this.usage.cacheRead,
      output: said === undefined && reasoning === undefined ? this.usage.output : (said ?? 0) + (reasoning ?? 0),
      reasoning
    }
  }
}
