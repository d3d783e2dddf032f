/**
 * Rows of the promises P1 to P12, as far as a few conversations can verify them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Agent from "../../../agent/Agent.ts"
import { ConnectionFailed } from "../../../BackendError.ts"
import * as ScriptedEngines from "../../scripted/ScriptedEngines.ts"
import { assertEqual, assertFailsWith, assertThat, waitUntil } from "../Assertions.ts"
import { elsewhere, type Row, test } from "../Row.ts"
import * as ConversationChecks from "./ConversationChecks.ts"
import { auth } from "./HookRows.ts"

/**
 * The rows of the promises.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<Row> = [
  test("P1", "no audio of an interrupted reply is sent after the decision", ConversationChecks.interruption, [
    "exactAudio"
  ]),
  test("P2", "the history holds exactly what was played, to one word", ConversationChecks.historyMatchesHeard, [
    "exactAudio"
  ]),
  test(
    "P3",
    "every turn ends within its deadline, whatever fails: a TTS engine that hangs",
    (backends) =>
      Effect.gen(function*() {
        const { createUser } = yield* backends.start({
          config: { timeout: "1 second" },
          tts: ScriptedEngines.layerTts({ hangAt: [0], msPerCharacter: 40 })
        })
        const user = yield* createUser()
        yield* user.type("one")
        yield* user.waitForEvent("error")
        yield* user.type("two")
        yield* waitUntil(
          "the next turn is answered",
          () => user.eventsOf("agent.speech_stopped").find(({ text }) => text === "You said two.")
        )
      })
  ),
  test("P4", "an engine's failure is retried and does not end the session", (backends) =>
    Effect.gen(function*() {
      const down = new ConnectionFailed({ op: "scripted", message: "the connection was reset" })
      const { createUser } = yield* backends.start({
        config: { retryDelay: "100 millis" },
        tts: ScriptedEngines.layerTts({ failAt: { 0: down }, msPerCharacter: 40 })
      })
      const user = yield* createUser()
      yield* user.type("one")
      yield* waitUntil("the turn is answered", () =>
        user.eventsOf("agent.speech_stopped").find(({ text }) => text === "You said one."))
    })),
  test("P5", "the goodbye is played before the close", (backends) =>
    Effect.gen(function*() {
      const { createUser } = yield* backends.start({ policy: { goodbye: "Goodbye now." } })
      const user = yield* createUser()
      yield* user.waitForEvent("session.started")
      yield* user.session.stop
      yield* waitUntil("the connection is closed", () => user.closeReason())
      yield* assertEqual(user.eventsOf("agent.speech_stopped").map(({ reason, text }) => [text, reason]), [[
        "Goodbye now.",
        "completed"
      ]], "what the agent said")
      yield* waitUntil("it was heard", () => Effect.map(user.heardMs, (ms) => ms > 300))
    })),
  elsewhere(
    "P6",
    "memory returns to the baseline after N sessions",
    "measured on a whole process: test/contract/Leaks.test.ts"
  ),
  test(
    "P7",
    "stop loses no turn that fits its deadline; new requests fail with a typed error",
    ConversationChecks.gracefulDrain
  ),
  test("P8", "admission is atomic: never more than max_concurrent_sessions", ConversationChecks.sessionLimit, [
    "multiUser"
  ]),
  test("P9", "no byte of one session is seen in another", ConversationChecks.sessionIsolation, [
    "multiUser",
    "exactAudio"
  ]),
  test(
    "P10",
    "an active session survives its process: another one continues with its history",
    ConversationChecks.recovery,
    [
      "recovery"
    ]
  ),
  test(
    "P11",
    "client input never ends the session: malformed and oversize messages, impossible positions",
    (backends) =>
      Effect.gen(function*() {
        const { createUser } = yield* backends.start()
        const user = yield* createUser()
        yield* user.waitForEvent("session.started")
        const hostile = [
          "",
          "{",
          "null",
          "[]",
          "{\"type\":7}",
          "{\"type\":\"playout.position\",\"turn\":-1}",
          "\u0000",
          "x".repeat(10_000)
        ]
        for (const text of hostile) yield* user.send(text)
        yield* user.send(JSON.stringify({ type: "playout.position", turn: 9_999, played_ms: 1e15 }))
        yield* user.send(JSON.stringify({ type: "from.the.future" }))
        yield* user.speak(Int16Array.from({ length: 1_600 }, (_, i) => i % 2 === 0 ? 32_767 : -32_768))
        // the noise may be recognised as a word: let that turn end before the user types
        yield* user.speak(ScriptedEngines.silence(1_000))
        yield* user.type("still here")
        yield* waitUntil(
          "the turn is answered",
          () => user.eventsOf("agent.speech_stopped").find(({ text }) => text.includes("still here"))
        )
        yield* assertThat(
          user.eventsOf("error").every(({ code }) => code === "invalid_config"),
          "malformed messages are reported as invalid_config"
        )
        yield* assertThat(user.eventsOf("error").length > 0, "malformed messages are reported")
      })
  ),
  test("P12", "secrets and user speech stay out of logs and errors", (backends) =>
    Effect.gen(function*() {
      const logs: Array<string> = []
      const logger = Logger.layer([Logger.map(Logger.formatJson, (line) => void logs.push(line))])
      const errors = yield* Effect.gen(function*() {
        const { createUser, createSession } = yield* backends.start({
          services: auth(),
          agent: Agent.fromCallback((text) =>
            text === "hush" ? Effect.die(new Error(`died of ${text}`)) : Effect.succeed("Yes.")
          )
        })
        const error = yield* assertFailsWith("authentication_failed", createSession({ token: "s3cret-token" }))
        const user = yield* createUser({ token: "good" })
        yield* user.say("my pin is four two")
        yield* user.waitForReply()
        yield* user.session.updateMetadata({ note: "s3cret-note" })
        return JSON.stringify([error, user.eventsOf("error")])
      }).pipe(
        Effect.scoped,
        Effect.provide(Layer.mergeAll(logger, Layer.succeed(References.MinimumLogLevel, "Trace")))
      )
      const all = `${errors}\n${logs.join("\n")}`
      for (const secret of ["s3cret", "four two"]) {
        yield* assertThat(!all.includes(secret), `logs and errors do not contain "${secret}"`)
      }
    }))
]
