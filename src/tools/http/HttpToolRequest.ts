/**
 * Makes the request of a tool from what a model wrote. Pure.
 *
 * Only declared parameters are used, and each is encoded where it stands: no text of a model can leave its segment of the path or
 * its value in the query, and the host is the config's.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Options from "../../agent/tools/HttpToolOptions.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"

const MAX_URL = 8_192
const MAX_BODY = 131_072

/**
 * @category models
 * @since 0.1.0
 */
export interface HttpToolRequest {
  readonly url: string
  /** JSON. */
  readonly body?: string | undefined
}

/** What a request is made from. */
export type Definition = Pick<Options.HttpToolOptions, "body" | "method" | "parameters" | "url">

const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean"

/** A value as a text of a URL; `undefined` for one that is left out. */
const textOf = (value: unknown): string | undefined =>
  isScalar(value)
    ? String(value)
    : Array.isArray(value) && value.every(isScalar)
    ? value.join(",")
    : value === undefined || value === null
    ? undefined
    : JSON.stringify(value)

/** `encodeURIComponent` throws for half of a character. */
const encoded = (text: string): string => encodeURIComponent(text.toWellFormed())

/** A part of the query whose list is written with a part for each: `tags={tags*}`. */
const EXPLODED = /^([^={}]*)=\{([A-Za-z_][\w-]{0,63})\*\}$/u

const exploded = (pair: string, input: JsonRecord): ReadonlyArray<string> | undefined => {
  const [, key = "", name = ""] = EXPLODED.exec(pair) ?? []
  const value = name === "" ? undefined : input[name]
  return Array.isArray(value) ? value.map((each) => `${key}=${encoded(textOf(each) ?? "")}`) : undefined
}

const fillBody = (template: unknown, input: JsonRecord): unknown => {
  if (typeof template === "string") {
    const [only] = Options.placeholders(template)
    // alone it keeps its type
    return only !== undefined && template === `{${only}}`
      ? input[only]
      : Options.fill(template, (name) => textOf(input[name]) ?? "")
  }
  if (Array.isArray(template)) return template.map((each) => fillBody(each, input))
  return isRecord(template)
    ? Object.fromEntries(
      Object.entries(template).map(([key, value]) => [key, fillBody(value, input)]).filter(([, value]) =>
        value !== undefined
      )
    )
    : template
}

/**
 * Makes the request. Fails with words for the model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { body, method, parameters, url }: Definition,
  given: JsonRecord
): Result.Result<HttpToolRequest, string> => {
  const declared = Options.propertiesOf(parameters)
  const input: { readonly [key: string]: unknown } = Object.fromEntries(
    Object.entries(given).filter(([key, value]) => Object.hasOwn(declared, key) && value !== undefined)
  )
  const required = Array.isArray(parameters["required"]) ? parameters["required"] : []
  const missing = required.find((name) => typeof name === "string" && (input[name] ?? undefined) === undefined)
  if (missing !== undefined) return Result.fail(`the parameter ${String(missing)} is required`)

  const at = url.indexOf("?")
  const path = at < 0 ? url : url.slice(0, at)
  const query = at < 0 ? [] : url.slice(at + 1).split("&").filter((pair) => pair !== "")
  for (const name of Options.placeholders(path)) {
    if ((textOf(input[name]) ?? "") === "") return Result.fail(`the parameter ${name} must not be empty`)
  }
  const filled = Options.fill(path, (name) => encoded(textOf(input[name]) ?? ""))
  // a segment of dots is another path
  const { origin } = new URL(Options.fill(path, () => "x"))
  if (filled.slice(origin.length).split("/").some((segment) => /^(?:\.|%2e){1,2}$/iu.test(segment))) {
    return Result.fail("a parameter must not be . or ..")
  }
  const used = new Set(Options.placeholders(url))
  const rest = Object.entries(input).filter(([name]) => !used.has(name))
  const hasBody = method !== "GET" && method !== "DELETE"
  const pairs = [
    ...query.flatMap((pair) => {
      const parts = exploded(pair, input)
      if (parts !== undefined) return parts
      const names = Options.placeholders(pair)
      return names.length > 0 && names.every((name) => textOf(input[name]) === undefined)
        ? []
        : [Options.fill(pair, (name) => encoded(textOf(input[name]) ?? ""))]
    }),
    ...(hasBody ? [] : rest.flatMap(([name, value]) => {
      const text = textOf(value)
      return text === undefined ? [] : [`${encoded(name)}=${encoded(text)}`]
    }))
  ]
  const address = `${filled}${pairs.length === 0 ? "" : `?${pairs.join("&")}`}`
  if (address.length > MAX_URL) return Result.fail("the input is too long")
  if (!URL.canParse(address) || new URL(address).origin !== origin) return Result.fail("the input does not fit")
  if (!hasBody) return Result.succeed({ url: address })
  const json = JSON.stringify(body === undefined ? Object.fromEntries(rest) : fillBody(body, input)) ?? "null"
  return json.length > MAX_BODY ? Result.fail("the input is too long") : Result.succeed({ url: address, body: json })
}
