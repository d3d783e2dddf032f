/**
 * The parts that a config names: engines, a provider, an agent, audio processors. Looks each up and decodes its options.
 *
 * It reads the config before it is decoded, so that the faults of names and options come together with all the others.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { AgentRegistry } from "../../agent/AgentRegistry.ts"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import type { OpenProcessor, ProcessorRegistry } from "../../hooks/AudioProcessor.ts"
import * as EncodedShape from "../../schema/EncodedShape.ts"
import * as Faults from "../../schema/Faults.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import { unknownName } from "../../schema/NearestName.ts"
import {
  type AnyEngine,
  type DecodedEngine,
  type EngineDefinition,
  type EngineKind,
  type EngineRegistry,
  kinds,
  optionsOf
} from "../../speech/EngineRegistry.ts"
import * as LlmAgent from "../engines/LlmAgent.ts"
import * as Processors from "../engines/Processors.ts"
import { SILENCE_TURNS, STT_TURNS } from "../engines/SpeechEngines.ts"
import type { BackendProvider, ConfiguredProvider } from "../provider/ProviderContract.ts"
import { MEMORY, optionFaults, type StoreRegistry } from "../sessions/StoreRegistry.ts"
import type { BackendConfig } from "./BackendConfig.ts"

/**
 * The voice activity detector of a config that names none.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_VAD = "silero"

/**
 * The turn detectors of a config that names none, in the order of preference: the first that can be built, where a recogniser's
 * words are answered.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_TURNS: ReadonlyArray<string> = ["smart-turn", "text"]

/**
 * The echo canceller of `echo_cancellation`.
 *
 * @category constants
 * @since 0.1.0
 */
export const ECHO_CANCELLER = "aec3"

/**
 * Where the names are looked up.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tables {
  readonly providers: ReadonlyMap<string, BackendProvider["Service"]>
  readonly engines: EngineRegistry["Service"]
  readonly agents: AgentRegistry["Service"]
  readonly processors: ProcessorRegistry["Service"]
  /** Left out where the program has no registry of stores, and gives a store itself. */
  readonly stores?: StoreRegistry["Service"] | undefined
}

/**
 * The engines of a config by kind and name, each with its decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type DecodedEngines = { readonly [Kind in EngineKind]: ReadonlyMap<string, DecodedEngine<Kind>> }

/**
 * What was found, and everything that is wrong with the rest.
 *
 * @category models
 * @since 0.1.0
 */
export interface NamedParts {
  readonly provider: ConfiguredProvider | undefined
  readonly engines: DecodedEngines
  /** Those of the engines that a field of the config names, and not a section of options alone. */
  readonly used: ReadonlyArray<AnyEngine>
  /** In the order of `custom_processors`. */
  readonly processors: ReadonlyArray<OpenProcessor>
  readonly faults: ReadonlyArray<Faults.Fault>
  /** The errors behind the faults, of parts that are unknown or could not be loaded or configured. */
  readonly errors: ReadonlyArray<BackendError>
}

const engineKeys: { readonly [key: string]: readonly [EngineKind, what: string] } = {
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

/**
 * The names and options in a config that a program has put together, under their encoded keys.
 *
 * @category conversions
 * @since 0.1.0
 */
export const namesOf = (config: BackendConfig): JsonRecord => ({
  provider: config.provider,
  provider_config: config.providerConfig,
  pipeline_type: config.pipelineType,
  stt_provider: config.sttProvider,
  tts_provider: config.ttsProvider,
  s2s_provider: config.s2sProvider,
  vad_provider: config.vadProvider,
  turn_detection_provider: config.turnDetectionProvider,
  noise_cancellation_provider: config.noiseCancellationProvider,
  echo_cancellation: config.echoCancellation,
  llm_provider: config.llmProvider,
  stt_fallback: config.sttFallback,
  tts_fallback: config.ttsFallback,
  agent: config.agent,
  custom_processors: config.customProcessors,
  engines: config.engines,
  store: config.store,
  mcp: config.mcp,
  tools: config.tools,
  openapi: config.openapi,
  call_tools: config.callTools
})

/** `[path, name]` of each name in a field that holds one name or a list of them. */
const namesAt = (raw: JsonRecord, key: string): ReadonlyArray<readonly [path: string, name: string]> => {
  const value = raw[key]
  if (typeof value === "string") return [[key, value]]
  return Array.isArray(value)
    ? value.flatMap((name, i) => typeof name === "string" ? [[`${key}.${i}`, name] as const] : [])
    : []
}

type Options = Pick<EngineDefinition, "kind" | "options">

/** Options under a vendor's name that none of its engines has. */
const unknownOptions = (
  name: string,
  definitions: ReadonlyArray<Options>,
  options: unknown
): ReadonlyArray<Faults.Fault> => {
  if (definitions.length < 2 || !isRecord(options)) return []
  const known = new Set(definitions.flatMap(({ kind, options: schema }) => [kind, ...EncodedShape.keys(schema)]))
  return Object.keys(options).filter((key) => !known.has(key)).map((key) => ({
    path: Faults.pathOf(["engines", name, key]),
    message: Faults.unknownKey(key, known)
  }))
}

/**
 * The fault of an engine at the place where its options were written: an application may have registered the engine by
 * another name, and the options of a vendor with several engines may be under their kind (`engines.openai.stt.model`).
 */
const placed = (name: string, definition: string, kind: EngineKind, options: unknown) =>
(
  { message, path }: Faults.Fault
): Faults.Fault => {
  const prefix = `engines.${definition}`
  if (path !== prefix && !path.startsWith(`${prefix}.`)) return { path, message }
  const inner = path.slice(prefix.length)
  const own = isRecord(options) && isRecord(options[kind]) ? options[kind] : {}
  const isOwn = Object.hasOwn(own, inner.split(".", 2)[1] ?? "")
  return { path: `engines.${name}${isOwn ? `.${kind}` : ""}${inner}`, message }
}

/**
 * Looks up every name in a config and decodes the options of what it names, each once.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = Effect.fnUntraced(function*(
  raw: JsonRecord,
  { agents, engines, processors, providers, stores }: Tables
): Effect.fn.Return<NamedParts> {
  const faults: Array<Faults.Fault> = []
  const errors: Array<BackendError> = []
  const failed = (
    error: BackendError,
    path: string,
    place: (fault: Faults.Fault) => Faults.Fault = (fault) => fault
  ) => {
    faults.push(...Faults.fromError(error, path).map(place))
    errors.push(error)
  }
  const unknown = (path: string, what: string, name: string, known: ReadonlyArray<string>) => {
    const message = unknownName(what, name, known)
    const details = { missing: name, known, faults: [{ path, message }] }
    failed(new InvalidConfig({ op: "VoiceBackend.make", message: `${path}: ${message}`, details }), path)
  }
  const wanted: { readonly [Kind in EngineKind]: Set<string> } = {
    stt: new Set(),
    tts: new Set(),
    s2s: new Set(),
    vad: new Set(),
    turn: new Set(),
    noise: new Set(),
    echo: new Set(),
    llm: new Set()
  }

  for (const [key, [kind, what]] of Object.entries(engineKeys)) {
    for (const [path, name] of namesAt(raw, key)) {
      if (engines[kind].has(name)) wanted[kind].add(name)
      else if (kind !== "turn") unknown(path, what, name, engines[kind].list())
      else if (name !== STT_TURNS && name !== SILENCE_TURNS) {
        unknown(path, what, name, [...engines.turn.list(), STT_TURNS, SILENCE_TURNS])
      }
    }
  }
  if (raw["echo_cancellation"] === true) {
    if (engines.echo.has(ECHO_CANCELLER)) wanted.echo.add(ECHO_CANCELLER)
    else unknown("echo_cancellation", "echo canceller", ECHO_CANCELLER, engines.echo.list())
  }
  if (raw["pipeline_type"] === "stt_tts" && raw["vad_provider"] === undefined && engines.vad.has(DEFAULT_VAD)) {
    wanted.vad.add(DEFAULT_VAD)
  }

  for (const [path, name] of namesAt(raw, "agent")) {
    const model = LlmAgent.providerOf({ agent: name, llmProvider: raw["llm_provider"] }, agents)
    if (model !== undefined && engines.llm.has(model)) wanted.llm.add(model)
    // an unknown `llm_provider` is a fault of its own
    const isModel = name === LlmAgent.NAME && (wanted.llm.has(model ?? "") || raw["llm_provider"] !== undefined)
    if (!isModel && !agents.has(name)) unknown(path, "agent", name, agents.list())
  }

  const hasModel = LlmAgent.providerOf({
    agent: typeof raw["agent"] === "string" ? raw["agent"] : undefined,
    llmProvider: raw["llm_provider"]
  }, agents) !== undefined
  const callTools = isRecord(raw["call_tools"]) ? raw["call_tools"]["use"] : undefined
  const tools = { mcp: raw["mcp"], tools: raw["tools"], openapi: raw["openapi"], call_tools: callTools }
  for (const [key, list] of Object.entries(tools)) {
    if (hasModel || !Array.isArray(list) || list.length === 0) continue
    const message =
      `only the agent ${LlmAgent.NAME} has tools by config: set agent: ${LlmAgent.NAME}, or an llm_provider for it`
    faults.push({ path: key, message })
  }

  const named = new Set(kinds.flatMap((kind) => Array.from(wanted[kind], (name) => `${kind}.${name}`)))
  const allOptions = isRecord(raw["engines"]) ? raw["engines"] : {}
  for (const [name, options] of Object.entries(allOptions)) {
    const found = kinds.filter((kind) => engines[kind].has(name))
    if (found.length === 0) {
      const all = Array.from(new Set(kinds.flatMap((kind) => engines[kind].list())))
      unknown(Faults.pathOf(["engines", name]), "engine", name, all)
    }
    for (const kind of found) wanted[kind].add(name)
    const definitions = yield* Effect.forEach(found, (kind) => Effect.option(definitionOf(engines, kind, name)))
    faults.push(
      ...unknownOptions(name, definitions.flatMap((each) => each._tag === "Some" ? [each.value] : []), options)
    )
  }

  const decodeKind = Effect.fnUntraced(function*<Kind extends EngineKind>(kind: Kind) {
    const decoded = new Map<string, DecodedEngine<Kind>>()
    for (const name of wanted[kind]) {
      const options = Object.hasOwn(allOptions, name) ? allOptions[name] : undefined
      const isShared = kinds.filter((each) => engines[each].has(name)).length > 1
      let definitionName = name
      yield* Effect.flatten(engines[kind].get(name)).pipe(
        Effect.flatMap((definition) => {
          definitionName = definition.name
          return definition.decode(isShared ? optionsOf(definition, options) : options)
        }),
        Effect.match({
          onFailure: (error) => failed(error, `engines.${name}`, placed(name, definitionName, kind, options)),
          onSuccess: (engine) => void decoded.set(name, engine)
        })
      )
    }
    return decoded
  })
  const hearing = yield* Effect.all({ stt: decodeKind("stt"), tts: decodeKind("tts"), s2s: decodeKind("s2s") })
  if (needsDetector(raw, hearing.s2s) && engines.vad.has(DEFAULT_VAD)) {
    wanted.vad.add(DEFAULT_VAD)
    named.add(`vad.${DEFAULT_VAD}`)
  }
  const found: DecodedEngines = {
    ...hearing,
    ...(yield* Effect.all({
      vad: decodeKind("vad"),
      turn: decodeKind("turn"),
      noise: decodeKind("noise"),
      echo: decodeKind("echo"),
      llm: decodeKind("llm")
    }))
  }

  const opened: Array<OpenProcessor> = []
  const custom = raw["custom_processors"]
  for (const [i, item] of (Array.isArray(custom) ? custom : []).entries()) {
    const { name, options } = isRecord(item) ? item : {}
    // what is not an object is a fault of the config's own schema
    if (typeof name !== "string" || (options !== undefined && !isRecord(options))) continue
    if (!processors.has(name)) {
      unknown(`custom_processors.${i}.name`, "audio processor", name, processors.list())
      continue
    }
    yield* processors.get(name).pipe(
      Effect.flatMap((factory) => Processors.decodeNamed(factory, options, i)),
      Effect.match({
        onFailure: (error) => failed(error, `custom_processors.${i}`),
        onSuccess: (processor) => void opened.push(processor)
      })
    )
  }

  const store = isRecord(raw["store"]) ? raw["store"] : {}
  const storeKind = store["kind"] ?? MEMORY
  if (storeKind === MEMORY) {
    if (store["options"] !== undefined) faults.push({ path: "store.options", message: `${MEMORY} has no options` })
  } else if (typeof storeKind === "string" && stores !== undefined) {
    if (stores.has(storeKind)) {
      faults.push(...optionFaults(yield* Effect.orDie(stores.get(storeKind)), store["options"]))
    } else unknown("store.kind", "session store", storeKind, [MEMORY, ...stores.list()])
  }

  let provider: ConfiguredProvider | undefined
  const given = raw["provider_config"] ?? {}
  if (typeof raw["provider"] === "string") {
    const named = providers.get(raw["provider"])
    if (named === undefined) {
      unknown("provider", "provider", raw["provider"], [...providers.keys()])
    } else if (isRecord(given)) {
      provider = yield* Effect.match(named.configure(given), {
        onFailure: (error) => failed(error, "provider_config"),
        onSuccess: (configured) => configured
      }).pipe(Effect.map((configured) => configured ?? undefined))
    }
  }
  const usedOf = <Kind extends EngineKind>(kind: Kind): ReadonlyArray<DecodedEngine<Kind>> => {
    const engines: ReadonlyMap<string, DecodedEngine<Kind>> = found[kind]
    return Array.from(engines).flatMap(([name, engine]) => named.has(`${kind}.${name}`) ? [engine] : [])
  }
  const used = [
    ...usedOf("stt"),
    ...usedOf("tts"),
    ...usedOf("s2s"),
    ...usedOf("vad"),
    ...usedOf("turn"),
    ...usedOf("noise"),
    ...usedOf("echo"),
    ...usedOf("llm")
  ]
  return { provider, engines: found, used, processors: opened, faults, errors }
})

/** Whether a speech-to-speech model leaves the user's turns to the backend, as far as that is known before it is built. */
const needsDetector = (raw: JsonRecord, models: ReadonlyMap<string, DecodedEngine<"s2s">>): boolean => {
  const name = raw["s2s_provider"]
  if (raw["pipeline_type"] !== "s2s" || raw["vad_provider"] !== undefined || typeof name !== "string") return false
  const authority = models.get(name)?.capabilities?.s2s?.turnAuthority
  return authority !== undefined && authority !== "remote"
}

const definitionOf = (
  engines: EngineRegistry["Service"],
  kind: EngineKind,
  name: string
): Effect.Effect<Options, BackendError> => {
  const find = <Kind extends EngineKind>(each: Kind): Effect.Effect<Options, BackendError> =>
    Effect.flatMap(engines[each].get(name), (loader): Effect.Effect<Options, BackendError> => loader)
  return find(kind)
}
