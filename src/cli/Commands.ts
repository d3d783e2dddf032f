/**
 * The commands that only read and print: `providers`, `schema`, `models`; and `erase`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { fileURLToPath } from "node:url"
import { BackendRegistry } from "../backend/provider/BackendRegistry.ts"
import { InvalidConfig } from "../BackendError.ts"
import * as Builtin from "../builtin/index.ts"
import { ModelStore } from "../models/ModelStore.ts"
import { Open } from "../session/retention/SessionArchive.ts"
import { EngineRegistry } from "../speech/EngineRegistry.ts"
import * as Output from "./Output.ts"
import * as Setup from "./Setup.ts"

/**
 * Prints the providers with their capabilities, and the names of the engines.
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
        engines: Object.fromEntries(kinds)
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
})

/**
 * Prints the JSON Schema of config files, for editors.
 *
 * @category commands
 * @since 0.1.0
 */
export const schema = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  yield* Output.json((yield* Effect.orDie(fs.readFileString(fileURLToPath(Builtin.configSchema)))).trimEnd())
})

/**
 * Erases the stored data of a session or of a user from the archive of a config.
 *
 * @category commands
 * @since 0.1.0
 */
export const erase = Effect.fnUntraced(function*(
  options: { readonly config: string; readonly session: string | undefined; readonly user: string | undefined }
) {
  const { session, user } = options
  if ((session === undefined) === (user === undefined)) {
    return yield* new InvalidConfig({ op: "erase", message: "expected either --session or --user" })
  }
  const { config } = yield* Setup.loadConfig(options.config, { inspect: false })
  const archive = yield* (yield* Open)(config.retention.directory)
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

/**
 * The registries of these commands.
 *
 * @category layers
 * @since 0.1.0
 */
export const registries = Builtin.layer
