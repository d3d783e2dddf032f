/**
 * What the commands share: the config with its registries, and the models on this machine.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { isIP } from "node:net"
import type { BackendConfig } from "../backend/config/BackendConfig.ts"
import * as ConfigSource from "../backend/config/ConfigSource.ts"
import { VoiceBackend } from "../backend/VoiceBackend.ts"
import * as Builtin from "../builtin/index.ts"
import { ModelStore } from "../models/ModelStore.ts"
import { conceal } from "../schema/Secret.ts"
import * as ServerConfig from "../server/ServerConfig.ts"
import * as Output from "./Output.ts"

/**
 * Reads the config of a command: the file, if one is named, the environment, the defaults; those of the command first.
 *
 * @category config
 * @since 0.1.0
 */
export const loadConfig = (file: string | undefined, defaults?: { readonly [key: string]: unknown }) =>
  ConfigSource.load({ file, env: process.env, defaults, section: ServerConfig.section }).pipe(
    Effect.tap(({ ignored }) => {
      const unknown = ignored.filter((name) => !others.has(name))
      return unknown.length === 0
        ? Effect.void
        : Output.note(`note: these variables name no part of a config: ${unknown.join(", ")}`)
    })
  )

/** Variables that are read elsewhere. */
const others = new Set(["EFFECT_VOICE_WORKER", "EFFECT_VOICE_MODELS", "EFFECT_VOICE_API_KEY", "EFFECT_VOICE_LOG"])

/**
 * The config of a backend that is served at `host`. Where that is loopback, the WebRTC of provider `local` stays there,
 * too: an install as it comes has no port that the network can reach. Its `bind_address` beats that, and so does whatever
 * says that users come from elsewhere: a `public_url` of the server, an `announce_address`.
 *
 * Here, since a provider does not know who mounts its routes, nor the server what its provider opens.
 *
 * @category config
 * @since 0.1.0
 */
export const besideServer = (
  config: BackendConfig,
  { host, publicUrl }: Pick<ServerConfig.ServerConfig, "host" | "publicUrl">
): BackendConfig => {
  const { provider, providerConfig } = config
  const isLocal = ServerConfig.isLoopback(host) &&
    (publicUrl === undefined || ServerConfig.isLoopback(new URL(publicUrl).hostname))
  const isSaid = ["bind_address", "announce_address"].some((name) => providerConfig[name] !== undefined)
  if (provider !== "local" || !isLocal || isSaid) return config
  const bare = host.replace(/^\[|\]$/g, "")
  return {
    ...config,
    providerConfig: conceal({ ...providerConfig, bind_address: isIP(bare) === 0 ? "127.0.0.1" : bare })
  }
}

/**
 * Fetches a model with its progress on a terminal; in a pipe one line says that it happens.
 *
 * @category models
 * @since 0.1.0
 */
export const fetchModel = Effect.fnUntraced(function*(name: string) {
  const store = yield* ModelStore
  const { state } = yield* store.status(name)
  if (state === "ready") return
  yield* Output.note(`fetching the model ${name} (first use; kept in ${store.cacheDir})`)
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
 * Fetches what a config's engines will want.
 *
 * @category models
 * @since 0.1.0
 */
export const fetchModels = (config: BackendConfig) =>
  Effect.forEach(Builtin.modelsOf(config), fetchModel, { discard: true }).pipe(Effect.provide(ModelStore.layer))

/**
 * A running backend with everything that comes with the package.
 *
 * @category layers
 * @since 0.1.0
 */
export const backend = (config: BackendConfig) => VoiceBackend.layerConfig(config).pipe(Layer.provide(Builtin.layer))
