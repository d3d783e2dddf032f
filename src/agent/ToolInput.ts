/**
 * Fits the input of a tool call to what the tool's schema asks for, where a model wrote the right value in a wrong form. Pure.
 *
 * @since 0.1.0
 */
import { isRecord, type JsonRecord, parse } from "../schema/Json.ts"

const typesOf = (schema: JsonRecord): ReadonlyArray<unknown> => {
  const { anyOf, type } = schema
  // a number as Effect encodes it: these three are no JSON numbers
  if (Array.isArray(schema["enum"]) && schema["enum"].includes("NaN")) return []
  if (Array.isArray(anyOf)) return anyOf.flatMap((each: unknown) => isRecord(each) ? typesOf(each) : ["?"])
  return Array.isArray(type) ? type : [type ?? "?"]
}

const number = /^-?(?:0|[1-9]\d{0,15})(?:\.\d{1,15})?$/u

const fitValue = (value: unknown, types: ReadonlyArray<unknown>): unknown => {
  const [type, ...others] = types.filter((each) => each !== "null")
  if (others.length > 0) return value
  if (type === "string") return typeof value === "number" || typeof value === "boolean" ? String(value) : value
  if (typeof value !== "string") return value
  const text = value.trim()
  if (type === "integer" || type === "number") return number.test(text) ? Number(text) : value
  if (type === "boolean") return /^true$/iu.test(text) ? true : /^false$/iu.test(text) ? false : value
  if (type !== "array" && type !== "object") return value
  const inner = parse(text)
  return (type === "array" ? Array.isArray(inner) : isRecord(inner)) ? inner : value
}

/**
 * Fits an input to the JSON Schema of a tool: a tool without parameters gets none; a text becomes the number, boolean, list
 * or object that it stands for, and a number a text, where the schema asks for that alone; `null` for a parameter that may
 * be left out, and may not be `null`, is left out. Anything else stays as it is, for the schema to judge.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fit = (params: unknown, schema: unknown): unknown => {
  if (!isRecord(schema) || schema["type"] !== "object") return params
  const { additionalProperties, properties } = schema
  const known = isRecord(properties) ? properties : {}
  const isWithout = Object.keys(known).length === 0 && additionalProperties === false
  if (isWithout) return {}
  if (!isRecord(params)) return params
  const required = Array.isArray(schema["required"]) ? schema["required"] : []
  const entries = Object.entries(params).flatMap(([key, value]): ReadonlyArray<[string, unknown]> => {
    const property = Object.hasOwn(known, key) ? known[key] : undefined
    const types = isRecord(property) ? typesOf(property) : ["?"]
    const isLeftOut = value === null && !required.includes(key) && !types.includes("null") && !types.includes("?")
    return isLeftOut ? [] : [[key, fitValue(value, types)]]
  })
  return Object.fromEntries(entries)
}
