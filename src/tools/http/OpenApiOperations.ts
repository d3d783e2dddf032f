/**
 * Makes tools of the operations in an OpenAPI document (3.0 and 3.1). Pure.
 *
 * An operation whose input a model cannot write (a file, a header that is required) is left out. References are followed within the
 * document, to a bounded depth.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { HttpToolOptions } from "../../agent/tools/HttpToolOptions.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"

/** How deep references and schemas are followed, and how many values of one schema are. */
const MAX_DEPTH = 12
const MAX_VALUES = 2_000
const MAX_OPERATIONS = 1_000

const METHODS = ["get", "post", "put", "patch", "delete"] as const
const NAME = /^[A-Za-z_][\w-]{0,63}$/u

/**
 * What was made of a document.
 *
 * - `missing`: those of the operations that were asked for that it does not have. `skipped`: those that are no tools.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenApiOperations {
  readonly tools: ReadonlyArray<HttpToolOptions>
  readonly missing: ReadonlyArray<string>
  readonly skipped: ReadonlyArray<string>
}

/** Keys of a JSON Schema that models and their vendors understand. */
const KEPT = new Set([
  "type",
  "description",
  "title",
  "format",
  "enum",
  "const",
  "default",
  "items",
  "properties",
  "required",
  "nullable",
  "additionalProperties",
  "anyOf",
  "oneOf",
  "allOf",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems"
])

const at = (document: JsonRecord, reference: string): unknown =>
  !reference.startsWith("#/") ? undefined : reference.slice(2).split("/").reduce<unknown>((value, part) => {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~")
    return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
  }, document)

/** Reads one document. */
class Reader {
  readonly #document: JsonRecord
  #values = 0

  constructor(document: JsonRecord) {
    this.#document = document
  }

  /** What a reference stands for. */
  resolve(value: unknown): JsonRecord {
    let found = value
    for (let depth = 0; depth < MAX_DEPTH && isRecord(found) && typeof found["$ref"] === "string"; depth++) {
      found = at(this.#document, found["$ref"])
    }
    return isRecord(found) && found["$ref"] === undefined ? found : {}
  }

  schema(value: unknown): JsonRecord {
    this.#values = 0
    return this.#schema(value, 0)
  }

  #schema(value: unknown, depth: number): JsonRecord {
    if (depth > MAX_DEPTH || ++this.#values > MAX_VALUES) return {}
    const { nullable, ...schema } = this.resolve(value)
    const entries = Object.entries(schema).flatMap(([key, inner]): ReadonlyArray<[string, unknown]> => {
      if (!KEPT.has(key)) return []
      switch (key) {
        case "properties":
          return [[
            key,
            Object.fromEntries(
              Object.entries(isRecord(inner) ? inner : {}).map(([name, each]) => [name, this.#schema(each, depth + 1)])
            )
          ]]
        case "items":
          return [[key, this.#schema(inner, depth + 1)]]
        case "additionalProperties":
          return [[key, isRecord(inner) ? this.#schema(inner, depth + 1) : inner]]
        case "anyOf":
        case "oneOf":
        case "allOf":
          return [[key, (Array.isArray(inner) ? inner : []).map((each) => this.#schema(each, depth + 1))]]
        default:
          return [[key, inner]]
      }
    })
    const made: JsonRecord = Object.fromEntries(entries)
    return nullable === true && typeof made["type"] === "string" ? { ...made, type: [made["type"], "null"] } : made
  }
}

const textOf = (value: unknown): string => typeof value === "string" ? value.trim() : ""

interface Input {
  readonly properties: Record<string, JsonRecord>
  readonly required: Array<string>
  readonly query: Array<string>
  body: unknown
}

/** The input of an operation; `undefined` when a model cannot write it. */
const inputOf = (
  reader: Reader,
  parameters: ReadonlyArray<unknown>,
  requestBody: unknown,
  hasBody: boolean
): Input | undefined => {
  const input: Input = { properties: {}, required: [], query: [], body: undefined }
  for (const each of parameters) {
    const { description, in: place, name, required, schema } = reader.resolve(each)
    if (place !== "path" && place !== "query") {
      if (required === true) return undefined
      continue
    }
    if (typeof name !== "string" || !NAME.test(name)) {
      if (required === true || place === "path") return undefined
      continue
    }
    const told = textOf(description)
    input.properties[name] = { ...reader.schema(schema), ...(told === "" ? {} : { description: told }) }
    if (required === true || place === "path") input.required.push(name)
    if (place === "query") input.query.push(name)
  }
  if (requestBody === undefined) return input
  const { content, required } = reader.resolve(requestBody)
  const json = isRecord(content)
    ? Object.entries(content).find(([type]) => /^application\/(?:[\w.-]+\+)?json\b/iu.test(type))?.[1]
    : undefined
  if (json === undefined || !hasBody) return required === true ? undefined : input
  const schema = reader.schema(isRecord(json) ? json["schema"] : undefined)
  const properties = isRecord(schema["properties"]) ? Object.entries(schema["properties"]) : []
  const isFlat = properties.length > 0 &&
    properties.every(([name]) => NAME.test(name) && input.properties[name] === undefined)
  if (isFlat) {
    for (const [name, property] of properties) input.properties[name] = isRecord(property) ? property : {}
    const needed = Array.isArray(schema["required"]) ? schema["required"] : []
    input.required.push(...needed.filter((name) => typeof name === "string" && Object.hasOwn(input.properties, name)))
  } else {
    if (input.properties["body"] !== undefined) return undefined
    input.properties["body"] = schema
    if (required === true) input.required.push("body")
    input.body = "{body}"
  }
  return input
}

/**
 * Makes the tools. `base` is the URL in front of each path; `operations` are the ids of those that are wanted, without it all.
 *
 * @category conversions
 * @since 0.1.0
 */
export const make = (
  document: JsonRecord,
  options: {
    readonly base: string
    readonly operations?: ReadonlyArray<string> | undefined
  } & Pick<HttpToolOptions, "headers" | "timeout">
): OpenApiOperations => {
  const { base, headers, operations, timeout } = options
  const reader = new Reader(document)
  const tools: Array<HttpToolOptions> = []
  const skipped: Array<string> = []
  const found = new Set<string>()
  const paths = isRecord(document["paths"]) ? Object.entries(document["paths"]).slice(0, MAX_OPERATIONS) : []
  for (const [path, item] of paths) {
    // what follows the host otherwise would be part of it
    if (!path.startsWith("/")) continue
    const { parameters: shared, ...methods } = reader.resolve(item)
    for (const method of METHODS) {
      const operation = methods[method]
      if (!isRecord(operation)) continue
      const { description, operationId, parameters, requestBody, summary } = operation
      const id = typeof operationId === "string" && operationId !== "" ? operationId : `${method} ${path}`
      if (found.has(id) || (operations !== undefined && !operations.includes(id))) continue
      found.add(id)
      const own = Array.isArray(parameters) ? parameters : []
      const names = new Set(own.map((each) => reader.resolve(each)["name"]))
      const all = [
        ...(Array.isArray(shared) ? shared : []).filter((each) => !names.has(reader.resolve(each)["name"])),
        ...own
      ]
      const hasBody = method !== "get" && method !== "delete"
      const input = inputOf(reader, all, requestBody, hasBody)
      const query = input?.query.map((name) => `${name}={${name}}`).join("&") ?? ""
      const told = [textOf(summary), textOf(description)].filter((text) => text !== "").join(". ").slice(0, 1_024)
      const tool = {
        name: id.replace(/[^a-zA-Z0-9_-]+/gu, "_").slice(0, 64),
        description: told === "" ? id : told,
        method: method.toUpperCase(),
        url: `${base.replace(/\/+$/u, "")}${path}${query === "" ? "" : `?${query}`}`,
        parameters: {
          type: "object",
          properties: input?.properties ?? {},
          required: input?.required ?? [],
          additionalProperties: false
        },
        headers,
        timeout,
        ...(input?.body === undefined ? {} : { body: input.body })
      }
      if (input !== undefined && isTool(tool)) tools.push(tool)
      else skipped.push(id)
    }
  }
  return { tools, skipped, missing: (operations ?? []).filter((id) => !found.has(id)) }
}

const isTool = Schema.is(Schema.toType(HttpToolOptions)) as (tool: unknown) => tool is HttpToolOptions
