/**
 * What a caller hears and what the history holds, by the settings of text: of the config, the session and the voice.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { SessionRequest } from "../../src/session/SessionConfig.ts"
import { SessionText } from "../../src/session/SessionText.ts"
import * as Scenario from "../../src/testing/scenario/Scenario.ts"
import { call, layer, running } from "./Harness.ts"

const text = "Das kostet 20 % mehr & dauert 3–5 Tage."
const german = "Das kostet 20 Prozent mehr und dauert 3 bis 5 Tage."

const play = Effect.fnUntraced(function*(options: Partial<Scenario.ScenarioOptions>, answer = text) {
  const played = yield* Scenario.run({
    user: [Scenario.say("hallo"), Scenario.waitForAgent],
    agent: Agent.fromCallback(() => Effect.succeed(answer)),
    ...options
  })
  const history = played.history.flatMap((item) => item.role === "agent" ? [item.text] : []).join(" ")
  return { heard: played.heardByUser.join(" "), history }
})

const cases: ReadonlyArray<readonly [string, Partial<Scenario.ScenarioOptions>, heard: string]> = [
  ["an unknown language", {}, text],
  ["the config's language", { config: { text: { language: "de" } } }, german],
  ["the session's language", { session: { language: "de-AT" } }, german],
  ["the session's text language over its language", { session: { language: "fr", text: { language: "de" } } }, german],
  [
    "the session's over the config's",
    { config: { text: { language: "fr" } }, session: { text: { language: "de" } } },
    german
  ],
  ["the voice's language", { tts: { language: "de" } }, german],
  ["the config's over the voice's", { config: { text: { language: "de" } }, tts: { language: "en" } }, german],
  ["a language without tables", { config: { text: { language: "sv" } }, tts: { language: "en" } }, text],
  ["off", { config: { text: { language: "de", off: true } } }, text]
]

describe("text settings", () => {
  for (const [name, options, heard] of cases) {
    it.effect(name, () => Effect.map(play(options), (call) => assert.strictEqual(call.heard, heard)))
  }

  it.effect("off changes no Markdown and no tag", () =>
    Effect.gen(function*() {
      const written = "**Das** ist <b>gut</b> & `so`."
      const { heard, history } = yield* play({ config: { text: { off: true } } }, written)
      assert.deepStrictEqual([heard, history], [written, written])
    }))

  it.effect("tags reach the voice that understands them, and neither transcript nor history", () =>
    Effect.gen(function*() {
      const written = "Your code is <spell>A7B9</spell>. <break time=\"1s\"/> Thanks [laughs] <foo>you</foo>."
      const known = yield* play({ tts: { tags: ["spell", "break", "[laughs]"] } }, written)
      assert.strictEqual(known.heard, "Your code is <spell>A7B9</spell>. <break time=\"1s\"/> Thanks [laughs] you.")
      assert.strictEqual(known.history, "Your code is A7B9. Thanks you.")
      const unknown = yield* play({}, written)
      assert.strictEqual(unknown.heard, "Your code is A7B9. Thanks you.")
      const asked = yield* play({ config: { text: { keepTags: ["foo"] } } }, written)
      assert.strictEqual(asked.heard, "Your code is A7B9. Thanks <foo>you</foo>.")
      assert.strictEqual(asked.history, "Your code is A7B9. Thanks you.")
    }))

  it.effect("pronunciations and numbers reach the voice, the history keeps what was written", () =>
    Effect.gen(function*() {
      const options = {
        config: { text: { pronunciations: { sql: "sequel" } } },
        session: { text: { pronunciations: { ".NET": "dot net" } } },
        tts: { language: "en", normalisesText: false }
      }
      const { heard, history } = yield* play(options, "SQL and .NET cost €1,234.56.")
      assert.strictEqual(
        heard,
        "sequel and dot net cost one thousand two hundred thirty-four euros and fifty-six cents."
      )
      assert.strictEqual(history, "SQL and .NET cost €1,234.56.")
    }))

  it.effect("an interruption in a number that is said in many words keeps the words before it", () =>
    Effect.gen(function*() {
      const call = yield* Scenario.run({
        user: [
          Scenario.say("hallo"),
          Scenario.interruptWhenHeard("thousand", "stop it now please"),
          Scenario.waitForAgent
        ],
        agent: Agent.fromStream((transcript) =>
          transcript === "hallo" ? Stream.make("It costs €1,234.56 in all today.") : Stream.make("Well.")
        ),
        tts: { language: "en", normalisesText: false }
      })
      const first = call.history.find((item) => item.role === "agent")
      assert.strictEqual(first?.text, "It costs")
    }))

  it.effect("a session's language is set while it runs; a malformed tag is refused, and so is an ended session", () =>
    running(
      layer({ agent: Agent.fromCallback(() => Effect.succeed("5 % & mehr.")), tts: { language: "en" } }),
      Effect.gen(function*() {
        const user = yield* call()
        const answered = Effect.andThen(user.speaks(400), user.hears(3_000))
        yield* answered
        yield* user.session.setLanguage("de-CH")
        yield* answered
        yield* user.session.setLanguage("xx")
        yield* answered
        const said = (yield* user.said).filter((line) => line.startsWith("agent"))
        assert.deepStrictEqual(said, ["agent: 5 percent and mehr.", "agent: 5 Prozent und mehr.", "agent: 5 % & mehr."])
        for (const tag of ["", "deutsch", "de_DE", "e", "de-" + "x".repeat(40)]) {
          const error = yield* Effect.flip(user.session.setLanguage(tag))
          assert.strictEqual(error.code, "invalid_config", tag)
        }
        yield* user.session.stop
        assert.strictEqual((yield* Effect.flip(user.session.setLanguage("de"))).code, "session_not_found")
      })
    ))

  it.effect("a session's settings are its own over the backend's, and a stored session brings its language back", () =>
    Effect.sync(() => {
      const session = new SessionText({ language: "en", text: { keepTags: ["a"] } }, {
        language: "fr",
        keepTags: ["b"]
      })
      assert.deepStrictEqual([session.settings().language, session.ofVoice()], ["en", "en"])
      assert.deepStrictEqual(session.settings().keepTags, ["b", "a"])
      session.setLanguage("de")
      assert.deepStrictEqual([session.settings().language, session.ofVoice()], ["de", "de"])
      const restored = new SessionText(session.speech, { language: "fr" }, session.changed())
      assert.deepStrictEqual([restored.settings().language, restored.ofVoice(), restored.ofUser()], ["de", "de", "de"])
    }))

  it.effect("the config and a request take the settings, and refuse what is not valid", () =>
    Effect.gen(function*() {
      const base = { provider: "local", pipeline_type: "stt_tts", stt_provider: "a", tts_provider: "b" }
      const settings = {
        language: "de-AT",
        keep_tags: ["break", "[laughs]", "*"],
        pronunciations: { SQL: "x" },
        off: false
      }
      const config = yield* BackendConfig.decode({ ...base, text: settings })
      assert.deepStrictEqual(config.text, {
        language: "de-AT",
        keepTags: ["break", "[laughs]", "*"],
        pronunciations: { SQL: "x" },
        off: false
      })
      const request = yield* Schema.decodeUnknownEffect(SessionRequest)({
        user_id: "u",
        transport: "websocket",
        text: settings
      })
      assert.deepStrictEqual(request.text, config.text)
      const entries = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`w${i}`, "x"]))
      for (
        const bad of [
          { language: "deutsch sprache" },
          { keep_tags: ["a b"] },
          { keep_tags: Array.from({ length: 51 }, () => "b") },
          { pronunciations: { [" "]: "x" } },
          { pronunciations: { ["x".repeat(129)]: "x" } },
          { pronunciations: { a: "x".repeat(257) } },
          { pronunciations: entries(501) },
          { off: "yes" }
        ]
      ) {
        const error = yield* Effect.flip(BackendConfig.decode({ ...base, text: bad }))
        assert.strictEqual(error.code, "invalid_config")
        assert.match(error.message, /text\./)
      }
    }))
})
