/**
 * Servers of the APIs of Anthropic and Google, scripted: their answers, their faults, and the rules by which they refuse a request.
 */
import { Effect, type Scope } from "effect"
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export type Json = { readonly [key: string]: unknown }

export interface ModelRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Json
}

/** One event, or what happens in its place. */
export type Event =
  | { readonly event?: string; readonly data: Json }
  | { readonly raw: string }
  | { readonly bytes: Uint8Array }
  /** Writes it again and again, as long as somebody reads. */
  | { readonly flood: string }
  | { readonly reset: true }
  | { readonly stall: true }

export type ModelAnswer =
  | { readonly events: ReadonlyArray<Event>; readonly chunk?: number }
  | { readonly status: number; readonly headers?: { readonly [name: string]: string }; readonly body: unknown }

export interface FakeModelApi {
  readonly url: string
  readonly requests: Array<ModelRequest>
  readonly aborted: () => number
  /** Bytes of floods that were written. */
  readonly flooded: () => number
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let body = ""
  for await (const part of request) body += String(part)
  return body
}

const write = async (response: ServerResponse, told: string, size: number) => {
  const bytes = Buffer.from(told)
  for (let at = 0; at < bytes.length; at += size) {
    response.write(bytes.subarray(at, at + size))
    if (size < bytes.length) await new Promise<void>((resume) => setImmediate(resume))
  }
}

const flood = async (response: ServerResponse, told: string, onWritten: (bytes: number) => void) => {
  while (!response.destroyed) {
    onWritten(told.length)
    if (!response.write(told)) await new Promise((resume) => response.once("drain", resume).once("close", resume))
  }
}

const tell = async (
  response: ServerResponse,
  answer: ModelAnswer,
  idHeader: string,
  onFlood: (bytes: number) => void
) => {
  if ("status" in answer) {
    response.writeHead(answer.status, { "content-type": "application/json", [idHeader]: "req_1", ...answer.headers })
    return response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body))
  }
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", [idHeader]: "req_1" })
  const size = answer.chunk ?? Number.POSITIVE_INFINITY
  for (const event of answer.events) {
    if ("stall" in event) return
    if ("reset" in event) return response.socket?.resetAndDestroy()
    if ("flood" in event) return flood(response, event.flood, onFlood)
    if ("bytes" in event) response.write(event.bytes)
    else if ("raw" in event) await write(response, event.raw, size)
    else {
      const name = event.event === undefined ? "" : `event: ${event.event}\n`
      await write(response, `${name}data: ${JSON.stringify(event.data)}\n\n`, size)
    }
  }
  response.end()
}

const make = (
  answers: ReadonlyArray<ModelAnswer>,
  refusal: (request: ModelRequest) => ModelAnswer | undefined,
  idHeader: string
): Effect.Effect<FakeModelApi, never, Scope.Scope> =>
  Effect.gen(function*() {
    const requests: Array<ModelRequest> = []
    let aborted = 0
    let flooded = 0
    const server = createServer((request, response) => {
      response.on("close", () => {
        if (!response.writableFinished) aborted++
      })
      const take = async () => {
        const { headers, url = "" } = request
        const asked: ModelRequest = { path: url, headers, body: JSON.parse(await bodyOf(request)) }
        const index = requests.push(asked) - 1
        const told = refusal(asked) ?? answers[Math.min(index, answers.length - 1)]!
        await tell(response, told, idHeader, (bytes) => {
          flooded += bytes
        })
      }
      void take().catch(() => response.destroy())
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    )
    const { port } = server.address() as AddressInfo // it listens on a port
    return { url: `http://127.0.0.1:${port}`, requests, aborted: () => aborted, flooded: () => flooded }
  })

const records = (value: unknown): ReadonlyArray<Json> => Array.isArray(value) ? value : []

// Anthropic

const anthropicError = (status: number, type: string, message: string): ModelAnswer => ({
  status,
  body: { type: "error", error: { type, message }, request_id: "req_1" }
})

const blocksOf = (message: Json): ReadonlyArray<Json> =>
  typeof message["content"] === "string" ? [{ type: "text", text: message["content"] }] : records(message["content"])

const TOOL_NAME = /^[a-zA-Z0-9_-]{1,128}$/u

/** What the Messages API refuses of tools. */
const anthropicToolFault = (body: Json): string | undefined => {
  for (const [i, tool] of records(body["tools"]).entries()) {
    if (!TOOL_NAME.test(String(tool["name"]))) return `tools.${i}.custom.name: String should match pattern`
    const schema = tool["input_schema"] as Json
    if (schema["type"] !== "object") return `tools.${i}.custom.input_schema.type: Input should be 'object'`
    if (["anyOf", "oneOf", "allOf"].some((word) => schema[word] !== undefined)) {
      return `tools.${i}.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level`
    }
    if (Object.keys(schema["properties"] ?? {}).some((name) => !/^[a-zA-Z0-9_.-]{1,64}$/u.test(name))) {
      return `tools.${i}.custom.input_schema.properties: Property keys should match pattern`
    }
  }
  return undefined
}

/** Whether a message has thoughts. */
const thinks = (message: Json | undefined): boolean =>
  records(message?.["content"]).some(({ type }) => type === "thinking" || type === "redacted_thinking")

/** Newer models take their thoughts back in the conversation alone from which they came, and want them with their calls' results. */
const thoughtFault = (body: Json, earlier: ReadonlyArray<Json>): string | undefined => {
  const messages = records(body["messages"])
  const seen = (at: number) =>
    earlier.some((before) =>
      ["model", "system", "tools"].every((key) => JSON.stringify(before[key]) === JSON.stringify(body[key])) &&
      JSON.stringify(before["messages"]) === JSON.stringify(messages.slice(0, at))
    )
  for (const [i, message] of messages.entries()) {
    if (message["role"] === "assistant" && thinks(message) && !seen(i)) {
      return `messages.${i}.content.0: Invalid \`signature\` in \`thinking\` block. The block is bound to a different conversation.`
    }
  }
  return undefined
}

/** What the API refuses of the schema of an object: each object must say that it has no other properties. */
const isClosed = (schema: unknown): boolean => {
  if (Array.isArray(schema)) return schema.every(isClosed)
  if (typeof schema !== "object" || schema === null) return true
  const { additionalProperties, type } = schema as { readonly additionalProperties?: unknown; readonly type?: unknown }
  return (type !== "object" || additionalProperties === false) && Object.values(schema).every(isClosed)
}

/** What the Messages API refuses. */
const anthropicFault = ({ body, headers, path }: ModelRequest): string | undefined => {
  const messages = records(body["messages"])
  if (path !== "/v1/messages") return "not found"
  const choice = body["tool_choice"] as { readonly type: string } | undefined
  if (choice?.type === "any" || choice?.type === "tool") {
    return "tool_choice: type \"tool\" and \"any\" are not supported for this model."
  }
  const format = (body["output_config"] as { readonly format?: Json } | undefined)?.format
  if (format !== undefined && !isClosed(format["schema"])) {
    return "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
  }
  const toolFault = anthropicToolFault(body)
  if (toolFault !== undefined) return toolFault
  if (headers["anthropic-version"] !== "2023-06-01") return "anthropic-version: header is required"
  if (typeof body["max_tokens"] !== "number") return "max_tokens: Field required"
  if (messages.some(({ role }) => role !== "user" && role !== "assistant")) {
    return "messages: Unexpected role \"system\""
  }
  if (messages.at(-1)?.["role"] !== "user") return "This model does not support assistant message prefill"
  for (const [i, message] of messages.entries()) {
    const blocks = blocksOf(message)
    if (blocks.length === 0) return `messages.${i}: all messages must have non-empty content`
    if (blocks.some(({ text, type }) => type === "text" && String(text).trim() === "")) {
      return "messages: text content blocks must contain non-whitespace text"
    }
    const uses = message["role"] === "assistant" ? blocks.filter(({ type }) => type === "tool_use") : []
    if (uses.some(({ id }) => !/^[a-zA-Z0-9_-]+$/u.test(String(id)))) return "tool_use.id: String should match pattern"
    const results = new Set(blocksOf(messages[i + 1] ?? {}).slice(0, uses.length).map((block) => block["tool_use_id"]))
    if (uses.some(({ id }) => !results.has(id))) {
      return "`tool_use` ids were found without `tool_result` blocks immediately after"
    }
    if (uses.length > 0 && records(body["tools"]).length === 0) {
      return "Requests which include `tool_use` or `tool_result` blocks must define tools."
    }
    const before = new Set(blocksOf(messages[i - 1] ?? {}).map(({ id }) => id))
    if (blocks.some((block) => block["type"] === "tool_result" && !before.has(block["tool_use_id"]))) {
      return "unexpected `tool_use_id` found in `tool_result` blocks"
    }
  }
  return undefined
}

/** Starts the Messages API; the nth request gets the nth answer, and the last again. */
export const anthropic = (answers: ReadonlyArray<ModelAnswer>, key = "sk-ant-fake-key") => {
  const earlier: Array<Json> = []
  return make(answers, (request) => {
    if (request.headers["x-api-key"] !== key) return anthropicError(401, "authentication_error", "invalid x-api-key")
    const fault = anthropicFault(request) ?? thoughtFault(request.body, earlier)
    earlier.push(request.body)
    return fault === undefined ? undefined : anthropicError(400, "invalid_request_error", fault)
  }, "request-id")
}

const named = (data: Json): Event => ({ event: String(data["type"]), data })

/** The stream of a message with these blocks, as the API tells it. */
export const message = (
  blocks: ReadonlyArray<
    | { readonly text: ReadonlyArray<string> }
    | { readonly thinking: string }
    | { readonly tool: string; readonly id: string; readonly input: ReadonlyArray<string> }
  >,
  stop: string
): ReadonlyArray<Event> => [
  named({
    type: "message_start",
    message: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "claude-fake",
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 20, cache_creation_input_tokens: 3, cache_read_input_tokens: 4, output_tokens: 1 }
    }
  }),
  named({ type: "ping" }),
  ...blocks.flatMap((block, index): ReadonlyArray<Event> => {
    const [start, deltas] = "text" in block
      ? [{ type: "text", text: "" }, block.text.map((text) => ({ type: "text_delta", text }))]
      : "thinking" in block
      ? [{ type: "thinking", thinking: "", signature: "" }, [
        { type: "thinking_delta", thinking: block.thinking },
        { type: "signature_delta", signature: "c2ln" }
      ]]
      : [
        { type: "tool_use", id: block.id, name: block.tool, input: {} },
        block.input.map((partial_json) => ({ type: "input_json_delta", partial_json }))
      ]
    return [
      named({ type: "content_block_start", index, content_block: start }),
      ...deltas.map((delta) => named({ type: "content_block_delta", index, delta })),
      named({ type: "content_block_stop", index })
    ]
  }),
  named({
    type: "message_delta",
    delta: { stop_reason: stop, stop_sequence: null },
    usage: { output_tokens: 15 }
  }),
  named({ type: "message_stop" })
]

// Google

export const googleError = (code: number, status: string, message: string, details: ReadonlyArray<Json> = []) => ({
  status: code,
  body: { error: { code, message, status, details } }
})

const partsOf = (content: Json | undefined): ReadonlyArray<Json> => records(content?.["parts"])

/** What the Gemini API refuses of tools. */
const googleToolFault = (body: Json): string | undefined => {
  for (const declaration of records(records(body["tools"])[0]?.["functionDeclarations"])) {
    const { name, parametersJsonSchema: schema } = declaration as { readonly name: string } & Json
    if (!/^[a-zA-Z_][\w.:-]{0,63}$/u.test(name)) {
      return "Invalid function name. Must start with a letter or an underscore."
    }
    const json = JSON.stringify(schema)
    if (json.includes("\"$schema\"")) return "Unknown name \"$schema\": Cannot find field."
    if (json.includes("\"$ref\"")) return "reference to undefined schema at properties.target_object"
    const { properties = {}, required = [] } = schema as {
      readonly properties?: object
      readonly required?: Array<string>
    }
    if (required.some((each) => !Object.hasOwn(properties, each))) return "required: property is not defined"
  }
  return undefined
}

/** What the API refuses. */
const googleFault = ({ body, path }: ModelRequest, issued: ReadonlySet<string>): string | undefined => {
  if (!/^\/v1beta\/models\/[\w.-]+:streamGenerateContent\?alt=sse$/u.test(path)) return "not found"
  const toolFault = googleToolFault(body)
  if (toolFault !== undefined) return toolFault
  const contents = records(body["contents"])
  if (contents.length === 0) return "contents is not specified"
  for (const [i, content] of contents.entries()) {
    if (content["role"] !== "user" && content["role"] !== "model") return "Please use a valid role: user, model."
    const parts = partsOf(content)
    if (parts.length === 0) return "must include at least one parts field"
    const calls = parts.filter((part) => part["functionCall"] !== undefined)
    const [first] = calls
    if (first === undefined) continue
    if (i === 0) return "Please ensure that function call turn comes immediately after a user turn"
    const answers = partsOf(contents[i + 1]).filter((part) => part["functionResponse"] !== undefined)
    if (answers.length !== calls.length) {
      return "Please ensure that the number of function response parts is equal to the number of function call parts"
    }
    const signature = String(first["thoughtSignature"] ?? "")
    if (signature === "") return "Function call is missing a thought_signature in functionCall parts."
    if (signature !== "skip_thought_signature_validator" && !issued.has(signature)) {
      return "Corrupted thought signature."
    }
  }
  return undefined
}

/** Starts the Gemini API, as its models of the third generation answer. */
export const google = (answers: ReadonlyArray<ModelAnswer>, key = "AIza-fake-key") => {
  const issued = new Set(
    Array.from(JSON.stringify(answers).matchAll(/"thoughtSignature":"([^"]+)"/gu), ([, told = ""]) => told)
  )
  return make(answers, (request) => {
    if (request.headers["x-goog-api-key"] !== key) {
      return googleError(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
        { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID", domain: "googleapis.com" }
      ])
    }
    const fault = googleFault(request, issued)
    return fault === undefined ? undefined : googleError(400, "INVALID_ARGUMENT", fault)
  }, "x-request-id")
}

/** A stream of chunks with these parts, the last with the reason of the end. */
export const candidates = (
  parts: ReadonlyArray<ReadonlyArray<Json>>,
  finish: string | undefined = "STOP"
): ReadonlyArray<Event> =>
  parts.map((each, i) => ({
    data: {
      candidates: [{
        content: { role: "model", parts: each },
        index: 0,
        ...(i === parts.length - 1 && finish !== undefined ? { finishReason: finish } : {})
      }],
      usageMetadata: { promptTokenCount: 20, candidatesTokenCount: 10, thoughtsTokenCount: 5, totalTokenCount: 35 },
      modelVersion: "gemini-fake",
      responseId: "r1"
    }
  }))
