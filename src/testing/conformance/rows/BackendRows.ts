/**
 * Rows of `VoiceBackend`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { VoiceBackend } from "../../../backend/VoiceBackend.ts"
import { assertCompletesWithin, assertEqual, assertFailsWith, assertThat, waitUntil } from "../Assertions.ts"
import { type Row, test } from "../Row.ts"
import { talker } from "../TestBackends.ts"

const session = { userId: "user", transport: "websocket" } as const

const stateOf = (backend: VoiceBackend["Service"]) => backend.connectionState.get

/**
 * The rows of `VoiceBackend`.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<Row> = [
  test(
    "VoiceBackend.Start",
    "connects the provider and opens admission; before it no session can be created; idempotent",
    (backends) =>
      Effect.gen(function*() {
        const backend = yield* backends.fromConfig()
        const early = yield* assertFailsWith("connection_failed", backend.createSession(session))
        yield* assertEqual(early.details?.["state"], "new", "details.state")
        yield* assertThat(!(yield* backend.ready), "a backend that was not started is not ready")
        yield* backend.start
        yield* backend.start
        yield* assertEqual(yield* stateOf(backend), "connected", "the connection state")
        yield* assertThat(yield* backend.ready, "a started backend is ready")
      })
  ),
  test(
    "VoiceBackend.Stop",
    "drains, refuses later requests, and returns the same report when called again",
    (backends) =>
      Effect.gen(function*() {
        const { backend, createSession } = yield* backends.start()
        yield* createSession()
        const report = yield* backend.stop
        yield* assertEqual(report.completed, 1, "sessions that ended normally")
        yield* assertEqual(yield* backend.stop, report, "the second report")
        const late = yield* assertFailsWith("connection_failed", createSession())
        yield* assertEqual(late.details?.["state"], "stopped", "details.state")
        yield* assertFailsWith("connection_failed", backend.start)
      })
  ),
  test(
    "VoiceBackend.CreateSession",
    "creates an idle session with a unique id and a connection URL for its user",
    (backends) =>
      Effect.gen(function*() {
        const { backend, createSession } = yield* backends.start()
        const [one, two] = [yield* createSession(), yield* createSession()]
        yield* assertThat(one.id !== two.id && one.id !== "", "each session has an id of its own")
        yield* assertEqual(yield* one.state.get, "idle", "the state")
        yield* assertThat((yield* backend.access(one.id)).connectionUrl !== "", "there is a connection URL")
      }),
    ["multiUser"]
  ),
  test(
    "VoiceBackend.CreateSession slot",
    "takes a slot that is kept while the user is disconnected and released at close",
    (backends) =>
      Effect.gen(function*() {
        const { backend, createUser, createSession } = yield* backends.start({ config: { maxConcurrentSessions: 1 } })
        const user = yield* createUser()
        yield* user.waitForEvent("session.started")
        yield* user.loseNetwork
        yield* assertFailsWith("session_limit_exceeded", createSession())
        yield* backend.closeSession(user.session.id)
        yield* createSession()
      })
  ),
  test(
    "VoiceBackend.CreateSession window",
    "closes a session that no user connects to within the connect window: never_connected",
    (backends) =>
      Effect.gen(function*() {
        const { backend, createSession } = yield* backends.start({ config: { session: { connectWindow: "1 second" } } })
        const unattended = yield* createSession()
        yield* assertEqual(
          yield* assertCompletesWithin("30 seconds", "closing after the connect window", unattended.ended),
          "never_connected",
          "why it ended"
        )
        yield* waitUntil("its slot is free", () => Effect.map(backend.activeSessionCount, (count) => count === 0))
      })
  ),
  test(
    "VoiceBackend.GetSession",
    "finds a session by its id; another id is session_not_found",
    (backends) =>
      Effect.gen(function*() {
        const { backend, createSession } = yield* backends.start()
        const one = yield* createSession()
        yield* assertEqual((yield* backend.getSession(one.id)).id, one.id, "the id")
        yield* assertFailsWith("session_not_found", backend.getSession("nobody"))
      })
  ),
  test("VoiceBackend.ListSessions", "lists the active sessions", (backends) =>
    Effect.gen(function*() {
      const { backend, createSession } = yield* backends.start()
      const one = yield* createSession()
      yield* assertEqual((yield* backend.listSessions).map(({ id }) => id), [one.id], "the ids")
      yield* backend.closeSession(one.id)
      yield* assertEqual((yield* backend.listSessions).length, 0, "sessions after the close")
    })),
  test(
    "VoiceBackend.CloseSession",
    "ends a session at once, closes its connection, and forgets it",
    (backends) =>
      Effect.gen(function*() {
        const { backend, createUser } = yield* backends.start({ agent: talker })
        const user = yield* createUser()
        yield* user.type("talk")
        yield* user.waitForEvent("agent.speech_started")
        yield* assertCompletesWithin("20 seconds", "the close", backend.closeSession(user.session.id))
        yield* assertEqual(yield* user.session.ended, "closed", "why it ended")
        yield* waitUntil("the user's connection is closed", () => user.closeReason())
        yield* assertFailsWith("session_not_found", backend.getSession(user.session.id))
        yield* assertFailsWith("session_not_found", backend.closeSession(user.session.id))
      })
  ),
  test(
    "VoiceBackend.HealthCheck",
    "reports the status of each part: provider and engines",
    (backends) =>
      Effect.gen(function*() {
        const { backend } = yield* backends.start()
        const { parts } = yield* backend.healthCheck
        yield* assertEqual(parts.find(({ name }) => name === "provider")?.status, "healthy", "the provider's status")
        for (const kind of ["stt", "tts", "vad"]) {
          yield* assertThat(parts.some(({ name }) => name.startsWith(kind)), `the health report has a part for ${kind}`)
        }
      })
  ),
  test(
    "VoiceBackend.GetConnectionState",
    "is a value and a stream of its changes",
    (backends) =>
      Effect.gen(function*() {
        const backend = yield* backends.fromConfig()
        const seen: Array<string> = []
        yield* backend.connectionState.changes.pipe(
          Stream.runForEach((state) => Effect.sync(() => seen.push(state))),
          Effect.forkScoped
        )
        yield* waitUntil("the current value is seen", () => seen.length > 0)
        yield* backend.start
        yield* waitUntil("it is connected", () => seen.includes("connected"))
        yield* backend.stop
        yield* waitUntil("it is disconnected", () => seen.at(-1) === "disconnected")
        yield* assertEqual(seen[0], "disconnected", "the first state")
      })
  ),
  test(
    "VoiceBackend.GetActiveSessionCount",
    "counts the sessions that hold a slot",
    (backends) =>
      Effect.gen(function*() {
        const { backend, createSession } = yield* backends.start()
        yield* assertEqual(yield* backend.activeSessionCount, 0, "sessions before")
        const one = yield* createSession()
        yield* assertEqual(yield* backend.activeSessionCount, 1, "sessions with one")
        yield* backend.closeSession(one.id)
        yield* assertEqual(yield* backend.activeSessionCount, 0, "sessions after")
      })
  ),
  test("VoiceBackend.GetConfig", "returns the whole config, defaults included", (backends) =>
    Effect.gen(function*() {
      const { backend } = yield* backends.start({ config: { maxRetries: 7 } })
      const config = yield* backend.config
      yield* assertEqual(config.maxRetries, 7, "max_retries")
      yield* assertEqual(Duration.toMillis(config.timeout), 30_000, "the default timeout in ms")
      yield* assertEqual(config.provider, backends.harness.provider.name, "the provider")
    })),
  test(
    "VoiceBackend.UpdateConfig",
    "validates the whole config before anything changes",
    (backends) =>
      Effect.gen(function*() {
        const { backend } = yield* backends.start()
        const before = yield* backend.config
        yield* assertFailsWith("invalid_config", backend.updateConfig({ ...before, maxRetries: 11 }))
        yield* assertFailsWith(
          "invalid_config",
          backend.updateConfig({ ...before, maxRetries: 1, pipelineType: "s2s" })
        )
        yield* assertFailsWith(
          "invalid_config",
          backend.updateConfig({ ...before, maxRetries: 1, provider: "another" })
        )
        yield* assertEqual((yield* backend.config).maxRetries, before.maxRetries, "max_retries")
        yield* backend.updateConfig({ ...before, maxRetries: 1 })
        yield* assertEqual((yield* backend.config).maxRetries, 1, "max_retries after a good update")
      })
  ),
  test(
    "VoiceBackend.UpdateConfig maximum",
    "a lower maximum refuses new sessions only",
    (backends) =>
      Effect.gen(function*() {
        const { backend, createSession } = yield* backends.start()
        const old = [yield* createSession(), yield* createSession()]
        yield* backend.updateConfig({ ...(yield* backend.config), maxConcurrentSessions: 1 })
        yield* assertFailsWith("session_limit_exceeded", createSession())
        yield* assertEqual(yield* backend.activeSessionCount, old.length, "sessions that continue")
      }),
    ["multiUser"]
  )
]
