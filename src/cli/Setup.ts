/**
 * What the commands share: the config, the backend with its registries, and the models on this machine.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { BackendConfig } from "../backend/config/BackendConfig.ts"
import * as ConfigSource from "../backend/config/ConfigSource.ts"
import * as ConfigVariables from "../backend/config/ConfigVariables.ts"
import type { DecodedConfig } from "../backend/config/DecodedConfig.ts"
import { VoiceBackend } from "../backend/VoiceBackend.ts"
import * as Builtin from "../builtin/index.ts"
import * as Preflight from "../builtin/Preflight.ts"
import { ModelStore } from "../models/ModelStore.ts"
import { over } from "../schema/Defined.ts"
import type * as Faults from "../schema/Faults.ts"
import type { JsonRecord } from "../schema/Json.ts"
import * as Tls from "../server/access/Tls.ts"
import * as Listening from "../server/Listening.ts"
import * as ServerConfig from "../server/ServerConfig.ts"
import { reachLikeServer } from "../server/TelephonyAddress.ts"
import { bindLikeServer } from "../server/WebRtcBinding.ts"
import * as TelemetryConfig from "../telemetry/TelemetryConfig.ts"
import type { App } from "./app/App.ts"
import * as Logs from "./Logs.ts"
import * as Output from "./Output.ts"

/**
 * The defaults of a server: SQLite comes with Node, so sessions survive a restart without anything to install.
 *
 * @category config
 * @since 0.1.0
 */
export const serverDefaults = { store: { kind: "sqlite" } }

/**
 * Loads the config of a command: the defaults of the command, those of the application, the file if one is named, the
 * environment. `listen` says where it will be served.
 *
 * @category config
 * @since 0.1.0
 */
export const loadConfig = (
  file: string | undefined,
  options: {
    readonly app: App
    readonly defaults?: JsonRecord | undefined
    readonly listen?: ((section: ServerConfig.ServerConfig) => ServerConfig.ServerConfig) | undefined
    /** The section that a server would start with. Default: as `listen` says. */
    readonly check?: ((section: ServerConfig.ServerConfig) => ServerConfig.ServerConfig) | undefined
    /** Whether keys, packages and files that a start needs are looked for. Default: true. */
    readonly inspect?: boolean | undefined
  }
) => {
  const { app, defaults, inspect = true, listen } = options
  const { check = listen } = options
  const { section } = ServerConfig
  return Effect.andThen(
    noteUnknownVariables(section.name),
    ConfigSource.load({
      file,
      env: process.env,
      defaults: over(defaults ?? {}, app.defaults),
      section,
      complete: listen === undefined
        ? undefined
        : (raw, server) => reachLikeServer(bindLikeServer(raw, listen(server)), listen(server)),
      inspect: !inspect ? undefined : (found) =>
        Effect.zipWith(
          Preflight.faultsOf(found),
          found.section === undefined || check === undefined
            ? noFaults
            : serverFaults(check(found.section), found.config, app),
          (parts, server) => [...parts, ...server]
        )
    })
  )
}

/**
 * A config that was loaded.
 *
 * @category models
 * @since 0.1.0
 */
export type Loaded = Effect.Success<ReturnType<typeof loadConfig>>

const noFaults = Effect.succeed<ReadonlyArray<Faults.Fault>>([])

/** What a server with this section would refuse at its start. */
const serverFaults = (
  server: ServerConfig.ServerConfig,
  config: BackendConfig | undefined,
  app: App
): Effect.Effect<ReadonlyArray<Faults.Fault>> => {
  const { faultsBy } = Preflight
  return Effect.map(
    Effect.all([
      faultsBy("server", ServerConfig.requireAuthentication(server)),
      faultsBy("server", ServerConfig.requireHook(server, app.mayHaveAuth)),
      faultsBy("server", ServerConfig.requireOperations(server)),
      faultsBy("server.telemetry", TelemetryConfig.resolve(server.telemetry, process.env)),
      server.tls === undefined ? noFaults : faultsBy("server.tls", Tls.load(server.tls)),
      faultsBy("server.host", Listening.requireAddress(server)),
      config === undefined
        ? noFaults
        : faultsBy("", Logs.formatOf(process.env, process.stderr.isTTY, config.enableStructuredLogging))
    ]),
    (all) => all.flat()
  )
}

/** Such a variable is not a fault, because another program may use the prefix; but a misspelt one would have no effect. */
const noteUnknownVariables = (sectionName: string) =>
  Effect.suspend(() => {
    const unknown = ConfigVariables.read(process.env, sectionName).ignored.filter((name) => !otherVariables.has(name))
    if (unknown.length === 0) return Effect.void
    const hints = unknown.map((name) => {
      const close = ConfigVariables.nearestVariable(name, sectionName)
      return close === undefined ? name : `${name} (did you mean ${close}?)`
    })
    return Output.note(`note: unknown variables: ${hints.join(", ")}`)
  })

/** Variables that are read elsewhere. */
const otherVariables = new Set([
  "EFFECT_VOICE_WORKER",
  "EFFECT_VOICE_MODELS",
  "EFFECT_VOICE_API_KEY",
  "EFFECT_VOICE_LOG"
])

/**
 * Downloads a model, with its progress on a terminal and one line in a pipe.
 *
 * @category models
 * @since 0.1.0
 */
export const fetchModel = Effect.fnUntraced(function*(name: string) {
  const store = yield* ModelStore
  const { bytes, model, state } = yield* store.status(name)
  if (state === "ready") return
  yield* Output.note(
    `downloading the model ${name} for ${model.task}, ${
      Output.megabytes(bytes)
    }; on first use only, stored in ${store.cacheDir}`
  )
  yield* store.fetch(name, ({ receivedBytes, totalBytes }) =>
    Output.progress(
      `${name}: ${Output.megabytes(receivedBytes)} of ${Output.megabytes(totalBytes)} (${
        Math.min(100, Math.floor(100 * receivedBytes / Math.max(1, totalBytes)))
      } %)`
    )).pipe(
      Effect.ensuring(Effect.sync(() => Output.progress("")))
    )
})

/**
 * Downloads the models that the engines of a config need.
 *
 * @category models
 * @since 0.1.0
 */
export const fetchModels = (config: BackendConfig, { parts }: App) =>
  Effect.forEach(Builtin.modelsOf(config, parts.engines), fetchModel, { discard: true }).pipe(
    Effect.provide(ModelStore.layer)
  )

/**
 * A running backend with the built-in registries and with what the application adds, below which the application's layer is
 * built.
 *
 * @category layers
 * @since 0.1.0
 */
export const backend = (decoded: DecodedConfig, { layer }: App) =>
  VoiceBackend.layerDecoded(decoded).pipe(Layer.provide(layer))
