/**
 * The JSON Schema of the configs of an application: that of the package, with the application's names and options.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { describe } from "../../BackendError.ts"
import { type EngineDefinition, type EngineKind, EngineRegistry, kinds } from "../../speech/EngineRegistry.ts"
import * as ConfigSchema from "../ConfigSchema.ts"
import type { App } from "./App.ts"

const { isNode, nodesOf } = ConfigSchema
type Node = ConfigSchema.Node

/** Any options, where they cannot be described. */
const open: Node = { type: "object" }

/** Fields whose value is a name, or a list of names, by the kind of engine that they name. */
const engineFields: { readonly [field: string]: EngineKind } = {
  stt_provider: "stt",
  tts_provider: "tts",
  s2s_provider: "s2s",
  vad_provider: "vad",
  turn_detection_provider: "turn",
  noise_cancellation_provider: "noise",
  llm_provider: "llm",
  stt_fallback: "stt",
  tts_fallback: "tts"
}

/** Adds names to those that a field completes. */
const withNames = (node: Node, names: ReadonlyArray<string>): Node => {
  const [first, ...others] = nodesOf(node["anyOf"])
  if (first === undefined || names.length === 0) return node
  const { enum: known, items } = first
  const extended = Array.isArray(known)
    ? { ...first, enum: Array.from(new Set([...names, ...known])) }
    : isNode(items)
    ? { ...first, items: withNames(items, names) }
    : first
  return { ...node, anyOf: [extended, ...others] }
}

/** Changes the parts of an object that it has. */
const edited = (node: unknown, edits: { readonly [key: string]: (inner: Node) => Node }): Node => {
  if (!isNode(node)) return {}
  const changed = Object.entries(edits).flatMap(([key, edit]) => {
    const inner = node[key]
    return isNode(inner) ? [[key, edit(inner)] as const] : []
  })
  return { ...node, ...Object.fromEntries(changed) }
}

/** The schema of options, or why there is none. */
const optionsNode = (
  what: string,
  schema: Schema.Constraint
): Effect.Effect<{ readonly node: Node; readonly missing: ReadonlyArray<string> }> =>
  Effect.try({
    // typed loosely, for options are known to their engine or provider alone
    try: () => ConfigSchema.objectOf(schema as Schema.Codec<unknown, unknown>, new Map()).node,
    catch: (cause) => `the options of ${what} are not described: ${describe(cause)}`
  }).pipe(
    Effect.match({
      onFailure: (message) => ({ node: open, missing: [message] }),
      // a struct without fields takes anything
      onSuccess: (node) => ({ node: node["type"] === "object" ? node : open, missing: [] })
    })
  )

type Described = Pick<EngineDefinition, "description" | "kind" | "options">

/** The options under the name of an engine, of all kinds that have it: a built-in engine may have the same name. */
const engineNode = Effect.fnUntraced(function*(name: string) {
  const engines = yield* EngineRegistry
  const definitionOf = <Kind extends EngineKind>(kind: Kind): Effect.Effect<Described, unknown> =>
    Effect.flatMap(engines[kind].get(name), (loader): Effect.Effect<Described, unknown> => loader)
  const found = yield* Effect.forEach(
    kinds.filter((kind) => engines[kind].has(name)),
    (kind) => Effect.result(definitionOf(kind))
  )
  const definitions = found.flatMap((each) => each._tag === "Success" ? [each.success] : [])
  const failed = found.flatMap((each) => each._tag === "Failure" ? [each.failure] : [])
  if (failed.length > 0) {
    return {
      node: open,
      missing: failed.map((cause) => `the options of engine ${name} are not described: ${describe(cause)}`)
    }
  }
  const nodes = yield* Effect.forEach(
    definitions,
    ({ kind, options }) =>
      Effect.map(optionsNode(`engine ${name}`, options), ({ missing, node }) => ({ kind, missing, node }))
  )
  const missing = nodes.flatMap((each) => each.missing)
  return {
    node: missing.length > 0 ? open : ConfigSchema.optionsOf(
      definitions.map(({ description }) => description).join(". "),
      nodes.map(({ kind, node }) => [kind, node] as const)
    ),
    missing
  }
})

/** The names of processors, and the options of each that has a schema. */
const processorsNode = Effect.fnUntraced(function*(app: App) {
  const entries = Object.entries(app.parts.processors ?? {})
  const described = yield* Effect.forEach(entries, ([name, { options }]) =>
    options === undefined
      ? Effect.succeed({ name, node: open, missing: [] })
      : Effect.map(optionsNode(`audio processor ${name}`, options), (made) => ({ name, ...made })))
  const edit = (items: Node): Node => ({
    ...edited(items, {
      properties: (properties) =>
        edited(properties, { name: (node) => ConfigSchema.named(node, entries.map(([name]) => name)) })
    }),
    allOf: described.map(({ name, node }) => ({
      if: { properties: { name: { const: name } } },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema; nobody awaits it
      then: { properties: { options: node } }
    }))
  })
  return {
    missing: described.flatMap(({ missing }) => missing),
    edit: (field: Node): Node =>
      entries.length === 0 ? field : {
        ...field,
        anyOf: nodesOf(field["anyOf"]).map((each) =>
          isNode(each["items"]) ? { ...each, items: edit(each["items"]) } : each
        )
      }
  }
})

/** The name in a rule for the options of a provider. */
const providerOf = (rule: Node): unknown => {
  const { properties } = isNode(rule["if"]) ? rule["if"] : {}
  const provider = isNode(properties) ? properties["provider"] : undefined
  return isNode(provider) ? provider["const"] : undefined
}

/**
 * Adds what an application adds to the schema of the package. `missing` says which options could not be described: the schema
 * takes anything there. Values of the application's own config are not in it, but for the names that are its defaults.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  base: Node,
  app: App
): Effect.fn.Return<{ readonly schema: Node; readonly missing: ReadonlyArray<string> }, never, EngineRegistry> {
  const { agents = {}, engines = {}, providers = [], stores = {} } = app.parts
  const namesOf = (kind: EngineKind) => Object.keys(engines[kind] ?? {})
  const fields: { readonly [field: string]: ReadonlyArray<string> } = {
    ...Object.fromEntries(Object.entries(engineFields).map(([field, kind]) => [field, namesOf(kind)])),
    agent: Object.keys(agents),
    provider: providers.map(({ name }) => name)
  }
  const processors = yield* processorsNode(app)
  const names = Array.from(new Set(kinds.flatMap(namesOf)))
  const options = yield* Effect.forEach(names, (name) => Effect.map(engineNode(name), (made) => ({ name, ...made })))
  const rules = yield* Effect.forEach(
    providers,
    ({ configSchema, name }) => Effect.map(optionsNode(`provider ${name}`, configSchema), (made) => ({ name, ...made }))
  )

  const withDefault = (field: string) => (node: Node): Node => {
    const standard = app.defaults[field]
    return { ...withNames(node, fields[field] ?? []), ...(standard === undefined ? {} : { default: standard }) }
  }
  const schema = edited(base, {
    properties: (properties) =>
      edited(properties, {
        ...Object.fromEntries(Object.keys(fields).map((field) => [field, withDefault(field)])),
        custom_processors: processors.edit,
        engines: (node) =>
          edited(node, {
            properties: (known) => ({ ...known, ...Object.fromEntries(options.map(({ name, node }) => [name, node])) })
          }),
        store: (node) =>
          edited(node, {
            properties: (known) => edited(known, { kind: (kind) => withNames(kind, Object.keys(stores)) })
          })
      })
  })
  const known = nodesOf(base["allOf"]).filter((rule) => !rules.some(({ name }) => name === providerOf(rule)))
  return {
    schema: { ...schema, allOf: [...known, ...rules.map(({ name, node }) => ConfigSchema.providerRule(name, node))] },
    missing: [processors.missing, ...options.map(({ missing }) => missing), ...rules.map(({ missing }) => missing)]
      .flat()
  }
})
