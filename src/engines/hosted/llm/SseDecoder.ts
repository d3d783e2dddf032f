/**
 * Decodes a response that is a stream of events, each with JSON: what Anthropic's and Google's have in common.
 *
 * Text and thoughts are passed on as they arrive, tool calls at the end. An event that cannot be read is passed over: the response
 * fails for it only when nothing else came. So does one without an answer that ended because the model failed.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import type * as Response from "effect/ai/Response"
import * as Sse from "effect/encoding/Sse"
import * as Result from "effect/Result"
import { isRecord, type JsonRecord, parse } from "../../../schema/Json.ts"
import type { ModelDecoder } from "./HttpModel.ts"
import * as ModelErrors from "./ModelErrors.ts"

/** Characters of a whole response with all that is around the text, of its text, and of one event. */
const MAX_RESPONSE = 268_435_456
const MAX_TEXT = 4_194_304
const MAX_EVENT = 4_194_304
/** Tool calls in one response; further ones are ignored. */
const MAX_CALLS = 64
/** Events of one response that cannot be read. */
const MAX_UNREADABLE = 1_000

/**
 * A whole tool call.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecodedCall {
  readonly id: string
  readonly name: string
  readonly params: unknown
}

/**
 * What a response counts, in tokens.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelUsage {
  readonly input?: number | undefined
  readonly cacheRead?: number | undefined
  readonly cacheWrite?: number | undefined
  readonly output?: number | undefined
  readonly reasoning?: number | undefined
}

type Decoded = ReturnType<ModelDecoder["push"]>

/**
 * A count of tokens; `undefined` for anything that is none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const countOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined

/**
 * The decoder of one response; a vendor's reads one event (`read`), and the calls that are whole at the end (`calls`).
 *
 * @category decoding
 * @since 0.1.0
 */
export abstract class SseDecoder implements ModelDecoder {
  readonly #vendor: string
  readonly #method: string
  readonly #response: ModelErrors.ResponseInfo
  readonly #parser = Sse.makeParser((event) => {
    if (event._tag === "Event") this.#take(event.data)
  }, { maxEventSize: MAX_EVENT })
  #parts: Array<Response.StreamPartEncoded> = []
  #failure: AiError.AiError | undefined
  #speaking = false
  #thinking = false
  #size = 0
  #said = 0
  #events = 0
  #unreadable = 0
  /** The reason that the vendor gave for the end. */
  protected reason: Response.FinishReason | undefined
  protected usage: ModelUsage = {}

  constructor(vendor: string, method: string, response: ModelErrors.ResponseInfo) {
    this.#vendor = vendor
    this.#method = method
    this.#response = response
  }

  /** Reads one event. */
  protected abstract read(json: JsonRecord): void
  /** The tool calls. `isCut`: the response ended before its time. */
  protected abstract calls(isCut: boolean): ReadonlyArray<DecodedCall>

  get progress(): number {
    return this.#events
  }

  get ended(): boolean {
    return this.reason !== undefined
  }

  abstract readonly closed: boolean

  push(text: string): Decoded {
    this.#size += text.length
    if (this.#size > MAX_RESPONSE) this.#malformed(`a response of more than ${MAX_RESPONSE} characters`)
    else if (this.#parser.feed(text) !== undefined) this.#malformed(`an event of more than ${MAX_EVENT} characters`)
    return this.#takeParts()
  }

  end(): Decoded {
    // an event whose blank line is missing
    this.#parser.feed("\n\n")
    if (this.#failure !== undefined) return Result.fail(this.#failure)
    const calls = this.calls(this.reason === undefined || this.reason === "length").slice(0, MAX_CALLS)
    if (this.#unreadable > 0 && this.#said === 0 && calls.length === 0) {
      this.#malformed("a response in which nothing could be read")
      return this.#takeParts()
    }
    const { reason } = this
    if (reason === undefined) return Result.fail(this.#cutOff())
    if ((reason === "error" || reason === "other") && !this.#speaking && calls.length === 0) {
      this.#malformed("a response without an answer, as the model itself failed")
      return this.#takeParts()
    }
    this.#endThought()
    if (this.#speaking) this.#parts.push({ type: "text-end", id: "0" })
    // the tool calls of a filtered response are not run
    for (const call of reason === "content-filter" ? [] : calls) this.#parts.push({ type: "tool-call", ...call })
    const { cacheRead, cacheWrite, input, output, reasoning } = this.usage
    this.#parts.push({
      type: "finish",
      reason: calls.length > 0 && reason === "stop" ? "tool-calls" : reason,
      usage: {
        inputTokens: { uncached: undefined, total: input, cacheRead, cacheWrite },
        outputTokens: { total: output, text: undefined, reasoning }
      },
      response: undefined
    })
    return this.#takeParts()
  }

  protected text(delta: string): void {
    if (delta === "" || !this.#count(delta)) return
    this.#endThought()
    if (!this.#speaking) this.#parts.push({ type: "text-start", id: "0" })
    this.#speaking = true
    this.#parts.push({ type: "text-delta", id: "0", delta })
  }

  protected thought(delta: string): void {
    if (delta === "" || !this.#count(delta)) return
    if (!this.#thinking) this.#parts.push({ type: "reasoning-start", id: "1" })
    this.#thinking = true
    this.#parts.push({ type: "reasoning-delta", id: "1", delta })
  }

  /** Fails with what an error object of the vendor says; an error after the end of the answer is of no matter. */
  protected fail(fault: ModelErrors.ModelFault): void {
    if (!this.ended) this.#failed(ModelErrors.fromResponse(this.#vendor, this.#response, fault))
  }

  /** Whether something was said. */
  protected get hasText(): boolean {
    return this.#said > 0
  }

  #take(data: string): void {
    if (this.#failure !== undefined || this.closed) return
    const json = parse(data)
    if (!isRecord(json)) {
      if (++this.#unreadable > MAX_UNREADABLE) this.#malformed(`more than ${MAX_UNREADABLE} events that cannot be read`)
      return
    }
    if (json["type"] !== "ping") this.#events++
    const fault = ModelErrors.faultOf(json)
    if (fault === undefined) this.read(json)
    else this.fail(fault)
  }

  #count(text: string): boolean {
    this.#said += text.length
    if (this.#said > MAX_TEXT) this.#malformed(`a text of more than ${MAX_TEXT} characters`)
    return this.#said <= MAX_TEXT
  }

  #endThought(): void {
    if (this.#thinking) this.#parts.push({ type: "reasoning-end", id: "1" })
    this.#thinking = false
  }

  #failed(reason: AiError.AiErrorReason): void {
    this.#failure ??= ModelErrors.make(this.#vendor, this.#method, reason)
  }

  #malformed(description: string): void {
    this.#failed(new AiError.InvalidOutputError({ description }))
  }

  #cutOff(): AiError.AiError {
    const { requestId, status } = this.#response
    const headers = requestId === undefined ? {} : { "x-request-id": requestId }
    return ModelErrors.make(
      this.#vendor,
      this.#method,
      new AiError.InternalProviderError({
        description: "the response ended before it was complete",
        http: { response: { status, headers }, body: undefined }
      })
    )
  }

  #takeParts(): Decoded {
    if (this.#failure !== undefined) return Result.fail(this.#failure)
    const parts = this.#parts
    this.#parts = []
    return Result.succeed(parts)
  }
}
