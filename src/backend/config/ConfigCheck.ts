/**
 * Looks up what a raw config names: engines, a provider, an agent, processors; and checks the options given to them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { AgentRegistry } from "../../agent/AgentRegistry.ts"
import type { BackendError } from "../../BackendError.ts"
import type { ProcessorRegistry } from "../../hooks/AudioProcessor.ts"
import type { Registry } from "../../Registry.ts"
import * as EncodedShape from "../../schema/EncodedShape.ts"
import * as Faults from "../../schema/Faults.ts"
import { isRecord } from "../../schema/Json.ts"
import {
  type EngineDefinition,
  type EngineKind,
  type EngineLoader,
  type EngineRegistry,
  kinds,
  optionsOf
} from "../../speech/EngineRegistry.ts"
import * as LlmAgent from "../engines/LlmAgent.ts"
import { STT_TURNS } from "../engines/SpeechEngines.ts"
import type { BackendProvider } from "../provider/ProviderContract.ts"
import { type BackendConfig, decode } from "./BackendConfig.ts"

/**
 * The providers that a config may name.
 *
 * @category models
 * @since 0.1.0
 */
export type ProviderTable = { readonly [name: string]: BackendProvider["Service"] }

/**
 * Where the other names are looked up.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tables {
  readonly engines: EngineRegistry["Service"]
  readonly agents: AgentRegistry["Service"]
  readonly processors: ProcessorRegistry["Service"]
}

type Raw = { readonly [key: string]: unknown }
type Path = ReadonlyArray<string>
type Described = Pick<EngineDefinition, "kind" | "options" | "validate">

const describedBy = <Kind extends EngineKind>(
  registry: Registry<EngineLoader<Kind>>,
  name: string
): Effect.Effect<Described, BackendError> =>
  Effect.flatMap(registry.get(name), (loader): Effect.Effect<Described, BackendError> => loader)

const keys: { readonly [key: string]: readonly [EngineKind, what: string] } = {
  stt_provider: ["stt", "speech-to-text engine"],
  tts_provider: ["tts", "text-to-speech engine"],
  s2s_provider: ["s2s", "speech-to-speech engine"],
  vad_provider: ["vad", "voice activity detector"],
  turn_detection_provider: ["turn", "turn detector"],
  noise_cancellation_provider: ["noise", "noise suppressor"],
  llm_provider: ["llm", "language model"],
  stt_fallback: ["stt", "speech-to-text engine"],
  tts_fallback: ["tts", "text-to-speech engine"]
}

const isFault = (value: unknown): value is Faults.Fault =>
  isRecord(value) && typeof value["path"] === "string" && typeof value["message"] === "string"

/**
 * The faults that an error lists, or the error itself as the one at `path`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const faultsOf = (error: BackendError, path: string): ReadonlyArray<Faults.Fault> => {
  const faults = error.details?.["faults"]
  return Array.isArray(faults) && faults.every(isFault) ? faults : [{ path, message: error.message }]
}

/** `[path, name]` of each thing of a list or a single key that is a name. */
const namesAt = (raw: Raw, key: string): ReadonlyArray<readonly [path: string, name: string]> => {
  const value = raw[key]
  if (typeof value === "string") return [[key, value]]
  return Array.isArray(value)
    ? value.flatMap((name, i) => typeof name === "string" ? [[`${key}.${i}`, name] as const] : [])
    : []
}

/**
 * Makes the look-up over some tables.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (providers: ProviderTable, { agents, engines, processors }: Tables) =>
  Effect.sync(() => {
    const providerOf = (name: unknown) =>
      typeof name === "string" && Object.hasOwn(providers, name) ? providers[name] : undefined
    const known = new Set(kinds.flatMap((kind) => engines[kind].list()))
    const unknown = (path: string, what: string, list: ReadonlyArray<string>): Faults.Fault => ({
      path,
      message: `there is no such ${what}; known: ${list.join(", ") || "none"}`
    })

    const lookups: { readonly [Kind in EngineKind]: (name: string) => Effect.Effect<Described, BackendError> } = {
      stt: (name) => describedBy(engines.stt, name),
      tts: (name) => describedBy(engines.tts, name),
      s2s: (name) => describedBy(engines.s2s, name),
      vad: (name) => describedBy(engines.vad, name),
      turn: (name) => describedBy(engines.turn, name),
      noise: (name) => describedBy(engines.noise, name),
      llm: (name) => describedBy(engines.llm, name)
    }
    const definitions = (name: string) =>
      Effect.forEach(kinds.filter((kind) => engines[kind].has(name)), (kind) => lookups[kind](name))

    /** What nobody of a vendor's several engines knows. */
    const strayFaults = (
      name: string,
      found: ReadonlyArray<Described>,
      options: unknown
    ): ReadonlyArray<Faults.Fault> =>
      found.length < 2 || !isRecord(options) ?
        [] :
        Object.keys(options).flatMap((key) =>
          found.some(({ kind, options: schema }) => kind === key || EncodedShape.at(schema, [key]) !== undefined)
            ? []
            : [{ path: Faults.pathOf(["engines", name, key]), message: "none of its engines knows this" }]
        )
    /** Where a fault of one of several engines' options was written. */
    const placed = (name: string, kind: EngineKind, options: unknown) => (fault: Faults.Fault): Faults.Fault => {
      const prefix = `engines.${name}.`
      const own = isRecord(options) && isRecord(options[kind]) ? options[kind] : {}
      const key = fault.path.slice(prefix.length).split(".", 1)[0] ?? ""
      return fault.path.startsWith(prefix) && key in own
        ? { ...fault, path: `${prefix}${kind}.${fault.path.slice(prefix.length)}` }
        : fault
    }

    const optionFaults = (name: string, options: unknown) =>
      definitions(name).pipe(
        Effect.flatMap((found) =>
          Effect.map(
            Effect.forEach(found, (definition) =>
              Effect.match(
                definition.validate(found.length < 2 ? options : optionsOf(definition, options)),
                {
                  onFailure: (error) => faultsOf(error, `engines.${name}`).map(placed(name, definition.kind, options)),
                  onSuccess: () => []
                }
              )),
            (faults) => [...strayFaults(name, found, options), ...faults.flat()]
          )
        ),
        Effect.catch((error) => Effect.succeed(faultsOf(error, `engines.${name}`)))
      )

    const providerFaults = Effect.fnUntraced(function*(raw: Raw, config: BackendConfig | undefined) {
      if (typeof raw["provider"] !== "string") return []
      const provider = providerOf(raw["provider"])
      if (provider === undefined) return [unknown("provider", "provider", Object.keys(providers).sort())]
      const options = raw["provider_config"] ?? {}
      if (!isRecord(options)) return []
      // Where the rest is at fault, the provider's part is looked at alone.
      const whole = config ??
        (yield* Effect.orDie(
          decode({ provider: "x", provider_config: options, pipeline_type: "s2s", s2s_provider: "x" })
        ))
      return yield* Effect.match(provider.validateConfig(whole), {
        onFailure: (error) => faultsOf(error, "provider_config"),
        onSuccess: () => []
      })
    })

    return {
      /** A path with the engine's name as it is registered: `engines.open_ai` may mean `open-ai`. */
      spelled: (path: Path): Path => {
        const [section, name, ...rest] = path
        if (section !== "engines" || name === undefined) return path
        return [
          section,
          Array.from(known).find((engine) => engine.toLowerCase().replaceAll("-", "_") === name) ?? name,
          ...rest
        ]
      },
      /** The encoded types of the options of what a raw config names. */
      shapes: Effect.fnUntraced(function*(raw: Raw) {
        const named = isRecord(raw["engines"]) ? Object.keys(raw["engines"]).filter((name) => known.has(name)) : []
        const found = new Map<string, ReadonlyArray<Described>>()
        for (const name of named) {
          found.set(name, yield* Effect.orElseSucceed(definitions(name), (): Array<Described> => []))
        }
        const provider = providerOf(raw["provider"] ?? "local")
        const custom = Array.isArray(raw["custom_processors"]) ? raw["custom_processors"] : []
        const factories = yield* Effect.forEach(custom, (item: unknown) => {
          const name = isRecord(item) ? item["name"] : undefined
          return typeof name === "string" && processors.has(name)
            ? Effect.orElseSucceed(processors.get(name), () => undefined)
            : Effect.undefined
        })
        return ([section, ...path]: Path) => {
          if (section === "custom_processors" && path[1] === "options" && path.length > 2) {
            const options = factories[Number(path[0])]?.options
            return options === undefined ? undefined : EncodedShape.at(options, path.slice(2))
          }
          if (section === "provider_config" && provider !== undefined) {
            return EncodedShape.at(provider.configSchema, path)
          }
          const [name, ...rest] = path
          if (section !== "engines" || name === undefined || rest.length === 0) return undefined
          for (const definition of found.get(name) ?? []) {
            const own = rest[0] === definition.kind && rest.length > 1 ? rest.slice(1) : rest
            const shape = EncodedShape.at(definition.options, own)
            if (shape !== undefined) return shape
          }
          return undefined
        }
      }),
      /** Everything that is wrong with names and with the options of what they name. */
      check: Effect.fnUntraced(function*(raw: Raw, config: BackendConfig | undefined) {
        const faults: Array<Faults.Fault> = []
        const used = new Set<string>()
        for (const [key, [kind, what]] of Object.entries(keys)) {
          for (const [path, name] of namesAt(raw, key)) {
            if (engines[kind].has(name)) used.add(name)
            else if (kind === "turn" && name === STT_TURNS) continue
            else faults.push(unknown(path, what, [...engines[kind].list(), ...(kind === "turn" ? [STT_TURNS] : [])]))
          }
        }
        for (const [path, name] of namesAt(raw, "agent")) {
          const model = LlmAgent.providerOf({ agent: name, llmProvider: raw["llm_provider"] }, agents)
          if (model !== undefined && engines.llm.has(model)) used.add(model)
          // a model that is named and is not there is a fault of its own
          const asModel = name === LlmAgent.NAME && (used.has(model ?? "") || raw["llm_provider"] !== undefined)
          if (!asModel && !agents.has(name)) faults.push(unknown(path, "agent", agents.list()))
        }
        const custom = raw["custom_processors"]
        for (const [i, item] of (Array.isArray(custom) ? custom : []).entries()) {
          const name = isRecord(item) ? item["name"] : undefined
          if (typeof name !== "string") continue
          if (!processors.has(name)) {
            faults.push(unknown(`custom_processors.${i}.name`, "audio processor", processors.list()))
            continue
          }
          const given = isRecord(item) ? item["options"] : undefined
          const factory = yield* Effect.orDie(processors.get(name))
          // what is no object is a fault of the config's own
          if (given === undefined || isRecord(given)) {
            faults.push(...factory.faults?.(given, ["custom_processors", `${i}`, "options"]) ?? [])
          }
        }
        const options = isRecord(raw["engines"]) ? raw["engines"] : {}
        for (const name of Object.keys(options)) {
          if (known.has(name)) used.add(name)
          else faults.push(unknown(`engines.${name}`, "engine", Array.from(known).sort()))
        }
        for (const name of used) faults.push(...(yield* optionFaults(name, options[name])))
        return [...faults, ...(yield* providerFaults(raw, config))]
      })
    }
  })
