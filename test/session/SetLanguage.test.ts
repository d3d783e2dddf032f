/**
 * A session whose language changes in the middle of a call: what is heard, spoken and told to the agent.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import * as Agent from "../../src/agent/index.ts"
import type { LanguageChange } from "../../src/LanguageChange.ts"
import { TurnDetector, type TurnDetectorInput } from "../../src/speech/TurnDetector.ts"
import { Invariants, Scenario, ScriptedLanguageModel } from "../../src/testing/index.ts"
import type { S2sCall } from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { call, layer, layerS2s, running } from "./Harness.ts"

const { say, waitForAgent } = Scenario

/** An agent that changes the language to the second word of "speak de", and tells the language of each turn. */
const interpreter = (changes: Array<LanguageChange> = []) => {
  const languages: Array<string | undefined> = []
  const agent = Agent.fromCallback((text, { language, session }) =>
    Effect.gen(function*() {
      languages.push(language)
      const [verb, tag] = text.split(" ")
      if (verb === "speak" && tag !== undefined && session?.setLanguage !== undefined) {
        changes.push(yield* session.setLanguage(tag))
      }
      return `${text} & 5 %.`
    })
  )
  return { agent, languages }
}

/** What a detector of ends was asked: a language, or none. */
const detector = (asked: Array<string | undefined>) =>
  Layer.succeed(TurnDetector, {
    name: "listening",
    endOfTurn: ({ language }: TurnDetectorInput) => Effect.sync(() => (asked.push(language), 1))
  })

const collected = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${message}`))
  return { lines, layer: Logger.layer([logger]) }
}

describe("setLanguage", () => {
  it.effect("reaches the recogniser, the voice, the detector of ends, the text and the agent", () =>
    Effect.gen(function*() {
      const heardIn: Array<string | undefined> = []
      const spoken: Array<string> = []
      const judged: Array<string | undefined> = []
      const changes: Array<LanguageChange> = []
      const { agent, languages } = interpreter(changes)
      const played = yield* Scenario.run({
        user: [say("hello"), waitForAgent, say("speak de"), waitForAgent, say("hallo"), waitForAgent],
        session: { language: "en" },
        agent,
        stt: { onLanguage: (language) => heardIn.push(language) },
        tts: { onSpeak: (text, language) => void spoken.push(`${language}: ${text}`) },
        turn: detector(judged)
      })
      assert.strictEqual(Invariants.report(played), "")
      assert.deepStrictEqual(heardIn, ["en", "de"])
      assert.deepStrictEqual(spoken, [
        "en: hello and 5 percent.",
        "de: speak de und 5 Prozent.",
        "de: hallo und 5 Prozent."
      ])
      assert.deepStrictEqual(languages, ["en", "en", "de"])
      assert.deepStrictEqual([judged[0], judged.at(-1)], ["en", "de"])
      assert.deepStrictEqual(
        changes.map(({ engines, language }) => [language, ...engines.map(({ follows }) => follows)]),
        [
          ["de", true, true]
        ]
      )
      assert.deepStrictEqual(played.history.flatMap(({ role, text }) => role === "user" ? [text] : []), [
        "hello",
        "speak de",
        "hallo"
      ])
    }))

  it.effect("is a tool of the agent's model", () =>
    Effect.gen(function*() {
      const Switch = Tool.make("speak", {
        description: "Changes the language of the call",
        parameters: Schema.Struct({ language: Schema.String }),
        success: Schema.String,
        failure: Schema.String
      })
      const toolkit = Toolkit.make(Switch)
      const handlers = toolkit.toLayer({
        speak: ({ language }) =>
          Agent.setLanguage(language).pipe(
            Effect.map(({ engines }) => `changed: ${engines.every(({ follows }) => follows)}`),
            Effect.mapError(({ message }) => message)
          )
      })
      const spoken: Array<string> = []
      const heardIn: Array<string | undefined> = []
      const requests: Array<ScriptedLanguageModel.Request> = []
      const played = yield* Effect.gen(function*() {
        const agent = yield* Agent.withContext(Agent.fromLanguageModel({ toolkit }))
        return yield* Scenario.run({
          user: [say("german please"), waitForAgent, say("guten tag"), waitForAgent],
          agent,
          stt: { onLanguage: (language) => heardIn.push(language) },
          tts: { onSpeak: (text, language) => void spoken.push(`${language}: ${text}`) }
        })
      }).pipe(Effect.provide([
        ScriptedLanguageModel.layer([
          [{ call: "speak", params: { language: "de_DE" } }],
          [{ call: "speak", params: { language: "de" } }],
          ["Gern & sofort."],
          ["Guten Tag."]
        ], requests),
        handlers
      ]))
      assert.strictEqual(Invariants.report(played), "")
      assert.deepStrictEqual(spoken, ["de: Gern und sofort.", "de: Guten Tag."])
      assert.deepStrictEqual(heardIn, [undefined, "de"])
      assert.include(JSON.stringify(requests[1]?.prompt), "language tag (BCP 47)")
      assert.include(JSON.stringify(requests[2]?.prompt), "changed: true")
    }))

  it.effect("outside of a session fails", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(Agent.setLanguage("de"))).code, "invalid_config")
    }))

  it.effect("goes on where no engine has the language: the result and one line of the log say so", () => {
    const { layer: logs, lines } = collected()
    return Effect.gen(function*() {
      const heardIn: Array<string | undefined> = []
      const spoken: Array<string> = []
      const changes: Array<LanguageChange> = []
      const played = yield* Scenario.run({
        user: [say("speak tlh"), waitForAgent, say("speak tlh"), waitForAgent, say("qapla"), waitForAgent],
        session: { language: "en" },
        agent: interpreter(changes).agent,
        stt: { languages: ["en"], onLanguage: (language) => heardIn.push(language) },
        tts: { languages: ["en"], onSpeak: (text, language) => void spoken.push(`${language}: ${text}`) }
      })
      assert.strictEqual(Invariants.report(played), "")
      assert.deepStrictEqual(heardIn, ["en"])
      // of an unknown language only the layout changes
      assert.deepStrictEqual(spoken, ["en: speak tlh & 5 %.", "en: speak tlh & 5 %.", "en: qapla & 5 %."])
      assert.deepStrictEqual(
        changes.map(({ engines }) => engines),
        [1, 2].map(() => [
          { kind: "stt" as const, engine: "scripted-recogniser", follows: false },
          { kind: "tts" as const, engine: "scripted", follows: false }
        ])
      )
      assert.strictEqual(lines.filter((line) => line.includes("not every engine of it follows")).length, 1)
    }).pipe(Effect.provide(logs))
  })

  it.effect("while the agent speaks: the sentence is finished, the next is of the new language", () => {
    const spoken: Array<string> = []
    return running(
      layer({
        agent: Agent.fromCallback(() => Effect.succeed("This is the first sentence. And 5 % is the second one.")),
        tts: { onSpeak: (text, language) => void spoken.push(`${language}: ${text}`), msPerCharacter: 50 }
      }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(1_200)
        assert.strictEqual(yield* user.session.state.get, "speaking")
        yield* user.session.setLanguage("de")
        yield* user.hears(5_000)
        assert.deepStrictEqual((yield* user.said).length, 2)
        assert.strictEqual(spoken[0], "undefined: This is the first sentence.")
        yield* user.speaks(400)
        yield* user.hears(5_000)
        assert.deepStrictEqual(spoken.slice(-2), [
          "de: This is the first sentence.",
          "de: And 5 Prozent is the second one."
        ])
      })
    )
  })

  it.effect("tells the agent what the recogniser heard, and passes over what is no language", () =>
    Effect.gen(function*() {
      const { agent, languages } = interpreter()
      const said: { readonly [text: string]: string } = {
        bonjour: "fr",
        hallo: "deu",
        x: "<script>",
        y: "en-",
        ok: "EN-gb"
      }
      yield* Scenario.run({
        user: Object.keys(said).flatMap((text) => [say(text), waitForAgent]),
        agent,
        stt: { hears: (text) => said[text] }
      })
      assert.deepStrictEqual(languages, ["fr", "de", undefined, undefined, "en-GB"])
    }))

  it.effect("reaches a speech-to-speech model once, and not for the language that it has", () => {
    const calls: Array<S2sCall> = []
    return running(
      layerS2s(["one", "two"], { calls }),
      Effect.gen(function*() {
        const user = yield* call({ config: { language: "en" } })
        for (const tag of ["en", "de", "DE", "de", "fr"]) yield* user.session.setLanguage(tag)
        const languages = calls.flatMap((call) => call._tag === "setLanguage" ? [call.language] : [])
        assert.deepStrictEqual(languages, ["de", "fr"])
        assert.deepStrictEqual((yield* user.session.setLanguage("it")).engines, [
          { kind: "s2s", engine: "scripted-s2s", follows: true }
        ])
        assert.strictEqual(yield* user.session.language, "it")
      })
    )
  })

  it.effect("refuses what is no tag, and changes nothing", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call({ config: { language: "en" } })
        for (const tag of ["", "-", "de_DE", "d", "de-" + "x".repeat(40), "de\u0000", "constructor", "../de", "🇩🇪"]) {
          assert.strictEqual((yield* Effect.flip(user.session.setLanguage(tag))).code, "invalid_config", tag)
        }
        assert.strictEqual(yield* user.session.language, "en")
      })
    ))
})
