/**
 * Encodes a request to the Gemini API's `streamGenerateContent`: prompt, tools and settings as JSON.
 *
 * @since 0.1.0
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Result from "effect/Result"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import * as ToolSchema from "../../schema/ToolSchema.ts"
import type { CallMarks } from "../hosted/llm/CallMarks.ts"
import * as PromptTurns from "../hosted/llm/PromptTurns.ts"
import type { GeminiMark } from "./GenerateDeltas.ts"

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
  readonly thinkingLevel?: string | undefined
  readonly thinkingBudget?: number | undefined
}

/**
 * What stands for the signature of a call that the model did not make, as the API's documentation has it: newer models refuse a
 * call without any.
 */
const NO_SIGNATURE = "skip_thought_signature_validator"

/** Models that know no signatures, or need none. */
const WITHOUT_SIGNATURES = /gemini-(?:1|2)(?:\.|-|$)|gemma/iu

const responseOf = (result: unknown, isFailure: boolean): JsonRecord =>
  isFailure ? { error: result } : isRecord(result) ? result : { result }

/** One turn; the first call of a turn is the one that must be signed. */
const contentOf = ({ parts, role }: PromptTurns.Turn, model: string, marks: CallMarks<GeminiMark>): JsonRecord => {
  let isFirst = !WITHOUT_SIGNATURES.test(model)
  return {
    role,
    parts: parts.map((part) => {
      switch (part.type) {
        case "text":
          return { text: part.text }
        case "call": {
          const mark = marks.get(part.id)
          const signature = mark?.signature ?? (isFirst ? NO_SIGNATURE : undefined)
          isFirst = false
          return {
            functionCall: { ...(mark?.id === undefined ? {} : { id: mark.id }), name: part.name, args: part.params },
            ...(signature === undefined ? {} : { thoughtSignature: signature })
          }
        }
        case "result": {
          const id = marks.get(part.id)?.id
          return {
            functionResponse: {
              ...(id === undefined ? {} : { id }),
              name: part.name,
              response: responseOf(part.result, part.isFailure)
            }
          }
        }
      }
    })
  }
}

const choiceOf = (choice: LanguageModel.ProviderOptions["toolChoice"]): JsonRecord => {
  if (typeof choice === "string") {
    return { mode: choice === "required" ? "ANY" : choice === "none" ? "NONE" : "AUTO" }
  }
  if ("tool" in choice) return { mode: "ANY", allowedFunctionNames: [choice.tool] }
  return choice.mode === "required" ? { mode: "ANY", allowedFunctionNames: choice.oneOf } : { mode: "AUTO" }
}

const schemas = new WeakMap<object, JsonRecord>()

/** A schema without references, which the API finds no definitions for. */
const schemaOf = (tool: Tool.Any): JsonRecord => {
  const known = schemas.get(tool)
  if (known !== undefined) return known
  const own = Tool.getJsonSchema(tool)
  const fitted = ToolSchema.fit(own) ?? own
  schemas.set(tool, fitted)
  return fitted
}

const toolsOf = (tools: LanguageModel.ProviderOptions["tools"]): ReadonlyArray<JsonRecord> =>
  tools.map((tool) => ({
    name: tool.name,
    description: Tool.getDescription(tool) ?? "",
    parametersJsonSchema: schemaOf(tool)
  }))

/**
 * Encodes the body of a request. Fails with the part of the prompt that is not supported.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  options: Pick<LanguageModel.ProviderOptions, "prompt" | "tools" | "toolChoice" | "responseFormat">,
  settings: Settings,
  marks: CallMarks<GeminiMark>
): Result.Result<JsonRecord, string> =>
  Result.map(PromptTurns.make(options.prompt, settings.instructions, "google"), ({ system, turns }) => {
    const { maxTokens, temperature, thinkingBudget, thinkingLevel } = settings
    const { responseFormat } = options
    const thinking = {
      ...(thinkingLevel === undefined ? {} : { thinkingLevel }),
      ...(thinkingBudget === undefined ? {} : { thinkingBudget })
    }
    const generation = {
      ...(temperature === undefined ? {} : { temperature }),
      ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
      ...(Object.keys(thinking).length === 0 ? {} : { thinkingConfig: thinking }),
      ...(responseFormat.type === "text" ? {} : {
        responseMimeType: "application/json",
        responseJsonSchema: Tool.getJsonSchemaFromSchema(responseFormat.schema)
      })
    }
    return {
      ...(system === "" ? {} : { systemInstruction: { parts: [{ text: system }] } }),
      contents: turns.map((turn) => contentOf(turn, settings.model, marks)),
      ...(options.tools.length === 0 ? {} : {
        tools: [{ functionDeclarations: toolsOf(options.tools) }],
        toolConfig: { functionCallingConfig: choiceOf(options.toolChoice) }
      }),
      ...(Object.keys(generation).length === 0 ? {} : { generationConfig: generation })
    }
  })
