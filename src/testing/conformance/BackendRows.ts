/**
 * The contract's backend, row by row.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { VoiceBackend } from "../../backend/VoiceBackend.ts"
import { refused, same, that, until, within } from "./Assertions.ts"
import { type Row, test } from "./Row.ts"
import { talker } from "./TestBackends.ts"

const session = { userId: "user", transport: "websocket" } as const

const stateOf = (backend: VoiceBackend["Service"]) => backend.connectionState.get

/**
 * @category tables
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Row> = [
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
        yield* same(yield* within("30 seconds", "the window", lonely.ended), "never_connected", "why it ended")
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
        yield* within("20 seconds", "the close", backend.closeSession(user.session.id))
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
