/**
 * Decodes what a client of the OpenAI Realtime protocol sends: eleven events.
 *
 * Nothing throws. A fault says which field is wrong, as the protocol's `error` events do, and quotes nothing but names.
 *
 * https://platform.openai.com/docs/api-reference/realtime-client-events
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import { textFault } from "../../session/ClientMessage.ts"
import { invalid, invalidValue, missing, type OpenAiFault, quote, unknown } from "./Errors.ts"

/**
 * The longest id of an item, an event or a call that a client may give.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_ID = 256

/**
 * The longest output of a tool: 64 Ki characters.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_OUTPUT = 65_536

/**
 * What a client puts into the conversation.
 *
 * @category models
 * @since 0.1.0
 */
export type NewItem =
  | {
    readonly type: "message"
    readonly id: string | undefined
    readonly role: "user" | "assistant" | "system"
    readonly text: string
    readonly isComplete: boolean
  }
  | {
    readonly type: "function_call_output"
    readonly id: string | undefined
    readonly callId: string
    readonly output: string
  }

/**
 * What a client may say of the response that it asks for; `tools`, `toolChoice` and `modalities` are of the session's own shape.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResponseRequest {
  readonly instructions?: string | undefined
  readonly metadata: unknown
  readonly overrides: JsonRecord
}

/**
 * @category models
 * @since 0.1.0
 */
export type ClientEvent =
  | { readonly type: "session.update"; readonly session: unknown }
  | { readonly type: "input_audio_buffer.append"; readonly audio: string }
  | { readonly type: "input_audio_buffer.commit" }
  | { readonly type: "input_audio_buffer.clear" }
  | { readonly type: "output_audio_buffer.clear" }
  | { readonly type: "conversation.item.create"; readonly item: NewItem; readonly previousItemId: string | undefined }
  | { readonly type: "conversation.item.retrieve"; readonly itemId: string }
  | {
    readonly type: "conversation.item.truncate"
    readonly itemId: string
    readonly contentIndex: number
    readonly audioEndMs: number
  }
  | { readonly type: "conversation.item.delete"; readonly itemId: string }
  | { readonly type: "response.create"; readonly response: ResponseRequest }
  | { readonly type: "response.cancel"; readonly responseId: string | undefined }

type Decoded<A> = Result.Result<A, OpenAiFault>

const text = (value: JsonRecord, key: string, path: string): Decoded<string> => {
  const found = value[key]
  if (found === undefined || found === null) return Result.fail(missing(path))
  return typeof found === "string" ? Result.succeed(found) : Result.fail(invalidValue(path, "expected a string"))
}

const id = (value: JsonRecord, key: string, path: string): Decoded<string> =>
  Result.flatMap(
    text(value, key, path),
    (found) =>
      found !== "" && found.length <= MAX_ID
        ? Result.succeed(found)
        : Result.fail(invalidValue(path, `expected 1 to ${MAX_ID} characters`))
  )

const optionalId = (value: JsonRecord, key: string, path: string): Decoded<string | undefined> =>
  value[key] === undefined || value[key] === null ? Result.succeed(undefined) : id(value, key, path)

const whole = (value: JsonRecord, key: string): Decoded<number> => {
  const found = value[key]
  if (found === undefined || found === null) return Result.fail(missing(key))
  return typeof found === "number" && Number.isSafeInteger(found) && found >= 0
    ? Result.succeed(found)
    : Result.fail(invalidValue(key, "expected a whole number, not negative"))
}

const partOf = (part: unknown, path: string): Decoded<string> => {
  if (!isRecord(part)) return Result.fail(invalidValue(path, "expected an object"))
  switch (part["type"]) {
    case "input_text":
    case "output_text":
    case "text":
      return text(part, "text", `${path}.text`)
    case "input_audio":
    case "output_audio":
    case "audio": {
      if (typeof part["transcript"] === "string") return Result.succeed(part["transcript"])
      return Result.fail(
        invalid("invalid_value", "Audio of an item is not served: give its transcript.", `${path}.transcript`)
      )
    }
    case "input_image":
      return Result.fail(invalid("invalid_value", "Images are not served.", `${path}.type`))
    default:
      return Result.fail(invalidValue(`${path}.type`, "expected 'input_text' or 'output_text'"))
  }
}

const messageOf = (item: JsonRecord, itemId: string | undefined): Decoded<NewItem> => {
  const { content, role, status } = item
  if (role !== "user" && role !== "assistant" && role !== "system") {
    return Result.fail(
      role === undefined ? missing("item.role") : invalidValue("item.role", "expected 'user', 'assistant' or 'system'")
    )
  }
  if (!Array.isArray(content)) {
    return Result.fail(
      content === undefined ? missing("item.content") : invalidValue("item.content", "expected a list")
    )
  }
  const words: Array<string> = []
  for (const [i, part] of content.entries()) {
    const decoded = partOf(part, `item.content[${i}]`)
    if (Result.isFailure(decoded)) return Result.fail(decoded.failure)
    words.push(decoded.success)
  }
  const joined = words.join(" ")
  const fault = textFault(joined)
  if (fault !== undefined) return Result.fail(invalidValue("item.content", fault))
  return Result.succeed({ type: "message", id: itemId, role, text: joined, isComplete: status !== "incomplete" })
}

const outputOf = (item: JsonRecord, itemId: string | undefined): Decoded<NewItem> =>
  Result.flatMap(
    id(item, "call_id", "item.call_id"),
    (callId) =>
      Result.flatMap(text(item, "output", "item.output"), (output): Decoded<NewItem> =>
        output.length > MAX_OUTPUT
          ? Result.fail(invalidValue("item.output", `at most ${MAX_OUTPUT} characters`))
          : Result.succeed({ type: "function_call_output", id: itemId, callId, output }))
  )

const itemOf = (item: unknown): Decoded<NewItem> => {
  if (!isRecord(item)) {
    return Result.fail(item === undefined ? missing("item") : invalidValue("item", "expected an object"))
  }
  return Result.flatMap(optionalId(item, "id", "item.id"), (itemId): Decoded<NewItem> => {
    switch (item["type"]) {
      case "message":
        return messageOf(item, itemId)
      case "function_call_output":
        return outputOf(item, itemId)
      case undefined:
        return Result.fail(missing("item.type"))
      default:
        return Result.fail(
          invalid(
            "invalid_value",
            "Items of this type cannot be created: 'item.type' must be 'message' or 'function_call_output'.",
            "item.type"
          )
        )
    }
  })
}

/** Of a response, what is the session's as well. */
const overridable = new Set(["output_modalities", "tools", "tool_choice"])
/** What is taken, and means nothing here. */
const withoutMeaning = new Set(["audio", "max_output_tokens", "parallel_tool_calls", "prompt", "reasoning", "metadata"])

const responseOf = (response: unknown): Decoded<ResponseRequest> => {
  if (response === undefined || response === null) return Result.succeed({ metadata: null, overrides: {} })
  if (!isRecord(response)) return Result.fail(invalidValue("response", "expected an object"))
  const overrides: { [key: string]: unknown } = {}
  for (const [key, value] of Object.entries(response)) {
    if (value === null || key === "instructions" || withoutMeaning.has(key)) continue
    const path = `response.${key.slice(0, 64)}`
    if (overridable.has(key)) overrides[key] = value
    else if (key === "conversation") {
      if (value === "auto") continue
      return Result.fail(
        invalid("invalid_value", "Responses outside of the conversation are not served.", "response.conversation")
      )
    } else if (key === "input") {
      return Result.fail(
        invalid("invalid_value", "Responses to an input of their own are not served.", "response.input")
      )
    } else {
      return Result.fail(unknown(path, key === "modalities" ? "It is 'response.output_modalities' now." : ""))
    }
  }
  const { instructions, metadata = null } = response
  if (instructions !== undefined && instructions !== null) {
    if (typeof instructions !== "string" || instructions.length > 65_536) {
      return Result.fail(invalidValue("response.instructions", "expected a string of at most 65536 characters"))
    }
    return Result.succeed({ instructions, metadata, overrides })
  }
  return Result.succeed({ metadata, overrides })
}

/**
 * Decodes an event.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (event: JsonRecord): Decoded<ClientEvent> => {
  const { type } = event
  switch (type) {
    case "session.update":
      return Result.succeed({ type, session: event["session"] })
    case "input_audio_buffer.append":
      return Result.map(text(event, "audio", "audio"), (audio) => ({ type, audio }))
    case "input_audio_buffer.commit":
    case "input_audio_buffer.clear":
    case "output_audio_buffer.clear":
      return Result.succeed({ type })
    case "conversation.item.create":
      return Result.flatMap(itemOf(event["item"]), (item) =>
        Result.map(
          optionalId(event, "previous_item_id", "previous_item_id"),
          (previousItemId) => ({ type, item, previousItemId })
        ))
    case "conversation.item.retrieve":
    case "conversation.item.delete":
      return Result.map(id(event, "item_id", "item_id"), (itemId) => ({ type, itemId }))
    case "conversation.item.truncate":
      return Result.flatMap(
        id(event, "item_id", "item_id"),
        (itemId) =>
          Result.flatMap(
            whole(event, "content_index"),
            (contentIndex) =>
              Result.map(whole(event, "audio_end_ms"), (audioEndMs) => ({ type, itemId, contentIndex, audioEndMs }))
          )
      )
    case "response.create":
      return Result.map(responseOf(event["response"]), (response) => ({ type, response }))
    case "response.cancel":
      return Result.map(optionalId(event, "response_id", "response_id"), (responseId) => ({ type, responseId }))
    case undefined:
      return Result.fail(missing("type"))
    default:
      return Result.fail(
        typeof type === "string"
          ? invalid("invalid_value", `Invalid value: ${quote(type)} is not an event of a client.`, "type")
          : invalidValue("type", "expected a string")
      )
  }
}

/**
 * The id that a client has given an event, to be told with the error that it causes; `null` without one.
 *
 * @category accessors
 * @since 0.1.0
 */
export const idOf = (event: JsonRecord): string | null => {
  const found = event["event_id"]
  return typeof found === "string" && found.length <= MAX_ID ? found : null
}
