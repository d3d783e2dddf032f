/**
 * Encodes a request to Anthropic's Messages API: prompt, tools and settings as JSON.
 *
 * @since 0.1.0
 */
import * as AnthropicStructuredOutput from "effect/ai/AnthropicStructuredOutput"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Result from "effect/Result"
import * as Crypto from "node:crypto"
import type { JsonRecord } from "../../schema/Json.ts"
import type { CallMarks } from "../hosted/llm/CallMarks.ts"
import * as PromptTurns from "../hosted/llm/PromptTurns.ts"

/**
 * The engine's settings of each request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly model: string
  readonly maxTokens: number
  readonly instructions?: string | undefined
  readonly temperature?: number | undefined
  readonly effort?: string | undefined
  readonly thinking?: string | undefined
  readonly cachePrompt?: boolean | undefined
}

/**
 * What is kept of a response with calls.
 *
 * - `content`: its blocks. `prefix`: what the request had before it, as a hash (`prefixOf`).
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageMark {
  readonly content: ReadonlyArray<JsonRecord>
  readonly prefix: string
}

/** The ids that the API takes; those of another model's calls may be others. */
const idOf = (id: string): string => id.replace(/[^a-zA-Z0-9_-]/gu, "_") || "_"

const blockOf = (part: PromptTurns.TurnPart): JsonRecord => {
  switch (part.type) {
    case "text":
      return { type: "text", text: part.text }
    case "call":
      return { type: "tool_use", id: idOf(part.id), name: part.name, input: part.params }
    case "result":
      return {
        type: "tool_result",
        tool_use_id: idOf(part.id),
        content: typeof part.result === "string" ? part.result : JSON.stringify(part.result) ?? "null",
        ...(part.isFailure ? { is_error: true } : {})
      }
  }
}

const choiceOf = (choice: LanguageModel.ProviderOptions["toolChoice"]): JsonRecord => {
  if (typeof choice === "string") return { type: choice === "required" ? "any" : choice }
  if ("tool" in choice) return { type: "tool", name: choice.tool }
  return { type: choice.mode === "required" ? "any" : "auto" }
}

const toolsOf = (tools: LanguageModel.ProviderOptions["tools"]): ReadonlyArray<JsonRecord> =>
  tools.map((tool) => {
    const description = Tool.getDescription(tool)
    return {
      name: tool.name,
      ...(description === undefined || description === "" ? {} : { description }),
      input_schema: Tool.getJsonSchema(tool)
    }
  })

/**
 * A hash of what a response follows: the system prompt, the tools and the messages. The API refuses a thought that follows anything
 * else.
 *
 * @category accessors
 * @since 0.1.0
 */
export const prefixOf = ({ messages, model, system, tools }: JsonRecord): string =>
  Crypto.createHash("sha256").update(JSON.stringify([model, system, tools, messages])).digest("base64")

const callIds = (content: ReadonlyArray<JsonRecord>): string =>
  content.flatMap(({ id, type }) => type === "tool_use" ? [id] : []).join("\n")

/** The messages. The thoughts behind the calls of this turn go back with their results, if all is as it was before them. */
const messagesOf = (
  turns: ReadonlyArray<PromptTurns.Turn>,
  around: JsonRecord,
  marks: CallMarks<MessageMark>
): ReadonlyArray<JsonRecord> => {
  const lastWords = turns.findLastIndex(({ parts, role }) =>
    role === "user" && parts.some(({ type }) => type === "text")
  )
  const messages: Array<JsonRecord> = []
  for (const [i, { parts, role }] of turns.entries()) {
    const content = parts.map(blockOf)
    const first = role === "model" && i > lastWords ? parts.find((part) => part.type === "call") : undefined
    const mark = first === undefined ? undefined : marks.get(first.id)
    const isSame = mark !== undefined && callIds(mark.content) === callIds(content) &&
      mark.prefix === prefixOf({ ...around, messages })
    messages.push({ role: role === "model" ? "assistant" : "user", content: isSame ? mark.content : content })
  }
  return messages
}

const formatOf = (
  { responseFormat }: Pick<LanguageModel.ProviderOptions, "responseFormat">
): Result.Result<JsonRecord | undefined, string> =>
  responseFormat.type === "text" ? Result.succeed(undefined) : Result.try({
    try: () => ({
      type: "json_schema",
      schema: AnthropicStructuredOutput.toCodecAnthropic(responseFormat.schema).jsonSchema
    }),
    catch: () => "the schema of the object is not supported by anthropic"
  })

/**
 * Encodes the body of a request. Fails with the part of the prompt that is not supported.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  options: Pick<LanguageModel.ProviderOptions, "prompt" | "tools" | "toolChoice" | "responseFormat">,
  { cachePrompt, effort, instructions, maxTokens, model, temperature, thinking }: Settings,
  marks: CallMarks<MessageMark>
): Result.Result<JsonRecord, string> =>
  Result.flatMap(
    PromptTurns.make(options.prompt, instructions, "anthropic"),
    ({ system, turns }) =>
      Result.map(formatOf(options), (format): JsonRecord => {
        const own = toolsOf(options.tools)
        // the API refuses calls in a conversation whose request has no tools: those of a server that is away
        const gone = own.length > 0 ? [] : PromptTurns.toolsIn(turns).map((name) => ({
          name,
          description: "not available now",
          input_schema: { type: "object", properties: {} }
        }))
        const tools = [...own, ...gone]
        const around = {
          model,
          ...(system === "" ? {} : { system }),
          ...(tools.length === 0 ? {} : { tools })
        }
        const output = {
          ...(effort === undefined ? {} : { effort }),
          ...(format === undefined ? {} : { format })
        }
        return {
          ...around,
          max_tokens: maxTokens,
          stream: true,
          messages: messagesOf(turns, around, marks),
          ...(tools.length === 0
            ? {}
            : { tool_choice: own.length === 0 ? { type: "none" } : choiceOf(options.toolChoice) }),
          ...(temperature === undefined ? {} : { temperature }),
          ...(thinking === undefined ? {} : { thinking: { type: thinking } }),
          ...(cachePrompt === true ? { cache_control: { type: "ephemeral" } } : {}),
          ...(Object.keys(output).length === 0 ? {} : { output_config: output })
        }
      })
  )
