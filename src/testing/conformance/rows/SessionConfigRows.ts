/**
 * Rows of `SessionConfig`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Agent from "../../../agent/Agent.ts"
import { AuthHook } from "../../../hooks/AuthHook.ts"
import * as ScriptedSpeechToSpeech from "../../scripted/ScriptedSpeechToSpeech.ts"
import { assertEqual, assertFailsWith, assertThat, fail } from "../Assertions.ts"
import { type Row, test } from "../Row.ts"

/**
 * The rows of `SessionConfig`.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<Row> = [
  test(
    "SessionConfig.UserID",
    "is required, 1 to 256 characters, and passed to the agent",
    (backends) =>
      Effect.gen(function*() {
        const { createUser, createSession } = yield* backends.start({
          agent: Agent.fromCallback((_, { userId }) => Effect.succeed(`You are ${userId}.`))
        })
        yield* assertFailsWith("invalid_config", createSession({ userId: "" }))
        yield* assertFailsWith("invalid_config", createSession({ userId: "x".repeat(257) }))
        const user = yield* createUser({ userId: "ada" })
        yield* user.type("who am I")
        yield* assertEqual((yield* user.waitForReply()).text, "You are ada.", "the answer")
      })
  ),
  test("SessionConfig.Transport", "is the transport of the user's connection", (backends) =>
    Effect.gen(function*() {
      const { createUser } = yield* backends.start()
      const user = yield* createUser()
      const { transport } = yield* user.waitForEvent("connection.attached")
      yield* assertThat(
        transport === backends.harness.transport || transport === "memory",
        `the transport is ${transport}`
      )
    })),
  test(
    "SessionConfig.ConnectionURL",
    "is optional where users connect to the provider, which returns its own URL",
    (backends) =>
      Effect.gen(function*() {
        const { backend, createSession } = yield* backends.start()
        const { connectionUrl } = yield* backend.access((yield* createSession()).id)
        yield* assertThat(connectionUrl !== "", "there is a URL")
      })
  ),
  test(
    "SessionConfig.AgentCallback",
    "an agent passed with the session answers it",
    (backends) =>
      Effect.gen(function*() {
        const { createUser } = yield* backends.start()
        const user = yield* createUser({ agent: Agent.fromCallback(() => Effect.succeed("It is me.")) })
        yield* user.type("who is there")
        yield* assertEqual((yield* user.waitForReply()).text, "It is me.", "the answer")
      })
  ),
  test(
    "SessionConfig.AgentInstance",
    "names an agent of the registry; an unknown name is refused",
    (backends) =>
      Effect.gen(function*() {
        const backend = yield* backends.fromConfig()
        yield* backend.start
        const { createUser, createSession } = yield* backends.serve(backend)
        yield* assertFailsWith("invalid_config", createSession({ agent: "nobody" }))
        const user = yield* createUser({ agent: "echo" })
        yield* user.type("hello")
        yield* assertEqual((yield* user.waitForReply()).text, "You said hello.", "the answer")
      })
  ),
  test(
    "SessionConfig.PipelineType",
    "overrides the backend's type if the backend has the engines",
    (backends) =>
      Effect.gen(function*() {
        const { createSession } = yield* backends.start()
        yield* assertFailsWith("invalid_config", createSession({ pipelineType: "s2s" }))
        yield* createSession({ pipelineType: "stt_tts" })
        const s2s = yield* backends.start({ s2s: ScriptedSpeechToSpeech.layerS2s(["I am a model."]) })
        yield* assertFailsWith("invalid_config", s2s.createSession({ pipelineType: "stt_tts" }))
      })
  ),
  test(
    "SessionConfig.Metadata",
    "is JSON of at most 16 KiB, available to the session and its agent",
    (backends) =>
      Effect.gen(function*() {
        const { createUser, createSession } = yield* backends.start({
          agent: Agent.fromCallback((_, { metadata }) => Effect.succeed(`From ${String(metadata["city"])}.`))
        })
        yield* assertFailsWith("invalid_config", createSession({ metadata: { big: "x".repeat(17_000) } }))
        const user = yield* createUser({ metadata: { city: "Paris" } })
        yield* user.type("where from")
        yield* assertEqual((yield* user.waitForReply()).text, "From Paris.", "the answer")
      })
  ),
  test(
    "SessionConfig.token",
    "is the user's credential for the AuthHook, and is not stored",
    (backends) =>
      Effect.gen(function*() {
        const tokens: Array<string> = []
        const { createSession } = yield* backends.start({
          services: Layer.succeed(AuthHook, {
            authenticate: (token) => {
              tokens.push(token)
              return Effect.succeed({ userId: "ada", authorized: true })
            },
            authorize: () => Effect.succeed(true)
          })
        })
        const session = yield* createSession({ token: "s3cret" })
        yield* assertEqual(tokens, ["s3cret"], "the tokens that the hook received")
        if (JSON.stringify(session.config).includes("s3cret")) return yield* fail("the session stores the token")
      })
  )
]
