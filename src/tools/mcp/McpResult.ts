/**
 * What a server says of its tools and their results, reduced to what a model can be told. Pure.
 *
 * Nothing is trusted: a tool without a usable name or schema is left out and the others stay; content that is no text is named.
 *
 * @since 0.1.0
 */
import * as KnownKeys from "../../KnownKeys.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"

/** In characters. An agent cuts results again, and nobody listens to more. */
const MAX_RESULT = 32_768
const MAX_WORDS = 500
const MAX_DESCRIPTION = 1_024
const MAX_SCHEMA = 16_384
/** More than the client takes of all pages together. */
const MAX_LISTED = 10_000

/** A text of a server without the keys of this process, which it may repeat. */
const clean = (text: string, max: number): string => {
  const without = KnownKeys.without(text.slice(0, 4 * max))
  return without.length > max ? `${without.slice(0, max)}…` : without
}

/**
 * Words of a server for a message: one line of at most 500 characters, without the keys of this process.
 *
 * @category conversions
 * @since 0.1.0
 */
export const words = (text: string): string => clean(text.replace(/\s+/gu, " ").trim(), MAX_WORDS)

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

const sizeOf = (data: unknown): string =>
  typeof data === "string" ? `, ${Math.floor(data.length * 0.75).toLocaleString("en")} bytes` : ""

/** What cannot be told is named, so that the model can say that it is there. */
const blockText = (block: unknown): string => {
  if (!isRecord(block)) return ""
  const { resource, type } = block
  switch (type) {
    case "text":
      return textOf(block["text"])
    case "resource_link":
      return [
        `${textOf(block["title"]) || textOf(block["name"])}: ${textOf(block["uri"])}`,
        textOf(block["description"])
      ]
        .filter((line) => line !== "").join("\n")
    case "resource":
      return isRecord(resource) && typeof resource["text"] === "string"
        ? resource["text"]
        : `[a file${isRecord(resource) ? `: ${textOf(resource["uri"]).slice(0, 200)}` : ""}]`
    default: {
      const kind = typeof type === "string" && /^[\w-]{1,32}$/u.test(type) ? type : "unknown content"
      const mime = textOf(block["mimeType"]).slice(0, 64)
      return `[${kind}${mime === "" ? "" : ` (${mime})`}${sizeOf(block["data"])}]`
    }
  }
}

/**
 * The text of a result: at most 32,768 characters.
 *
 * @category conversions
 * @since 0.1.0
 */
export const text = (result: JsonRecord): string => {
  const { content, structuredContent } = result
  const parts: Array<string> = []
  let length = 0
  for (const block of Array.isArray(content) ? content : []) {
    if (length > MAX_RESULT) break
    const part = blockText(block)
    if (part === "") continue
    parts.push(part)
    length += part.length
  }
  const said = parts.join("\n")
  return clean(said === "" && structuredContent !== undefined ? JSON.stringify(structuredContent) : said, MAX_RESULT)
}

/** A schema that a vendor takes: an object's, of a bounded size. */
const schemaOf = (schema: unknown): JsonRecord | undefined => {
  if (!isRecord(schema) || (schema["type"] ?? "object") !== "object") return undefined
  const { properties = {} } = schema
  if (!isRecord(properties) || JSON.stringify(schema).length > MAX_SCHEMA) return undefined
  return { ...schema, type: "object", properties }
}

const toolOf = (tool: unknown): JsonRecord | undefined => {
  if (!isRecord(tool)) return undefined
  const { description, execution, name } = tool
  const inputSchema = schemaOf(tool["inputSchema"])
  if (typeof name !== "string" || name === "" || name.length > 256 || inputSchema === undefined) return undefined
  return {
    name,
    inputSchema,
    description: clean(textOf(description), MAX_DESCRIPTION),
    ...(isRecord(execution) && typeof execution["taskSupport"] === "string"
      ? { execution: { taskSupport: execution["taskSupport"] } }
      : {})
  }
}

/**
 * A page of a list of tools, with those of its tools that a model could call, and each of those without what is not needed.
 *
 * @category conversions
 * @since 0.1.0
 */
export const page = (result: JsonRecord): JsonRecord => {
  const { _meta, nextCursor, tools, ...rest } = result
  return {
    ...rest,
    tools: (Array.isArray(tools) ? tools.slice(0, MAX_LISTED + 1) : []).flatMap((tool) => toolOf(tool) ?? []),
    ...(typeof nextCursor === "string" && nextCursor !== "" ? { nextCursor } : {})
  }
}
