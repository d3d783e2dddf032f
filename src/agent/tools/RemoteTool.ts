/**
 * Tools that run outside of this process, such as those of an MCP server: known only at run time, and by their JSON Schema.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { HealthSource } from "../../HealthSource.ts"
import type { JsonRecord } from "../../schema/Json.ts"
import type { ToolError } from "../ToolError.ts"

/**
 * One such tool.
 *
 * - `name`: its own name, of any characters; the model is given one that it can call.
 * - `parameters`: the JSON Schema of its input.
 * - `call`: runs it, with an input that a model wrote; the result is a text for the model.
 *
 * @category models
 * @since 0.1.0
 */
export interface RemoteTool {
  readonly name: string
  readonly description: string
  readonly parameters: JsonRecord
  readonly call: (input: JsonRecord) => Effect.Effect<string, ToolError>
}

/**
 * Where remote tools come from.
 *
 * - `name`: stands in front of a tool's name where two sources have one of the same name.
 * - `tools`: those that can be called now; the same list until it changes.
 * - `timeout`: how long a call may take at most.
 * - `health`: a part of the health report, where the source can fail as a whole.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolSource {
  readonly name: string
  readonly tools: () => ReadonlyArray<RemoteTool>
  readonly timeout: Duration.Duration
  readonly health?: HealthSource | undefined
}
