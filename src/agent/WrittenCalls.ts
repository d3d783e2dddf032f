/**
 * Reads tool calls that a model wrote as text, because its server does not know the model's notation. Pure.
 *
 * @since 0.1.0
 */
import * as Json from "../schema/Json.ts"
import * as WrittenJson from "../schema/WrittenJson.ts"
import { JsonExtent } from "../text/JsonExtent.ts"
import type { WrittenCall } from "../text/thoughts/WrittenCall.ts"

/**
 * A call of a tool with its input.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadCall {
  readonly name: string
  readonly params: unknown
}

/** Calls that one text may hold. */
const MAX_CALLS = 16
/** Characters that are searched for parameters and for Python's calls: the patterns read some of them more than once. */
const MAX_ELEMENTS = 16_384
const MAX_PYTHON = 4_096

const nameOf = (value: unknown): string | undefined =>
  typeof value === "string" ? value.trim().replace(/^functions[.:]/u, "").replace(/:\d+$/u, "") : undefined

const paramsOf = (value: unknown): unknown => {
  const params = typeof value === "string" ? WrittenJson.parse(value) ?? value : value
  return params === undefined || params === null || params === "" ? {} : params
}

/** `{"name": …, "arguments": {…}}` in its variants; a list of them. */
const ofJson = (value: unknown, tool: string | undefined): ReadonlyArray<ReadCall> => {
  if (Array.isArray(value)) return value.slice(0, MAX_CALLS).flatMap((entry) => ofJson(entry, undefined))
  if (!Json.isRecord(value)) return []
  if (tool !== undefined) return [{ name: tool, params: value }]
  if (Array.isArray(value["tool_calls"])) return ofJson(value["tool_calls"], undefined)
  const inner = Json.isRecord(value["function"]) ? value["function"] : value
  const name = nameOf(inner["name"] ?? inner["tool_name"] ?? inner["tool"] ?? inner["function"])
  const params = inner["arguments"] ?? inner["parameters"] ?? inner["params"] ?? inner["args"] ?? inner["input"]
  return name === undefined ? [] : [{ name, params: paramsOf(params) }]
}

const valueOf = (text: string): unknown => {
  const trimmed = text.replace(/^\n|\n$/gu, "")
  const value = Json.parse(trimmed.trim())
  return value === undefined ? trimmed : value
}

/** `<parameter=city>Paris</parameter>`, `<parameter name="city">…`, `<arg_key>city</arg_key><arg_value>…`. */
const ofElements = (body: string): unknown => {
  const text = body.slice(0, MAX_ELEMENTS)
  const params: Record<string, unknown> = {}
  const element =
    /<(?:\w{1,32}:)?(?:parameter|param)(?:=|\s+name\s*=\s*)["']?([\w.-]{1,128})["']?(?:\s[^<>]*)?>([^]*?)<\/(?:\w{1,32}:)?(?:parameter|param)>/giu
  const pair = /<arg_key>\s*([\w.-]{1,128})\s*<\/arg_key>\s*<arg_value>([^]*?)<\/arg_value>/giu
  for (const [, key = "", value = ""] of [...text.matchAll(element), ...text.matchAll(pair)]) {
    Object.defineProperty(params, key, { value: valueOf(value), enumerable: true, configurable: true, writable: true })
  }
  return params
}

/** `weather(city="Paris", days=3)`, in Python's notation. */
const ofPython = (body: string): ReadonlyArray<ReadCall> => {
  const calls: Array<ReadCall> = []
  const text = body.slice(0, MAX_PYTHON)
  const call = /([A-Za-z_][\w.]{0,127})\(((?:[^()"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*)\)/gu
  for (const [, name = "", list = ""] of text.matchAll(call)) {
    const params: Record<string, unknown> = {}
    const argument = /([A-Za-z_]\w{0,127})\s*=\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\[[^\]]*\]|\{[^}]*\}|[^,\s]+)/gu
    for (const [, key = "", value = ""] of list.matchAll(argument)) {
      const json = value.startsWith("'")
        ? JSON.stringify(value.slice(1, -1).replaceAll("\\'", "'"))
        : value.replace(/^True$/u, "true").replace(/^False$/u, "false").replace(/^None$/u, "null")
      Object.defineProperty(params, key, { value: valueOf(json), enumerable: true, configurable: true, writable: true })
    }
    calls.push({ name: name.replace(/\.call$/u, "").split(".").at(-1) ?? name, params })
    if (calls.length >= MAX_CALLS) break
  }
  return calls
}

const control = /<[|｜][\w/▁ .-]{1,48}[|｜]>/gu

/** Kimi's and DeepSeek's notation: name and JSON between control tokens. */
const ofTokens = (text: string): ReadonlyArray<ReadCall> => {
  const parts = text.split(control).map((part) => part.trim()).filter((part) => part !== "" && part !== "function")
  return parts.flatMap((part, at) => {
    const inOne = /^([\w.:-]+)\s*(?:```(?:json)?)?\s*(\{[^]*\})\s*(?:```)?$/u.exec(part)
    if (inOne !== null) return [{ name: nameOf(inOne[1]) ?? "", params: paramsOf(inOne[2]) }]
    const name = /^[\w.:-]+$/u.test(part) ? nameOf(part) : undefined
    const next = parts[at + 1]
    return name !== undefined && next?.startsWith("{") === true ? [{ name, params: paramsOf(next) }] : []
  }).slice(0, MAX_CALLS)
}

const dsml = /(?<=<\/?)[|｜]DSML[|｜]/gu

/** `call:weather{city:<escape>Paris<escape>,days:3}`, in Gemma's notation. */
const ofGemma = (text: string): ReadonlyArray<ReadCall> => {
  const [, name, list] = /^call:([\w.-]{1,128})\{([^]*)\}$/u.exec(text.slice(0, MAX_ELEMENTS)) ?? []
  if (name === undefined || list === undefined) return []
  const params: Record<string, unknown> = {}
  for (const [, key = "", told, word = ""] of list.matchAll(/(\w{1,128}):(?:<escape>([^]*?)<escape>|([^,{}<>]*))/gu)) {
    Object.defineProperty(params, key, {
      value: told ?? valueOf(word),
      enumerable: true,
      configurable: true,
      writable: true
    })
  }
  return [{ name, params }]
}

/** Values that follow each other: on lines, or behind semicolons. */
const ofValues = (text: string): ReadonlyArray<ReadCall> => {
  const values: Array<unknown> = []
  let rest = text
  while (/^[[{]/u.test(rest) && values.length < MAX_CALLS) {
    const end = new JsonExtent().push(rest)
    const value = WrittenJson.parse(rest.slice(0, end))
    if (value === undefined) return []
    values.push(value)
    rest = rest.slice(end).replace(/^[\s;,]+/u, "")
  }
  return ofJson(values, undefined)
}

/**
 * Reads a written call; there may be several in it, or none that can be read.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = ({ body, tool }: WrittenCall): ReadonlyArray<ReadCall> => {
  const text = body.trim().replace(/^(?:<[|｜][\w/▁ .-]{1,48}[|｜]>\s*)+/u, "").replace(dsml, "")
  // GLM's call of a tool without parameters
  if (tool === undefined && /^[A-Za-z_][\w.-]{0,127}$/u.test(text)) return [{ name: text, params: {} }]
  const json = WrittenJson.parse(text)
  if (json !== undefined) return ofJson(json, nameOf(tool))
  const mistral = /^([\w.-]+)(?:\[CALL_ID\]\w*)?(?:\[ARGS\]|(?=\s*\{))([^]*)$/u.exec(text)
  if (mistral !== null) return [{ name: mistral[1]!, params: paramsOf(mistral[2]) }]
  const functions = [
    ...text.matchAll(
      /<(?:function=|(?:\w{1,32}:)?invoke\s+name\s*=\s*)["']?([\w.:-]{1,128})["']?\s*>([^]*?)(?=<\/(?:function|(?:\w{1,32}:)?invoke)>|$)/giu
    )
  ]
  if (functions.length > 0) {
    return functions.slice(0, MAX_CALLS).map(([, name = "", inner = ""]) => ({
      name,
      params: Json.parseRecord(inner) ?? ofElements(inner)
    }))
  }
  if (tool !== undefined) return [{ name: nameOf(tool) ?? tool, params: ofElements(text) }]
  if (/<arg_key>/iu.test(text)) return [{ name: /^[\w.-]+/u.exec(text)?.[0] ?? "", params: ofElements(text) }]
  if (control.test(text)) {
    control.lastIndex = 0
    return ofTokens(text)
  }
  if (text.startsWith("call:")) return ofGemma(text)
  const calls = ofValues(text)
  return calls.length > 0 ? calls : ofPython(text)
}
