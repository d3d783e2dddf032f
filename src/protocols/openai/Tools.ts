/**
 * The tools of a client of the OpenAI Realtime protocol, which it runs itself.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import { isRecord } from "../../schema/Json.ts"
import type { ClientSettings, ClientTool } from "../../session/SessionControl.ts"
import { invalid, invalidValue, missing, type OpenAiFault } from "./Errors.ts"

/**
 * How many tools a client may offer.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_TOOLS = 128

const Name = Schema.String.check(Schema.isPattern(/^[\w-]{1,64}$/, { expected: "1 to 64 letters, digits, _ or -" }))

const FunctionTool = Schema.Struct({
  type: Schema.Literal("function"),
  name: Name,
  description: Schema.String.check(Schema.isMaxLength(16_384)).pipe(withDefault("")),
  parameters: Schema.JsonObject.pipe(withDefault({ type: "object", properties: {} }))
})

const List = Schema.Array(FunctionTool).check(Schema.isMaxLength(MAX_TOOLS))

const Choice = Schema.Union([
  Schema.Literals(["auto", "none", "required"]),
  Schema.Struct({ type: Schema.Literal("function"), name: Name })
])

/** A tool that the server would run: one of a remote MCP server, or a built-in one. */
const faultOf = (tools: unknown, param: string): OpenAiFault | undefined => {
  if (!Array.isArray(tools)) return undefined
  const seen = new Set<unknown>()
  for (const [i, tool] of tools.entries()) {
    if (!isRecord(tool)) return invalidValue(`${param}[${i}]`, "expected an object")
    const { name, type } = tool
    if (type === undefined) return missing(`${param}[${i}].type`)
    if (type !== "function") {
      return invalid(
        "invalid_value",
        `Tools of this type are not served: '${param}[${i}].type' must be 'function'. Tools that the server runs belong to its agent.`,
        `${param}[${i}].type`
      )
    }
    if (seen.has(name)) return invalidValue(`${param}[${i}].name`, "another tool has this name")
    seen.add(name)
  }
  return undefined
}

/**
 * The schemas of tools, and what a tool of another kind is refused with.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Tools = { List, Choice, faultOf }

/**
 * The tools as our session takes them.
 *
 * @category conversions
 * @since 0.1.0
 */
export const clientTools = (tools: typeof List.Type): ReadonlyArray<ClientTool> =>
  tools.map(({ description, name, parameters }) => ({ name, description, parameters }))

/**
 * The choice of tools as our session takes it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const clientChoice = (choice: typeof Choice.Type): ClientSettings["toolChoice"] =>
  typeof choice === "string" ? choice : { name: choice.name }
