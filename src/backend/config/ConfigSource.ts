/**
 * Loads a backend's config from a file, the environment and the defaults, and reports everything that is wrong with it.
 *
 * - The file is YAML or JSON, by its extension, else by its content. `${NAME}` in a string is the environment variable of
 *   that name, `${NAME:-text}` has a default for when it is unset, `$${` is a plain `${`.
 * - The environment overrides the file. A variable is `EFFECT_VOICE_` and the path in capitals, with `__` between its parts:
 *   `EFFECT_VOICE_MAX_CONCURRENT_SESSIONS`, `EFFECT_VOICE_SESSION__RESUME_WINDOW`, `EFFECT_VOICE_ENGINES__FLITE__VOICE`.
 *   Text becomes a number, a boolean, a list (commas or JSON) or an object (JSON) where the schema has one; an empty variable
 *   counts as unset.
 * - The file and the environment override the defaults of the program (`defaults`), and these the general ones: provider `local`,
 *   pipeline `stt_tts`, agent `builtin`; and where
 *   neither a pipeline nor a speech engine is named, `moonshine` and `hibari` (`flite` steps in for it), with `silero` as voice activity detector. A
 *   config that names its `pipeline_type` must name the engines of that pipeline.
 *
 * Values never appear in a fault: they may be keys.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { AgentRegistry } from "../../agent/AgentRegistry.ts"
import type { InvalidConfig } from "../../BackendError.ts"
import { ProcessorRegistry } from "../../hooks/AudioProcessor.ts"
import { reloadSignals } from "../../ReloadSignal.ts"
import * as EncodedShape from "../../schema/EncodedShape.ts"
import * as Faults from "../../schema/Faults.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import { type AnyEngine, EngineRegistry } from "../../speech/EngineRegistry.ts"
import { BackendRegistry } from "../provider/BackendRegistry.ts"
import type { ConfiguredProvider, Registries } from "../provider/ProviderContract.ts"
import { StoreRegistry } from "../sessions/StoreRegistry.ts"
import { BackendConfig, decode } from "./BackendConfig.ts"
import * as ConfigFile from "./ConfigFile.ts"
import * as ConfigSize from "./ConfigSize.ts"
import * as ConfigVariables from "./ConfigVariables.ts"
import type { DecodedConfig } from "./DecodedConfig.ts"
import * as NamedParts from "./NamedParts.ts"
import * as OptionShapes from "./OptionShapes.ts"

export { MAX_FILE_BYTES } from "./ConfigFile.ts"
export { type Env, ENV_PREFIX } from "./ConfigVariables.ts"

/**
 * A section of a config file that a backend does not read.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConfigSection<S> {
  readonly name: string
  readonly schema: Schema.Codec<S, unknown>
}

/**
 * Where a config comes from, and what else it may contain.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoadOptions<S = {}> {
  /** Default: no file. */
  readonly file?: string | undefined
  /** Default: empty. */
  readonly env?: ConfigVariables.Env | undefined
  /**
   * The values of fields that neither the file nor the environment sets, as a file has them: snake case keys, `${NAME}` for a
   * variable. Objects are filled in field by field. Default: none.
   */
  readonly defaults?: JsonRecord | undefined
  /**
   * A further section of the file: its schema, whose encoded form is an object. `section` of `effect-voice/server` is the one
   * that `effect-voice serve` reads. Default: a section `server` is not looked at.
   */
  readonly section?: ConfigSection<S> | undefined
  /** Completes the raw config from the decoded section, before it is decoded itself. Default: nothing. */
  readonly complete?: ((raw: JsonRecord, section: S) => JsonRecord) | undefined
  /**
   * Looks for what a start would fail on although the config is well formed, such as a missing key or file; these faults are
   * reported with all the others. Default: nothing.
   */
  readonly inspect?: ((found: Found<S>) => Effect.Effect<ReadonlyArray<Faults.Fault>>) | undefined
}

/**
 * What could be decoded of a config: a part that has faults is missing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Found<S = {}> {
  readonly config: BackendConfig | undefined
  readonly section: S | undefined
  /** The engines that a field of the config names. */
  readonly engines: ReadonlyArray<AnyEngine>
  readonly provider: ConfiguredProvider | undefined
}

/**
 * A config that was loaded, with the further section.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loaded<S = {}> extends DecodedConfig {
  readonly section: S
  /** The engines that a field of the config names. */
  readonly used: ReadonlyArray<AnyEngine>
  /** Variables with the prefix that set no field of a config, for a note to the user. */
  readonly ignored: ReadonlyArray<string>
}

const op = "ConfigSource.load"

const withDefaults = (raw: JsonRecord): JsonRecord => {
  const base: JsonRecord = { provider: "local", pipeline_type: "stt_tts", agent: "builtin", ...raw }
  const embedded = ["pipeline_type", "stt_provider", "tts_provider", "s2s_provider"].every((key) =>
    raw[key] === undefined
  )
  return embedded
    ? {
      stt_provider: "moonshine",
      tts_provider: "hibari",
      tts_fallback: ["flite"],
      vad_provider: "silero",
      ...base
    }
    : base
}

/** What a file says, over defaults: objects field by field. */
const filled = (defaults: JsonRecord, given: JsonRecord): JsonRecord =>
  Object.fromEntries([
    ...Object.entries(defaults),
    ...Object.entries(given).map(([key, value]) => {
      const standard = Object.hasOwn(defaults, key) ? defaults[key] : undefined
      return [key, isRecord(standard) && isRecord(value) ? filled(standard, value) : value] as const
    })
  ])

const tables = Effect.gen(function*() {
  const registry = yield* BackendRegistry
  const providers = yield* Effect.forEach(
    yield* registry.listProviders,
    (name) => Effect.map(registry.getProvider(name), (provider) => [name, provider] as const)
  ).pipe(Effect.orDie)
  return {
    providers: new Map(providers),
    engines: yield* EngineRegistry,
    agents: yield* AgentRegistry,
    processors: yield* ProcessorRegistry,
    stores: Option.getOrUndefined(yield* Effect.serviceOption(StoreRegistry))
  } satisfies NamedParts.Tables
})

/**
 * Loads a config and decodes it, with the options of everything that it names. A file that cannot be read or parsed fails at
 * once; otherwise *all* faults are reported together, in the message and in `details.faults`: those of the schema, of the
 * options of engines, processors and the provider, of unknown names, and of environment variables that are not set.
 *
 * @category loading
 * @since 0.1.0
 */
export const load = <S = {}>(
  options: LoadOptions<S> = {}
): Effect.Effect<Loaded<S>, InvalidConfig, FileSystem.FileSystem | BackendRegistry | Registries> =>
  Effect.gen(function*() {
    const env = options.env ?? {}
    const { name: sectionName, schema: sectionSchema } = options.section ?? (noSection as ConfigSection<S>)
    const names = yield* tables
    const file = filled(options.defaults ?? {}, options.file === undefined ? {} : yield* ConfigFile.read(options.file))
    const { ignored, variables } = ConfigVariables.read(env, sectionName)
    const fields = variables.map(({ path, text }) => ({ path: OptionShapes.registered(names, path), text }))

    // the names come first, because the types of options depend on them
    const untyped = ConfigVariables.assignAll(file, fields, ({ text }) => text)
    const optionShape = yield* OptionShapes.make(untyped, names)
    const shapeAt: OptionShapes.ShapeAt = (path) =>
      path[0] === sectionName
        ? EncodedShape.at(sectionSchema, path.slice(1))
        : optionShape(path) ?? EncodedShape.at(BackendConfig, path)
    const { faults: unset, value } = ConfigVariables.interpolate(file, env, shapeAt)
    const typed = ConfigVariables.assignAll(
      value,
      fields,
      ({ path, text }) => EncodedShape.coerce(shapeAt(path), text)
    )

    const what = options.file === undefined ? "the config is not valid" : `the config ${options.file} is not valid`
    // Aliases and variables together, and the values of variables.
    const size = ConfigSize.faultOf(typed)
    if (size !== undefined) return yield* Faults.toError(op, what, [...unset, { path: "", message: size }])

    const { [sectionName]: given, ...rest } = typed
    const section = yield* Effect.result(
      Faults.decode(sectionSchema, given ?? {}, { op, what: "the config is not valid", at: [sectionName] })
    )
    const complete = options.complete
    const defaulted = withDefaults(rest)
    const raw = section._tag === "Success" && complete !== undefined ? complete(defaulted, section.success) : defaulted
    const config = yield* Effect.result(decode(raw))
    const { engines, faults, processors, provider, used } = yield* NamedParts.decode(raw, names)
    const inspected = options.inspect === undefined ? [] : yield* options.inspect({
      config: config._tag === "Success" ? config.success : undefined,
      section: section._tag === "Success" ? section.success : undefined,
      engines: used,
      provider
    })

    // a variable that is not set is one fault, not another one for the text in its place
    const reported = new Set(unset.map((fault) => fault.path))
    const all = Faults.distinct([
      ...unset,
      ...[
        ...(config._tag === "Failure" ? Faults.fromError(config.failure, "") : []),
        ...faults,
        ...(section._tag === "Failure" ? Faults.fromError(section.failure, sectionName) : []),
        ...inspected
      ].filter((fault) => !reported.has(fault.path))
    ])
    if (config._tag === "Success" && section._tag === "Success" && provider !== undefined && all.length === 0) {
      return { config: config.success, provider, engines, used, processors, section: section.success, ignored }
    }
    return yield* Faults.toError(
      op,
      what,
      all,
      (config._tag === "Failure" ? Faults.moreOf(config.failure) : 0) +
        (section._tag === "Failure" ? Faults.moreOf(section.failure) : 0)
    )
  })

/**
 * Loads a config again each time `when` has an element. A config that is not valid is a `Failure` among the others: the program
 * keeps what it has. `VoiceBackend.updateConfig` takes a `Success`. Default of `when`: SIGHUP, while the stream runs; signals
 * that come while one is handled count as one.
 *
 * @category loading
 * @since 0.1.0
 */
export const reloads = <S = {}>(
  options: LoadOptions<S> = {},
  when: Stream.Stream<unknown> = reloadSignals
): Stream.Stream<
  Result.Result<Loaded<S>, InvalidConfig>,
  never,
  FileSystem.FileSystem | BackendRegistry | Registries
> => Stream.mapEffect(when, () => Effect.result(load(options)))

/** The section of a server, for programs that leave it to others. */
const noSection: ConfigSection<{}> = {
  name: "server",
  schema: Schema.Record(Schema.String, Schema.Unknown)
}
