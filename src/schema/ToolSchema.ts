/**
 * The JSON Schema of a tool's input, in the form that every vendor of language models takes. Pure.
 *
 * One tool whose schema a vendor refuses fails every request. Refused are references (Gemini), `$schema` and words of earlier
 * drafts (Gemini, Anthropic), `anyOf`, `oneOf` and `allOf` at the top (Anthropic, OpenAI), names of properties with other
 * characters (Anthropic), and a required property that is not there (Gemini).
 *
 * @since 0.1.0
 */
import { isRecord, type JsonRecord } from "./Json.ts"

/** How deep a schema is followed, and how many values of one schema are; what is beyond takes any value. */
const MAX_DEPTH = 24
const MAX_VALUES = 2_000

/**
 * What the names of properties may be.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPropertyName = (name: string): boolean => /^(?!__proto__$)[a-zA-Z0-9_.-]{1,64}$/u.test(name)

const TYPES = new Set(["string", "number", "integer", "boolean", "array", "object", "null"])

const BRANCHES = ["allOf", "anyOf", "oneOf"] as const

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === "string"
const isNumber: Check = (value) => typeof value === "number" && Number.isFinite(value)
const isCount: Check = (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0
const isScalar: Check = (value) => value === null || isText(value) || isNumber(value) || typeof value === "boolean"

/** Words whose value is no schema, and what it must be; in earlier drafts some had another meaning. */
const WORDS: { readonly [word: string]: Check } = {
  title: isText,
  description: isText,
  format: isText,
  pattern: isText,
  enum: (value) => Array.isArray(value) && value.length > 0 && value.every(isScalar),
  const: isScalar,
  default: () => true,
  examples: Array.isArray,
  minimum: isNumber,
  maximum: isNumber,
  exclusiveMinimum: isNumber,
  exclusiveMaximum: isNumber,
  multipleOf: isNumber,
  minLength: isCount,
  maxLength: isCount,
  minItems: isCount,
  maxItems: isCount,
  minProperties: isCount,
  maxProperties: isCount,
  uniqueItems: (value) => typeof value === "boolean"
}

const textsIn = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : []

const typeOf = (type: unknown, isNullable: boolean): unknown => {
  const types = (Array.isArray(type) ? type : [type]).filter((each): each is string => TYPES.has(each as string))
  const all = isNullable && types.length > 0 ? [...types, "null"] : types
  const [first, ...others] = [...new Set(all)]
  return others.length === 0 ? first : [first, ...others]
}

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Reads one schema. */
class Reader {
  readonly #root: JsonRecord
  #values = 0

  constructor(root: JsonRecord) {
    this.#root = root
  }

  #at(reference: string): unknown {
    if (reference !== "#" && !reference.startsWith("#/")) return undefined
    return reference.slice(2).split("/").filter((part) => part !== "").reduce<unknown>((value, part) => {
      const key = decoded(part).replaceAll("~1", "/").replaceAll("~0", "~")
      return isRecord(value) && Object.hasOwn(value, key)
        ? value[key]
        : Array.isArray(value) && /^\d{1,4}$/u.test(key)
        ? value[Number(key)]
        : undefined
    }, this.#root)
  }

  /** What a schema or its references stand for, with what stands beside a reference; nothing, where it leads into itself. */
  #resolve(schema: JsonRecord, path: ReadonlyArray<string>): readonly [JsonRecord, ReadonlyArray<string>] {
    const { $ref: reference, ...beside } = schema
    if (typeof reference !== "string") return [schema, path]
    const found = path.includes(reference) ? undefined : this.#at(reference)
    if (!isRecord(found)) return [beside, path]
    const [inner, through] = this.#resolve(found, [...path, reference])
    return [{ ...inner, ...beside }, through]
  }

  read(value: unknown, path: ReadonlyArray<string> = [], depth = 0): JsonRecord {
    if (!isRecord(value) || depth > MAX_DEPTH || ++this.#values > MAX_VALUES) return {}
    const [schema, through] = this.#resolve(value, path)
    const inner = (each: unknown) => this.read(each, through, depth + 1)
    const made: Record<string, unknown> = {}
    const type = typeOf(schema["type"], schema["nullable"] === true)
    if (type !== undefined) made["type"] = type
    for (const [word, fits] of Object.entries(WORDS)) {
      if (schema[word] !== undefined && fits(schema[word])) made[word] = schema[word]
    }
    const { additionalProperties, items, properties } = schema
    if (isRecord(properties)) made["properties"] = this.#properties(properties, inner)
    if (isRecord(made["properties"])) {
      const names = made["properties"]
      const required = textsIn(schema["required"]).filter((name) => Object.hasOwn(names, name))
      if (required.length > 0) made["required"] = [...new Set(required)]
    }
    if (typeof additionalProperties === "boolean") made["additionalProperties"] = additionalProperties
    else if (isRecord(additionalProperties)) made["additionalProperties"] = inner(additionalProperties)
    // a list of schemas is that of a tuple, in earlier drafts
    const each = Array.isArray(items) ? items : Array.isArray(schema["prefixItems"]) ? schema["prefixItems"] : undefined
    if (each !== undefined && each.length > 0) made["items"] = { anyOf: each.map(inner) }
    else if (isRecord(items)) made["items"] = inner(items)
    else if (type === "array") made["items"] = {}
    for (const branch of BRANCHES) {
      const given = schema[branch]
      if (Array.isArray(given) && given.length > 0) made[branch] = given.map(inner)
    }
    return made
  }

  #properties(properties: JsonRecord, inner: (value: unknown) => JsonRecord): JsonRecord {
    return Object.fromEntries(
      Object.entries(properties).flatMap(([name, property]) =>
        property === false || !isPropertyName(name) ? [] : [[name, inner(property)]]
      )
    )
  }
}

/** The properties of all branches; required is what all must have, or each of those of which one holds. */
const folded = (schema: JsonRecord): JsonRecord => {
  const { allOf, anyOf, oneOf, ...own } = schema
  const branchesOf = (given: unknown): ReadonlyArray<JsonRecord> =>
    Array.isArray(given) ? given.filter(isRecord).map(folded) : []
  const all = branchesOf(allOf)
  const alternatives = [branchesOf(anyOf), branchesOf(oneOf)]
  const schemas = [...all, ...alternatives.flat(), own]
  const properties: JsonRecord = Object.assign(
    {},
    ...schemas.map((each) => isRecord(each["properties"]) ? each["properties"] : {})
  )
  const required = [
    ...[own, ...all].flatMap((each) => textsIn(each["required"])),
    ...alternatives.flatMap(([first, ...others]) =>
      textsIn(first?.["required"]).filter((name) => others.every((each) => textsIn(each["required"]).includes(name)))
    )
  ].filter((name) => Object.hasOwn(properties, name))
  return {
    ...own,
    properties,
    ...(required.length === 0 ? {} : { required: [...new Set(required)] }),
    // each branch may have said that there are no others than its own
    ...(schemas.length > 1 && own["additionalProperties"] === false ? { additionalProperties: true } : {})
  }
}

/** The required properties that cannot be told, of an object's schema as it was given. */
const isTold = (given: unknown, properties: JsonRecord): boolean =>
  textsIn(isRecord(given) ? given["required"] : undefined).every((name) =>
    isPropertyName(name) || Object.hasOwn(properties, name)
  )

/**
 * The schema as vendors take it: that of an object, with references replaced by what they stand for; `undefined` for one that is
 * none, and where a required property has a name that they refuse.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fit = (schema: unknown): JsonRecord | undefined => {
  if (!isRecord(schema)) return undefined
  const read = new Reader(schema).read(schema)
  const types = Array.isArray(read["type"]) ? read["type"] : [read["type"] ?? "object"]
  if (!types.includes("object")) return undefined
  const { enum: _enum, const: _const, items: _items, ...rest } = folded(read)
  const properties = isRecord(rest["properties"]) ? rest["properties"] : {}
  return isTold(schema, properties) ? { ...rest, type: "object", properties } : undefined
}
