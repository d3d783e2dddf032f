/**
 * Tools that the user's client runs, as the clients of some protocols do: known only at run time, and by their JSON Schema.
 *
 * @since 0.1.0
 */
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { InvalidConfig } from "../../BackendError.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import * as JsonBytes from "../../schema/JsonBytes.ts"
import * as ToolSchema from "../../schema/ToolSchema.ts"
import { ToolError } from "../ToolError.ts"
import type { AnyTool } from "./RemoteToolkit.ts"

/**
 * A tool that the client runs.
 *
 * - `name`: 1 to 64 of letters, digits, `_` and `-`.
 * - `parameters`: the JSON Schema of its input, an object.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientTool {
  readonly name: string
  readonly description: string
  readonly parameters: JsonRecord
}

/**
 * A call of such a tool; `arguments` is JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientToolCall {
  readonly id: string
  readonly name: string
  readonly arguments: string
}

/**
 * What the client tells the agent.
 *
 * - `instructions`: added to the agent's own, after them; at most 64 KiB. Default: none.
 * - `tools`: offered to the agent beside its own, which count where a name is taken; at most 128, of 256 KiB in all. Default: none.
 * - `toolChoice`: whether the agent may call tools, must, or must call this one first. Default: `auto`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientSettings {
  readonly instructions?: string | undefined
  readonly tools?: ReadonlyArray<ClientTool> | undefined
  readonly toolChoice?: ClientToolChoice | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export type ClientToolChoice = "auto" | "none" | "required" | { readonly name: string }

/**
 * The longest instructions of a client, in bytes of JSON: 64 KiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_INSTRUCTIONS_BYTES = 65_536

/**
 * The most tools of a client, and their size, in bytes of JSON: 128, and 256 KiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_TOOLS = { count: 128, bytes: 262_144 } as const

/** As OpenAI and Anthropic take it. */
const NAME = /^[a-zA-Z0-9_-]{1,64}$/

/** What is wrong with what a client tells the agent, by its path, if anything. */
const faultOf = (
  { instructions, toolChoice, tools = [] }: ClientSettings
): readonly [path: string, why: string] | undefined => {
  if (instructions !== undefined && !JsonBytes.fits(instructions, MAX_INSTRUCTIONS_BYTES)) {
    return ["instructions", `expected at most ${MAX_INSTRUCTIONS_BYTES} bytes of JSON`]
  }
  if (tools.length > MAX_TOOLS.count) return ["tools", `expected at most ${MAX_TOOLS.count} tools`]
  const names = new Set<string>()
  let bytes = 0
  for (const [i, { description, name, parameters }] of tools.entries()) {
    if (!NAME.test(name)) return [`tools.${i}.name`, "expected 1 to 64 letters, digits, _ or -"]
    if (names.has(name)) return [`tools.${i}.name`, "another tool has this name"]
    names.add(name)
    bytes += JsonBytes.lengthOf(description) + Buffer.byteLength(JSON.stringify(parameters))
    if (bytes > MAX_TOOLS.bytes) return ["tools", `expected at most ${MAX_TOOLS.bytes} bytes of JSON`]
    if (ToolSchema.fit(parameters) === undefined) {
      return [`tools.${i}.parameters`, "expected a JSON Schema of an object"]
    }
  }
  return typeof toolChoice === "object" && !names.has(toolChoice.name)
    ? ["toolChoice", "no tool of the client has this name"]
    : undefined
}

/**
 * Refuses what is too large, and tools that no model can call: `details.path` says which.
 *
 * @category validation
 * @since 0.1.0
 */
export const refusalOf = (op: string, settings: ClientSettings): InvalidConfig | undefined => {
  const fault = faultOf(settings)
  return fault === undefined
    ? undefined
    : new InvalidConfig({ op, message: `${fault[0]}: ${fault[1]}`, details: { path: fault[0] } })
}

/**
 * Runs a call: gives the client's output, or fails with words for the model.
 *
 * @category models
 * @since 0.1.0
 */
export type CallClient = (call: ClientToolCall) => Effect.Effect<string, ToolError>

/**
 * The client's tools with their handlers.
 *
 * @category models
 * @since 0.1.0
 */
export type ClientToolkit = Toolkit.WithHandler<Record<string, AnyTool>>

/**
 * Makes a toolkit of tools that `refusalOf` has not refused.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toolkit = (tools: ReadonlyArray<ClientTool>, call: CallClient): ClientToolkit => {
  const byName: Record<string, AnyTool> = Object.create(null)
  for (const { description, name, parameters } of tools) {
    byName[name] = Tool.dynamic(name, {
      description,
      parameters: ToolSchema.fit(parameters) ?? parameters,
      success: Schema.String,
      failure: ToolError
    }).annotate(Tool.Strict, false)
  }
  let calls = 0
  return {
    tools: byName,
    handle: (name, params: unknown, id) =>
      Effect.succeed(
        Stream.fromEffect(
          isRecord(params)
            ? Effect.map(
              call({ id: id ?? `call-${++calls}`, name: String(name), arguments: JSON.stringify(params) }),
              (output) => ({ result: output, encodedResult: output, isFailure: false, preliminary: false })
            )
            : Effect.fail(new ToolError({ message: "the input must be a JSON object" }))
        )
      )
  }
}
