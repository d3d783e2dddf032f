/** A validator for the part of JSON Schema (draft 7) that the schema of configs uses; other keywords make it fail. */
export type Node = { readonly [keyword: string]: unknown }

export const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const silent = new Set([
  "$schema",
  "title",
  "description",
  "default",
  "examples",
  "writeOnly",
  "definitions",
  // Read with `if` and `additionalProperties`.
  "then",
  "properties"
])
const isA: { readonly [type: string]: (value: unknown) => boolean } = {
  object: isNode,
  array: Array.isArray,
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number" && Number.isFinite(value),
  integer: Number.isInteger,
  boolean: (value) => typeof value === "boolean"
}

const list = (value: unknown): ReadonlyArray<unknown> => {
  if (!Array.isArray(value)) throw new Error("a list was expected")
  return value
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Whether a value fits. */
export const fits = (root: Node, value: unknown, node: unknown = root): boolean => {
  if (typeof node === "boolean") return node
  if (!isNode(node)) throw new Error("no schema")
  const inner = (schema: unknown, each: unknown = value) => fits(root, each, schema)
  const properties = isNode(node["properties"]) ? node["properties"] : {}
  for (const [key, each] of Object.entries(properties)) {
    if (isNode(value) && Object.hasOwn(value, key) && !inner(each, value[key])) return false
  }
  return Object.entries(node).every(([keyword, given]) => {
    switch (keyword) {
      case "type":
        return isA[String(given)]!(value)
      case "enum":
        return list(given).some((each) => same(each, value))
      case "const":
        return same(given, value)
      case "anyOf":
        return list(given).some((each) => inner(each))
      case "allOf":
        return list(given).every((each) => inner(each))
      case "if":
        return !inner(given) || inner(node["then"] ?? true)
      case "required":
        return !isNode(value) || list(given).every((key) => Object.hasOwn(value, String(key)))
      case "additionalProperties":
        return !isNode(value) ||
          Object.entries(value).every(([key, each]) => Object.hasOwn(properties, key) || inner(given, each))
      case "items":
        return !Array.isArray(value) || value.every((each) => inner(given, each))
      case "minItems":
        return !Array.isArray(value) || value.length >= Number(given)
      case "maxItems":
        return !Array.isArray(value) || value.length <= Number(given)
      case "minimum":
        return typeof value !== "number" || value >= Number(given)
      case "maximum":
        return typeof value !== "number" || value <= Number(given)
      case "minLength":
        return typeof value !== "string" || Array.from(value).length >= Number(given)
      case "maxLength":
        return typeof value !== "string" || Array.from(value).length <= Number(given)
      case "pattern":
        return typeof value !== "string" || new RegExp(String(given), "u").test(value)
      case "format":
        return typeof value !== "string" ||
          (given === "ipv4" ? /^\d{1,3}(\.\d{1,3}){3}$/ : /^(?=.*:)[\da-fA-F:.]+(%\w+)?$/).test(value)
      case "$ref":
        return inner(
          String(given).slice(2).split("/").reduce<unknown>((at, key) => isNode(at) ? at[key] : undefined, root)
        )
      default:
        if (silent.has(keyword)) return true
        throw new Error(`the validator does not know ${keyword}`)
    }
  })
}
