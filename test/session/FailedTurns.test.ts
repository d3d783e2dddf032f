import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import * as AgentFallback from "../../src/agent/AgentFallback.ts"
import { AgentError, type BackendError, PipelineError } from "../../src/BackendError.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { Invariants, Scenario, SpokenAudio } from "../../src/testing/index.ts"
import { fewer, some } from "../support/Full.ts"

const { backchannel, interruptAfter, pause, pressStop, say, waitForAgent, waitForSpeech } = Scenario

type Text = Stream.Stream<string, BackendError>

const lost = new AgentError({ op: "Agent.respond", message: "the line was lost", retryable: true })
const apology = "Sorry, again please."
const whole = "Well, here is the first half."

/** How an answer ends that has given its words; each takes its time first. */
const causes: { readonly [cause: string]: (after: Text) => Text } = {
  "fails": (after) => Stream.concat(after, Stream.fail(lost)),
  "dies": (after) => Stream.concat(after, Stream.die("a bug")),
  "interrupts itself": (after) => Stream.concat(after, Stream.fromEffect(Effect.interrupt)),
  "never ends": (after) => Stream.concat(after, Stream.never),
  "gives empty texts for ever": (after) =>
    Stream.concat(after, Stream.forever(Stream.fromEffect(Effect.as(Effect.sleep("500 millis"), "")))),
  "gives white space for ever": (after) =>
    Stream.concat(after, Stream.forever(Stream.fromEffect(Effect.as(Effect.sleep("500 millis"), " ")))),
  "gives empty texts without a pause": (after) =>
    Stream.concat(after, Stream.forever(Stream.fromIterable(Array.from({ length: 100 }, () => ""))))
}

/** Those that end the answer as soon as they happen. */
const atOnce = { "fails": true, "dies": true, "interrupts itself": true }

const sleep = (ms: number): Text => ms === 0 ? Stream.empty : Stream.fromEffectDrain(Effect.sleep(ms))

const answering = (first: Text) =>
  Agent.fromStream((transcript) => transcript === "one" ? first : Stream.succeed(`You said ${transcript}.`))

const run = Effect.fnUntraced(function*(first: Text, options: Partial<Scenario.ScenarioOptions> = {}) {
  const call = yield* Scenario.run({
    agent: answering(first),
    policy: { apology },
    config: { timeout: "2 seconds", maxRetries: 0 },
    tts: { delay: "100 millis" },
    user: [say("one"), pause("16 seconds"), say("two"), waitForAgent],
    ...options
  })
  assert.strictEqual(Invariants.report(call), "")
  const agentSaid = call.history.filter((item) => item.role === "agent").map(({ text }) => text)
  const words = (text: string) => text.split(/\s+/u)
  assert.deepStrictEqual(agentSaid.map(words), call.heardByUser.map(words))
  return call
})

const stops = (call: Effect.Success<ReturnType<typeof run>>) =>
  call.events.flatMap((event) => event.type === "agent.speech_stopped" ? [`${event.turn} ${event.reason}`] : [])

describe("A failed turn", () => {
  for (const [cause, ending] of Object.entries(causes)) {
    for (const ms of some([0, 5_000, 30, 300], 2)) {
      it.effect(`of an agent that ${cause} ${ms} ms after its words is heard in whole sentences, then the apology`, () =>
        Effect.gen(function*() {
          for (
            const [words, heard] of [
              [[], []],
              [["Well"], []],
              [[`${whole} `], [whole]],
              [[whole], [whole]],
              [[`${whole} And he`], [whole]],
              [["Well, here is ", "the first ", "half. A", "nd he"], [whole]]
            ] as const
          ) {
            const given: Text = words.length === 0 ? Stream.empty : Stream.fromIterable(words)
            const call = yield* run(ending(Stream.concat(given, sleep(ms))))
            // an agent that is still there after a second is heard up to its last whole word
            const [last, next] = call.heardByUser.slice(-2)
            assert.deepStrictEqual([last, next], [apology, "You said two."])
            const said = call.heardByUser.slice(0, -2).join(" ")
            assert.isTrue(said.startsWith(heard.join(" ")) && words.join("").startsWith(said), said)
            if (ms < 1_000 && cause in atOnce) assert.strictEqual(said, heard.join(" "))
            assert.isTrue(call.events.some((event) => event.type === "error"))
            assert.deepStrictEqual(
              stops(call),
              said === "" ? ["2 completed", "3 completed"] : ["1 failed", "2 completed", "3 completed"]
            )
          }
        }))
    }
  }

  const wordsOf = Schema.Array(Schema.Literals(["one", "two ", " three", " four. ", " five.", " six? ", " seven\n"]))
  const gaps = Schema.Literals([0, 0, 0, 40, 200, 300, 800, 1_500])
  const deaths = Schema.Literals(Object.keys(causes).filter((cause) => cause !== "gives empty texts without a pause"))
  it.effect.prop(
    "is heard in all its whole sentences, however it dies",
    [
      Schema.Array(Schema.Struct({ words: wordsOf.check(Schema.isMaxLength(6)), gap: gaps })).check(
        Schema.isMaxLength(5)
      ),
      deaths
    ],
    ([script, death]) =>
      Effect.gen(function*() {
        const pieces = script.map(({ gap, words }) => Stream.concat(sleep(gap), Stream.succeed(words.join(""))))
        const written = script.flatMap(({ words }) => words).join("")
        const all = pieces.reduce((before, piece) => Stream.concat(before, piece), sleep(0))
        const first = (causes[death] ?? ((after: Text) => after))(all)
        const call = yield* run(first, {
          user: [say("one"), pause("40 seconds")],
          config: { timeout: "2 seconds", maxRetries: 0 }
        })
        assert.strictEqual(call.heardByUser.at(-1), apology)
        const heard = call.heardByUser.slice(0, -1).join(" ")
        // up to the last mark that ends a sentence
        const whole = /^[^]*[.?!](?=\s|$)/u.exec(written)?.[0] ?? ""
        const letters = (text: string) => text.replace(/[^\p{L}]/gu, "")
        assert.isTrue(letters(heard).startsWith(letters(whole)), `${written} -> ${heard}`)
        assert.isTrue(letters(written).startsWith(letters(heard)), `${written} -> ${heard}`)
      }),
    { arbitrary: { runs: fewer(60) } }
  )

  it.effect("of an agent that cannot be stopped ends all the same", () =>
    Effect.gen(function*() {
      const first = Stream.concat(
        Stream.succeed(`${whole} And`),
        Stream.fromEffect(Effect.uninterruptible(Effect.never))
      )
      const call = yield* Scenario.run({
        agent: answering(first),
        policy: { apology },
        config: { timeout: "2 seconds" },
        user: [say("one"), pause("16 seconds"), say("two"), waitForAgent]
      })
      assert.deepStrictEqual(call.heardByUser, [whole, apology, "You said two."])
      const broken = Invariants.all(call).filter(({ invariant }) => invariant !== "no leaks")
      assert.deepStrictEqual(broken, [])
    }))

  it.effect("is not apologised for when the application has no apology", () =>
    Effect.gen(function*() {
      const call = yield* run(Stream.concat(Stream.succeed(`${whole} And`), Stream.fail(lost)), {
        policy: { apology: "" }
      })
      assert.deepStrictEqual(call.heardByUser, [whole, "You said two."])
      assert.deepStrictEqual(stops(call), ["1 failed", "2 completed"])
    }))

  it.effect("of a fallback that fails after its first words is like any other", () =>
    Effect.gen(function*() {
      const failing = Agent.fromStream((text) =>
        text === "one" ? Stream.concat(Stream.succeed(`${whole} And`), Stream.fail(lost)) : Stream.succeed("Yes.")
      )
      const agent = AgentFallback.fallback([failing, Agent.fromStream(() => Stream.succeed("Never."))])
      const call = yield* run(Stream.empty, { agent })
      assert.deepStrictEqual(call.heardByUser, [whole, apology, "Yes."])
    }))

  it.effect("ends where the user interrupts what is left of it, without an apology", () =>
    Effect.gen(function*() {
      const first = Stream.concat(Stream.succeed("Well, this is a long sentence of many words. And"), Stream.fail(lost))
      const call = yield* run(first, { user: [say("one"), interruptAfter("600 millis", "two"), waitForAgent] })
      assert.lengthOf(call.heardByUser, 2)
      assert.strictEqual(call.heardByUser[1], "You said two.")
      const pressed = yield* run(first, {
        user: [
          say("one"),
          waitForSpeech("600 millis", "8 seconds"),
          pressStop,
          pause("2 seconds"),
          say("two"),
          waitForAgent
        ]
      })
      assert.lengthOf(pressed.heardByUser, 2)
      assert.strictEqual(pressed.heardByUser[1], "You said two.")
    }))

  it.effect("is apologised for after a sound of the user that was no interruption", () =>
    Effect.gen(function*() {
      const first = Stream.concat(Stream.succeed("Well, this is a long sentence of many words. And"), Stream.fail(lost))
      const call = yield* run(first, {
        user: [say("one"), waitForSpeech("600 millis", "8 seconds"), backchannel(), pause("8 seconds")]
      })
      assert.strictEqual(call.heardByUser.at(-1), apology)
    }))

  it.effect("is heard to its end when the session is stopped meanwhile", () =>
    Effect.gen(function*() {
      const stop = Scenario.perform(
        "stops the session",
        (session) => Effect.asVoid(Effect.forkChild(Effect.ignore(session.stop)))
      )
      const call = yield* run(Stream.concat(Stream.succeed(`${whole} And`), Stream.fail(lost)), {
        policy: { apology, goodbye: "Goodbye then." },
        user: [say("one"), waitForSpeech("200 millis", "8 seconds"), stop, pause("10 seconds")]
      })
      assert.deepStrictEqual(call.heardByUser, [whole, apology, "Goodbye then."])
    }))

  it.effect("of a preemptive reply that failed in silence is asked for again", () =>
    Effect.gen(function*() {
      let asked = 0
      const agent = Agent.fromStream(() =>
        asked++ === 0 ? Stream.concat(Stream.succeed(`${whole} And`), Stream.fail(lost)) : Stream.succeed("Yes.")
      )
      const call = yield* run(Stream.empty, {
        agent,
        policy: { apology, speculation: true },
        stt: { interim: true },
        user: [say("one"), waitForAgent]
      })
      assert.deepStrictEqual(call.heardByUser, ["Yes."])
      assert.strictEqual(asked, 2)
    }))

  const rejected = new PipelineError({ op: "TextToSpeech.speak", message: "rejected", retryable: false })

  it.effect("of a voice that fails at a sentence is heard up to it; the apology is tried once", () =>
    Effect.gen(function*() {
      const answer = Stream.succeed("One two three. Four five six. Seven.")
      const call = yield* run(answer, { tts: { failAt: { 1: rejected } } })
      assert.deepStrictEqual(call.heardByUser, ["One two three.", apology, "You said two."])
      const mute = yield* run(answer, { tts: { failAt: { 1: rejected, 2: rejected } } })
      assert.deepStrictEqual(mute.heardByUser, ["One two three.", "You said two."])
      assert.lengthOf(mute.events.filter((event) => event.type === "error"), 2)
    }))

  /** A voice that speaks half of a sentence, the first time, and then fails or hangs. */
  const halfVoice = (hangs: boolean) => {
    let sentences = 0
    return Layer.succeed(TextToSpeech, {
      name: "half",
      sampleRate: 24_000,
      capabilities: { voices: ["half"], languages: [] },
      open: () =>
        Effect.succeed({
          speak: (texts) =>
            Stream.flatMap(texts, (text) => {
              const pcm = SpokenAudio.encode(text, { sampleRate: 24_000, msPerCharacter: 50 })
              if (sentences++ > 0) return Stream.succeed({ pcm, text })
              const half = Stream.succeed({ pcm: pcm.subarray(0, pcm.length / 2), text })
              return Stream.concat(half, hangs ? Stream.never : Stream.fail(rejected))
            })
        })
    })
  }
  for (const hangs of [false, true]) {
    it.effect(`of a voice that ${hangs ? "hangs" : "fails"} within a sentence is heard up to it, then the apology`, () =>
      Effect.gen(function*() {
        const call = yield* Scenario.run({
          agent: answering(Stream.succeed("One two three four five six.")),
          policy: { apology },
          config: { timeout: "2 seconds", maxRetries: 0 },
          tts: halfVoice(hangs),
          user: [say("one"), pause("10 seconds"), say("two"), waitForAgent]
        })
        assert.match(call.heardByUser[0] ?? "", /^One two( three)?/u)
        assert.deepStrictEqual(call.heardByUser.slice(1), [apology, "You said two."])
        assert.deepStrictEqual(stops(call), ["1 failed", "2 completed", "3 completed"])
      }))
  }

  it.effect("of a text that the application says has no apology", () =>
    Effect.gen(function*() {
      const call = yield* run(Stream.empty, {
        tts: { failAt: { 1: rejected } },
        user: [
          Scenario.perform("says two sentences", (session) => Effect.ignore(session.say("One two. Three four."))),
          pause("5 seconds"),
          say("two"),
          waitForAgent
        ]
      })
      assert.deepStrictEqual(call.heardByUser, ["One two.", "You said two."])
      assert.deepStrictEqual(stops(call), ["1 failed", "2 completed"])
    }))
})
