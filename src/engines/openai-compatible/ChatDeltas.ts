/**
 * Decodes the event stream of a `/v1/chat/completions` server, in pieces of any size, to parts of a response.
 *
 * Text is passed on as it arrives; tool calls are assembled by their index and passed on at the end. Reasoning is ignored. A
 * refusal is text. A response of more than 4 MiB fails.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import type * as Response from "effect/ai/Response"
import * as Sse from "effect/encoding/Sse"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Json from "../../schema/Json.ts"
import * as ChatErrors from "./ChatErrors.ts"

/** In characters, of one event and of a whole response. */
const MAX_EVENT = 1_048_576
const MAX_RESPONSE = 4_194_304
/** Tool calls in one response; further ones are ignored. */
const MAX_CALLS = 64

const nullable = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const CallDelta = Schema.Struct({
  index: nullable(Schema.Int),
  id: nullable(Schema.String),
  function: nullable(Schema.Struct({ name: nullable(Schema.String), arguments: nullable(Schema.Unknown) }))
})
const Delta = Schema.Struct({
  content: nullable(Schema.String),
  refusal: nullable(Schema.String),
  tool_calls: nullable(Schema.Array(CallDelta))
})
const Count = nullable(Schema.Finite)
const Chunk = Schema.Struct({
  choices: nullable(Schema.Array(Schema.Struct({
    index: nullable(Schema.Int),
    delta: nullable(Delta),
    /** From a server that does not stream. */
    message: nullable(Delta),
    finish_reason: nullable(Schema.String)
  }))),
  usage: nullable(Schema.Struct({ prompt_tokens: Count, completion_tokens: Count, total_tokens: Count }))
})
const decodeChunk = Schema.decodeUnknownResult(Chunk)

interface CallSoFar {
  readonly index: number | undefined
  id: string
  name: string
  input: string
}

const finishes: { readonly [reason: string]: Response.FinishReason } = {
  stop: "stop",
  length: "length",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "content-filter"
}

/** Malformed arguments stay text, so that the tool's schema rejects them and the model gets that error. */
const inputOf = (text: string): unknown => text.trim() === "" ? {} : Json.parseOrText(text)

const malformed = (description: string) => ChatErrors.make(new AiError.InvalidOutputError({ description }))

type Parts = ReadonlyArray<Response.StreamPartEncoded>

/**
 * Decodes one response.
 *
 * @category decoding
 * @since 0.1.0
 */
export class ChatDeltas {
  readonly #response: ChatErrors.ResponseInfo
  readonly #parser: Sse.Parser
  #parts: Array<Response.StreamPartEncoded> = []
  #calls: Array<CallSoFar> = []
  #failure: AiError.AiError | undefined
  #finish: Response.FinishReason | undefined
  #usage: { readonly input: number | undefined; readonly output: number | undefined } | undefined
  #speaking = false
  #done = false
  #size = 0

  constructor(response: ChatErrors.ResponseInfo) {
    this.#response = response
    this.#parser = Sse.makeParser((event) => {
      if (event._tag === "Event") this.#event(event.data)
    }, { maxEventSize: MAX_EVENT })
  }

  /** Decodes the next piece of the stream. */
  push(text: string): Result.Result<Parts, AiError.AiError> {
    this.#size += text.length
    if (this.#size > MAX_RESPONSE) return Result.fail(malformed(`a response of more than ${MAX_RESPONSE} characters`))
    return this.#parser.feed(text) === undefined
      ? this.#take()
      : Result.fail(malformed(`an event of more than ${MAX_EVENT} characters`))
  }

  /** Decodes the whole body of a server that does not stream. */
  whole(text: string): Result.Result<Parts, AiError.AiError> {
    this.#event(text)
    return this.#take()
  }

  /** Ends the stream: the tool calls and the finish reason. Fails when the stream was truncated. */
  end(): Result.Result<Parts, AiError.AiError> {
    if (this.#failure !== undefined) return Result.fail(this.#failure)
    if (!this.#done && this.#finish === undefined) {
      return Result.fail(
        ChatErrors.make(
          new AiError.InternalProviderError({
            description: "the response ended before it was complete",
            http: { response: { status: this.#response.status, headers: this.#headers() }, body: undefined }
          })
        )
      )
    }
    const reason = this.#finish ?? (this.#calls.length > 0 ? "tool-calls" : "stop")
    if (this.#speaking) this.#parts.push({ type: "text-end", id: "0" })
    // the tool calls of a filtered response are not run
    for (const { id, input, name } of reason === "content-filter" ? [] : this.#calls) {
      this.#parts.push({ type: "tool-call", id, name, params: inputOf(input) })
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
    return this.#take()
  }

  #headers(): { readonly [name: string]: string } {
    const { requestId } = this.#response
    return requestId === undefined ? {} : { "x-request-id": requestId }
  }

  #take(): Result.Result<Parts, AiError.AiError> {
    if (this.#failure !== undefined) return Result.fail(this.#failure)
    const parts = this.#parts
    this.#parts = []
    return Result.succeed(parts)
  }

  #event(data: string): void {
    if (this.#done || this.#failure !== undefined) return
    if (data.trim() === "[DONE]") {
      this.#done = true
      return
    }
    const json = Json.parse(data)
    if (json === undefined) {
      this.#failure = malformed("an event that is not JSON")
      return
    }
    const codes = ChatErrors.codesOf(json)
    if (codes !== undefined) {
      this.#failure = ChatErrors.make(ChatErrors.fromResponse(this.#response, codes))
      return
    }
    const chunk = decodeChunk(json)
    if (Result.isFailure(chunk)) {
      this.#failure = malformed("an event that is not a completion chunk")
      return
    }
    const { choices, usage } = chunk.success
    if (usage !== undefined && usage !== null) {
      this.#usage = { input: usage.prompt_tokens ?? undefined, output: usage.completion_tokens ?? undefined }
    }
    for (const choice of choices ?? []) {
      // only one choice was requested
      if ((choice.index ?? 0) !== 0) continue
      const delta = choice.delta ?? choice.message
      this.#text(delta?.content ?? "")
      this.#text(delta?.refusal ?? "")
      for (const call of delta?.tool_calls ?? []) this.#call(call)
      if (choice.finish_reason !== undefined && choice.finish_reason !== null && choice.finish_reason !== "") {
        this.#finish = Object.hasOwn(finishes, choice.finish_reason) ? finishes[choice.finish_reason] : "other"
      }
    }
  }

  #text(delta: string): void {
    if (delta === "") return
    if (!this.#speaking) this.#parts.push({ type: "text-start", id: "0" })
    this.#speaking = true
    this.#parts.push({ type: "text-delta", id: "0", delta })
  }

  /** Some servers omit the index, and some use the same for all calls: then a new id starts a new call. */
  #call(delta: typeof CallDelta.Type): void {
    const index = delta.index ?? undefined
    const id = delta.id ?? ""
    const name = delta.function?.name ?? ""
    const input = delta.function?.arguments ?? ""
    const last = index === undefined
      ? this.#calls.at(-1)
      : this.#calls.findLast((call) => call.index === index)
    const isNew = last === undefined || (id !== "" && last.id !== "" && id !== last.id)
    if (isNew && this.#calls.length >= MAX_CALLS) return
    const call = isNew ? { index, id: "", name: "", input: "" } : last
    if (isNew) this.#calls.push(call)
    if (id !== "") call.id = id
    if (call.name === "") call.name = name
    call.input += typeof input === "string" ? input : JSON.stringify(input) ?? ""
  }
}
