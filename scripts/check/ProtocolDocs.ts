/**
 * The lists of events, messages and close codes in `src/server/README.md`, between markers.
 *
 * Pure: takes the protocol and the page, gives the page.
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

const WIDTH = 120

/** Breaks lines; `first` and `rest` are what lines begin with. */
const wrapped = (first: string, rest: string, text: string): string => {
  const lines: Array<string> = []
  let line = first
  for (const word of text.split(" ")) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line.trimEnd())
      line = rest
    }
    line += `${word} `
  }
  return [...lines, line.trimEnd()].join("\n")
}

/** A list item; `indent` is that of its bullet. */
const item = (indent: string, text: string): string => wrapped(`${indent}- `, `${indent}  `, text)

const codeList = (values: ReadonlyArray<unknown>): string => values.map((value) => `\`${String(value)}\``).join(", ")

/** What a field holds, in words. */
const kindOf = (schema: JsonSchema): string => {
  const [only] = Array.isArray(schema["allOf"]) ? schema["allOf"] : []
  const reference = schema["$ref"] ?? (isJsonSchema(only) ? only["$ref"] : undefined)
  if (typeof reference === "string") {
    const name = reference.slice("#/$defs/".length)
    return `[${name}](#${name.toLowerCase()})`
  }
  if (Array.isArray(schema["enum"])) return codeList(schema["enum"])
  if (schema["type"] === "array" && isJsonSchema(schema["items"])) return `array of ${kindOf(schema["items"])}`
  const limits = [
    ...(schema["maxLength"] === undefined ? [] : [`at most ${String(schema["maxLength"])} characters`]),
    ...(schema["minimum"] === undefined ? [] : [`≥ ${String(schema["minimum"])}`])
  ]
  return [String(schema["type"]), ...limits].join(", ")
}

const fieldsOf = (
  schema: JsonSchema,
  indent: string,
  leaveOut: ReadonlyArray<string>,
  prefix = ""
): ReadonlyArray<string> => {
  const required = Array.isArray(schema["required"]) ? schema["required"] : []
  const properties = isJsonSchema(schema["properties"]) ? schema["properties"] : {}
  return Object.entries(properties).flatMap(([name, each]): ReadonlyArray<string> => {
    if (leaveOut.includes(name) || !isJsonSchema(each)) return []
    if (each["type"] === "object" && each["properties"] !== undefined) {
      return fieldsOf(each, indent, [], `${prefix}${name}.`)
    }
    const text = typeof each["description"] === "string" ? `: ${each["description"]}` : ""
    const optional = required.includes(name) ? "" : ", optional"
    return [item(indent, `\`${prefix}${name}\` (${kindOf(each)}${optional})${text}`)]
  })
}

const messages = (all: ReadonlyArray<ProtocolMessage>): string =>
  all.flatMap(({ description, payload, type }) => [
    item("", `**\`${type}\`** ${description}`),
    ...fieldsOf(payload, "  ", ["type", "seq", "at_ms"])
  ]).join("\n")

const definitions = (all: Protocol["definitions"]): string =>
  Object.entries(all).map(([name, schema]) => {
    const description = typeof schema["description"] === "string" ? `${wrapped("", "", schema["description"])}\n` : ""
    const values = Array.isArray(schema["enum"])
      ? wrapped("", "", `One of ${codeList(schema["enum"])}.`)
      : fieldsOf(schema, "", []).join("\n")
    return `#### ${name}\n\n${description}\n${values}`
  }).join("\n\n")

const table = (codes: ReadonlyArray<CloseCode>): string =>
  [
    "| code | reason | what it means | what the client does |",
    "|---|---|---|---|",
    ...codes.map(({ client, code, meaning, reason }) =>
      `| ${code} | ${reason === "" ? "" : `\`${reason}\``} | ${meaning} | ${
        client === "stop" ? "stops" : "reconnects"
      } |`
    )
  ].join("\n")

/**
 * The page with everything between `<!-- begin … -->` and `<!-- end … -->` made afresh. Throws when a marker is missing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fill = (page: string, protocol: Protocol, codes: ReadonlyArray<CloseCode>): string => {
  const sections: ReadonlyArray<readonly [name: string, text: string]> = [
    ["events", messages(protocol.events)],
    ["messages", messages(protocol.messages)],
    ["values", definitions(protocol.definitions)],
    ["close codes", table(codes)]
  ]
  return sections.reduce((text, [name, content]) => {
    const begin = `<!-- begin ${name} -->`
    const start = text.indexOf(begin)
    const end = text.indexOf(`<!-- end ${name} -->`)
    if (start === -1 || end < start) throw new Error(`the page has no section between begin and end of "${name}"`)
    return `${text.slice(0, start + begin.length)}\n\n${content}\n\n${text.slice(end)}`
  }, page)
}
