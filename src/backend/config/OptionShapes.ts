/**
 * The encoded types of the options of the engines, the provider and the processors that a config names: what the text of an
 * environment variable becomes there.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as SchemaAST from "effect/SchemaAST"
import type { BackendError } from "../../BackendError.ts"
import * as EncodedShape from "../../schema/EncodedShape.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import { type EngineDefinition, type EngineKind, kinds } from "../../speech/EngineRegistry.ts"
import type { Tables } from "./NamedParts.ts"

type Path = ReadonlyArray<string>
type Options = Pick<EngineDefinition, "kind" | "options">

/**
 * Looks up the encoded type at a path of a config.
 *
 * @category models
 * @since 0.1.0
 */
export type ShapeAt = (path: Path) => SchemaAST.AST | undefined

/**
 * The path with the engine's name as it is registered: `engines.open_ai` may mean `open-ai`, as a variable's name has no
 * hyphens.
 *
 * @category conversions
 * @since 0.1.0
 */
export const registered = ({ engines }: Pick<Tables, "engines">, path: Path): Path => {
  const [section, name, ...rest] = path
  if (section !== "engines" || name === undefined) return path
  const known = kinds.flatMap((kind) => engines[kind].list())
  return [section, known.find((engine) => engine.toLowerCase().replaceAll("-", "_") === name) ?? name, ...rest]
}

/**
 * The encoded types of the options of whatever a raw config names; what cannot be loaded has none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  raw: JsonRecord,
  { engines, processors, providers, stores }: Tables
): Effect.fn.Return<ShapeAt> {
  const definitionOf = <Kind extends EngineKind>(kind: Kind, name: string): Effect.Effect<Options, BackendError> =>
    Effect.flatMap(engines[kind].get(name), (loader): Effect.Effect<Options, BackendError> => loader)
  const found = new Map<string, ReadonlyArray<Options>>()
  for (const name of isRecord(raw["engines"]) ? Object.keys(raw["engines"]) : []) {
    const definitions = yield* Effect.forEach(
      kinds.filter((kind) => engines[kind].has(name)),
      (kind) => Effect.option(definitionOf(kind, name))
    )
    found.set(name, definitions.flatMap((definition) => definition._tag === "Some" ? [definition.value] : []))
  }
  const name = raw["provider"] ?? "local"
  const provider = typeof name === "string" ? providers.get(name) : undefined
  const custom = Array.isArray(raw["custom_processors"]) ? raw["custom_processors"] : []
  const factories = yield* Effect.forEach(custom, (item: unknown) => {
    const name = isRecord(item) ? item["name"] : undefined
    return typeof name === "string" && processors.has(name)
      ? Effect.orElseSucceed(processors.get(name), () => undefined)
      : Effect.undefined
  })
  const kind = isRecord(raw["store"]) ? raw["store"]["kind"] : undefined
  const store = typeof kind === "string" && stores?.has(kind) === true
    ? (yield* Effect.orDie(stores.get(kind))).options
    : undefined

  return ([section, ...path]) => {
    if (section === "store" && path[0] === "options" && path.length > 1) {
      return store === undefined ? undefined : EncodedShape.at(store, path.slice(1))
    }
    if (section === "custom_processors" && path[1] === "options" && path.length > 2) {
      const options = factories[Number(path[0])]?.options
      return options === undefined ? undefined : EncodedShape.at(options, path.slice(2))
    }
    if (section === "provider_config" && provider !== undefined) return EncodedShape.at(provider.configSchema, path)
    const [name, ...rest] = path
    if (section !== "engines" || name === undefined || rest.length === 0) return undefined
    for (const definition of found.get(name) ?? []) {
      const own = rest[0] === definition.kind && rest.length > 1 ? rest.slice(1) : rest
      const shape = EncodedShape.at(definition.options, own)
      if (shape !== undefined) return shape
    }
    return undefined
  }
})
