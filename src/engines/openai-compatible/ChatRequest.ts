/**
 * Encodes a request to a `/v1/chat/completions` server: prompt, tools and settings as JSON.
 *
 * @since 0.1.0
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Result from "effect/Result"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"

/**
 * The engine's settings of each request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly model: string
  readonly instructions?: string | undefined
  readonly temperature?: number | undefined
  readonly maxTokens?: number | undefined
  /** The server's name of the limit: OpenAI's newer models only accept `max_completion_tokens`. */
  readonly maxTokensKey: "max_tokens" | "max_completion_tokens"
}

/** Chat templates of servers parse the arguments and fail on anything but an object. */
const argumentsOf = (params: unknown): string => JSON.stringify(isRecord(params) ? params : {})

const textOf = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value) ?? "null"

const texts = (parts: ReadonlyArray<{ readonly type: string }>): string =>
  parts.flatMap((part) => "text" in part && part.type === "text" && typeof part.text === "string" ? [part.text] : [])
    .join("")

const messagesOf = (message: Prompt.Message): Result.Result<ReadonlyArray<JsonRecord>, string> => {
  switch (message.role) {
    case "system":
      return Result.succeed([{ role: "system", content: message.content }])
    case "user":
      return message.content.some(({ type }) => type === "file")
        ? Result.fail("files in a prompt are not supported by openai-compatible")
        : Result.succeed([{ role: "user", content: texts(message.content) }])
    case "assistant": {
      const calls = message.content.flatMap((part) =>
        part.type === "tool-call"
          ? [{ id: part.id, type: "function", function: { name: part.name, arguments: argumentsOf(part.params) } }]
          : []
      )
      const text = texts(message.content)
      if (text === "" && calls.length === 0) return Result.succeed([])
      return Result.succeed([{
        role: "assistant",
        content: text === "" ? null : text,
        ...(calls.length === 0 ? {} : { tool_calls: calls })
      }])
    }
    case "tool":
      return Result.succeed(message.content.flatMap((part) =>
        part.type === "tool-result"
          ? [{ role: "tool", tool_call_id: part.id, content: textOf(part.result) }]
          : []
      ))
  }
}

const choiceOf = (choice: LanguageModel.ProviderOptions["toolChoice"]): unknown => {
  if (typeof choice === "string") return choice
  if ("tool" in choice) return { type: "function", function: { name: choice.tool } }
  return choice.mode ?? "auto"
}

/**
 * Encodes the body of a request. Fails with the part of the prompt that is not supported.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  options: Pick<LanguageModel.ProviderOptions, "prompt" | "tools" | "toolChoice" | "responseFormat">,
  settings: Settings
): Result.Result<JsonRecord, string> => {
  const { maxTokens, maxTokensKey, model, temperature } = settings
  const messages: Array<JsonRecord> = []
  if (settings.instructions !== undefined) messages.push({ role: "system", content: settings.instructions })
  for (const message of options.prompt.content) {
    const encoded = messagesOf(message)
    if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
    messages.push(...encoded.success)
  }
  const tools = options.tools.map((tool) => {
    const description = Tool.getDescription(tool)
    return {
      type: "function",
      function: {
        name: tool.name,
        ...(description === undefined ? {} : { description }),
        parameters: Tool.getJsonSchema(tool)
      }
    }
  })
  const { responseFormat } = options
  return Result.succeed({
    model,
    messages,
    stream: true,
    ...(tools.length === 0 ? {} : { tools, tool_choice: choiceOf(options.toolChoice) }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxTokens === undefined ? {} : { [maxTokensKey]: maxTokens }),
    ...(responseFormat.type === "text" ? {} : {
      response_format: {
        type: "json_schema",
        json_schema: {
          name: responseFormat.objectName,
          schema: Tool.getJsonSchemaFromSchema(responseFormat.schema)
        }
      }
    })
  })
}
