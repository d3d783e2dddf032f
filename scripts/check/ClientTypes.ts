/**
 * The TypeScript of the wire protocol for `effect-voice/client`, which runs in browsers and can import neither Effect nor
 * the server's schemas: types, what a parser needs to know of each event, close codes and limits.
 *
 * Pure: takes the protocol, gives text that dprint has still to format.
 *
 * @since 0.1.0
 */
import {
  isJsonSchema,
  type JsonSchema,
  type Protocol,
  type ProtocolMessage
} from "../../src/server/protocol/ProtocolMessages.ts"
import type { CloseCode } from "../../src/transport/websocket/CloseCodes.ts"

/**
 * A constant of the protocol.
 *
 * @category models
 * @since 0.1.0
 */
export interface Constant {
  readonly name: string
  readonly description: string
  readonly value: unknown
}

const referenceOf = (schema: JsonSchema): string | undefined => {
  const [only] = Array.isArray(schema["allOf"]) ? schema["allOf"] : []
  const reference = schema["$ref"] ?? (isJsonSchema(only) ? only["$ref"] : undefined)
  return typeof reference === "string" ? reference.slice("#/$defs/".length) : undefined
}

const propertiesOf = (
  schema: JsonSchema
): ReadonlyArray<readonly [name: string, schema: JsonSchema, required: boolean]> => {
  const required = Array.isArray(schema["required"]) ? schema["required"] : []
  return Object.entries(isJsonSchema(schema["properties"]) ? schema["properties"] : {}).flatMap(([name, each]) =>
    isJsonSchema(each) ? [[name, each, required.includes(name)] as const] : []
  )
}

const unsupported = (schema: JsonSchema): Error => new Error(`no TypeScript for ${JSON.stringify(schema)}`)

/** No wider than 100, so that there is room for the indentation. */
const wrapped = (text: string): ReadonlyArray<string> =>
  text.match(/.{1,100}(?: |$)/g)?.map((line) => line.trim()) ?? [""]

const comment = (...paragraphs: ReadonlyArray<string>): string => {
  const lines = paragraphs.flatMap((paragraph, index) => [...(index === 0 ? [] : [""]), ...wrapped(paragraph)])
  return lines.length === 1
    ? `/** ${lines[0]} */\n`
    : `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join("\n")}\n */\n`
}

/** Sets of values are open, because a newer server may know more of them. */
const typeOf = (schema: JsonSchema): string => {
  const name = referenceOf(schema)
  if (name !== undefined) return name
  if (Array.isArray(schema["enum"])) {
    return [...schema["enum"].map((each) => JSON.stringify(each)), "(string & {})"].join(" | ")
  }
  switch (schema["type"]) {
    case "string":
    case "boolean":
      return schema["type"]
    case "number":
    case "integer":
      return "number"
    case "array":
      if (!isJsonSchema(schema["items"])) throw unsupported(schema)
      return `ReadonlyArray<${typeOf(schema["items"])}>`
    case "object":
      return schema["properties"] === undefined
        ? "Readonly<Record<string, unknown>>"
        : `{\n${propertiesOf(schema).map(([name, each, required]) => property(name, each, required)).join("\n")}\n}`
    default:
      throw unsupported(schema)
  }
}

const property = (name: string, schema: JsonSchema, required: boolean): string => {
  const description = schema["description"]
  return (typeof description === "string" ? comment(description) : "") +
    `readonly ${name}${required ? "" : "?"}: ${typeOf(schema)}`
}

/** Fields that every event has. */
const envelope: ReadonlySet<string> = new Set(["seq", "at_ms"])

const messageType = ({ description, fields, type }: ProtocolMessage): string => {
  const own = fields.filter(({ name }) => !envelope.has(name))
  return `${comment(description)}readonly ${JSON.stringify(type)}: ${
    own.length < fields.length ? "Envelope & " : ""
  }{\n` +
    [
      `readonly type: ${JSON.stringify(type)}`,
      ...own.map(({ name, required, schema }) => property(name, schema, required))
    ]
      .join("\n") +
    "\n}"
}

/** What the parser checks of a value; see `WireShape.ts`. */
const shapeOf = (schema: JsonSchema, definitions: Protocol["definitions"]): string => {
  const name = referenceOf(schema)
  if (name !== undefined) {
    const definition = definitions[name]
    if (definition === undefined) throw unsupported(schema)
    return shapeOf(definition, definitions)
  }
  switch (schema["type"]) {
    case "string":
    case "boolean":
    case "number":
    case "integer":
      return JSON.stringify(schema["type"])
    case "array":
      return isJsonSchema(schema["items"]) ? `[${shapeOf(schema["items"], definitions)}]` : "[]"
    case "object":
      return schema["properties"] === undefined ? "\"object\"" : fieldsOf(propertiesOf(schema), definitions)
    default:
      throw unsupported(schema)
  }
}

const fieldsOf = (properties: ReturnType<typeof propertiesOf>, definitions: Protocol["definitions"]): string =>
  `{ ${
    properties.map(([name, schema, required]) =>
      `${required ? name : JSON.stringify(`${name}?`)}: ${shapeOf(schema, definitions)}`
    ).join(", ")
  } }`

const exported = (description: string, category: string): string =>
  `${
    comment(description).replace("/** ", "/**\n * ").replace(/\n? *\*\/\n$/, "")
  }\n *\n * @category ${category}\n * @since 0.1.0\n */\n`

/** A value as a literal, without quotes around keys. */
const literal = (value: unknown): string =>
  isJsonSchema(value)
    ? `{ ${Object.entries(value).map(([key, each]) => `${key}: ${literal(each)}`).join(", ")} }`
    : typeof value === "number"
    ? value.toLocaleString("en-US").replaceAll(",", "_")
    : JSON.stringify(value)

/**
 * The source of `src/client/protocol/WireProtocol.ts`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { definitions, events, messages }: Protocol,
  closeCodes: ReadonlyArray<CloseCode>,
  constants: ReadonlyArray<Constant>
): string => {
  const [first] = events
  const parts = [
    comment(
      "The wire protocol: events, messages, close codes and limits.",
      "Made by `npm run fix` from the schemas of `src/session/SessionEvent.ts` and `src/session/ClientMessage.ts`" +
        " and from `src/transport/websocket/CloseCodes.ts`. Change those, not this file.",
      "@since 0.1.0"
    ) + "import type { Fields } from \"./WireShape.ts\"",
    ...Object.entries(definitions).map(([name, { description, ...schema }]) => {
      const head = exported(typeof description === "string" ? description : name, "models")
      return schema["type"] === "object"
        ? `${head}export interface ${name} ${typeOf(schema)}`
        : `${head}export type ${name} = ${typeOf(schema)}`
    }),
    `${exported("What every event carries.", "models")}export interface Envelope {\n` +
    (first?.fields ?? []).filter(({ name }) => envelope.has(name)).map(({ name, required, schema }) =>
      property(name, schema, required)
    ).join("\n") +
    "\n}",
    exported("Every event of the server, by its `type`.", "models") +
    `export interface ServerEvents {\n${events.map(messageType).join("\n")}\n}`,
    exported("An event of the server that this client knows.", "models") +
    "export type ServerEvent = ServerEvents[keyof ServerEvents]",
    exported("Every message of the client, by its `type`.", "models") +
    `export interface ClientMessages {\n${messages.map(messageType).join("\n")}\n}`,
    exported("A message of the client.", "models") +
    "export type ClientMessage = ClientMessages[keyof ClientMessages]",
    exported("What the fields of each event hold, for the parser.", "constants") +
    "export const eventFields: { readonly [Type in keyof ServerEvents]: Fields } = {\n" +
    events.map(({ payload, type }) =>
      `${JSON.stringify(type)}: ${fieldsOf(propertiesOf(payload).filter(([name]) => name !== "type"), definitions)}`
    ).join(",\n") + "\n}",
    exported(
      "The close codes that the server sends. After `stop` the session cannot or must not be reached again; after" +
        " `reconnect`, and after a connection that was lost without a close code, it can be resumed.",
      "constants"
    ) +
    "export const closeCodes: { readonly [code: number]: { readonly reason: string; readonly client: \"stop\" | \"reconnect\" } } = {\n" +
    closeCodes.map(({ client, code, meaning, reason }) => `${comment(meaning)}${code}: ${literal({ reason, client })}`)
      .join(",\n") +
    "\n}",
    ...constants.map(({ description, name, value }) =>
      `${exported(description, "constants")}export const ${name} = ${literal(value)}`
    )
  ]
  return `${parts.join("\n\n")}\n`
}
