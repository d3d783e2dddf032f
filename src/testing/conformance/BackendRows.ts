/**
 * The contract's backend, provider and registry, row by row.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { BackendRegistry, newBackend } from "../../backend/BackendRegistry.ts"
import type { VoiceBackend } from "../../backend/VoiceBackend.ts"
import { refused, same, that, until, within } from "./Checks.ts"
import { type Entry, test } from "./Entry.ts"
import { talker } from "./Stage.ts"

const session = { userId: "user", transport: "websocket" } as const

const stateOf = (backend: VoiceBackend["Service"]) => backend.connectionState.get

const backend: ReadonlyArray<Entry> = [
  test(
    "VoiceBackend.Start",
    "connects the provider and opens admission; before it nothing is created; idempotent",
    (stage) =>
      Effect.gen(function*() {
        const backend = yield* stage.named()
        const early = yield* refused("connection_failed", backend.createSession(session))
        yield* same(early.details?.["state"], "new", "details.state")
        yield* that(!(yield* backend.ready), "a backend that was not started is not ready")
        yield* backend.start
        yield* backend.start
        yield* same(yield* stateOf(backend), "connected", "the connection state")
        yield* that(yield* backend.ready, "a started backend is ready")
      })
  ),
  test(
    "VoiceBackend.Stop",
    "drains, refuses what comes later, and reports the same however often it is asked",
    (stage) =>
      Effect.gen(function*() {
        const { backend, create } = yield* stage.open()
        yield* create()
        const report = yield* backend.stop
        yield* same(report.completed, 1, "sessions that ended by themselves")
        yield* same(yield* backend.stop, report, "the second report")
        const late = yield* refused("connection_failed", create())
        yield* same(late.details?.["state"], "stopped", "details.state")
        yield* refused("connection_failed", backend.start)
      })
  ),
  test(
    "VoiceBackend.CreateSession",
    "gives a session of its own id, idle, with a way in for its user",
    (stage) =>
      Effect.gen(function*() {
        const { backend, create } = yield* stage.open()
        const [one, two] = [yield* create(), yield* create()]
        yield* that(one.id !== two.id && one.id !== "", "each session has an id of its own")
        yield* same(yield* one.state.get, "idle", "the state")
        yield* that((yield* backend.access(one.id)).connectionUrl !== "", "there is a connection URL")
      }),
    ["multiUser"]
  ),
  test(
    "VoiceBackend.CreateSession slot",
    "takes a slot that is kept while the user is away and given back at close",
    (stage) =>
      Effect.gen(function*() {
        const { backend, call, create } = yield* stage.open({ config: { maxConcurrentSessions: 1 } })
        const user = yield* call()
        yield* user.told("session.started")
        yield* user.loseNetwork
        yield* refused("session_limit_exceeded", create())
        yield* backend.closeSession(user.session.id)
        yield* create()
      })
  ),
  test(
    "VoiceBackend.CreateSession window",
    "closes a session that nobody attaches to: never_connected",
    (stage) =>
      Effect.gen(function*() {
        const { backend, create } = yield* stage.open({ config: { session: { connectWindow: "1 second" } } })
        const lonely = yield* create()
        yield* same(yield* within("10 seconds", "the window", lonely.ended), "never_connected", "why it ended")
        yield* until("its slot is free", () => Effect.map(backend.activeSessionCount, (count) => count === 0))
      })
  ),
  test(
    "VoiceBackend.GetSession",
    "finds a session by its id; another id is session_not_found",
    (stage) =>
      Effect.gen(function*() {
        const { backend, create } = yield* stage.open()
        const one = yield* create()
        yield* same((yield* backend.getSession(one.id)).id, one.id, "the id")
        yield* refused("session_not_found", backend.getSession("nobody"))
      })
  ),
  test("VoiceBackend.ListSessions", "lists the sessions that live", (stage) =>
    Effect.gen(function*() {
      const { backend, create } = yield* stage.open()
      const one = yield* create()
      yield* same((yield* backend.listSessions).map(({ id }) => id), [one.id], "the ids")
      yield* backend.closeSession(one.id)
      yield* same((yield* backend.listSessions).length, 0, "sessions after the close")
    })),
  test(
    "VoiceBackend.CloseSession",
    "ends a session at once, tells its user, and leaves nothing of it",
    (stage) =>
      Effect.gen(function*() {
        const { backend, call } = yield* stage.open({ agent: talker })
        const user = yield* call()
        yield* user.type("talk")
        yield* user.told("agent.speech_started")
        yield* within("6 seconds", "the close", backend.closeSession(user.session.id))
        yield* same(yield* user.session.ended, "closed", "why it ended")
        yield* until("the user's line is closed", () => user.closed())
        yield* refused("session_not_found", backend.getSession(user.session.id))
        yield* refused("session_not_found", backend.closeSession(user.session.id))
      })
  ),
  test("VoiceBackend.HealthCheck", "tells how each part is: provider and engines", (stage) =>
    Effect.gen(function*() {
      const { backend } = yield* stage.open()
      const { parts } = yield* backend.healthCheck
      yield* same(parts.find(({ name }) => name === "provider")?.status, "healthy", "the provider's status")
      for (const kind of ["stt", "tts", "vad"]) {
        yield* that(parts.some(({ name }) => name.startsWith(kind)), `the health tells of ${kind}`)
      }
    })),
  test("VoiceBackend.GetConnectionState", "is a value, and the changes of it", (stage) =>
    Effect.gen(function*() {
      const backend = yield* stage.named()
      const seen: Array<string> = []
      yield* backend.connectionState.changes.pipe(
        Stream.runForEach((state) => Effect.sync(() => seen.push(state))),
        Effect.forkScoped
      )
      yield* until("the value now is seen", () => seen.length > 0)
      yield* backend.start
      yield* until("it is connected", () => seen.includes("connected"))
      yield* backend.stop
      yield* until("it is disconnected", () => seen.at(-1) === "disconnected")
      yield* same(seen[0], "disconnected", "the first state")
    })),
  test("VoiceBackend.GetActiveSessionCount", "counts the sessions that hold a slot", (stage) =>
    Effect.gen(function*() {
      const { backend, create } = yield* stage.open()
      yield* same(yield* backend.activeSessionCount, 0, "sessions before")
      const one = yield* create()
      yield* same(yield* backend.activeSessionCount, 1, "sessions with one")
      yield* backend.closeSession(one.id)
      yield* same(yield* backend.activeSessionCount, 0, "sessions after")
    })),
  test("VoiceBackend.GetConfig", "gives the whole config, defaults included", (stage) =>
    Effect.gen(function*() {
      const { backend } = yield* stage.open({ config: { maxRetries: 7 } })
      const config = yield* backend.config
      yield* same(config.maxRetries, 7, "max_retries")
      yield* same(Duration.toMillis(config.timeout), 30_000, "the default timeout in ms")
      yield* same(config.provider, stage.harness.provider.name, "the provider")
    })),
  test("VoiceBackend.UpdateConfig", "validates the whole before anything changes", (stage) =>
    Effect.gen(function*() {
      const { backend } = yield* stage.open()
      const before = yield* backend.config
      yield* refused("invalid_config", backend.updateConfig({ ...before, maxRetries: 11 }))
      yield* refused("invalid_config", backend.updateConfig({ ...before, maxRetries: 1, pipelineType: "s2s" }))
      yield* refused("invalid_config", backend.updateConfig({ ...before, maxRetries: 1, provider: "another" }))
      yield* same((yield* backend.config).maxRetries, before.maxRetries, "max_retries")
      yield* backend.updateConfig({ ...before, maxRetries: 1 })
      yield* same((yield* backend.config).maxRetries, 1, "max_retries after a good update")
    })),
  test(
    "VoiceBackend.UpdateConfig maximum",
    "a lower maximum only stops new sessions",
    (stage) =>
      Effect.gen(function*() {
        const { backend, create } = yield* stage.open()
        const old = [yield* create(), yield* create()]
        yield* backend.updateConfig({ ...(yield* backend.config), maxConcurrentSessions: 1 })
        yield* refused("session_limit_exceeded", create())
        yield* same(yield* backend.activeSessionCount, old.length, "sessions that go on")
      }),
    ["multiUser"]
  )
]

const provider: ReadonlyArray<Entry> = [
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

const registry: ReadonlyArray<Entry> = [
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
export const entries: ReadonlyArray<Entry> = [...backend, ...provider, ...registry]
