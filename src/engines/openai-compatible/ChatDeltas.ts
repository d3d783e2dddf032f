/**
 * Decodes the response of a `/v1/chat/completions` server, in pieces of any size, to parts of a response.
 *
 * Text and reasoning are passed on as they arrive, tool calls at the end. A refusal is text. What is not needed is not
 * checked, and a chunk that cannot be read is passed over: the response fails for it only when nothing else came.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import type * as Response from "effect/ai/Response"
import * as Result from "effect/Result"
import * as ContextLength from "../../schema/ContextLength.ts"
import { isRecord } from "../../schema/Json.ts"
import { ChatCalls } from "./ChatCalls.ts"
import * as ChatChunk from "./ChatChunk.ts"
import * as ChatErrors from "./ChatErrors.ts"
import { type ChatEvent, ChatEvents } from "./ChatEvents.ts"

/** Characters of a whole response with all that is around the text, and of its text. */
const MAX_RESPONSE = 268_435_456
const MAX_TEXT = 4_194_304
/** Chunks of one response that cannot be read. */
const MAX_UNREADABLE = 1_000
/** Characters of the response that are kept to see whether its last message tells it again. */
const MAX_KEPT = 65_536
/** Characters of a last delta that can only be the whole text again. */
const MIN_AGAIN = 12

const finishes: { readonly [reason: string]: Response.FinishReason } = {
  stop: "stop",
  length: "length",
  max_tokens: "length",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "content-filter",
  safety: "content-filter"
}

const malformed = (description: string) => ChatErrors.make(new AiError.InvalidOutputError({ description }))

type Parts = ReadonlyArray<Response.StreamPartEncoded>

/**
 * What the request was.
 *
 * - `tools`: the names of its tools; they tell the pieces of one name from two names.
 * - `startsInThought`: the chat template has written the opening tag of the thought, which is put back in front of the text.
 * - `idPrefix`: of the ids that calls without an id get. Default: `call_`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChatDeltasOptions {
  readonly tools?: ReadonlyArray<string> | undefined
  readonly startsInThought?: boolean | undefined
  readonly idPrefix?: string | undefined
}

/**
 * Decodes one response.
 *
 * @category decoding
 * @since 0.1.0
 */
export class ChatDeltas {
  readonly #response: ChatErrors.ResponseInfo
  readonly #events = new ChatEvents((event) => this.#take(event))
  readonly #calls: ChatCalls
  #parts: Array<Response.StreamPartEncoded> = []
  #failure: AiError.AiError | undefined
  #finish: Response.FinishReason | undefined
  #usage: ChatChunk.ChatChunk["usage"]
  #speaking = false
  #thinking = false
  /** Whether the text, and the calls, came as deltas: a message that has them too tells them again. */
  #streamed = { text: false, calls: false }
  /** The text so far, to see whether a chunk tells it again. */
  #kept = ""
  #hasMessage = false
  /** Whether the opening tag of the thought is still to be put in front. */
  #isTagMissing: boolean
  /** Whether the response ended because the context is full. */
  #isOutOfContext = false
  #done = false
  #size = 0
  #said = 0
  #chunks = 0
  #unreadable = 0

  constructor(response: ChatErrors.ResponseInfo, options: ChatDeltasOptions = {}) {
    this.#response = response
    this.#isTagMissing = options.startsInThought ?? false
    this.#calls = new ChatCalls(options.tools ?? [], options.idPrefix ?? "call_")
  }

  /** Changes when more of the response has come; not for keep-alives. */
  get progress(): number {
    return this.#chunks + this.#events.pending
  }

  /** Whether the server has told the end of the response; what may follow is its usage. */
  get ended(): boolean {
    return this.#done || this.#finish !== undefined
  }

  /** Whether nothing more can follow. */
  get closed(): boolean {
    return this.#done && this.#finish !== undefined
  }

  /** Decodes the next piece of the body. */
  push(text: string): Result.Result<Parts, AiError.AiError> {
    this.#size += text.length
    if (this.#size > MAX_RESPONSE) return Result.fail(malformed(`a response of more than ${MAX_RESPONSE} characters`))
    this.#events.push(text)
    return this.#takeParts()
  }

  /** Ends the body: the tool calls and the finish reason. Fails when the response was cut off. */
  end(): Result.Result<Parts, AiError.AiError> {
    this.#events.end()
    if (this.#failure !== undefined) return Result.fail(this.#failure)
    const calls = this.#calls.end(this.#finish === undefined || this.#finish === "length")
    if (this.#unreadable > 0 && this.#said === 0 && calls.length === 0) {
      return Result.fail(malformed("a response in which nothing could be read"))
    }
    // one message without a word of its end is the answer of a server that does not stream
    if (!this.ended && !(this.#hasMessage && this.#chunks === 1)) return Result.fail(this.#cutOff())
    // some servers say so by the reason of the end alone
    if (this.#isOutOfContext && this.#said === 0 && calls.length === 0) {
      return Result.fail(ChatErrors.make(ChatErrors.fromResponse(this.#response, { codes: [ContextLength.CODE] })))
    }
    const reason = this.#finish ?? (calls.length > 0 ? "tool-calls" : "stop")
    this.#endThought()
    if (this.#speaking) this.#parts.push({ type: "text-end", id: "0" })
    // the tool calls of a filtered response are not run
    for (const { id, name, params } of reason === "content-filter" ? [] : calls) {
      this.#parts.push({ type: "tool-call", id, name, params })
    }
    this.#parts.push({
      type: "finish",
      reason,
      usage: {
        inputTokens: {
          uncached: undefined,
          total: this.#usage?.input,
          cacheRead: undefined,
          cacheWrite: undefined
        },
        outputTokens: { total: this.#usage?.output, text: undefined, reasoning: undefined }
      },
      response: undefined
    })
    return this.#takeParts()
  }

  #cutOff(): AiError.AiError {
    const { requestId, status } = this.#response
    const headers = requestId === undefined ? {} : { "x-request-id": requestId }
    return ChatErrors.make(
      new AiError.InternalProviderError({
        description: "the response ended before it was complete",
        http: { response: { status, headers }, body: undefined }
      })
    )
  }

  #takeParts(): Result.Result<Parts, AiError.AiError> {
    if (this.#failure !== undefined) return Result.fail(this.#failure)
    const parts = this.#parts
    this.#parts = []
    return Result.succeed(parts)
  }

  #fail(fault: ChatErrors.ChatFault): void {
    this.#failure = ChatErrors.make(ChatErrors.fromResponse(this.#response, fault))
  }

  #take(event: ChatEvent): void {
    if (this.closed || this.#failure !== undefined) return
    switch (event._tag) {
      case "Done":
        this.#done = true
        return
      case "Unreadable":
        if (++this.#unreadable > MAX_UNREADABLE) {
          this.#failure = malformed(`more than ${MAX_UNREADABLE} chunks that cannot be read`)
        }
        return
      case "Failure":
        return this.#fail(ChatErrors.faultOfText(event.text))
      case "Value":
        return this.#read(event.json, event.event)
    }
  }

  #read(json: unknown, event: string): void {
    // a list of chunks: Gemini wraps its answers and its errors in one
    if (Array.isArray(json)) {
      for (const entry of json.slice(0, MAX_UNREADABLE)) {
        if (!Array.isArray(entry)) this.#read(entry, event)
      }
      return
    }
    if (this.#failure !== undefined || !isRecord(json)) return
    const fault = ChatErrors.faultOf(json) ??
      (event === "error" && json["choices"] === undefined ? ChatErrors.faultIn(json) : undefined)
    // an error after the end of the answer is of no matter
    if (fault !== undefined) return this.ended ? undefined : this.#fail(fault)
    const chunk = ChatChunk.read(json)
    if (chunk === undefined) return
    this.#chunks++
    if (chunk.usage !== undefined) this.#usage = chunk.usage
    if (chunk.delta !== undefined) this.#takeDelta(chunk.delta, chunk.finish !== undefined)
    if (chunk.message !== undefined) this.#takeMessage(chunk.message, chunk.finish !== undefined)
    if (chunk.finish !== undefined) {
      const reason = chunk.finish.toLowerCase()
      this.#isOutOfContext = ContextLength.isCode(reason)
      this.#finish = this.#isOutOfContext ? "length" : Object.hasOwn(finishes, reason) ? finishes[reason] : "other"
    }
  }

  #takeDelta({ calls, reasoning, text }: ChatChunk.Said, isLast: boolean): void {
    this.#thought(reasoning)
    const isAgain = isLast && text === this.#kept && text.length > MIN_AGAIN
    if (!isAgain) this.#text(text)
    for (const call of calls) this.#calls.delta(call)
    if (text !== "") this.#streamed.text = true
    if (calls.length > 0) this.#streamed.calls = true
  }

  /** A message is a delta under another name, the response so far, or the whole one, told once or again. */
  #takeMessage({ calls, reasoning, text }: ChatChunk.Said, isLast: boolean): void {
    this.#hasMessage = true
    if (!this.#streamed.text && !(isLast && text !== "" && text === this.#kept)) {
      this.#thought(reasoning)
      // each message may tell all that came before it
      const isWhole = this.#kept.trim().length > 1 && this.#kept.length <= MAX_KEPT && text.startsWith(this.#kept) &&
        (text.length > this.#kept.length || text.length > MIN_AGAIN)
      this.#text(isWhole ? text.slice(this.#kept.length) : text)
    }
    for (const call of calls) {
      if (this.#streamed.calls) this.#calls.again(call)
      else this.#calls.delta(call)
    }
  }

  #count(text: string): boolean {
    this.#said += text.length
    if (this.#said > MAX_TEXT) this.#failure = malformed(`a text of more than ${MAX_TEXT} characters`)
    return text !== "" && this.#said <= MAX_TEXT
  }

  #thought(delta: string): void {
    if (delta === "") return
    // the server itself tells the thought apart
    this.#isTagMissing = false
    if (!this.#thinking) this.#parts.push({ type: "reasoning-start", id: "1" })
    this.#thinking = true
    this.#parts.push({ type: "reasoning-delta", id: "1", delta })
  }

  #endThought(): void {
    if (this.#thinking) this.#parts.push({ type: "reasoning-end", id: "1" })
    this.#thinking = false
  }

  #text(delta: string): void {
    if (!this.#count(delta)) return
    if (this.#kept.length <= MAX_KEPT) this.#kept += delta
    this.#endThought()
    if (!this.#speaking) this.#parts.push({ type: "text-start", id: "0" })
    this.#speaking = true
    const isMissing = this.#isTagMissing && !/^\s*[<[◁]/u.test(delta)
    this.#isTagMissing &&= delta.trim() === ""
    this.#parts.push({
      type: "text-delta",
      id: "0",
      delta: isMissing && delta.trim() !== "" ? `<think>\n${delta}` : delta
    })
  }
}
