/**
 * The promises to users, P1 to P12, as far as one conversation or a few can show them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Agent from "../../agent/Agent.ts"
import { ConnectionFailed } from "../../BackendError.ts"
import * as ScriptedEngines from "../scripted/ScriptedEngines.ts"
import { refused, same, that, until } from "./Assertions.ts"
import * as ConversationChecks from "./ConversationChecks.ts"
import { auth } from "./HookRows.ts"
import { later, type Row, test } from "./Row.ts"

/**
 * @category tables
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Row> = [
  test("P1", "no audio of an interrupted reply is handed over after the decision", ConversationChecks.interrupted, [
    "words"
  ]),
  test("P2", "the history holds exactly what was played, to one word", ConversationChecks.remembered, ["words"]),
  test(
    "P3",
    "every turn reaches its end within its deadline, whatever dies: a voice that hangs",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* stage.open({
          config: { timeout: "1 second" },
          tts: ScriptedEngines.layerTts({ hangAt: [0], msPerCharacter: 40 })
        })
        const user = yield* call()
        yield* user.type("one")
        yield* user.told("error")
        yield* user.type("two")
        yield* until(
          "the next turn is answered",
          () => user.of("agent.speech_stopped").find(({ text }) => text === "You said two.")
        )
      })
  ),
  test("P4", "one engine's failure is retried, and never ends the session", (stage) =>
    Effect.gen(function*() {
      const down = new ConnectionFailed({ op: "scripted", message: "the connection was reset" })
      const { call } = yield* stage.open({
        config: { retryDelay: "100 millis" },
        tts: ScriptedEngines.layerTts({ failAt: { 0: down }, msPerCharacter: 40 })
      })
      const user = yield* call()
      yield* user.type("one")
      yield* until("the turn is answered", () =>
        user.of("agent.speech_stopped").find(({ text }) => text === "You said one."))
    })),
  test("P5", "the goodbye is heard before the close", (stage) =>
    Effect.gen(function*() {
      const { call } = yield* stage.open({ policy: { goodbye: "Goodbye now." } })
      const user = yield* call()
      yield* user.told("session.started")
      yield* user.session.stop
      yield* until("the line is closed", () => user.closed())
      yield* same(user.of("agent.speech_stopped").map(({ reason, text }) => [text, reason]), [[
        "Goodbye now.",
        "completed"
      ]], "what was said")
      yield* until("it was heard", () => Effect.map(user.heardMs, (ms) => ms > 300))
    })),
  later(
    "P6",
    "memory returns to the baseline after N sessions",
    "a measurement of a whole process: test/contract/Leaks.test.ts"
  ),
  test("P7", "stop loses no turn that fits its deadline; new work gets a typed refusal", ConversationChecks.drained),
  test("P8", "admission is atomic: never more than max_concurrent_sessions", ConversationChecks.noMoreThanMaximum, [
    "multiUser"
  ]),
  test("P9", "no byte of one session is seen in another", ConversationChecks.isolated, ["multiUser", "words"]),
  test(
    "P10",
    "an active session survives its process: another goes on with its history",
    ConversationChecks.recovered,
    [
      "recovery"
    ]
  ),
  test(
    "P11",
    "what a client sends never ends the session: garbage, floods of it, and positions that cannot be",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* stage.open()
        const user = yield* call()
        yield* user.told("session.started")
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
        // a noise may be taken for a word: it is over before the user types
        yield* user.speak(ScriptedEngines.silence(1_000))
        yield* user.type("still here")
        yield* until(
          "the turn is answered",
          () => user.of("agent.speech_stopped").find(({ text }) => text.includes("still here"))
        )
        yield* that(
          user.of("error").every(({ code }) => code === "invalid_config"),
          "what is malformed is told as such"
        )
        yield* that(user.of("error").length > 0, "it is told at all")
      })
  ),
  test("P12", "secrets and user speech stay out of logs and errors", (stage) =>
    Effect.gen(function*() {
      const logs: Array<string> = []
      const logger = Logger.layer([Logger.map(Logger.formatJson, (line) => void logs.push(line))])
      const errors = yield* Effect.gen(function*() {
        const { call, create } = yield* stage.open({
          services: auth(),
          agent: Agent.fromCallback((text) =>
            text === "hush" ? Effect.die(new Error(`died of ${text}`)) : Effect.succeed("Yes.")
          )
        })
        const error = yield* refused("authentication_failed", create({ token: "s3cret-token" }))
        const user = yield* call({ token: "good" })
        yield* user.say("my pin is four two")
        yield* user.answered()
        yield* user.session.updateMetadata({ note: "s3cret-note" })
        return JSON.stringify([error, user.of("error")])
      }).pipe(
        Effect.scoped,
        Effect.provide(Layer.mergeAll(logger, Layer.succeed(References.MinimumLogLevel, "Trace")))
      )
      const all = `${errors}\n${logs.join("\n")}`
      for (const secret of ["s3cret", "four two"]) yield* that(!all.includes(secret), `nothing tells "${secret}"`)
    }))
]
