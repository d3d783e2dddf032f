/**
 * The messages of the wire protocol as JSON Schema, one by one, for documents that are made from them.
 *
 * Pure. The schemas of `SessionEvent` and `ClientMessage` are read, and never copied.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { ClientMessage } from "../../session/ClientMessage.ts"
import { SessionEvent } from "../../session/SessionEvent.ts"

/**
 * A JSON Schema, or a part of one.
 *
 * @category models
 * @since 0.1.0
 */
export type JsonSchema = { readonly [keyword: string]: unknown }

/**
 * One message: `payload` is the schema of its JSON object.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProtocolMessage {
  readonly type: string
  readonly description: string
  readonly payload: JsonSchema
  /** The fields besides `type`, in order. */
  readonly fields: ReadonlyArray<ProtocolField>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ProtocolField {
  readonly name: string
  readonly required: boolean
  readonly schema: JsonSchema
  /** Of the field, or of the definition that it refers to; empty when there is none. */
  readonly description: string
}

/**
 * Both directions; `definitions` are what payloads refer to as `#/$defs/Name`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Protocol {
  readonly events: ReadonlyArray<ProtocolMessage>
  readonly messages: ReadonlyArray<ProtocolMessage>
  readonly definitions: { readonly [name: string]: JsonSchema }
}

/**
 * Whether a value is an object that may be a JSON Schema.
 *
 * @category guards
 * @since 0.1.0
 */
export const isJsonSchema = (value: unknown): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Bounds that say no more than `integer` does. */
const isSafeIntegerBound = (key: string, value: unknown): boolean =>
  (key === "minimum" && value === Number.MIN_SAFE_INTEGER) || (key === "maximum" && value === Number.MAX_SAFE_INTEGER)

/** Writes a description beside what it describes, instead of into an `allOf`. */
const simplify = (node: unknown): unknown => {
  if (Array.isArray(node)) return node.map(simplify)
  if (!isJsonSchema(node)) return node
  const plain: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(node)) {
    if (key !== "allOf" && !isSafeIntegerBound(key, value)) plain[key] = simplify(value)
  }
  const constraints: Array<unknown> = []
  for (const each of Array.isArray(node["allOf"]) ? node["allOf"] : []) {
    if (isJsonSchema(each) && Object.keys(each).join() === "description") plain["description"] = each["description"]
    else constraints.push(simplify(each))
  }
  return constraints.length === 0 ? plain : { ...plain, allOf: constraints }
}

/** The name that a schema refers to, directly or beside a description. */
const referenceOf = (schema: JsonSchema): string | undefined => {
  const [only] = Array.isArray(schema["allOf"]) ? schema["allOf"] : []
  const reference = schema["$ref"] ?? (isJsonSchema(only) ? only["$ref"] : undefined)
  return typeof reference === "string" ? reference.slice("#/$defs/".length) : undefined
}

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

interface Union extends Schema.Constraint {
  readonly members: ReadonlyArray<Schema.Constraint>
}

const read = (union: Union) => {
  const document = Schema.toJsonSchemaDocument(union)
  const definitions = Object.fromEntries(
    Object.entries(document.definitions).flatMap(([name, node]) => {
      const schema = simplify(node)
      return isJsonSchema(schema) ? [[name, schema] as const] : []
    })
  )
  const payloads: ReadonlyArray<unknown> = Array.isArray(document.schema["anyOf"]) ? document.schema["anyOf"] : []
  const messages = payloads.flatMap((node, index): ReadonlyArray<ProtocolMessage> => {
    const payload = simplify(node)
    const member = union.members[index]
    if (!isJsonSchema(payload) || !isJsonSchema(payload["properties"]) || member === undefined) return []
    const required = Array.isArray(payload["required"]) ? payload["required"] : []
    const { type, ...properties } = payload["properties"]
    const [name] = isJsonSchema(type) && Array.isArray(type["enum"]) ? type["enum"] : []
    const fields = Object.entries(properties).flatMap(([name, schema]): ReadonlyArray<ProtocolField> => {
      if (!isJsonSchema(schema)) return []
      const referred = definitions[referenceOf(schema) ?? ""]
      const description = textOf(schema["description"]) || textOf(referred?.["description"])
      return [{ name, required: required.includes(name), schema, description }]
    })
    return [{ type: textOf(name), description: SchemaAST.resolveDescription(member.ast) ?? "", payload, fields }]
  })
  return { messages, definitions }
}

/**
 * Reads the protocol from its schemas.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Protocol => {
  const fromServer = read(SessionEvent)
  const fromClient = read(ClientMessage)
  return {
    events: fromServer.messages,
    messages: fromClient.messages,
    definitions: { ...fromServer.definitions, ...fromClient.definitions }
  }
}
