/**
 * The commands that only read and print: `providers`, `schema`, `models`; and `erase`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { fileURLToPath } from "node:url"
import { AgentRegistry } from "../agent/AgentRegistry.ts"
import type { BackendConfig } from "../backend/config/BackendConfig.ts"
import * as LlmAgent from "../backend/engines/LlmAgent.ts"
import { BackendRegistry } from "../backend/provider/BackendRegistry.ts"
import { StoreRegistry } from "../backend/sessions/StoreRegistry.ts"
import { InvalidConfig } from "../BackendError.ts"
import * as Builtin from "../builtin/index.ts"
import { ProcessorRegistry } from "../hooks/AudioProcessor.ts"
import { ModelStore } from "../models/ModelStore.ts"
import { Open, SessionArchive } from "../session/retention/SessionArchive.ts"
import { EngineRegistry } from "../speech/EngineRegistry.ts"
import type { App } from "./app/App.ts"
import * as AppSchema from "./app/AppSchema.ts"
import { none as noApp } from "./app/DefineApp.ts"
import * as Output from "./Output.ts"
import * as Setup from "./Setup.ts"

/**
 * Prints the providers with their capabilities, and the names of the engines, agents, audio processors and session stores.
 *
 * @category commands
 * @since 0.1.0
 */
export const providers = Effect.fnUntraced(function*(options: { readonly json: boolean }) {
  const registry = yield* BackendRegistry
  const engines = yield* EngineRegistry
  const all = yield* Effect.forEach(yield* registry.listProviders, registry.getProvider)
  const kinds = (["stt", "tts", "s2s", "vad", "turn", "noise", "echo", "llm"] as const).map((kind) =>
    [kind, engines[kind].list()] as const
  )
  const others = {
    agents: Array.from(new Set([...(yield* AgentRegistry).list(), LlmAgent.NAME])),
    processors: (yield* ProcessorRegistry).list(),
    stores: ["memory", ...(yield* StoreRegistry).list()]
  }
  if (options.json) {
    return yield* Output.json(JSON.stringify(
      {
        providers: all.map(({ capabilities: { minLatency, ...rest }, description, name }) => ({
          name,
          description,
          capabilities: {
            s2s: rest.s2s,
            multi_user: rest.multiUser,
            session_persistence: rest.sessionPersistence,
            custom_auth: rest.customAuth,
            custom_rate_limiting: rest.customRateLimiting,
            max_concurrent_sessions: rest.maxConcurrentSessions,
            min_latency_ms: Duration.toMillis(minLatency),
            codecs: rest.codecs
          }
        })),
        engines: Object.fromEntries(kinds),
        ...others
      },
      undefined,
      2
    ))
  }
  yield* Output.line("Providers")
  for (const { capabilities, description, name } of all) {
    yield* Output.line(`  ${name}: ${description}`)
    yield* Output.line(
      `    codecs ${capabilities.codecs.join(", ")}; adds at least ${Duration.format(capabilities.minLatency)}; ` +
        `${
          capabilities.maxConcurrentSessions === 0
            ? "no session limit of its own"
            : `at most ${capabilities.maxConcurrentSessions} sessions`
        }`
    )
  }
  yield* Output.line("Engines")
  for (const [kind, names] of kinds) if (names.length > 0) yield* Output.line(`  ${kind}: ${names.join(", ")}`)
  yield* Output.line(`Agents: ${others.agents.join(", ")}`)
  yield* Output.line(`Audio processors: ${others.processors.join(", ")}`)
  yield* Output.line(`Session stores: ${others.stores.join(", ")}`)
})

/**
 * Prints the JSON Schema of config files, for editors; with the names and options of an application.
 *
 * @category commands
 * @since 0.1.0
 */
export const schema = Effect.fnUntraced(function*(options: { readonly app: App }) {
  const fs = yield* FileSystem.FileSystem
  const text = (yield* Effect.orDie(fs.readFileString(fileURLToPath(Builtin.configSchema)))).trimEnd()
  if (options.app === noApp) return yield* Output.json(text)
  const { missing, schema } = yield* AppSchema.make(JSON.parse(text), options.app)
  for (const each of missing) yield* Output.note(`note: ${each}`)
  yield* Output.json(JSON.stringify(schema, undefined, 2))
})

/** The archive that the application's layer provides, else the directory of the config. */
const archiveOf = Effect.fnUntraced(function*({ retention }: BackendConfig, app: App) {
  const own = app === noApp ? Option.none() : Context.getOption(yield* Layer.build(app.layer), SessionArchive)
  return Option.isSome(own) ? own.value : yield* (yield* Open)(retention.directory)
})

/**
 * Erases the stored data of a session or of a user from the archive of a config.
 *
 * @category commands
 * @since 0.1.0
 */
export const erase = Effect.fnUntraced(function*(
  options: {
    readonly app: App
    readonly config: string
    readonly session: string | undefined
    readonly user: string | undefined
  }
) {
  const { app, session, user } = options
  if ((session === undefined) === (user === undefined)) {
    return yield* new InvalidConfig({ op: "erase", message: "expected either --session or --user" })
  }
  const { config } = yield* Setup.loadConfig(options.config, { app, inspect: false })
  const archive = yield* archiveOf(config, app)
  const count = session === undefined ? yield* archive.eraseUser(user ?? "") : yield* archive.erase(session)
  yield* Output.line(count === 1 ? "erased 1 session" : `erased ${count} sessions`)
}, Effect.scoped)

/**
 * Prints the models of this version and whether they are downloaded.
 *
 * @category commands
 * @since 0.1.0
 */
export const listModels = Effect.gen(function*() {
  const store = yield* ModelStore
  yield* Output.line(`Models in ${store.cacheDir}`)
  for (const { bytes, faults, model, state } of yield* store.list) {
    yield* Output.line(`  ${model.name.padEnd(20)} ${Output.megabytes(bytes).padStart(9)}  ${state}`)
    for (const fault of faults) yield* Output.line(`    ${fault}`)
  }
})

/**
 * Downloads a model and prints its directory.
 *
 * @category commands
 * @since 0.1.0
 */
export const fetchModel = Effect.fnUntraced(function*(name: string) {
  yield* Setup.fetchModel(name)
  const { dir } = yield* (yield* ModelStore).ensure(name)
  yield* Output.line(dir)
})

/**
 * Prints the directory of a model, whether or not it is downloaded.
 *
 * @category commands
 * @since 0.1.0
 */
export const modelPath = Effect.fnUntraced(function*(name: string) {
  yield* Output.line(yield* (yield* ModelStore).path(name))
})
