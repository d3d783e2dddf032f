/** The history holds the words that were heard (P2) also where the voice waits, stalls or breaks off. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { ConnectionFailed } from "../../src/BackendError.ts"
import * as ResilientTextToSpeech from "../../src/speech/resilience/ResilientTextToSpeech.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { Invariants, Scenario, SpokenAudio } from "../../src/testing/index.ts"

const { pause, perform, pressStop, say, waitForAgent, waitForSpeech } = Scenario

const OUTPUT_RATE = 24_000
const gone = new ConnectionFailed({ op: "TextToSpeech.speak", message: "scripted: connection lost" })

/** Writes its words at once, and the rest after a long pause. */
const writing = (words: string) =>
  Agent.fromStream(() =>
    Stream.concat(
      Stream.succeed(words),
      Stream.concat(Stream.fromEffectDrain(Effect.sleep("10 seconds")), Stream.succeed("Done."))
    )
  )

/** A voice that speaks so fast, and of whose sentences some break off after so many ms. */
const voice = (
  name: string,
  msPerCharacter: number,
  cutMs: (text: string) => number | undefined,
  end = Stream.fail(gone)
) =>
  TextToSpeech.of({
    name,
    sampleRate: OUTPUT_RATE,
    capabilities: { voices: [name], languages: [] },
    open: () =>
      Effect.succeed({
        speak: (texts) =>
          Stream.flatMap(texts, (text) => {
            const pcm = SpokenAudio.encode(text, { sampleRate: OUTPUT_RATE, msPerCharacter })
            const ms = cutMs(text)
            return ms === undefined
              ? Stream.succeed({ pcm, text })
              : Stream.concat(Stream.succeed({ pcm: pcm.slice(0, ms * OUTPUT_RATE / 1_000), text }), end)
          })
      })
  })

const conversation = Effect.fnUntraced(function*(options: Scenario.ScenarioOptions) {
  const call = yield* Scenario.run(options)
  assert.strictEqual(Invariants.report(call), "")
  const said = call.history.filter((item) => item.role === "agent").map(({ text }) => text)
  return { call, said }
})

describe("The history", () => {
  for (const msPerCharacter of [20, 50, 90]) {
    for (const words of ["Well then. ", "and because table to ", "Shall we book it? "]) {
      it.effect(`has "${words.trim()}", heard at ${msPerCharacter} ms a character while the agent writes on`, () =>
        Effect.gen(function*() {
          const { call, said } = yield* conversation({
            agent: writing(words),
            tts: { msPerCharacter },
            user: [say("hello"), waitForSpeech(), pause("4 seconds"), pressStop, pause("1 second")]
          })
          assert.deepStrictEqual(said, [words.trim()])
          assert.deepStrictEqual(call.heardByUser, said)
        }))
    }

    it.effect(`is right to one word within such words, at ${msPerCharacter} ms a character`, () =>
      Effect.gen(function*() {
        for (let characters = 5; characters < 50; characters += 6) {
          const heardMs = characters * msPerCharacter
          const { said } = yield* conversation({
            agent: writing("book and because table to the four flight tomorrow. "),
            tts: { msPerCharacter },
            user: [say("hello"), waitForSpeech(), pause(heardMs), pressStop, pause("1 second")]
          })
          assert.isAtMost(said.length, 1)
        }
      }))
  }

  it.effect("has of a sentence that breaks off what was spoken, when another voice goes on", () =>
    Effect.gen(function*() {
      const first = voice("first", 60, (text) => text.startsWith("The second") ? 660 : undefined)
      const second = voice("second", 60, () => undefined)
      const tts = yield* ResilientTextToSpeech.make([first, second], { timeout: "2 seconds", maxRetries: 0 })
      const { call, said } = yield* conversation({
        agent: Agent.fromCallback(() =>
          Effect.succeed("The first sentence is whole. The second one breaks off soon. The third is whole again.")
        ),
        tts: Layer.succeed(TextToSpeech, tts),
        user: [say("hello"), waitForAgent]
      })
      assert.deepStrictEqual(said, ["The first sentence is whole. The second The third is whole again."])
      assert.deepStrictEqual(call.heardByUser, said)
    }))

  for (const ending of ["fails", "hangs"] as const) {
    it.effect(`has of the last sentence what was spoken, when its voice ${ending}`, () =>
      Effect.gen(function*() {
        const { call, said } = yield* conversation({
          agent: Agent.fromCallback(() => Effect.succeed("The first is whole. The second one breaks off soon.")),
          policy: { apology: "" },
          config: { timeout: "2 seconds", maxRetries: 0 },
          tts: Layer.succeed(
            TextToSpeech,
            voice(
              "only",
              60,
              (text) => text.startsWith("The second") ? 660 : undefined,
              ending === "fails"
                ? Stream.fail(gone)
                : Stream.never
            )
          ),
          user: [say("hello"), waitForAgent]
        })
        assert.deepStrictEqual(said, ["The first is whole. The second"])
        assert.deepStrictEqual(call.heardByUser, said)
        assert.strictEqual(call.replies[0]?.ended?.reason, "failed")
      }))
  }

  for (const msPerCharacter of [30, 60, 80]) {
    it.effect(`has no word that a model did not say which stalls, at ${msPerCharacter} ms a character`, () =>
      Effect.gen(function*() {
        for (
          const answer of ["I do so as it is to be at an inn by the sea in May.", "a flight to Paris would be good."]
        ) {
          const { call, said } = yield* conversation({
            config: { timeout: "2 seconds" },
            policy: { apology: "" },
            s2s: { answers: [answer], turnAuthority: "own", msPerCharacter, faultAt: { 0: "stalls" } },
            user: [say("hello"), waitForAgent]
          })
          assert.lengthOf(said, 1)
          assert.isTrue(call.heardByUser[0]?.startsWith(said[0] ?? "?"))
        }
      }))
  }

  it.effect("has the words of a model and of a faster voice beside it", () =>
    Effect.gen(function*() {
      const { call, said } = yield* conversation({
        s2s: { answers: ["Here you are."], turnAuthority: "remote", msPerCharacter: 90, say: false, voice: true },
        tts: { msPerCharacter: 20 },
        user: [
          say("hello"),
          waitForAgent,
          perform("says a text", (session) => Effect.ignore(session.say("a table at four."))),
          waitForAgent
        ]
      })
      assert.deepStrictEqual(said, ["Here you are.", "a table at four."])
      assert.deepStrictEqual(call.heardByUser, said)
    }))
})
