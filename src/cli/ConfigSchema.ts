/**
 * The JSON Schema of a config file, for editors: made of the schemas that read it, and of descriptions.
 *
 * JSON Schema draft 7, which every editor knows. It says less than the decoder: rules across fields, the bounds of
 * durations and whether a name is registered stay the decoder's. What it refuses, the decoder refuses, too.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { isRecord } from "../schema/Json.ts"

/**
 * A schema or a part of one.
 *
 * @category models
 * @since 0.1.0
 */
export type Node = { readonly [keyword: string]: unknown }

/**
 * Descriptions by the path of a field, such as `udp_port_range.begin`.
 *
 * @category models
 * @since 0.1.0
 */
export type Docs = ReadonlyMap<string, string>

/**
 * Whether a part of a schema is one in turn.
 *
 * @category guards
 * @since 0.1.0
 */
export const isNode: (value: unknown) => value is Node = isRecord

/**
 * The alternatives of a schema, and other lists of schemas.
 *
 * @category accessors
 * @since 0.1.0
 */
export const nodesOf = (value: unknown): ReadonlyArray<Node> => Array.isArray(value) ? value.filter(isNode) : []

const entriesOf = (value: unknown): ReadonlyArray<readonly [string, Node]> =>
  isNode(value) ? Object.entries(value).flatMap(([key, node]) => isNode(node) ? [[key, node] as const] : []) : []

/** `"500 millis"` as people write it. */
const duration = (text: string): string => {
  const ms = Duration.toMillis(Duration.fromInputUnsafe(text as Duration.Input))
  const units = [["h", 3_600_000], ["m", 60_000], ["s", 1_000]] as const
  const [unit, size] = units.find(([, size]) => ms !== 0 && ms % size === 0) ?? ["ms", 1]
  return `${ms / size}${unit}`
}

const isDuration = (node: Node): boolean => Array.isArray(node["examples"]) && node["examples"].includes("1m30s")

/** The value with which a required field can be read, to come to the defaults of the others. */
const filler = (node: Node): unknown => {
  if (Array.isArray(node["enum"])) return node["enum"][0]
  switch (node["type"]) {
    case "string":
      return "x".repeat(Math.max(1, Number(node["minLength"] ?? 1)))
    case "integer":
    case "number":
      return node["minimum"] ?? 1
    case "boolean":
      return true
    case "array":
      return []
    default:
      return {}
  }
}

/** What stands in for a value that the environment gives; plain text takes it as it is. */
const fromEnvironment = { $ref: "#/definitions/environment" }
const takesReference = (node: Node): boolean =>
  node["type"] === "string" && ["enum", "pattern", "anyOf", "allOf"].every((keyword) => node[keyword] === undefined) &&
  Number(node["minLength"] ?? 0) <= 4

/** Bounds that bound nothing: those of whole numbers in JavaScript, and a length of 0. */
const unbounded = (node: Node): Node =>
  Object.fromEntries(
    Object.entries(node).filter(([key, value]) =>
      !((key === "minLength" && value === 0) ||
        (key === "minimum" && value === Number.MIN_SAFE_INTEGER) ||
        (key === "maximum" && value === Number.MAX_SAFE_INTEGER))
    )
  )

interface Context {
  readonly docs: Docs
  /** Fields that were found without a description. */
  readonly undescribed: Array<string>
}

const sentences = (...parts: ReadonlyArray<unknown>): string =>
  parts.filter((part) => typeof part === "string" && part !== "").join(" ")

/** A value that a file may hold: the fields of objects described, with their defaults; or a reference to a variable. */
const value = (node: Node, path: ReadonlyArray<string>, defaults: unknown, context: Context): Node => {
  if (node["type"] === "object") return object(node, path, defaults, context)
  if (node["type"] === "array") {
    // Draft 7 has no `prefixItems`, and the first of a list that is not empty needs none.
    const { items, prefixItems, ...rest } = node
    if (nodesOf(prefixItems).some((first) => JSON.stringify(first) !== JSON.stringify(items))) {
      throw new Error(`${path.join(".")}: a tuple has no schema here`)
    }
    const inner = isNode(items) ? { items: value(items, path, undefined, context) } : {}
    return { anyOf: [{ ...rest, ...inner }, fromEnvironment] }
  }
  if (node["anyOf"] !== undefined && node["type"] === undefined) {
    const members = nodesOf(node["anyOf"]).map((member) => value(member, path, undefined, context))
    return { anyOf: [...members.filter((member) => member !== fromEnvironment), fromEnvironment] }
  }
  return takesReference(node) ? unbounded(node) : { anyOf: [unbounded(node), fromEnvironment] }
}

/** The description of a key beside that of its value, as `annotateKey` gives it, among the rest of the node. */
const described = (node: Node): Node => {
  const { allOf, ...rest } = node
  const isText = (each: Node): boolean => Object.keys(each).join() === "description"
  const own = nodesOf(allOf).find(isText)
  if (own === undefined) return node
  const others = nodesOf(allOf).filter((each) => !isText(each))
  return { ...rest, ...own, ...(others.length === 0 ? {} : { allOf: others }) }
}

const field = (node: Node, path: ReadonlyArray<string>, standard: unknown, context: Context): Node => {
  const { description, examples, writeOnly, ...rest } = described(node)
  const text = context.docs.get(path.join("."))
  if (text === undefined) context.undescribed.push(path.join("."))
  const isObject = node["type"] === "object"
  const told = isDuration(node) ? text ?? description : sentences(text, description)
  return {
    ...(told === "" || told === undefined ? {} : { description: told }),
    ...(writeOnly === undefined ? {} : { writeOnly }),
    ...(standard === undefined || isObject
      ? {}
      : { default: isDuration(node) && typeof standard === "string" ? duration(standard) : standard }),
    ...(examples === undefined ? {} : { examples }),
    ...value(rest, path, standard, context)
  }
}

const object = (node: Node, path: ReadonlyArray<string>, defaults: unknown, context: Context): Node => {
  const properties = entriesOf(node["properties"])
  if (properties.length === 0) {
    // entries by name, each with the same fields
    const entry = node["additionalProperties"]
    return isNode(entry) ? { ...node, additionalProperties: value(entry, path, undefined, context) } : node
  }
  return {
    ...node,
    properties: Object.fromEntries(
      properties.map(([key, each]) => [
        key,
        field(each, [...path, key], isNode(defaults) ? defaults[key] : undefined, context)
      ])
    )
  }
}

/** The encoded defaults of a schema; none where it can't be read even with its required fields filled in. */
const defaultsOf = (schema: Schema.Codec<unknown, unknown>, node: Node): unknown => {
  const required = Array.isArray(node["required"]) ? node["required"].map(String) : []
  const properties = isNode(node["properties"]) ? node["properties"] : {}
  const filled = Object.fromEntries(required.map((key) => {
    const each = properties[key]
    return [key, isNode(each) ? filler(each) : "x"] as const
  }))
  const decoded = Schema.decodeResult(schema)(filled)
  if (decoded._tag === "Failure") return {}
  const encoded: unknown = Schema.encodeSync(schema)(decoded.success)
  return isNode(encoded) ? Object.fromEntries(Object.entries(encoded).filter(([key]) => !required.includes(key))) : {}
}

/**
 * An object of a config and what was found without a description in it. `machine` names fields whose default is this
 * machine's.
 *
 * @category constructors
 * @since 0.1.0
 */
export const objectOf = (
  schema: Schema.Codec<unknown, unknown>,
  docs: Docs,
  machine: ReadonlyArray<string> = []
): { readonly node: Node; readonly undescribed: ReadonlyArray<string> } => {
  const document = Schema.toJsonSchemaDocument(schema, {
    onExcessProperty: "error",
    includeAnnotationKey: (key) => key === "pattern"
  })
  const plain: Node = document.schema
  const encoded = defaultsOf(schema, plain)
  const defaults = isNode(encoded)
    ? Object.fromEntries(Object.entries(encoded).filter(([key]) => !machine.includes(key)))
    : {}
  const undescribed: Array<string> = []
  return { node: object(plain, [], defaults, { docs, undescribed }), undescribed }
}

/**
 * What a whole config is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  /** The object of `BackendConfig`. */
  readonly backend: Node
  readonly server: Node
  /** The options of the providers, by name; the first is what a file without a provider has. */
  readonly providers: ReadonlyArray<readonly [name: string, options: Node]>
  /** The options of the engines by name, each with the kind it is of. */
  readonly engines: ReadonlyArray<
    readonly [name: string, description: string, options: ReadonlyArray<readonly [kind: string, options: Node]>]
  >
  /** Names for the fields that take one; those inside a section by their path. */
  readonly names: { readonly [field: string]: ReadonlyArray<string> }
  /** What a file without these fields has. */
  readonly defaults: Node
}

/**
 * A text that is one of these names, which editors complete, or another one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const named = (node: Node, names: ReadonlyArray<string>): Node => {
  if (names.length === 0) return node
  const { maxLength, minLength, type, ...rest } = node
  return { ...rest, anyOf: [{ enum: names }, { type, minLength, maxLength }] }
}

const namedField = (node: Node, names: ReadonlyArray<string>): Node => {
  const [list, ...others] = nodesOf(node["anyOf"])
  const items = list?.["items"]
  return isNode(items)
    ? { ...node, anyOf: [{ ...list, items: named(items, names) }, ...others] }
    : named(node, names)
}

/** The names of a field inside a section: `store.kind`. */
const namedInside = (section: string, node: Node, names: Parts["names"]): Node => {
  const { properties } = node
  if (!isNode(properties)) return node
  const fields = entriesOf(properties).map(([key, field]) => [key, named(field, names[`${section}.${key}`] ?? [])])
  return { ...node, properties: Object.fromEntries(fields) }
}

/**
 * The options under the name of one or several engines. What is for one of a vendor's several engines stands under its kind, what
 * is for all beside.
 *
 * @category constructors
 * @since 0.1.0
 */
export const optionsOf = (
  description: string,
  nodes: ReadonlyArray<readonly [kind: string, options: Node]>
): Node =>
  nodes.length < 2 ? { description, ...nodes[0]?.[1] } : {
    description,
    type: "object",
    properties: {
      ...Object.fromEntries(nodes.toReversed().flatMap(([, node]) => entriesOf(node["properties"]))),
      ...Object.fromEntries(nodes.map(([kind, node]) => [
        kind,
        { description: `What is for its ${kind} engine alone.`, ...node }
      ]))
    },
    additionalProperties: false
  }

/**
 * The options of a provider: what `provider_config` holds where a config names it. The first provider is that of a config that
 * names none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const providerRule = (name: string, options: Node, isFirst = false): Node => ({
  if: { properties: { provider: { const: name } }, ...(isFirst ? {} : { required: ["provider"] }) },
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema; nobody awaits it
  then: { properties: { provider_config: options } }
})

/**
 * The schema of a config file.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ backend, defaults, engines, names, providers, server }: Parts): Node => {
  const properties = Object.fromEntries(
    entriesOf(backend["properties"]).map(([key, node]) => {
      const { description, ...rest } = namedField(namedInside(key, node, names), names[key] ?? [])
      const standard = defaults[key]
      return [key, { description, ...(standard === undefined ? {} : { default: standard }), ...rest }]
    })
  )
  const options = Object.fromEntries(
    engines.map(([name, description, nodes]) => [name, optionsOf(description, nodes)])
  )
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "effect-voice config",
    description: "A config of effect-voice. Text may hold ${NAME} or ${NAME:-text} for a variable of the environment.",
    type: "object",
    properties: {
      $schema: { description: "Where this schema is, for editors of JSON.", type: "string" },
      ...properties,
      engines: { ...properties["engines"], properties: options, additionalProperties: { type: "object" } },
      server: { description: "How the HTTP server listens and whom it lets in.", ...server }
    },
    additionalProperties: false,
    allOf: providers.map(([name, options], i) => providerRule(name, options, i === 0)),
    definitions: {
      environment: {
        description: "The value of a variable of the environment: ${NAME}, or ${NAME:-text} for when it is unset.",
        type: "string",
        pattern: "\\$\\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\\}"
      }
    }
  }
}
