/**
 * Rows of the provider and the registry.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { BackendRegistry, newBackend } from "../../../backend/provider/BackendRegistry.ts"
import type { VoiceBackend } from "../../../backend/VoiceBackend.ts"
import { assertEqual, assertFailsWith, assertThat } from "../Assertions.ts"
import { type Row, test } from "../Row.ts"

const stateOf = (backend: VoiceBackend["Service"]) => backend.connectionState.get

const provider: ReadonlyArray<Row> = [
  test(
    "BackendProvider.GetName",
    "returns the name that configs and the registry use",
    (backends) =>
      Effect.gen(function*() {
        const { backend } = yield* backends.start()
        yield* assertThat(
          /^[a-z][a-z0-9_-]*$/u.test(backends.harness.provider.name),
          "the name has only lower-case letters, digits, _ and -"
        )
        yield* assertEqual(backend.provider.name, backends.harness.provider.name, "the backend's provider")
      })
  ),
  test(
    "BackendProvider.GetCapabilities",
    "returns all capabilities",
    ({ harness: { provider } }) =>
      Effect.gen(function*() {
        const { capabilities } = provider
        for (const key of ["s2s", "multiUser", "sessionPersistence", "customAuth", "customRateLimiting"] as const) {
          yield* assertThat(typeof capabilities[key] === "boolean", `${key} is a boolean`)
        }
        yield* assertThat(
          Number.isInteger(capabilities.maxConcurrentSessions) && capabilities.maxConcurrentSessions >= 0,
          "max_concurrent_sessions is a count (0: no limit)"
        )
        yield* assertThat(Duration.isDuration(capabilities.minLatency), "min_latency is a duration")
        yield* assertThat(capabilities.codecs.every((codec) => codec !== ""), "codecs have names")
        yield* assertThat(provider.description !== "", "there is a description")
      })
  ),
  test(
    "BackendProvider.CreateBackend",
    "creates a backend with the named engines, not started",
    (backends) =>
      Effect.gen(function*() {
        const config = yield* backends.config()
        const backend = yield* Effect.provide(backends.harness.provider.createBackend(config), backends.registries)
        yield* assertEqual(yield* stateOf(backend), "disconnected", "the connection state")
        yield* assertEqual(backend.engines["stt"], "scripted_stt", "the STT engine")
      })
  ),
  test(
    "BackendProvider.ValidateConfig",
    "accepts a valid config and refuses an invalid provider_config",
    (backends) =>
      Effect.gen(function*() {
        const { provider } = backends.harness
        const config = yield* backends.config()
        yield* provider.validateConfig(config)
        const fields = Schema.toJsonSchemaDocument(provider.configSchema).schema["properties"]
        const [name] = typeof fields === "object" && fields !== null ? Object.keys(fields) : []
        if (name === undefined) return
        // a symbol is invalid for every field of every provider
        yield* assertFailsWith(
          "invalid_config",
          provider.validateConfig({ ...config, providerConfig: { [name]: Symbol("no") } })
        )
      })
  ),
  test(
    "BackendProvider.GetConfigSchema",
    "returns the schema of its config, from which JSON Schema is derived",
    ({ harness }) =>
      Effect.gen(function*() {
        const { schema } = Schema.toJsonSchemaDocument(harness.provider.configSchema)
        yield* assertThat(typeof schema === "object", "there is a JSON Schema")
      })
  )
]

const registry: ReadonlyArray<Row> = [
  test(
    "BackendRegistry.Register",
    "registers a provider under a name; a name in use is refused",
    (backends) =>
      Effect.gen(function*() {
        const registry = yield* BackendRegistry
        yield* registry.register("another", backends.harness.provider)
        yield* assertEqual(
          (yield* registry.getProvider("another")).name,
          backends.harness.provider.name,
          "the provider"
        )
        yield* assertFailsWith("invalid_config", registry.register("another", backends.harness.provider))
      }).pipe(Effect.provide(BackendRegistry.layer([])))
  ),
  test(
    "BackendRegistry.Create",
    "creates a backend from a name and a config, which is validated first",
    (backends) =>
      Effect.gen(function*() {
        const registry = yield* BackendRegistry
        const config = yield* backends.config()
        const backend = yield* registry.create(config.provider, config)
        yield* backend.start
        yield* assertEqual(backend.provider.name, config.provider, "the provider")
        yield* assertFailsWith("provider_not_found", registry.create("nobody", config))
        yield* assertFailsWith("invalid_config", registry.create(config.provider, { ...config, sttProvider: "nobody" }))
      }).pipe(Effect.provide(backends.registries))
  ),
  test("BackendRegistry.ListProviders", "lists the names", (backends) =>
    Effect.gen(function*() {
      const registry = yield* BackendRegistry
      yield* registry.register("another", backends.harness.provider)
      yield* assertEqual(yield* registry.listProviders, ["another", backends.harness.provider.name].sort(), "the names")
    }).pipe(Effect.provide(BackendRegistry.layer([backends.harness.provider])))),
  test("BackendRegistry.IsRegistered", "returns whether a name is registered", (backends) =>
    Effect.gen(function*() {
      const registry = yield* BackendRegistry
      yield* assertThat(yield* registry.isRegistered(backends.harness.provider.name), "the provider is registered")
      yield* assertThat(!(yield* registry.isRegistered("nobody")), "an unknown name is not")
    }).pipe(Effect.provide(BackendRegistry.layer([backends.harness.provider])))),
  test(
    "BackendRegistry.GetProvider",
    "returns a provider; the error for an unknown name lists the known ones",
    (backends) =>
      Effect.gen(function*() {
        const registry = yield* BackendRegistry
        const { provider } = backends.harness
        yield* assertThat((yield* registry.getProvider(provider.name)) === provider, "it is the provider")
        const error = yield* assertFailsWith("provider_not_found", registry.getProvider("nobody"))
        yield* assertEqual(error.details?.["known"], [provider.name], "details.known")
      }).pipe(Effect.provide(BackendRegistry.layer([backends.harness.provider])))
  ),
  test(
    "GetRegistry",
    "the registry is a service, not a global: two programs have separate ones",
    (backends) =>
      Effect.gen(function*() {
        const isKnown = Effect.flatMap(
          BackendRegistry,
          (registry) => registry.isRegistered(backends.harness.provider.name)
        )
        yield* assertThat(
          yield* Effect.provide(isKnown, BackendRegistry.layer([backends.harness.provider])),
          "the first has the provider"
        )
        yield* assertThat(!(yield* Effect.provide(isKnown, BackendRegistry.layer([]))), "the second does not")
      })
  ),
  test("NewBackend", "creates a backend from a registered name", (backends) =>
    Effect.gen(function*() {
      const config = yield* backends.config()
      const backend = yield* newBackend(config.provider, config)
      yield* backend.start
      yield* assertEqual(yield* stateOf(backend), "connected", "the connection state")
      yield* assertFailsWith("provider_not_found", newBackend("nobody", config))
    }).pipe(Effect.provide(backends.registries)))
]

/**
 * The rows of the provider and the registry.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<Row> = [...provider, ...registry]
