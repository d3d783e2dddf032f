/**
 * The same conversations with each turn authority: the backend, the recogniser, or a speech-to-speech model.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { Invariants, type Recording, Scenario } from "../../src/testing/index.ts"

const { backchannel, cough, interruptAfter, noise, pause, say, type, waitForAgent, waitForSpeech, waitUntilHeard } =
  Scenario

const story = "Once there was a king who had three sons. The first was clever. The second was brave."
const teller = Agent.fromCallback((text) => Effect.succeed(text.includes("story") ? story : `Well, ${text}.`))

type Authority = "own" | "stt" | "s2s own" | "s2s remote"
const authorities: ReadonlyArray<Authority> = ["own", "stt", "s2s own", "s2s remote"]
/** Only transcripts can distinguish a backchannel or an echo from an interruption. */
const textual = (authority: Authority) => authority === "own" || authority === "stt"

/** The scenario options for a turn authority; `answers` are those of a speech-to-speech model, in order. */
const of = (authority: Authority, answers: ReadonlyArray<string>): Partial<Scenario.ScenarioOptions> => {
  switch (authority) {
    case "own":
      return {}
    case "stt":
      return { turnDetection: "stt", stt: { endOfTurn: 300 } }
    case "s2s own":
      return { s2s: { turnAuthority: "own", answers } }
    case "s2s remote":
      return { s2s: { turnAuthority: "remote", answers } }
  }
}

const conversation = Effect.fnUntraced(function*(
  authority: Authority,
  answers: ReadonlyArray<string>,
  options: Scenario.ScenarioOptions
) {
  const call = yield* Scenario.run({ agent: teller, ...of(authority, answers), ...options })
  assert.strictEqual(Invariants.report(call), "")
  return call
})
const typesOf = (call: Recording.Recording) => call.events.map((event) => event.type)
const userSaid = (call: Recording.Recording) => call.history.flatMap((item) => item.role === "user" ? [item.text] : [])
const announce = (text: string, interruptible = true) =>
  Scenario.perform(`announces "${text}"`, (session) => session.say(text, { interruptible }))
const stops = Scenario.perform("stops", (session) => Effect.asVoid(Effect.forkChild(session.stop)))

for (const authority of authorities) {
  describe(`Turns decided by ${authority}`, () => {
    it.effect("are answered one after the other, with the right words", () =>
      Effect.gen(function*() {
        const call = yield* conversation(authority, ["Well, one.", "Well, two."], {
          user: [say("one"), waitForAgent, say("two"), waitForAgent]
        })
        assert.deepStrictEqual(call.heardByUser, ["Well, one.", "Well, two."])
        assert.deepStrictEqual(userSaid(call), ["one", "two"])
        for (const { totalMs } of call.latencies) assert.isAtMost(totalMs, 340)
      }))

    it.effect("interrupt the agent, and the history ends where the user stopped hearing", () =>
      Effect.gen(function*() {
        const call = yield* conversation(authority, [story, "Well, enough."], {
          user: [say("tell me a story"), interruptAfter("1 second", "enough"), waitForAgent]
        })
        const [first, second] = call.replies
        assert.strictEqual(first?.ended?.reason, "interrupted")
        assert.strictEqual(second?.heard, "Well, enough.")
        assert.deepStrictEqual(userSaid(call), ["tell me a story", "enough"])
      }))

    it.effect("are not interrupted by a cough or a backchannel where transcripts can tell", () =>
      Effect.gen(function*() {
        for (const step of [cough("90 millis"), backchannel("uh huh")]) {
          const call = yield* conversation(authority, [story, "Yes?", "Yes?"], {
            user: [say("tell me a story"), waitForSpeech("1 second"), step, waitForAgent]
          })
          // without transcripts a long sound interrupts, and a model decides by itself
          const isPaused = textual(authority) || (authority === "s2s own" && step._tag === "Sound")
          if (isPaused) {
            assert.deepStrictEqual(call.heardByUser, [story])
            assert.includeMembers(typesOf(call), ["agent.speech_paused", "agent.speech_resumed"])
          } else {
            assert.strictEqual(call.replies[0]?.ended?.reason, "interrupted")
          }
        }
      }))

    it.effect("keep the order of the utterance queue, and do not interrupt protected speech", () =>
      Effect.gen(function*() {
        const notice = "This call is recorded for training purposes."
        const call = yield* conversation(authority, ["Well, hello."], {
          user: [
            announce(notice, false),
            announce("Here are the news."),
            waitForSpeech("500 millis"),
            // a model decides by itself what it answers, and when
            ...(authority === "s2s remote" ? [] : [say("hello")]),
            pause("1 second"),
            waitForAgent,
            waitForAgent,
            pause("8 seconds")
          ]
        })
        assert.strictEqual(call.heardByUser[0], notice)
        assert.includeMembers([...call.heardByUser], ["Here are the news."])
        if (authority !== "s2s remote") assert.includeMembers([...call.heardByUser], ["Well, hello."])
      }))

    it.effect("can be typed, which interrupts the agent", () =>
      Effect.gen(function*() {
        const call = yield* conversation(authority, [story, "Well, enough."], {
          user: [say("tell me a story"), waitForSpeech("1 second"), type("enough"), pause("100 millis"), waitForAgent]
        })
        assert.strictEqual(call.replies[0]?.ended?.reason, "interrupted")
        assert.strictEqual(call.heardByUser[1], "Well, enough.")
        assert.include(userSaid(call), "enough")
      }))

    it.effect("that are typed during protected speech are answered after it", () =>
      Effect.gen(function*() {
        const notice = "This call is recorded for training purposes."
        const call = yield* conversation(authority, ["Well, hello there."], {
          user: [
            announce(notice, false),
            waitForSpeech("500 millis"),
            type("hello"),
            pause("100 millis"),
            type("there"),
            pause("3 seconds"),
            waitForAgent
          ]
        })
        assert.deepStrictEqual(call.heardByUser, [notice, "Well, hello there."])
        assert.deepStrictEqual(userSaid(call), ["hello there"])
      }))

    it.effect("end with a goodbye that is played to its end", () =>
      Effect.gen(function*() {
        const goodbye = "Thank you for calling, goodbye."
        const call = yield* conversation(authority, [story], {
          policy: { goodbye },
          hangUp: false,
          user: [say("tell me a story"), waitForSpeech("500 millis"), stops, pause("20 seconds")]
        })
        assert.deepStrictEqual(call.heardByUser, [story, goodbye])
        assert.strictEqual(call.ended?.reason, "closed")
      }))

    it.effect("report the user as away when none come", () =>
      Effect.gen(function*() {
        const call = yield* conversation(authority, ["Well, hello."], {
          policy: { goodbye: "Goodbye.", away: { after: "15 seconds", closeAfter: "20 seconds" } },
          user: [say("hello"), waitForAgent, pause("2 minutes")]
        })
        assert.lengthOf(typesOf(call).filter((event) => event === "user.away"), 1)
        assert.strictEqual(call.ended?.reason, "user_away")
        assert.strictEqual(call.heardByUser.at(-1), "Goodbye.")
      }))

    it.effect("without end are answered after the longest turn, where the backend decides", () =>
      Effect.gen(function*() {
        const endless = Array.from({ length: 60 }, (_, i) => `word${i}`).join(" ")
        const call = yield* conversation(authority, ["I see.", "I see.", "I see."], {
          agent: Agent.fromCallback(() => Effect.succeed("I see.")),
          policy: { longestTurn: "10 seconds", interruption: { enabled: false } },
          user: [say(endless), pause("500 millis"), waitForAgent]
        })
        const [first] = call.replies
        if (authority === "s2s remote") assert.isAbove(first?.startedAtMs ?? 0, 20_000)
        else assert.isBelow(first?.startedAtMs ?? 0, 11_000)
        if (textual(authority)) assert.strictEqual(userSaid(call).join(" "), endless)
      }))

    it.effect("come after the greeting, which is skipped when the user speaks first", () =>
      Effect.gen(function*() {
        const greeting = "Hello, this is the bakery."
        const call = yield* conversation(authority, ["Well, one loaf."], {
          policy: { greeting },
          user: [waitForAgent, say("one loaf"), waitForAgent]
        })
        assert.deepStrictEqual(call.heardByUser, [greeting, "Well, one loaf."])
      }))

    it.effect("in noise end, and a user who speaks after it is answered", () =>
      Effect.gen(function*() {
        const call = yield* conversation(authority, ["Yes?", "Yes?", "Yes?", "Yes?"], {
          policy: { longestNoise: "5 seconds", longestTurn: "20 seconds" },
          user: [noise("30 seconds"), pause("8 seconds"), say("hello"), waitForAgent, pause("5 seconds")]
        })
        assert.strictEqual(userSaid(call).at(-1), "hello")
        assert.isAbove(call.heardByUser.length, 0)
      }))

    if (textual(authority)) {
      it.effect("do not consist of the agent's own words from the loudspeaker", () =>
        Effect.gen(function*() {
          const call = yield* conversation(authority, [], {
            policy: { interruption: { minWords: 3 } },
            user: [
              say("tell me a story"),
              waitUntilHeard("a king who"),
              say("king who had three sons", { msPerCharacter: 50 }),
              waitForAgent
            ]
          })
          assert.deepStrictEqual(call.heardByUser, [story])
          assert.deepStrictEqual(userSaid(call), ["tell me a story"])
        }))
    }
  })
}

describe("A recogniser that decides turns", () => {
  const run = (options: Scenario.ScenarioOptions) => conversation("stt", [], options)

  it.effect("decides by the audio, not by the silence of the policy", () =>
    Effect.gen(function*() {
      const call = yield* run({
        stt: { endOfTurn: 700 },
        policy: { endpointing: { silence: "100 millis" } },
        user: [say("I would like"), pause("600 millis"), say("a cake"), waitForAgent]
      })
      assert.deepStrictEqual(userSaid(call), ["I would like a cake"])
      assert.strictEqual(Invariants.report(call, Invariants.noWordLost(call)), "")
    }))

  it.effect("that never reports an end of turn does not block the session, and no word is lost or repeated", () =>
    Effect.gen(function*() {
      for (const delayMs of [0, 400]) {
        const call = yield* run({
          stt: { endOfTurn: 3_600_000, delayMs },
          user: [say("one"), waitForAgent, say("two"), waitForAgent]
        })
        assert.deepStrictEqual(userSaid(call), ["one", "two"])
        for (const { totalMs } of call.latencies) assert.approximately(totalMs, 3_000 + delayMs, 150)
      }
    }))

  it.effect("that fails before the end of a turn loses no word", () =>
    Effect.gen(function*() {
      const call = yield* run({
        stt: { endOfTurn: 300, idleMs: 10_000 },
        user: [say("one"), waitForAgent, pause("40 seconds"), say("two"), waitForAgent, say("three"), waitForAgent]
      })
      assert.deepStrictEqual(userSaid(call), ["one", "two", "three"])
      assert.include(typesOf(call), "engine.incident")
    }))

  it.effect("loses nothing, whenever the user continues around its end of turn", () =>
    Effect.gen(function*() {
      for (let offset = 100; offset <= 900; offset += 40) {
        const call = yield* run({
          stt: { endOfTurn: 400 },
          user: [say("book a table"), pause(offset), say("for two"), pause("500 millis"), waitForAgent]
        })
        assert.strictEqual(
          Invariants.report(call, Invariants.noWordLost(call)),
          "",
          `the user went on after ${offset} ms`
        )
      }
    }))
})

describe("Late transcripts", () => {
  it.effect("of a slow recogniser neither start the next turn nor are lost", () =>
    Effect.gen(function*() {
      for (const interim of [true, false]) {
        const call = yield* Scenario.run({
          agent: teller,
          // longer than a session waits by default, shorter than the recogniser's finalizeTimeout
          stt: { delayMs: [7_000, 0], interim, finalizeTimeout: "10 seconds" },
          user: [say("one fish"), pause("9 seconds"), say("two"), waitForAgent]
        })
        assert.strictEqual(Invariants.report(call), "")
        assert.deepStrictEqual(userSaid(call), ["one fish", "two"], `interim ${interim}`)
        assert.deepStrictEqual(call.heardByUser, ["Well, one fish.", "Well, two."])
      }
    }))
})
