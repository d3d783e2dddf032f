/**
 * Makes tools of the operations in an OpenAPI document (3.0 and 3.1). Pure.
 *
 * An operation whose input a model cannot write (a file, a header that is required and that the config does not have) is left out, and
 * so is one of another server. References are followed within the document, to a bounded depth.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { HttpToolOptions } from "../../agent/tools/HttpToolOptions.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import * as ToolSchema from "../../schema/ToolSchema.ts"

/** How deep references are followed. */
const MAX_DEPTH = 12
/** Paths that are read, and tools that are made of them. */
const MAX_PATHS = 10_000
const MAX_TOOLS = 2_000

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

const at = (document: JsonRecord, reference: string): unknown =>
  !reference.startsWith("#/") ? undefined : reference.slice(2).split("/").reduce<unknown>((value, part) => {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~")
    return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
  }, document)

/** Reads one document. */
class Reader {
  readonly #document: JsonRecord

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

  /** A schema with what its references stand for, as vendors take it. */
  schema(value: unknown): JsonRecord {
    const { properties } = ToolSchema.fit({
      ...this.#document,
      type: "object",
      properties: { it: isRecord(value) ? value : {} },
      required: [],
      allOf: undefined,
      anyOf: undefined,
      oneOf: undefined
    }) ?? {}
    return isRecord(properties) && isRecord(properties["it"]) ? properties["it"] : {}
  }
}

/**
 * The address of the first server, with the default values of its variables; `undefined` where there is none, or one of its
 * variables has no default.
 *
 * @category accessors
 * @since 0.1.0
 */
export const serverOf = (servers: unknown): string | undefined => {
  const [first]: ReadonlyArray<unknown> = Array.isArray(servers) ? servers : []
  if (!isRecord(first) || typeof first["url"] !== "string") return undefined
  const variables = isRecord(first["variables"]) ? first["variables"] : {}
  const url = first["url"].replace(/\{([^{}]{1,64})\}/gu, (all, name: string) => {
    const variable = Object.hasOwn(variables, name) ? variables[name] : undefined
    const value = isRecord(variable) ? variable["default"] : undefined
    return typeof value === "string" || typeof value === "number" ? String(value) : all
  })
  return /[{}\s]/u.test(url) || url.length > 2_048 ? undefined : url
}

const textOf = (value: unknown): string => typeof value === "string" ? value.trim() : ""

interface Input {
  readonly properties: Record<string, JsonRecord>
  readonly required: Array<string>
  /** The parts of the query, as a template. */
  readonly query: Array<string>
  body: unknown
}

/** The input of an operation; `undefined` when a model cannot write it. */
const inputOf = (
  reader: Reader,
  parameters: ReadonlyArray<unknown>,
  requestBody: unknown,
  options: { readonly hasBody: boolean; readonly headers: ReadonlySet<string> }
): Input | undefined => {
  const { hasBody, headers } = options
  const input: Input = { properties: {}, required: [], query: [], body: undefined }
  for (const each of parameters) {
    const { content, description, explode, in: place, name, required, schema, style = "form" } = reader.resolve(each)
    if (place === "header" && typeof name === "string" && headers.has(name.toLowerCase())) continue
    if ((place !== "path" && place !== "query") || content !== undefined) {
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
    // a list is told with a part for each, if the document does not say otherwise
    if (place === "query") input.query.push(`${name}={${name}${style === "form" && explode !== false ? "*" : ""}}`)
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
  const own = new Set(Object.keys(headers).map((name) => name.toLowerCase()))
  const root = base.replace(/\/+$/u, "")
  /** The URL in front of the paths; `undefined` where an operation is of a server of another origin. */
  const rootOf = (...servers: ReadonlyArray<unknown>): string | undefined => {
    const told = servers.map(serverOf).find((url) => url !== undefined)
    if (told === undefined) return servers.some((each) => Array.isArray(each) && each.length > 0) ? undefined : root
    if (!URL.canParse(told, `${root}/`)) return undefined
    const url = new URL(told, `${root}/`)
    return url.origin === new URL(root).origin ? url.href.replace(/\/+$/u, "") : undefined
  }
  const paths = isRecord(document["paths"]) ? Object.entries(document["paths"]).slice(0, MAX_PATHS) : []
  for (const [path, item] of paths) {
    // what follows the host otherwise would be part of it
    if (!path.startsWith("/")) continue
    if (tools.length >= MAX_TOOLS) break
    const { parameters: shared, servers: shareds, ...methods } = reader.resolve(item)
    for (const method of METHODS) {
      const operation = methods[method]
      if (!isRecord(operation)) continue
      const { description, operationId, parameters, requestBody, servers, summary } = operation
      const id = typeof operationId === "string" && operationId !== "" ? operationId : `${method} ${path}`
      if (found.has(id) || (operations !== undefined && !operations.includes(id))) continue
      found.add(id)
      const given = Array.isArray(parameters) ? parameters : []
      const keyOf = (each: unknown) => {
        const { in: place, name } = reader.resolve(each)
        return `${String(place)} ${String(name)}`
      }
      const names = new Set(given.map(keyOf))
      const all = [...(Array.isArray(shared) ? shared : []).filter((each) => !names.has(keyOf(each))), ...given]
      const hasBody = method !== "get" && method !== "delete"
      const front = rootOf(servers, shareds)
      const input = front === undefined ? undefined : inputOf(reader, all, requestBody, { hasBody, headers: own })
      const query = input?.query.join("&") ?? ""
      const told = [textOf(summary), textOf(description)].filter((text) => text !== "").join(". ").slice(0, 1_024)
      const tool = {
        name: id.replace(/[^a-zA-Z0-9_-]+/gu, "_").slice(0, 64),
        description: told === "" ? id : told,
        method: method.toUpperCase(),
        url: `${front ?? root}${path}${query === "" ? "" : `?${query}`}`,
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
