/**
 * Reads one JSON value of a response as a chunk of it. Pure.
 *
 * Nothing is checked that is not needed. The chunk may be one of a stream (`delta`), a whole completion (`message`), one of
 * the former completions API (`text`), of Ollama's own API or of Gemini's.
 *
 * @since 0.1.0
 */
import * as Json from "../../schema/Json.ts"
import * as ChatContent from "./ChatContent.ts"

/**
 * What one message or delta says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Said {
  readonly text: string
  readonly reasoning: string
  /** The entries of `tool_calls`, not read yet. */
  readonly calls: ReadonlyArray<unknown>
}

/**
 * A chunk of a response.
 *
 * - `delta`: what the chunk adds. `message`: what the server calls a message: the whole response, or a delta under another
 *   name.
 * - `finish`: the reason that the server gives for the end.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChatChunk {
  readonly delta?: Said | undefined
  readonly message?: Said | undefined
  readonly finish?: string | undefined
  readonly usage?: { readonly input: number | undefined; readonly output: number | undefined } | undefined
}

const listOf = (value: unknown): ReadonlyArray<unknown> =>
  Array.isArray(value) ? value : Json.isRecord(value) ? [value] : []

/** Tool calls as a list, as one call, or as an object by index. */
const callsOf = (value: unknown): ReadonlyArray<unknown> =>
  Json.isRecord(value) && value["function"] === undefined && value["name"] === undefined
    ? Object.values(value)
    : listOf(value)

/** The calls among the parts of a content: Gemini's and Anthropic's. */
const callsInParts = (content: unknown): ReadonlyArray<unknown> =>
  listOf(Json.isRecord(content) ? content["parts"] ?? content : content).flatMap((part) =>
    Json.isRecord(part)
      ? part["functionCall"] !== undefined
        ? [part["functionCall"]]
        : part["type"] === "tool_use" || part["type"] === "tool_call" || part["type"] === "function_call"
        ? [part]
        : []
      : []
  )

const saidIn = (value: unknown): Said | undefined => {
  if (typeof value === "string") return { text: value, reasoning: "", calls: [] }
  if (!Json.isRecord(value)) return undefined
  const content = ChatContent.of(value["content"])
  const thoughts = ["reasoning_content", "reasoning", "thinking", "thought"]
    .map((key) => value[key])
    .find((thought) => thought !== undefined && thought !== null && thought !== "")
  const { reasoning, text } = ChatContent.of(thoughts)
  return {
    text: content.text + ChatContent.of(value["refusal"]).text,
    reasoning: content.reasoning + reasoning + text,
    calls: [
      ...callsOf(value["tool_calls"]),
      ...callsInParts(value["content"]),
      ...(Json.isRecord(value["function_call"]) ? [value["function_call"]] : [])
    ]
  }
}

const countOf = (value: unknown): number | undefined => {
  const count = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  return typeof count === "number" && Number.isFinite(count) && count >= 0 ? count : undefined
}

const usageIn = (value: unknown): ChatChunk["usage"] => {
  if (!Json.isRecord(value)) return undefined
  const first = (...keys: ReadonlyArray<string>) =>
    keys.map((key) => countOf(value[key])).find((count) => count !== undefined)
  const input = first("prompt_tokens", "input_tokens", "prompt_eval_count", "promptTokenCount")
  const output = first("completion_tokens", "output_tokens", "eval_count", "candidatesTokenCount")
  return input === undefined && output === undefined ? undefined : { input, output }
}

const finishIn = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

const isFirst = (choice: Json.JsonRecord): boolean => {
  const index = countOf(choice["index"])
  return index === undefined || index === 0
}

/** The choice that was asked for; servers may send others. */
const choiceIn = (choices: unknown): Json.JsonRecord | undefined =>
  listOf(choices).find((choice): choice is Json.JsonRecord => Json.isRecord(choice) && isFirst(choice))

const ofChoice = (choice: Json.JsonRecord): ChatChunk => ({
  delta: saidIn(choice["delta"]) ?? (choice["message"] === undefined ? saidIn(choice["text"]) : undefined),
  message: saidIn(choice["message"]),
  finish: finishIn(choice["finish_reason"])
})

/** A chunk of Ollama's own API, or of llama.cpp's. */
const native = (value: Json.JsonRecord): ChatChunk => ({
  delta: saidIn(value["message"]) ?? saidIn(value["delta"]) ?? saidIn(value["response"]) ??
    (value["object"] === "error" ? undefined : saidIn(value["content"])),
  finish: value["done"] === true || value["stop"] === true
    ? finishIn(value["done_reason"]) ?? finishIn(value["stop_type"]) ?? "stop"
    : undefined
})

/**
 * Reads a chunk; `undefined` for a value that has nothing of one, such as a keep-alive.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (value: Json.JsonRecord): ChatChunk | undefined => {
  const { candidates, choices } = value
  const usage = usageIn(value["usage"]) ?? usageIn(value["usageMetadata"]) ?? usageIn(value)
  if (choices !== undefined && choices !== null) {
    const choice = choiceIn(choices)
    return choice === undefined ? { usage } : { ...ofChoice(choice), usage }
  }
  if (candidates !== undefined && candidates !== null) {
    const choice = choiceIn(candidates)
    return choice === undefined
      ? { usage }
      : {
        delta: saidIn({ content: choice["content"], tool_calls: callsInParts(choice["content"]) }),
        finish: finishIn(choice["finishReason"])?.toLowerCase(),
        usage
      }
  }
  const chunk = native(value)
  return chunk.delta === undefined && chunk.finish === undefined && usage === undefined
    ? undefined
    : { ...chunk, usage }
}
