/**
 * What a session is asked to be, field by field.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Agent from "../../agent/Agent.ts"
import { AuthHook } from "../../hooks/AuthHook.ts"
import * as ScriptedSpeechToSpeech from "../scripted/ScriptedSpeechToSpeech.ts"
import { broken, refused, same, that } from "./Assertions.ts"
import { type Row, test } from "./Row.ts"

/**
 * @category tables
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Row> = [
  test(
    "SessionConfig.UserID",
    "is required, 1 to 256 characters, and given to the agent",
    (stage) =>
      Effect.gen(function*() {
        const { call, create } = yield* stage.open({
          agent: Agent.fromCallback((_, { userId }) => Effect.succeed(`You are ${userId}.`))
        })
        yield* refused("invalid_config", create({ userId: "" }))
        yield* refused("invalid_config", create({ userId: "x".repeat(257) }))
        const user = yield* call({ userId: "ada" })
        yield* user.type("who am I")
        yield* same((yield* user.answered()).text, "You are ada.", "the answer")
      })
  ),
  test("SessionConfig.Transport", "is what the user's connection runs over", (stage) =>
    Effect.gen(function*() {
      const { call } = yield* stage.open()
      const user = yield* call()
      const { transport } = yield* user.told("connection.attached")
      yield* that(transport === stage.harness.transport || transport === "memory", `a user comes over ${transport}`)
    })),
  test(
    "SessionConfig.ConnectionURL",
    "may be left out where the provider is dialled: its own is given",
    (stage) =>
      Effect.gen(function*() {
        const { backend, create } = yield* stage.open()
        const { connectionUrl } = yield* backend.access((yield* create()).id)
        yield* that(connectionUrl !== "", "there is a URL")
      })
  ),
  test(
    "SessionConfig.AgentCallback",
    "an agent that is given with the session answers it",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* stage.open()
        const user = yield* call({ agent: Agent.fromCallback(() => Effect.succeed("It is me.")) })
        yield* user.type("who is there")
        yield* same((yield* user.answered()).text, "It is me.", "the answer")
      })
  ),
  test(
    "SessionConfig.AgentInstance",
    "an agent is named as the registry knows it; an unknown name is refused",
    (stage) =>
      Effect.gen(function*() {
        const backend = yield* stage.named()
        yield* backend.start
        const { call, create } = yield* stage.reach(backend)
        yield* refused("invalid_config", create({ agent: "nobody" }))
        const user = yield* call({ agent: "echo" })
        yield* user.type("hello")
        yield* same((yield* user.answered()).text, "You said hello.", "the answer")
      })
  ),
  test(
    "SessionConfig.PipelineType",
    "overrides the backend's, where it has the engines",
    (stage) =>
      Effect.gen(function*() {
        const { create } = yield* stage.open()
        yield* refused("invalid_config", create({ pipelineType: "s2s" }))
        yield* create({ pipelineType: "stt_tts" })
        const speaking = yield* stage.open({ s2s: ScriptedSpeechToSpeech.layerS2s(["I am a model."]) })
        yield* refused("invalid_config", speaking.create({ pipelineType: "stt_tts" }))
      })
  ),
  test(
    "SessionConfig.Metadata",
    "is JSON of at most 16 KiB, known to the session and its agent",
    (stage) =>
      Effect.gen(function*() {
        const { call, create } = yield* stage.open({
          agent: Agent.fromCallback((_, { metadata }) => Effect.succeed(`From ${String(metadata["city"])}.`))
        })
        yield* refused("invalid_config", create({ metadata: { big: "x".repeat(17_000) } }))
        const user = yield* call({ metadata: { city: "Paris" } })
        yield* user.type("where from")
        yield* same((yield* user.answered()).text, "From Paris.", "the answer")
      })
  ),
  test(
    "SessionConfig.token",
    "is the user's credential for the AuthHook, and is not kept",
    (stage) =>
      Effect.gen(function*() {
        const tokens: Array<string> = []
        const { create } = yield* stage.open({
          services: Layer.succeed(AuthHook, {
            authenticate: (token) => {
              tokens.push(token)
              return Effect.succeed({ userId: "ada", authorized: true })
            },
            authorize: () => Effect.succeed(true)
          })
        })
        const session = yield* create({ token: "s3cret" })
        yield* same(tokens, ["s3cret"], "what the hook was given")
        if (JSON.stringify(session.config).includes("s3cret")) return yield* broken("the session keeps the token")
      })
  )
]
