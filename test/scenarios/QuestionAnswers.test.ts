/**
 * Short answers to the agent's questions: begun at every moment around the end of a reply, heard by every kind of recogniser.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { Invariants, type Recording, Scenario } from "../../src/testing/index.ts"

const { pause, perform, say, type, waitForSpeech } = Scenario

const question = "I found a table for two at eight. Shall I book it?"
const statement = "I found a table for two at eight. I will book it."
/** Of the scripted voice, which speaks a sentence without the space before it. */
const MS_PER_CHARACTER = 50
const lengthOf = (reply: string) => reply.replaceAll(/(?<=[.?]) /gu, "").length * MS_PER_CHARACTER

/** Between two beginnings; `verify:full` asks for less. */
const STEP_MS = Number(process.env["EFFECT_VOICE_ANSWER_STEP"] ?? 220)

interface Case {
  readonly word: string
  readonly beforeEndMs: number
  readonly reply?: string
  readonly options?: Partial<Scenario.ScenarioOptions>
}

/** The user says a word that begins so long before the end of the agent's reply. */
const answering = Effect.fnUntraced(function*({ beforeEndMs, options, reply = question, word }: Case) {
  const call = yield* Scenario.run({
    agent: Agent.fromCallback((text) => Effect.succeed(text === "a table" ? reply : `You said ${text}.`)),
    user: [
      say("a table"),
      waitForSpeech(lengthOf(reply) - Math.max(beforeEndMs, 40)),
      pause(Math.max(0, 40 - beforeEndMs)),
      say(word),
      pause("4 seconds")
    ],
    ...options
  })
  assert.strictEqual(Invariants.report(call), "")
  return call
})
const userSaid = (call: Recording.Recording) => call.history.flatMap((item) => item.role === "user" ? [item.text] : [])

const recognisers: ReadonlyArray<readonly [name: string, options: Partial<Scenario.ScenarioOptions>]> = [
  ["interim words", {}],
  ["no interim words", { stt: { interim: false } }],
  ["interim words, finals late", { stt: { delayMs: 500 } }],
  ["no interim words, finals late", { stt: { interim: false, delayMs: 500 } }],
  ["a recogniser that decides turns", { turnDetection: "stt", stt: { endOfTurn: 300 } }],
  ["a slow detector", { vad: { onsetMs: 120, hangoverMs: 250 } }]
]

describe("A short answer to a question", () => {
  for (const [name, options] of recognisers) {
    it.effect(`is answered whenever it begins within its last second, with ${name}`, () =>
      Effect.gen(function*() {
        const all = ["yes", "sure", "okay", "mhm", "right", "ja", "sí", "no", "oh I see"]
        for (const word of name === "interim words" ? all : ["yes", "okay", "no"]) {
          for (let beforeEndMs = -200; beforeEndMs <= 900; beforeEndMs += STEP_MS) {
            const call = yield* answering({ word, beforeEndMs, options })
            const what = `"${word}", ${beforeEndMs} ms before the end`
            assert.deepStrictEqual(userSaid(call), ["a table", word], what)
            assert.strictEqual(call.replies.at(-1)?.heard, `You said ${word}.`, what)
          }
        }
      }), 60_000)

    it.effect(`is a backchannel before that, and over a statement, with ${name}`, () =>
      Effect.gen(function*() {
        for (const [reply, beforeEndMs] of [[question, 1_300], [question, 2_000], [statement, 700]] as const) {
          const call = yield* answering({ word: "okay", beforeEndMs, reply, options })
          assert.deepStrictEqual(userSaid(call), ["a table"], `${reply} ${beforeEndMs}`)
          assert.deepStrictEqual(call.heardByUser, [reply])
        }
        const more = "Shall I book it? If not, I can look for another table."
        const call = yield* answering({ word: "okay", beforeEndMs: 900, reply: more, options })
        assert.deepStrictEqual(userSaid(call), ["a table"], "a question with more text after it does not count")
      }))
  }

  it.effect("is answered whatever min_speech and min_words, and after a question that may not be interrupted", () =>
    Effect.gen(function*() {
      for (
        const interruption of [
          { minSpeech: "2 seconds" } as const,
          { minWords: 3 },
          { enabled: false },
          { patience: "100 millis" } as const
        ]
      ) {
        for (const interim of [true, false]) {
          const call = yield* answering({
            word: "yes",
            beforeEndMs: 500,
            options: { policy: { interruption }, stt: { interim, delayMs: 400 } }
          })
          assert.deepStrictEqual(userSaid(call), ["a table", "yes"], JSON.stringify(interruption))
        }
      }
      for (const interruptible of [true, false]) {
        const call = yield* Scenario.run({
          user: [
            perform("asks", (session) => session.say("Shall we begin the survey?", { interruptible })),
            waitForSpeech(1_000),
            say("yes"),
            pause("5 seconds")
          ]
        })
        assert.strictEqual(Invariants.report(call), "")
        assert.deepStrictEqual(userSaid(call), ["yes"])
        assert.strictEqual(call.replies[0]?.ended?.reason, interruptible ? "interrupted" : "completed")
      }
    }))

  it.effect("is answered in the silence of a reply that may go on", () =>
    Effect.gen(function*() {
      const agent = Agent.fromStream((text) =>
        text === "a table"
          ? Stream.concat(Stream.succeed("Shall I book it?\n"), Stream.fromEffectDrain(Effect.sleep("6 seconds")))
          : Stream.succeed(`You said ${text}.`)
      )
      const call = yield* Scenario.run({
        agent,
        user: [say("a table"), waitForSpeech("1500 millis"), say("yes"), pause("5 seconds")]
      })
      assert.strictEqual(Invariants.report(call), "")
      assert.deepStrictEqual(userSaid(call), ["a table", "yes"])
      assert.strictEqual(call.replies.at(-1)?.heard, "You said yes.")
    }))

  it.effect("is answered while the agent's stream is still open, unless more of the reply comes", () =>
    Effect.gen(function*() {
      for (const [more, afterMs] of [["", 4_000], ["That is fine for two people. ", 2_000]] as const) {
        for (const beforeEndMs of [900, 500, 100]) {
          const agent = Agent.fromStream((text) =>
            text === "a table"
              ? Stream.fromIterable([`${question}\n`, "later", more]).pipe(
                Stream.mapEffect((piece) =>
                  piece === "later" ? Effect.as(Effect.sleep(afterMs), "") : Effect.succeed(piece)
                )
              )
              : Stream.succeed(`You said ${text}.`)
          )
          const call = yield* answering({ word: "yes", beforeEndMs, options: { agent } })
          assert.deepStrictEqual(userSaid(call), more === "" || beforeEndMs > 500 ? ["a table", "yes"] : ["a table"])
        }
      }
    }))

  it.effect("is heard by a model that needs no transcript, though it is shorter than min_speech", () =>
    Effect.gen(function*() {
      const call = yield* Scenario.run({
        s2s: { turnAuthority: "own", answers: ["Shall I book the table at eight?", "I will book it."] },
        user: [say("a table"), waitForSpeech("1500 millis"), say("yes"), pause("5 seconds")]
      })
      assert.strictEqual(Invariants.report(call), "")
      assert.strictEqual(call.replies.at(-1)?.heard, "I will book it.")
    }))

  it.effect("that is typed is never a backchannel", () =>
    Effect.gen(function*() {
      const call = yield* Scenario.run({
        agent: Agent.fromCallback((text) => Effect.succeed(text === "a table" ? statement : `You said ${text}.`)),
        user: [say("a table"), waitForSpeech("500 millis"), type("okay"), pause("4 seconds")]
      })
      assert.deepStrictEqual(userSaid(call), ["a table", "okay"])
    }))

  it.effect("does not make an answer of a cough or of the agent's echo", () =>
    Effect.gen(function*() {
      for (const word of ["shall I book it", ""]) {
        const call = yield* answering({
          word,
          beforeEndMs: 300,
          options: word === ""
            ? { user: [say("a table"), waitForSpeech("2 seconds"), Scenario.cough("150 millis"), pause("6 seconds")] }
            : {}
        })
        assert.deepStrictEqual(userSaid(call), ["a table"])
        assert.deepStrictEqual(call.heardByUser, [question])
      }
    }))
})
