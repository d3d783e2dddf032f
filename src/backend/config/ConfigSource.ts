/**
 * Reads a backend's config from a file, the environment and the defaults, and tells everything that is wrong with it.
 *
 * - The file is YAML or JSON, by its extension, else by its content. `${NAME}` in a string is the environment variable of
 *   that name, `${NAME:-text}` with a text for when it is unset, `$${` a plain `${`.
 * - The environment beats the file: `EFFECT_VOICE_` and the path in capitals, with `__` between its parts:
 *   `EFFECT_VOICE_MAX_CONCURRENT_SESSIONS`, `EFFECT_VOICE_SESSION__RESUME_WINDOW`, `EFFECT_VOICE_ENGINES__FLITE__VOICE`.
 *   Text becomes a number, a boolean, a list (commas or JSON) or an object (JSON) where the schema wants one; an empty
 *   variable counts as unset.
 * - The file beats the defaults: provider `local`, pipeline `stt_tts`, agent `builtin`; and where no engine that hears or
 *   speaks is named, `moonshine` and `flite`, with `silero` to detect voices.
 *
 * Values never appear in a fault: they may be keys.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Yaml from "effect/encoding/Yaml"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import { AgentRegistry } from "../../agent/AgentRegistry.ts"
import { describe, InvalidConfig } from "../../BackendError.ts"
import { ProcessorRegistry } from "../../hooks/AudioProcessor.ts"
import * as EncodedShape from "../../schema/EncodedShape.ts"
import * as Faults from "../../schema/Faults.ts"
import { isRecord } from "../../schema/Json.ts"
import { EngineRegistry } from "../../speech/EngineRegistry.ts"
import { BackendRegistry } from "../provider/BackendRegistry.ts"
import type { Registries } from "../provider/ProviderContract.ts"
import { BackendConfig, decode } from "./BackendConfig.ts"
import * as ConfigCheck from "./ConfigCheck.ts"

/**
 * What the environment variables of a config begin with.
 *
 * @category constants
 * @since 0.1.0
 */
export const ENV_PREFIX = "EFFECT_VOICE_"

/**
 * The largest config file that is read: 1 MiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_FILE_BYTES = 1_048_576

/** Deeper than any config, and no danger to the stack. */
const maxDepth = 32

/**
 * Environment variables by name.
 *
 * @category models
 * @since 0.1.0
 */
export type Env = { readonly [name: string]: string | undefined }

type Raw = { readonly [key: string]: unknown }

/**
 * Where a config comes from, and what else it may hold.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoadOptions<S> {
  /** Default: no file. */
  readonly file?: string | undefined
  /** Default: empty. */
  readonly env?: Env | undefined
  /** What the config holds where neither the file nor the environment says anything. Default: nothing. */
  readonly defaults?: Raw | undefined
  /** A further section of the file, such as `server`: its schema, whose encoded form is an object. */
  readonly section: { readonly name: string; readonly schema: Schema.Codec<S, unknown> }
}

/**
 * A config that was read, with the further section.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loaded<S> {
  readonly config: BackendConfig
  readonly section: S
  /** Variables with the prefix that name no part of a config, for a note to the user. */
  readonly ignored: ReadonlyArray<string>
}

const op = "ConfigSource.load"
const invalid = (message: string, details: Raw, cause?: unknown) =>
  new InvalidConfig({ op, message, details, ...(cause === undefined ? {} : { cause }) })

/** The first line of a document up to which JSON does not merely end too early; the parser does not always say. */
const brokenLine = (text: string): number => {
  const lines = text.split("\n")
  const broken = (count: number): boolean => {
    const prefix = lines.slice(0, count).join("\n")
    try {
      JSON.parse(prefix)
      return false
    } catch (cause) {
      if (count === lines.length) return true
      const position = /at position (\d+)/.exec(describe(cause))?.[1]
      const early = position !== undefined && Number(position) >= prefix.trimEnd().length
      return !early && !/end of JSON|unterminated/i.test(describe(cause))
    }
  }
  let low = 1
  let high = lines.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (broken(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** What a parser says, without what it quotes of the document; keys may stay. */
const syntax = (cause: unknown, text: string, json: boolean): string => {
  const message = describe(cause)
  return json
    ? `not valid JSON at line ${brokenLine(text)}`
    : `not valid YAML: ${message.replace(/ '\*[^']*'/, "")}`
}

const parse = (file: string, text: string): Effect.Effect<unknown, InvalidConfig> => {
  const json = /\.json$/i.test(file) || (!/\.ya?ml$/i.test(file) && text.trimStart().startsWith("{"))
  return Effect.try({
    try: (): unknown => json ? JSON.parse(text) : Yaml.parse(text),
    // The cause stays behind: it quotes the document.
    catch: (cause) => invalid(`the config ${file} is ${syntax(cause, text, json)}`, { file, reason: "syntax" })
  })
}

const readFile = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* fs.readFile(file).pipe(
    Effect.mapError((error) => {
      const reason = error.reason._tag
      const why = reason === "NotFound"
        ? "there is no such file"
        : reason === "PermissionDenied"
        ? "permission denied"
        : reason === "BadResource" || /EISDIR/.test(error.message)
        ? "it is not a file"
        : describe(error)
      return invalid(`the config ${file} can't be read: ${why}`, { file, reason: "unreadable" })
    })
  )
  if (bytes.length > MAX_FILE_BYTES) {
    return yield* invalid(`the config ${file} is larger than 1 MiB`, { file, reason: "too_large" })
  }
  const raw = yield* parse(file, new TextDecoder().decode(bytes))
  if (raw === null || raw === undefined) return {}
  if (isRecord(raw)) {
    // What an editor of JSON finds the schema by.
    const { $schema, ...config } = raw
    return typeof $schema === "string" ? config : raw
  }
  return yield* invalid(`the config ${file} is not a mapping of keys to values`, { file, reason: "syntax" })
})

const reference = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g

/** Puts the environment into strings; a string that held nothing else is then read as the schema wants it. */
const interpolate = (
  raw: Raw,
  env: Env,
  shape: (path: ReadonlyArray<string>) => ReturnType<typeof EncodedShape.at>
): { readonly value: Raw; readonly faults: ReadonlyArray<Faults.Fault> } => {
  const faults: Array<Faults.Fault> = []
  const visit = (value: unknown, path: ReadonlyArray<string>): unknown => {
    if (path.length > maxDepth) {
      faults.push({ path: path.slice(0, 4).join("."), message: `nested deeper than ${maxDepth} levels` })
      return undefined
    }
    if (typeof value === "string" && value.includes("${")) {
      const text = value.replace(reference, (whole, name: string | undefined, otherwise: string | undefined) => {
        if (name === undefined) return "${"
        const found = env[name] === "" ? undefined : env[name]
        if (found === undefined && otherwise === undefined) {
          faults.push({ path: path.join("."), message: `the environment variable ${name} is not set` })
        }
        return found ?? otherwise ?? whole
      })
      return EncodedShape.coerce(shape(path), text)
    }
    if (Array.isArray(value)) return value.map((item, i) => visit(item, [...path, String(i)]))
    if (isRecord(value)) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visit(item, [...path, key])]))
    }
    return value
  }
  return {
    value: Object.fromEntries(Object.entries(raw).map(([key, item]) => [key, visit(item, [key])])),
    faults
  }
}

const assign = (raw: Raw, path: ReadonlyArray<string>, value: unknown): Raw => {
  const [key, ...rest] = path
  if (key === undefined) return raw
  const inner = raw[key]
  return { ...raw, [key]: rest.length === 0 ? value : assign(isRecord(inner) ? inner : {}, rest, value) }
}

/** `EFFECT_VOICE_SESSION__RESUME_WINDOW` → `["session", "resume_window"]`. */
const pathOf = (name: string): ReadonlyArray<string> | undefined => {
  const path = name.slice(ENV_PREFIX.length).toLowerCase().split("__")
  return path.every((part) => /^[a-z0-9]+(?:_[a-z0-9]+)*$/.test(part)) ? path : undefined
}

/** The raw config before it is decoded, engines and agent included: what the file and the environment leave open. */
const withDefaults = (raw: Raw): Raw => {
  const base: Raw = { provider: "local", pipeline_type: "stt_tts", agent: "builtin", ...raw }
  const silent = ["stt_provider", "tts_provider", "s2s_provider"].every((key) => base[key] === undefined)
  return base["pipeline_type"] === "stt_tts" && silent
    ? { stt_provider: "moonshine", tts_provider: "flite", vad_provider: "silero", ...base }
    : base
}

const faultsOf = (error: InvalidConfig): ReadonlyArray<Faults.Fault> => ConfigCheck.faultsOf(error, "")

/**
 * Reads a config. A file that can't be read or parsed fails at once; else *all* faults are told together, in the message
 * and in `details.faults`: those of the schema, of engines' and the provider's options, and names that nobody registered.
 *
 * @category loading
 * @since 0.1.0
 */
export const load = <S>(
  options: LoadOptions<S>
): Effect.Effect<Loaded<S>, InvalidConfig, FileSystem.FileSystem | BackendRegistry | Registries> =>
  Effect.gen(function*() {
    const env = options.env ?? {}
    const { name: sectionName, schema: sectionSchema } = options.section
    const registry = yield* BackendRegistry
    const providers = yield* Effect.forEach(
      yield* registry.listProviders,
      (name) => Effect.map(registry.getProvider(name), (provider) => [name, provider] as const)
    ).pipe(Effect.orDie)
    const names = yield* ConfigCheck.make(Object.fromEntries(providers), {
      engines: yield* EngineRegistry,
      agents: yield* AgentRegistry,
      processors: yield* ProcessorRegistry
    })
    const file = options.file === undefined ? {} : yield* readFile(options.file)

    const topLevel = (key: string) => key === sectionName || EncodedShape.at(BackendConfig, [key]) !== undefined
    const variables: Array<readonly [path: ReadonlyArray<string>, text: string]> = []
    const ignored: Array<string> = []
    for (const name of Object.keys(env).filter((name) => name.startsWith(ENV_PREFIX)).sort()) {
      const text = env[name]
      const path = pathOf(name)
      if (text === undefined || text === "") continue
      if (path === undefined || !topLevel(path[0]!)) ignored.push(name)
      else variables.push([names.spelled(path), text])
    }

    // Which options an engine takes depends on the config; names come first, then what is typed.
    const untyped = variables.reduce<Raw>((raw, [path, text]) => assign(raw, path, text), file)
    const shapes = yield* names.shapes(untyped)
    const shape = (path: ReadonlyArray<string>) =>
      path[0] === sectionName
        ? EncodedShape.at(sectionSchema, path.slice(1))
        : shapes(path) ?? EncodedShape.at(BackendConfig, path)

    const { faults, value } = interpolate(file, env, shape)
    const { [sectionName]: section, ...rest } = variables.reduce<Raw>(
      (raw, [path, text]) => assign(raw, path, EncodedShape.coerce(shape(path), text)),
      value
    )
    const raw = { ...options.defaults, ...withDefaults(rest) }
    const unset = new Set(faults.map((fault) => fault.path))

    const decoded = yield* Effect.result(decode(raw))
    const read = yield* Effect.result(
      Faults.decode(sectionSchema, section ?? {}, { op, what: "the config is not valid", at: [sectionName] })
    )
    const all = [
      ...faults,
      ...[
        ...(decoded._tag === "Failure" ? faultsOf(decoded.failure) : []),
        ...(yield* names.check(raw, decoded._tag === "Success" ? decoded.success : undefined)),
        ...(read._tag === "Failure" ? faultsOf(read.failure) : [])
        // What is said of a variable that is not set is not said again of the text that stands for it.
      ].filter((fault) => !unset.has(fault.path))
    ]
    if (decoded._tag === "Success" && read._tag === "Success" && all.length === 0) {
      return { config: decoded.success, section: read.success, ignored }
    }
    return yield* Faults.toError(
      op,
      options.file === undefined ? "the config is not valid" : `the config ${options.file} is not valid`,
      all
    )
  })

/**
 * A section that holds nothing, for programs that have none.
 *
 * @category sections
 * @since 0.1.0
 */
export const noSection: { readonly name: string; readonly schema: Schema.Codec<{}, unknown> } = {
  name: "server",
  schema: Schema.Record(Schema.String, Schema.Unknown)
}
