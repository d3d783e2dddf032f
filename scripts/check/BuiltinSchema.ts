/**
 * The schema of the configs that the package reads as it comes: its own engines, providers and names.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { readdirSync, readFileSync } from "node:fs"
import { BackendConfig } from "../../src/backend/config/BackendConfig.ts"
import * as LlmAgent from "../../src/backend/engines/LlmAgent.ts"
import { MEMORY } from "../../src/backend/sessions/StoreRegistry.ts"
import type { BackendError } from "../../src/BackendError.ts"
import * as Builtin from "../../src/builtin/index.ts"
import * as ConfigSchema from "../../src/cli/ConfigSchema.ts"
import { ServerConfig } from "../../src/server/ServerConfig.ts"
import type { EngineDefinition, EngineKind } from "../../src/speech/EngineRegistry.ts"
import { docsOf } from "./SchemaDocs.ts"

const sourcesOf = (folder: string): string =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(`${folder}/${name}`, "utf8"))
    .join("\n")

/** The descriptions of an object inside another. */
const under = (path: string, docs: ConfigSchema.Docs): ConfigSchema.Docs =>
  new Map(Array.from(docs, ([field, text]) => [`${path}.${field}`, text]))

const merged = (...all: ReadonlyArray<ConfigSchema.Docs>): ConfigSchema.Docs =>
  new Map(all.flatMap((docs) => Array.from(docs)))

/** Definitions are typed loosely, for their options are known to their engine or provider alone. */
const codec = (schema: Schema.Constraint): Schema.Codec<unknown, unknown> => schema as Schema.Codec<unknown, unknown>

type Described = Pick<EngineDefinition, "description" | "kind" | "options">

const described = (kind: EngineKind, name: string): Effect.Effect<ReadonlyArray<Described>, BackendError> => {
  const loader: Effect.Effect<Described, BackendError> | undefined = Builtin.engines[kind][name]
  return loader === undefined ? Effect.succeed([]) : Effect.map(loader, (definition) => [definition])
}

/**
 * The schema, and the fields that lack a description.
 *
 * @category constructors
 * @since 0.1.0
 */
export const builtin = async (): Promise<{
  readonly schema: ConfigSchema.Node
  readonly undescribed: ReadonlyArray<{ readonly field: string; readonly where: string }>
}> => {
  const undescribed: Array<{ readonly field: string; readonly where: string }> = []
  const object = (
    where: string,
    schema: Schema.Constraint,
    docs: ConfigSchema.Docs,
    machine?: ReadonlyArray<string>
  ): ConfigSchema.Node => {
    const made = ConfigSchema.objectOf(codec(schema), docs, machine)
    undescribed.push(...made.undescribed.map((field) => ({ field, where })))
    return made.node
  }

  const config = ["BackendConfig", "ConfigSections", "ClusterConfig"]
    .map((name) => readFileSync(`src/backend/config/${name}.ts`, "utf8")).join("\n")
  const limits = readFileSync("src/hooks/RateLimits.ts", "utf8")
  const rule = docsOf(limits, /^Rule$/)
  const rules = docsOf(limits, /^Rules$/)
  const rulesOf = merged(rules, ...Array.from(rules.keys(), (who) => under(who, rule)))
  const policy = readFileSync("src/conversation/ConversationPolicy.ts", "utf8")
  const text = readFileSync("src/speech/TextSettings.ts", "utf8")
  const history = readFileSync("src/agent/HistorySettings.ts", "utf8")
  const tools = sourcesOf("src/agent/tools")
  const backend = object(
    "src/agent, src/backend, src/hooks, src/speech and src/conversation",
    BackendConfig,
    merged(
      docsOf(config, /^BackendConfig$/),
      under("overload", docsOf(config, /^OverloadConfig$/)),
      under("drain", docsOf(config, /^DrainConfig$/)),
      under("session", docsOf(config, /^SessionLimits$/)),
      under("store", docsOf(config, /^StoreConfig$/)),
      under("retention", docsOf(config, /^RetentionConfig$/)),
      under("cluster", docsOf(config, /^ClusterConfig$/)),
      under("custom_processors", docsOf(config, /^ProcessorConfig$/)),
      under("rate_limits", docsOf(limits, /^RateLimits$/)),
      under("rate_limits.create", rulesOf),
      under("rate_limits.dial", rulesOf),
      under("rate_limits.connect", rulesOf),
      under("mcp", docsOf(tools, /^McpServerOptions$/)),
      under("tools", docsOf(tools, /^HttpToolOptions$/)),
      under("openapi", docsOf(tools, /^OpenApiOptions$/)),
      under("call_tools", docsOf(tools, /^CallToolOptions$/)),
      under("history", docsOf(history, /^HistorySettings$/)),
      under("text", docsOf(text, /^TextSettings$/)),
      under("conversation", docsOf(policy, /^ConversationPolicy$/))
    )
  )
  const server = object(
    "src/server/ServerConfig.ts",
    ServerConfig,
    docsOf(readFileSync("src/server/ServerConfig.ts", "utf8"), /^ServerConfig$/)
  )

  const providers = Object.values(Builtin.providers).map(({ configSchema, name }) => {
    const sources = sourcesOf(`src/providers/${name}`)
    const docs = merged(
      docsOf(sources, /Config$/),
      under("ice_servers", docsOf(sources, /^IceServer$/)),
      // each kind of carrier has a schema of its own
      under("carriers", docsOf(sources, /^(?!telephonyConfig)\w+Config$|^(?:carrier|outbound)Fields$/))
    )
    return [name, object(`src/providers/${name}`, configSchema, docs)] as const
  })

  const kinds = ["stt", "tts", "s2s", "vad", "turn", "noise", "echo", "llm"] as const
  const namesOf = Object.fromEntries(kinds.map((kind) => [kind, Object.keys(Builtin.engines[kind]).sort()] as const))
  const names = Array.from(new Set(Object.values(namesOf).flat())).sort()
  const engines = await Promise.all(names.map(async (name) => {
    const found = await Effect.runPromise(Effect.forEach(kinds, (kind) => described(kind, name)))
    const all = docsOf(sourcesOf(`src/engines/${name}`), /Options$/)
    const isShared = found.flat().length > 1
    return [
      name,
      found.flat().map(({ description }) => description).join(". "),
      found.flat().map(({ kind, options }) => {
        // a vendor's several engines have a file each
        const file = `src/engines/${name}/${files[kind] ?? "index.ts"}`
        const docs = isShared ? docsOf(readFileSync(file, "utf8"), /Options$/) : all
        return [kind, object(`src/engines/${name}`, options, docs, ofTheMachine[name])] as const
      })
    ] as const
  }))

  const schema = ConfigSchema.make({
    backend,
    server,
    providers: providers.toSorted(([a], [b]) => Number(b === "local") - Number(a === "local")),
    engines,
    names: {
      provider: Object.keys(Builtin.providers),
      stt_provider: namesOf["stt"] ?? [],
      tts_provider: namesOf["tts"] ?? [],
      s2s_provider: namesOf["s2s"] ?? [],
      vad_provider: namesOf["vad"] ?? [],
      turn_detection_provider: [...namesOf["turn"] ?? [], "stt", "silence"],
      noise_cancellation_provider: namesOf["noise"] ?? [],
      stt_fallback: namesOf["stt"] ?? [],
      tts_fallback: namesOf["tts"] ?? [],
      llm_provider: namesOf["llm"] ?? [],
      agent: [Builtin.BuiltinAgent.name, LlmAgent.NAME],
      "store.kind": [MEMORY, ...Object.keys(Builtin.stores)]
    },
    defaults: { provider: "local", pipeline_type: "stt_tts", agent: Builtin.BuiltinAgent.name }
  })
  return { schema, undescribed }
}

const files: { readonly [kind: string]: string } = {
  stt: "SpeechToText.ts",
  tts: "TextToSpeech.ts",
  s2s: "SpeechToSpeech.ts"
}

/** Options whose default is a matter of the machine. */
const ofTheMachine: { readonly [engine: string]: ReadonlyArray<string> } = { moonshine: ["max_parallel"] }
