/**
 * The answer of a `/v1/chat/completions` server, out of the text of its event stream, however that is cut.
 *
 * Text comes out as it comes in; calls when the answer is over, put together by their index. Reasoning is passed by. A
 * refusal is what the model says. Bounded: an answer of more than 4 MiB is none.
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

/** Characters of one event, and of a whole answer. */
const MAX_EVENT = 1_048_576
const MAX_ANSWER = 4_194_304
/** Calls in one answer; the rest is passed by. */
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
    /** Of a server that does not stream. */
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

/** What cannot be read stays as it was written: whoever runs the tool says so to the model. */
const inputOf = (text: string): unknown => text.trim() === "" ? {} : Json.parseOrText(text)

const garbage = (description: string) => ChatErrors.make(new AiError.InvalidOutputError({ description }))

type Parts = ReadonlyArray<Response.StreamPartEncoded>

/**
 * Decodes one answer.
 *
 * @category decoding
 * @since 0.1.0
 */
export class ChatDeltas {
  readonly #answered: ChatErrors.Answered
  readonly #parser: Sse.Parser
  #parts: Array<Response.StreamPartEncoded> = []
  #calls: Array<CallSoFar> = []
  #failure: AiError.AiError | undefined
  #finish: Response.FinishReason | undefined
  #usage: { readonly input: number | undefined; readonly output: number | undefined } | undefined
  #speaking = false
  #done = false
  #size = 0

  constructor(answered: ChatErrors.Answered) {
    this.#answered = answered
    this.#parser = Sse.makeParser((event) => {
      if (event._tag === "Event") this.#event(event.data)
    }, { maxEventSize: MAX_EVENT })
  }

  /** Takes more of the stream. */
  push(text: string): Result.Result<Parts, AiError.AiError> {
    this.#size += text.length
    if (this.#size > MAX_ANSWER) return Result.fail(garbage(`an answer of more than ${MAX_ANSWER} characters`))
    return this.#parser.feed(text) === undefined
      ? this.#take()
      : Result.fail(garbage(`an event of more than ${MAX_EVENT} characters`))
  }

  /** Takes the body of a server that does not stream. */
  whole(text: string): Result.Result<Parts, AiError.AiError> {
    this.#event(text)
    return this.#take()
  }

  /** The stream is over: the calls, and how it ended. Fails when it was cut off. */
  end(): Result.Result<Parts, AiError.AiError> {
    if (this.#failure !== undefined) return Result.fail(this.#failure)
    if (!this.#done && this.#finish === undefined) {
      return Result.fail(
        ChatErrors.make(
          new AiError.InternalProviderError({
            description: "the answer was cut off",
            http: { response: { status: this.#answered.status, headers: this.#headers() }, body: undefined }
          })
        )
      )
    }
    const reason = this.#finish ?? (this.#calls.length > 0 ? "tool-calls" : "stop")
    if (this.#speaking) this.#parts.push({ type: "text-end", id: "0" })
    // a filtered answer is nothing to act on
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
    const { requestId } = this.#answered
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
      this.#failure = garbage("an event that is no JSON")
      return
    }
    const codes = ChatErrors.codesOf(json)
    if (codes !== undefined) {
      this.#failure = ChatErrors.make(ChatErrors.reasonOf(this.#answered, codes))
      return
    }
    const chunk = decodeChunk(json)
    if (Result.isFailure(chunk)) {
      this.#failure = garbage("an event that is no chunk of a completion")
      return
    }
    const { choices, usage } = chunk.success
    if (usage !== undefined && usage !== null) {
      this.#usage = { input: usage.prompt_tokens ?? undefined, output: usage.completion_tokens ?? undefined }
    }
    for (const choice of choices ?? []) {
      // one answer was asked for
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

  /** Some servers leave the index out, and some give the same to all calls: then a new id is a new call. */
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
