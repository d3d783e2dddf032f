/**
 * Encodes a request to Anthropic's Messages API: prompt, tools and settings as JSON.
 *
 * @since 0.1.0
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Result from "effect/Result"
import type { JsonRecord } from "../../schema/Json.ts"
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
 * The name of the tool whose input is the object that was asked for.
 *
 * @category accessors
 * @since 0.1.0
 */
export const objectTool = (
  { responseFormat }: Pick<LanguageModel.ProviderOptions, "responseFormat">
): string | undefined => responseFormat.type === "json" ? responseFormat.objectName : undefined

/**
 * Encodes the body of a request. Fails with the part of the prompt that is not supported.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  options: Pick<LanguageModel.ProviderOptions, "prompt" | "tools" | "toolChoice" | "responseFormat">,
  { instructions, maxTokens, model, temperature }: Settings
): Result.Result<JsonRecord, string> =>
  Result.map(PromptTurns.make(options.prompt, instructions, "anthropic"), ({ system, turns }) => {
    const { responseFormat } = options
    const messages = turns.map(({ parts, role }) => ({
      role: role === "model" ? "assistant" : "user",
      content: parts.map(blockOf)
    }))
    const own = toolsOf(options.tools)
    // the API refuses calls in a conversation whose request has no tools: those of a server that is away
    const gone = own.length > 0 ? [] : PromptTurns.toolsIn(turns).map((name) => ({
      name,
      description: "not available now",
      input_schema: { type: "object", properties: {} }
    }))
    const tools = responseFormat.type === "json"
      ? [...own, { name: responseFormat.objectName, input_schema: Tool.getJsonSchemaFromSchema(responseFormat.schema) }]
      : [...own, ...gone]
    const choice = responseFormat.type === "json"
      ? { type: "tool", name: responseFormat.objectName }
      : own.length === 0
      ? { type: "none" }
      : choiceOf(options.toolChoice)
    return {
      model,
      max_tokens: maxTokens,
      stream: true,
      ...(system === "" ? {} : { system }),
      messages,
      ...(tools.length === 0 ? {} : { tools, tool_choice: choice }),
      ...(temperature === undefined ? {} : { temperature })
    }
  })
