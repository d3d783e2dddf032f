/**
 * The contract's provider and registry, row by row.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { BackendRegistry, newBackend } from "../../backend/provider/BackendRegistry.ts"
import type { VoiceBackend } from "../../backend/VoiceBackend.ts"
import { refused, same, that } from "./Assertions.ts"
import { type Row, test } from "./Row.ts"

const stateOf = (backend: VoiceBackend["Service"]) => backend.connectionState.get

const provider: ReadonlyArray<Row> = [
  test(
    "BackendProvider.GetName",
    "has the name under which it is registered and a config names it",
    (stage) =>
      Effect.gen(function*() {
        const { backend } = yield* stage.open()
        yield* that(/^[a-z][a-z0-9_-]*$/u.test(stage.harness.provider.name), "the name is a plain word")
        yield* same(backend.provider.name, stage.harness.provider.name, "the backend's provider")
      })
  ),
  test(
    "BackendProvider.GetCapabilities",
    "tells what it can do, every field of it",
    ({ harness: { provider } }) =>
      Effect.gen(function*() {
        const { capabilities } = provider
        for (const key of ["s2s", "multiUser", "sessionPersistence", "customAuth", "customRateLimiting"] as const) {
          yield* that(typeof capabilities[key] === "boolean", `${key} is said`)
        }
        yield* that(
          Number.isInteger(capabilities.maxConcurrentSessions) && capabilities.maxConcurrentSessions >= 0,
          "max_concurrent_sessions is a count, 0 for no limit"
        )
        yield* that(Duration.isDuration(capabilities.minLatency), "min_latency is a duration")
        yield* that(capabilities.codecs.every((codec) => codec !== ""), "codecs have names")
        yield* that(provider.description !== "", "it is described")
      })
  ),
  test(
    "BackendProvider.CreateBackend",
    "makes a backend of the named engines, not started",
    (stage) =>
      Effect.gen(function*() {
        const config = yield* stage.config()
        const backend = yield* Effect.provide(stage.harness.provider.createBackend(config), stage.registries)
        yield* same(yield* stateOf(backend), "disconnected", "the connection state")
        yield* same(backend.engines["stt"], "hearing", "the recogniser")
      })
  ),
  test(
    "BackendProvider.ValidateConfig",
    "passes a good config and refuses provider_config that makes no sense",
    (stage) =>
      Effect.gen(function*() {
        const { provider } = stage.harness
        const config = yield* stage.config()
        yield* provider.validateConfig(config)
        const fields = Schema.toJsonSchemaDocument(provider.configSchema).schema["properties"]
        const [name] = typeof fields === "object" && fields !== null ? Object.keys(fields) : []
        if (name === undefined) return
        // no field of any provider is a symbol
        yield* refused(
          "invalid_config",
          provider.validateConfig({ ...config, providerConfig: { [name]: Symbol("no") } })
        )
      })
  ),
  test(
    "BackendProvider.GetConfigSchema",
    "has a schema of its config, from which JSON Schema is derived",
    ({ harness }) =>
      Effect.gen(function*() {
        const { schema } = Schema.toJsonSchemaDocument(harness.provider.configSchema)
        yield* that(typeof schema === "object", "there is a JSON Schema")
      })
  )
]

const registry: ReadonlyArray<Row> = [
  test(
    "BackendRegistry.Register",
    "takes a provider under a name; a name that is taken is refused",
    (stage) =>
      Effect.gen(function*() {
        const registry = yield* BackendRegistry
        yield* registry.register("another", stage.harness.provider)
        yield* same((yield* registry.getProvider("another")).name, stage.harness.provider.name, "the provider")
        yield* refused("invalid_config", registry.register("another", stage.harness.provider))
      }).pipe(Effect.provide(BackendRegistry.layer([])))
  ),
  test(
    "BackendRegistry.Create",
    "creates a backend by a name and a config, validated before",
    (stage) =>
      Effect.gen(function*() {
        const registry = yield* BackendRegistry
        const config = yield* stage.config()
        const backend = yield* registry.create(config.provider, config)
        yield* backend.start
        yield* same(backend.provider.name, config.provider, "the provider")
        yield* refused("provider_not_found", registry.create("nobody", config))
        yield* refused("invalid_config", registry.create(config.provider, { ...config, sttProvider: "nobody" }))
      }).pipe(Effect.provide(stage.registries))
  ),
  test("BackendRegistry.ListProviders", "lists the names", (stage) =>
    Effect.gen(function*() {
      const registry = yield* BackendRegistry
      yield* registry.register("another", stage.harness.provider)
      yield* same(yield* registry.listProviders, ["another", stage.harness.provider.name].sort(), "the names")
    }).pipe(Effect.provide(BackendRegistry.layer([stage.harness.provider])))),
  test("BackendRegistry.IsRegistered", "knows whether a name is taken", (stage) =>
    Effect.gen(function*() {
      const registry = yield* BackendRegistry
      yield* that(yield* registry.isRegistered(stage.harness.provider.name), "the provider is registered")
      yield* that(!(yield* registry.isRegistered("nobody")), "nobody is not")
    }).pipe(Effect.provide(BackendRegistry.layer([stage.harness.provider])))),
  test(
    "BackendRegistry.GetProvider",
    "finds a provider; an unknown name tells the known ones",
    (stage) =>
      Effect.gen(function*() {
        const registry = yield* BackendRegistry
        const { provider } = stage.harness
        yield* that((yield* registry.getProvider(provider.name)) === provider, "it is the provider")
        const error = yield* refused("provider_not_found", registry.getProvider("nobody"))
        yield* same(error.details?.["known"], [provider.name], "details.known")
      }).pipe(Effect.provide(BackendRegistry.layer([stage.harness.provider])))
  ),
  test(
    "GetRegistry",
    "the registry is a service, no global: two programs do not see each other's",
    (stage) =>
      Effect.gen(function*() {
        const isKnown = Effect.flatMap(
          BackendRegistry,
          (registry) => registry.isRegistered(stage.harness.provider.name)
        )
        yield* that(yield* Effect.provide(isKnown, BackendRegistry.layer([stage.harness.provider])), "one knows it")
        yield* that(!(yield* Effect.provide(isKnown, BackendRegistry.layer([]))), "the other does not")
      })
  ),
  test("NewBackend", "is the registry's create, by name", (stage) =>
    Effect.gen(function*() {
      const config = yield* stage.config()
      const backend = yield* newBackend(config.provider, config)
      yield* backend.start
      yield* same(yield* stateOf(backend), "connected", "the connection state")
      yield* refused("provider_not_found", newBackend("nobody", config))
    }).pipe(Effect.provide(stage.registries)))
]

/**
 * @category tables
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Row> = [...provider, ...registry]
