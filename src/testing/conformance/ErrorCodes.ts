/**
 * The thirteen codes, each provoked, with a message that says what was wrong and nothing that is secret.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as ConfiguredBackend from "../../backend/ConfiguredBackend.ts"
import { type BackendError, ConnectionFailed, httpStatus, PipelineError, toProblemJson } from "../../BackendError.ts"
import * as ScriptedSpeechToSpeech from "../scripted/ScriptedSpeechToSpeech.ts"
import { refused, same, that, until, within } from "./Assertions.ts"
import { agentFails, agentTimesOut } from "./ConversationChecks.ts"
import { authenticates, authorizesCreate, limits } from "./HookRows.ts"
import { type Act, type Row, test } from "./Row.ts"
import { talker, type TestBackends } from "./TestBackends.ts"

/** The error says where, what and whether to try again, also as problem JSON. */
const sound = (error: BackendError) =>
  Effect.gen(function*() {
    yield* that(error.op !== "" && error.message !== "", "the error tells its operation and what was wrong")
    const problem = toProblemJson(error)
    yield* same([problem.code, problem.status], [error.code, httpStatus(error)], "code and status of the problem JSON")
  })

/** A backend whose provider connects in another way. */
export const connecting = (
  stage: TestBackends,
  connect: TestBackends["harness"]["provider"]["connect"],
  over?: { readonly [key: string]: unknown }
) =>
  Effect.flatMap(
    stage.config(over),
    (config) => Effect.provide(ConfiguredBackend.make({ ...stage.harness.provider, connect }, config), stage.registries)
  )

/** A model that gives what is no audio: `pipeline_error`, and the session lives. */
export const malformedSpeech: Act = (stage) =>
  Effect.gen(function*() {
    const { call } = yield* stage.open({
      s2s: ScriptedSpeechToSpeech.layerS2s(["Never heard.", "But this is."], {
        msPerCharacter: 40,
        failAt: { 0: new PipelineError({ op: "scripted", message: "not PCM", retryable: false }) }
      })
    })
    const user = yield* call()
    yield* user.type("one")
    yield* same((yield* user.told("error")).code, "pipeline_error", "the code")
    yield* user.type("two")
    yield* until("the next turn is answered", () =>
      user.of("agent.speech_stopped").find(({ text }) => text === "But this is."))
  })

/**
 * @category tables
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Row> = [
  test(
    "code invalid_config",
    "a value of a config, a request or a session is wrong",
    (stage) =>
      Effect.gen(function*() {
        const { create } = yield* stage.open()
        yield* sound(yield* refused("invalid_config", create({ userId: "" })))
      })
  ),
  test("code provider_not_found", "no provider of that name is registered", (stage) =>
    Effect.gen(function*() {
      yield* sound(yield* refused("provider_not_found", stage.named({ provider: "nobody" })))
    })),
  test(
    "code connection_failed",
    "the provider cannot be reached, or the backend does not run; a later start may succeed",
    (
      stage
    ) =>
      Effect.gen(function*() {
        const { provider } = stage.harness
        let attempts = 0
        const backend = yield* connecting(stage, (config, host) =>
          attempts++ === 0
            ? Effect.fail(new ConnectionFailed({ op: "scripted", message: "there is no way" }))
            : provider.connect(config, host), { max_retries: 0 })
        const error = yield* refused("connection_failed", backend.start)
        yield* sound(error)
        yield* that(error.retryable, "it may be tried again")
        yield* same(yield* backend.connectionState.get, "error", "the connection state")
        yield* backend.start
        yield* same(yield* backend.connectionState.get, "connected", "the connection state after another start")
      })
  ),
  test("code connection_timeout", "the provider does not connect within timeout", (stage) =>
    Effect.gen(function*() {
      const backend = yield* connecting(stage, () => Effect.never, { timeout: "1s" })
      yield* sound(yield* refused("connection_timeout", within("20 seconds", "the start", backend.start)))
    })),
  test("code session_not_found", "no session has that id, or it has ended", (stage) =>
    Effect.gen(function*() {
      const { backend, create } = yield* stage.open()
      yield* sound(yield* refused("session_not_found", backend.getSession("nobody")))
      const session = yield* create()
      yield* backend.closeSession(session.id)
      for (const operation of [session.say("hello"), session.sendText("hello"), session.interrupt, session.start]) {
        yield* sound(yield* refused("session_not_found", operation))
      }
    })),
  test(
    "code session_limit_exceeded",
    "the backend is full: it says so and keeps serving the rest",
    (stage) =>
      Effect.gen(function*() {
        const { call, create } = yield* stage.open({ config: { maxConcurrentSessions: 1 } })
        const user = yield* call()
        const error = yield* refused("session_limit_exceeded", create())
        yield* sound(error)
        yield* same([error.details?.["reason"], error.retryable], ["full", true], "details.reason, and retryable")
        yield* user.type("hello")
        yield* same((yield* user.answered()).reason, "completed", "how the reply of the session inside ended")
      })
  ),
  test("code rate_limit_exceeded", "a rate limit refuses, and says when to come back", limits),
  test("code authentication_failed", "a token is missing, wrong or expired", authenticates),
  test("code authorization_failed", "the caller is known, but may not do this", authorizesCreate),
  test("code pipeline_error", "a part of the audio pipeline failed", malformedSpeech, ["s2s"]),
  test("code agent_error", "the agent failed", agentFails),
  test("code timeout", "an operation passed its deadline", agentTimesOut),
  test(
    "code context_canceled",
    "what was asked for is not wanted any more: the session is ending",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* stage.open({ agent: talker })
        const user = yield* call()
        yield* user.type("talk")
        yield* user.told("agent.speech_started")
        yield* Effect.forkScoped(user.session.stop, { startImmediately: true })
        yield* sound(yield* refused("context_canceled", user.session.say("one more thing")))
        yield* same(
          Array.from(yield* Stream.runCollect(Stream.take(user.session.state.changes, 1))),
          ["speaking"],
          "the state"
        )
      })
  )
]
