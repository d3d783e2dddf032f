/**
 * Rows of the thirteen error codes: each is provoked and has a message without secrets.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as BackendProvider from "../../../backend/provider/BackendProvider.ts"
import { type BackendError, ConnectionFailed, httpStatus, PipelineError, toProblemJson } from "../../../BackendError.ts"
import * as ScriptedSpeechToSpeech from "../../scripted/ScriptedSpeechToSpeech.ts"
import { assertCompletesWithin, assertEqual, assertFailsWith, assertThat, waitUntil } from "../Assertions.ts"
import { type Check, type Row, test } from "../Row.ts"
import { talker, type TestBackends } from "../TestBackends.ts"
import { agentFails, agentTimesOut } from "./ConversationChecks.ts"
import { authentication, createAuthorization, rateLimits } from "./HookRows.ts"

/** Fails unless the error has an operation and a message, and the same code and status as problem JSON. */
const assertWellFormed = (error: BackendError) =>
  Effect.gen(function*() {
    yield* assertThat(error.op !== "" && error.message !== "", "the error has an operation and a message")
    const problem = toProblemJson(error)
    yield* assertEqual(
      [problem.code, problem.status],
      [error.code, httpStatus(error)],
      "code and status of the problem JSON"
    )
  })

/** Makes a backend whose provider uses another `connect`. */
export const backendConnectingWith = (
  backends: TestBackends,
  change: Parameters<typeof BackendProvider.mapConnect>[1],
  over?: { readonly [key: string]: unknown }
) =>
  Effect.flatMap(
    backends.config(over),
    (config) =>
      Effect.provide(
        BackendProvider.mapConnect(backends.harness.provider, change).createBackend(config),
        backends.registries
      )
  )

/** A model whose first answer goes wrong: error `pipeline_error`, and the session continues. */
const brokenAnswer = (options: ScriptedSpeechToSpeech.ScriptedS2sOptions): Check => (backends) =>
  Effect.gen(function*() {
    const { createUser } = yield* backends.start({
      s2s: ScriptedSpeechToSpeech.layerS2s(["Never heard.", "But this is."], { msPerCharacter: 40, ...options })
    })
    const user = yield* createUser()
    yield* user.type("one")
    yield* assertEqual((yield* user.waitForEvent("error")).code, "pipeline_error", "the code")
    yield* user.type("two")
    yield* waitUntil(
      "the next turn is answered",
      () => user.eventsOf("agent.speech_stopped").find(({ text }) => text === "But this is.")
    )
  })

/** A model that returns malformed audio, or an answer without a sound. */
export const malformedSpeech: Check = (backends) =>
  Effect.andThen(
    brokenAnswer({
      failAt: { 0: new PipelineError({ op: "scripted", message: "not PCM", retryable: false }) }
    })(backends),
    brokenAnswer({ faultAt: { 0: "empty" } })(backends)
  )

/**
 * The rows of the error codes.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<Row> = [
  test(
    "code invalid_config",
    "a value in a config, a request or a session is invalid",
    (backends) =>
      Effect.gen(function*() {
        const { createSession } = yield* backends.start()
        yield* assertWellFormed(yield* assertFailsWith("invalid_config", createSession({ userId: "" })))
      })
  ),
  test("code provider_not_found", "no provider is registered under that name", (backends) =>
    Effect.gen(function*() {
      yield* assertWellFormed(yield* assertFailsWith("provider_not_found", backends.fromConfig({ provider: "nobody" })))
    })),
  test(
    "code connection_failed",
    "the provider cannot be reached or the backend is not running; a later start may succeed",
    (
      backends
    ) =>
      Effect.gen(function*() {
        let attempts = 0
        const backend = yield* backendConnectingWith(backends, (connect) => (config, host) =>
          attempts++ === 0
            ? Effect.fail(new ConnectionFailed({ op: "scripted", message: "no route to host" }))
            : connect(config, host), { max_retries: 0 })
        const error = yield* assertFailsWith("connection_failed", backend.start)
        yield* assertWellFormed(error)
        yield* assertThat(error.retryable, "it is retryable")
        yield* assertEqual(yield* backend.connectionState.get, "error", "the connection state")
        yield* backend.start
        yield* assertEqual(yield* backend.connectionState.get, "connected", "the connection state after another start")
      })
  ),
  test("code connection_timeout", "the provider does not connect within timeout", (backends) =>
    Effect.gen(function*() {
      const backend = yield* backendConnectingWith(backends, () => () => Effect.never, { timeout: "1s" })
      yield* assertWellFormed(
        yield* assertFailsWith("connection_timeout", assertCompletesWithin("20 seconds", "the start", backend.start))
      )
    })),
  test(
    "code session_not_found",
    "no session has that id, or the session has ended",
    (backends) =>
      Effect.gen(function*() {
        const { backend, createSession } = yield* backends.start()
        yield* assertWellFormed(yield* assertFailsWith("session_not_found", backend.getSession("nobody")))
        const session = yield* createSession()
        yield* backend.closeSession(session.id)
        for (const operation of [session.say("hello"), session.sendText("hello"), session.interrupt(), session.start]) {
          yield* assertWellFormed(yield* assertFailsWith("session_not_found", operation))
        }
      })
  ),
  test(
    "code session_limit_exceeded",
    "the session limit is reached; existing sessions continue",
    (backends) =>
      Effect.gen(function*() {
        const { createUser, createSession } = yield* backends.start({ config: { maxConcurrentSessions: 1 } })
        const user = yield* createUser()
        const error = yield* assertFailsWith("session_limit_exceeded", createSession())
        yield* assertWellFormed(error)
        yield* assertEqual(
          [error.details?.["reason"], error.retryable],
          ["full", true],
          "details.reason, and retryable"
        )
        yield* user.type("hello")
        yield* assertEqual(
          (yield* user.waitForReply()).reason,
          "completed",
          "how the reply of the existing session ended"
        )
      })
  ),
  test("code rate_limit_exceeded", "a rate limit refuses, with the time to retry", rateLimits),
  test("code authentication_failed", "a token is missing, wrong or expired", authentication),
  test("code authorization_failed", "the user is known, but not permitted", createAuthorization),
  test("code pipeline_error", "a part of the audio pipeline failed", malformedSpeech, ["s2s"]),
  test("code agent_error", "the agent failed", agentFails),
  test("code timeout", "an operation passed its deadline", agentTimesOut),
  test(
    "code context_canceled",
    "the operation was canceled because the session is ending",
    (backends) =>
      Effect.gen(function*() {
        const { createUser } = yield* backends.start({ agent: talker })
        const user = yield* createUser()
        yield* user.type("talk")
        yield* user.waitForEvent("agent.speech_started")
        yield* Effect.forkScoped(user.session.stop, { startImmediately: true })
        yield* assertWellFormed(yield* assertFailsWith("context_canceled", user.session.say("one more thing")))
        yield* assertEqual(
          Array.from(yield* Stream.runCollect(Stream.take(user.session.state.changes, 1))),
          ["speaking"],
          "the state"
        )
      })
  )
]
