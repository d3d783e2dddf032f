/**
 * What is wrong with the parts of an application. The compiler has said it already to those who use TypeScript. Pure.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SILENCE_TURNS, STT_TURNS } from "../../backend/engines/SpeechEngines.ts"
import { stores } from "../../builtin/index.ts"
import * as Faults from "../../schema/Faults.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import { type EngineKind, kinds } from "../../speech/EngineRegistry.ts"

/** As in a config. */
const MAX_NAME = 128

type Found = ReadonlyArray<Faults.Fault>

const has = (...methods: ReadonlyArray<string>) => (value: unknown): boolean =>
  isRecord(value) && methods.every((method) => typeof value[method] === "function")

const fault = (path: ReadonlyArray<string>, message: string): Faults.Fault => ({ path: Faults.pathOf(path), message })

/** The faults of a table of entries by name. `reserved`: names that mean something else in a config. */
const ofTable = (
  path: ReadonlyArray<string>,
  table: unknown,
  expected: string,
  isEntry: (entry: unknown) => boolean,
  reserved: ReadonlyArray<string> = []
): Found => {
  if (table === undefined) return []
  if (!isRecord(table)) return [fault(path, "expected an object with names as its keys")]
  return Object.entries(table).flatMap(([name, entry]) => {
    const at = [...path, name]
    if (name === "" || name.length > MAX_NAME) return [fault(at, `expected a name of 1 to ${MAX_NAME} characters`)]
    if (reserved.includes(name)) return [fault(at, `\`${name}\` means something else in a config: use another name`)]
    return isEntry(entry) ? [] : [fault(at, `expected ${expected}`)]
  })
}

const isDefinition = (kind: EngineKind) => (entry: unknown): boolean =>
  has("decode", "layer")(entry) && isRecord(entry) && entry["kind"] === kind

const ofEngines = (engines: unknown): Found => {
  if (engines === undefined) return []
  if (!isRecord(engines)) return [fault(["engines"], `expected an object with the keys ${kinds.join(", ")}`)]
  const unknown = Object.keys(engines).filter((key) => !kinds.some((kind) => kind === key))
  return [
    ...unknown.map((key) => fault(["engines", key], Faults.unknownKey(key, kinds))),
    ...kinds.flatMap((kind) =>
      ofTable(
        ["engines", kind],
        engines[kind],
        `a definition of kind ${kind}, an Effect that loads one, or a Layer`,
        (entry) => Layer.isLayer(entry) || Effect.isEffect(entry) || isDefinition(kind)(entry),
        kind === "turn" ? [SILENCE_TURNS, STT_TURNS] : []
      )
    )
  ]
}

const ofProviders = (providers: unknown): Found => {
  if (providers === undefined) return []
  if (!Array.isArray(providers)) return [fault(["providers"], "expected a list of providers")]
  return providers.flatMap((each: unknown, i) =>
    has("configure")(each) ? [] : [fault(["providers", String(i)], "expected what BackendProvider.make gives")]
  )
}

const ofHook = (key: string, hook: unknown, ...methods: ReadonlyArray<string>): Found =>
  hook === undefined || Layer.isLayer(hook) || has(...methods)(hook)
    ? []
    : [fault([key], `expected an object with ${methods.join(" and ")}, or a Layer`)]

/** Other fields of a config depend on these kinds: `url`, `path`, `cluster`. */
const storeKinds = ["memory", ...Object.keys(stores)]

/**
 * The parts of an application.
 *
 * @category constants
 * @since 0.1.0
 */
export const keys: ReadonlyArray<string> = [
  "agents",
  "engines",
  "processors",
  "stores",
  "providers",
  "auth",
  "retention",
  "rateLimiter",
  "doNotCall",
  "config",
  "layer"
]

/**
 * Every fault of what `defineApp` was given; none when it can be used.
 *
 * @category checks
 * @since 0.1.0
 */
export const of = (parts: JsonRecord): Found => [
  ...Object.keys(parts).filter((key) => !keys.includes(key)).map((key) => fault([key], Faults.unknownKey(key, keys))),
  ...ofTable(["agents"], parts["agents"], "an agent, such as Agent.fromCallback gives", has("respond")),
  ...ofEngines(parts["engines"]),
  ...ofTable(
    ["processors"],
    parts["processors"],
    "what AudioProcessor.define gives",
    (entry) => typeof entry === "function"
  ),
  ...ofTable(
    ["stores"],
    parts["stores"],
    "a Layer, or a function that makes one",
    (entry) => Layer.isLayer(entry) || typeof entry === "function",
    storeKinds
  ),
  ...ofProviders(parts["providers"]),
  ...ofHook("auth", parts["auth"], "authenticate", "authorize"),
  ...ofHook("retention", parts["retention"], "shouldRetain", "getRetentionPeriod"),
  ...ofHook("rateLimiter", parts["rateLimiter"], "allow", "wait"),
  ...ofHook("doNotCall", parts["doNotCall"], "mayCall"),
  ...(parts["config"] === undefined || isRecord(parts["config"]) ? [] : [fault(["config"], "expected an object")]),
  ...(parts["layer"] === undefined || Layer.isLayer(parts["layer"]) ? [] : [fault(["layer"], "expected a Layer")])
]
