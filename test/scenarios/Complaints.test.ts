/**
 * What users of other voice frameworks complain about most, each as a conversation that goes well here. The names are
 * those of the rows in our study of their issue trackers.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Agent from "../../src/agent/index.ts"
import { AgentError, AuthenticationFailed, ConnectionFailed } from "../../src/BackendError.ts"
import * as EndOfTurn from "../../src/engines/text/index.ts"
import * as ResilientSpeechToText from "../../src/speech/resilience/ResilientSpeechToText.ts"
import * as ResilientTextToSpeech from "../../src/speech/resilience/ResilientTextToSpeech.ts"
import { SpeechToText } from "../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { Invariants, Recording, Scenario, ScriptedEngines, ScriptedRecogniser } from "../../src/testing/index.ts"
import { isFull } from "../support/Full.ts"

const { backchannel, cough, interruptAfter, noise, pause, say, waitForAgent, waitForSpeech, waitUntilHeard } = Scenario

const gone = new ConnectionFailed({ op: "scripted", message: "the connection is gone" })
const refused = new AuthenticationFailed({ op: "scripted", message: "the key is not valid" })

const story = "Once there was a king who had three sons. The first was clever. The second was brave."
const teller = Agent.fromCallback((text) => Effect.succeed(text.includes("story") ? story : `Well, ${text}.`))

/** Runs it, and lets it break no promise. */
const conversation = Effect.fnUntraced(function*(options: Scenario.ScenarioOptions) {
  const call = yield* Scenario.run(options)
  assert.strictEqual(Invariants.report(call), "")
  return call
})
const lines = (call: Recording.Recording) => Recording.lines(call.history)
const typesOf = (call: Recording.Recording) => call.events.map((event) => event.type)
const whole = (call: Recording.Recording) =>
  assert.strictEqual(
    Invariants.report(call, Invariants.noWordLost(call)),
    ""
  )

describe("cut off mid-thought, or answered too late when tuned safe", () => {
  it.effect("waits while digits are dictated, but not after a complete question", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        turn: EndOfTurn.layer(),
        user: [
          say("my number is five five five"),
          pause("1200 millis"),
          say("one two three four"),
          waitForAgent,
          say("what time is it"),
          waitForAgent
        ]
      })
      assert.deepStrictEqual(lines(call).filter((line) => line.startsWith("user")), [
        "user: my number is five five five one two three four",
        "user: what time is it"
      ])
      assert.strictEqual(call.latencies.at(-1)?.totalMs, 300)
    }))

  it.effect("waits for a slow speaker and is still easy to interrupt", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        agent: teller,
        policy: { endpointing: { silence: "1500 millis" }, interruption: { minSpeech: "100 millis" } },
        user: [
          say("tell me"),
          pause("1 second"),
          say("a story"),
          interruptAfter("1 second", "wait"),
          waitForAgent
        ]
      })
      whole(call)
      assert.strictEqual(call.history[0]?.text, "tell me a story")
      const [first] = call.replies
      assert.strictEqual(first?.ended?.reason, "interrupted")
      // the interruption began a second after the reply; it takes one word of a quarter of a second
      assert.isBelow((first?.ended?.atMs ?? 0) - (first?.startedAtMs ?? 0), 1_400)
    }))

  it.effect("learns the pauses of a slow speaker", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        policy: { endpointing: { mode: "adaptive", silence: "400 millis", maxSilence: "3 seconds" } },
        agent: Agent.fromCallback(() => Effect.succeed("I see.")),
        user: [
          say("so I thought"),
          pause("320 millis"),
          say("that I might"),
          pause("330 millis"),
          say("say more"),
          waitForAgent,
          say("I am going"),
          // longer than the silence: who had not listened would cut in
          pause("410 millis"),
          say("to the sea"),
          waitForAgent
        ]
      })
      assert.deepStrictEqual(lines(call).filter((line) => line.startsWith("user")), [
        "user: so I thought that I might say more",
        "user: I am going to the sea"
      ])
    }))
})

describe("false interruptions", () => {
  for (
    const [what, step] of [
      ["a cough", cough("150 millis")],
      ["a long cough", cough("600 millis")],
      ["an mhm", backchannel("mhm")],
      ["a right", backchannel("right")],
      ["a knock", noise("100 millis")]
    ] as const
  ) {
    it.effect(`${what} pauses the agent, which goes on where it stopped`, () =>
      Effect.gen(function*() {
        const call = yield* conversation({
          agent: teller,
          user: [say("tell me a story"), waitForSpeech("1 second"), step, waitForAgent]
        })
        assert.deepStrictEqual(call.heardByUser, [story])
        assert.deepStrictEqual(lines(call), ["user: tell me a story", `agent: ${story}`])
        assert.includeMembers(typesOf(call), ["agent.speech_paused", "agent.speech_resumed"])
      }))
  }

  it.effect("words are counted per interruption, not over the agent's whole turn", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        agent: teller,
        policy: { interruption: { minWords: 3 } },
        user: [
          say("tell me a story"),
          waitForSpeech("500 millis"),
          say("oh dear"),
          pause("1500 millis"),
          say("oh my"),
          pause("1500 millis"),
          waitForAgent
        ]
      })
      assert.deepStrictEqual(call.heardByUser[0], story)
    }))

  it.effect("enough words interrupt", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        agent: teller,
        policy: { interruption: { minWords: 3 } },
        user: [say("tell me a story"), interruptAfter("500 millis", "please stop it now"), waitForAgent]
      })
      whole(call)
      assert.strictEqual(call.replies[0]?.ended?.reason, "interrupted")
      assert.strictEqual(call.heardByUser[1], "Well, please stop it now.")
    }))
})

describe("the agent is stuck after an interruption", () => {
  it.effect("answers after five interruptions in a row, the last before its first frame", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        agent: Agent.fromCallback((text) => Effect.delay(Effect.succeed(`Well, ${text}, of course.`), "200 millis")),
        user: [
          say("one"),
          interruptAfter("300 millis", "two"),
          interruptAfter("300 millis", "three"),
          interruptAfter(0, "four"),
          interruptAfter("20 millis", "five"),
          pause("400 millis"),
          say("six"),
          waitForAgent
        ]
      })
      whole(call)
      assert.match(call.heardByUser.at(-1) ?? "", /six, of course\.$/u)
    }))

  it.effect("answers after an interruption while the voice hangs and while the agent hangs", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        agent: Agent.fromStream((text) => text.endsWith("two") ? Stream.never : Stream.succeed(`Well, ${text}.`)),
        tts: { hangAt: [0] },
        user: [
          say("one"),
          pause("1 second"),
          say("two"),
          pause("2 seconds"),
          say("three"),
          pause("2 seconds"),
          say("four"),
          waitForAgent
        ]
      })
      whole(call)
      assert.match(call.heardByUser.at(-1) ?? "", /^Well, .*four\.$/u)
    }))
})

/** Between the moments at which the user speaks. */
const STEP_MS = isFull ? 20 : 70

describe("a turn is swallowed by a race", () => {
  it.effect("whenever the user starts to speak, around the start and the end of a reply", () =>
    Effect.gen(function*() {
      for (let offset = 0; offset <= 1_400; offset += STEP_MS) {
        const call = yield* conversation({
          stt: { delayMs: 70 },
          user: [say("hello there"), waitForSpeech(), pause(offset), say("what now"), pause("500 millis"), waitForAgent]
        })
        assert.strictEqual(
          Invariants.report(call, Invariants.noWordLost(call)),
          "",
          `the user spoke ${offset} ms after the first frame`
        )
      }
    }))

  it.effect("whenever the user continues, around the end of the turn", () =>
    Effect.gen(function*() {
      for (let offset = 100; offset <= 800; offset += STEP_MS) {
        const call = yield* conversation({
          stt: { delayMs: 110 },
          agent: Agent.fromCallback((text) => Effect.delay(Effect.succeed(`Well, ${text}.`), "150 millis")),
          user: [say("book a table"), pause(offset), say("for two"), pause("500 millis"), waitForAgent]
        })
        assert.strictEqual(
          Invariants.report(call, Invariants.noWordLost(call)),
          "",
          `the user went on after ${offset} ms`
        )
        assert.match(call.heardByUser.at(-1) ?? "", /for two\.$/u)
      }
    }))

  it.effect("what is said during protected speech is answered after it", () =>
    Effect.gen(function*() {
      const notice = "This call is recorded for training purposes."
      const call = yield* conversation({
        user: [
          Scenario.perform("reads the notice", (session) => session.say(notice, { interruptible: false })),
          waitForSpeech("500 millis"),
          say("I want to talk to a human"),
          pause("1 second"),
          waitForAgent
        ]
      })
      whole(call)
      assert.deepStrictEqual(call.heardByUser, [notice, "You said: I want to talk to a human."])
    }))
})

it.effect("agent speech is dropped by a sound before its first frame: it is spoken", () =>
  Effect.gen(function*() {
    for (let offset = 200; offset <= 1_400; offset += 60) {
      const call = yield* conversation({
        agent: Agent.fromCallback(() => Effect.delay(Effect.succeed("Here is your answer."), "800 millis")),
        user: [say("question"), pause(offset), cough("120 millis"), waitForAgent]
      })
      assert.strictEqual(call.heardByUser.at(-1), "Here is your answer.", `coughed after ${offset} ms`)
      assert.deepStrictEqual(lines(call), ["user: question", "agent: Here is your answer."])
    }
  }))

it.live("memory grows within one call: it does not grow with time", () =>
  Effect.gen(function*() {
    setFlagsFromString("--expose-gc")
    const collect: () => void = runInNewContext("gc")
    const heap: Array<number> = []
    const look = Scenario.perform("is looked at", () =>
      Effect.sync(() => {
        collect()
        heap.push(process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers)
      }))
    yield* conversation({
      policy: { away: { after: 0 } },
      user: Array.from({ length: 5 }, () => [pause("8 minutes"), look])
    })
    // what leaks grows in each stretch; compiled code and caches come and go in some
    const growth = heap.slice(1).map((bytes, index) => bytes - (heap[index] ?? 0))
    // LiveKit Agents JS: 4.7 MB a minute. What the clock and the recorder keep is a few KB
    assert.isBelow(Math.min(...growth) / 8, 20 * 1_024)
  }))

describe("closing hangs", () => {
  it.effect("ends within seconds while agent and engines hang", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        agent: Agent.fromStream(() => Stream.never),
        hangUp: false,
        stt: { hangAt: [1] },
        config: { timeout: "4 seconds" },
        user: [
          say("one"),
          pause("1 second"),
          say("two"),
          pause("500 millis"),
          Scenario.perform("stops", (session) => Effect.asVoid(Effect.forkChild(session.stop)))
        ]
      })
      const stopped = call.trace.find((item) => item._tag === "User" && item.act === "stops")
      assert.strictEqual(call.ended?.reason, "closed")
      // the last words, the agent's time, and an apology
      assert.isBelow((call.ended?.atMs ?? 0) - (stopped?.atMs ?? 0), 15_000)
    }))

  it.effect("ends after a hang-up without a reconnect, whatever hangs", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        agent: Agent.fromStream(() => Stream.never),
        tts: { hangAt: [0, 1, 2] },
        user: [say("hello"), Scenario.hangUp]
      })
      assert.strictEqual(call.ended?.reason, "resume_expired")
    }))
})

describe("one recogniser error ends the call", () => {
  it.effect("no word is lost, even with a single recogniser", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        stt: { failAt: { 1: gone } },
        user: [say("one"), waitForAgent, say("two"), waitForAgent, say("three"), waitForAgent]
      })
      whole(call)
      assert.strictEqual(call.ended?.reason, "user_ended")
      assert.include(typesOf(call), "engine.incident")
      assert.notInclude(typesOf(call), "error")
      assert.deepStrictEqual(call.heardByUser, ["You said: one.", "You said: two.", "You said: three."])
    }))

  it.effect("a recogniser that hangs delays the answer by seconds, and no word is lost", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        stt: { hangAt: [1], interim: false },
        user: [say("one"), waitForAgent, say("two"), waitForAgent, say("three"), waitForAgent]
      })
      whole(call)
      assert.deepStrictEqual(call.heardByUser, ["You said: one.", "You said: two.", "You said: three."])
      // a question may stay unanswered for 3 s
      assert.isBelow(call.latencies[1]?.totalMs ?? 0, 4_000)
    }))

  it.effect("with a fallback recogniser the words of the current turn are not lost either", () =>
    Effect.gen(function*() {
      const stt = Layer.effect(
        SpeechToText,
        Effect.gen(function*() {
          const one = yield* Effect.provide(
            SpeechToText,
            ScriptedRecogniser.layer({ name: "one", failAt: { 1: refused }, failToOpenAt: { 1: refused } })
          )
          const two = yield* Effect.provide(SpeechToText, ScriptedRecogniser.layer({ name: "two" }))
          return yield* ResilientSpeechToText.make([one, two], { timeout: "5 seconds" })
        })
      )
      const call = yield* conversation({
        stt,
        user: [say("one"), waitForAgent, say("two fish"), waitForAgent, say("three"), waitForAgent]
      })
      whole(call)
      assert.deepStrictEqual(call.heardByUser, ["You said: one.", "You said: two fish.", "You said: three."])
    }))

  it.effect("a caller who is silent for minutes is still heard after that", () =>
    Effect.gen(function*() {
      const stt = Layer.effect(
        SpeechToText,
        Effect.gen(function*() {
          const engine = yield* Effect.provide(SpeechToText, ScriptedRecogniser.layer({ idleMs: 10_000 }))
          return yield* ResilientSpeechToText.make([engine], { timeout: "5 seconds" })
        })
      )
      const call = yield* conversation({ stt, user: [pause("3 minutes"), say("hello again"), waitForAgent] })
      whole(call)
      assert.deepStrictEqual(call.heardByUser, ["You said: hello again."])
    }))
})

describe("fallbacks fail when they are needed", () => {
  it.effect("a voice that is connected but silent is replaced within the turn", () =>
    Effect.gen(function*() {
      const tts = Layer.effect(
        TextToSpeech,
        Effect.gen(function*() {
          const one = yield* Effect.provide(TextToSpeech, ScriptedEngines.layerTts({ hangAt: [0, 1, 2, 3, 4] }))
          const two = yield* Effect.provide(TextToSpeech, ScriptedEngines.layerTts())
          return yield* ResilientTextToSpeech.make([{ ...one, name: "one" }, { ...two, name: "two" }], {
            timeout: "4 seconds",
            maxRetries: 0
          })
        })
      )
      const call = yield* conversation({ tts, user: [say("hello"), waitForAgent] })
      assert.deepStrictEqual(call.heardByUser, ["You said: hello."])
      // the fallback spoke, so the user receives no error
      assert.notInclude(typesOf(call), "error")
    }))

  it.effect("an agent that fails is replaced; without a fallback the policy's apology is spoken", () =>
    Effect.gen(function*() {
      const broken = Agent.fromStream(
        () => Stream.fail(new AgentError({ op: "scripted", message: "the model is down", retryable: true })),
        { name: "broken" }
      )
      const call = yield* conversation({
        agent: Agent.fallback([broken, teller]),
        user: [say("hello"), waitForAgent]
      })
      assert.deepStrictEqual(call.heardByUser, ["Well, hello."])
      const alone = yield* conversation({
        agent: broken,
        policy: { apology: "Sorry, once more please." },
        user: [say("hello"), waitForSpeech(), waitForAgent]
      })
      assert.deepStrictEqual(alone.heardByUser, ["Sorry, once more please."])
    }))
})

describe("speculative replies double the cost and act twice", () => {
  const booking = () => {
    const counts = { asked: 0, booked: 0 }
    const agent = Agent.fromCallback((text, { committed }) =>
      Effect.gen(function*() {
        counts.asked++
        const answer = `Booked ${text}.`
        yield* committed
        counts.booked++
        return answer
      })
    )
    return { agent, counts }
  }

  it.effect("a discarded answer leaves no event and no side effect", () =>
    Effect.gen(function*() {
      const { agent, counts } = booking()
      const call = yield* conversation({
        agent,
        policy: { speculation: true },
        user: [say("a table"), pause("220 millis"), say("for four"), waitForAgent]
      })
      whole(call)
      assert.deepStrictEqual(counts, { asked: 2, booked: 1 })
      assert.deepStrictEqual(lines(call), ["user: a table for four", "agent: Booked a table for four."])
      assert.lengthOf(call.events.filter((event) => event.type === "agent.transcript"), 1)
    }))

  it.effect("a committed answer was requested once, and is faster", () =>
    Effect.gen(function*() {
      const agent = (asked: Array<string>) =>
        Agent.fromCallback((text) =>
          Effect.suspend(() => {
            asked.push(text)
            return Effect.delay(Effect.succeed("Yes."), "150 millis")
          })
        )
      const run = (speculation: boolean) => {
        const asked: Array<string> = []
        return Effect.map(
          conversation({ agent: agent(asked), policy: { speculation }, user: [say("a table"), waitForAgent] }),
          (call) => ({ asked, totalMs: call.latencies[0]?.totalMs })
        )
      }
      assert.deepStrictEqual(yield* run(false), { asked: ["a table"], totalMs: 450 })
      assert.deepStrictEqual(yield* run(true), { asked: ["a table"], totalMs: 300 })
    }))
})

it.effect("latency does not add up: its parts do", () =>
  Effect.gen(function*() {
    const call = yield* conversation({
      agent: Agent.fromCallback((text) => Effect.delay(Effect.succeed(`Well, ${text}.`), "400 millis")),
      stt: { delayMs: 120 },
      tts: { delay: "80 millis" },
      config: { latencyTarget: "1 second" },
      user: [say("how long"), waitForAgent]
    })
    const [latency] = call.latencies
    assert.deepStrictEqual(latency?.parts, [
      { name: "vad", ms: 100 },
      { name: "endpointing", ms: 200 },
      { name: "transcript", ms: 120 },
      { name: "agent", ms: 400 },
      { name: "clause", ms: 0 },
      { name: "tts", ms: 80 },
      { name: "playout", ms: 0 }
    ])
    assert.strictEqual(latency?.totalMs, 900)
    // the user's wait, from the end of the speech to the first frame
    const spoke = call.trace.find((item) => item._tag === "User")
    const waited = (call.frames[0]?.atMs ?? 0) - (spoke?.atMs ?? 0) - "how long".length * 60
    assert.approximately(waited, 900, 20)
  }))

describe("the history holds words that were not heard, or in the wrong order", () => {
  it.effect(
    "wherever the agent is interrupted, the history ends where the user stopped hearing",
    () =>
      Effect.gen(function*() {
        for (let ms = 0; ms <= 4_000; ms += 170) {
          const call = yield* conversation({
            agent: teller,
            user: [say("tell me a story"), interruptAfter(ms, "enough"), waitForAgent]
          })
          whole(call)
          const heard = call.heardByUser[0] ?? ""
          const known = call.history.find((item) => item.role === "agent" && item.interrupted)?.text ?? ""
          assert.isTrue(story.startsWith(heard), heard)
          assert.isAtMost(Math.abs(heard.split(" ").length - known.split(" ").length), 1, `interrupted after ${ms} ms`)
        }
      })
  )

  it.effect("the agent receives what was heard, and no more", () =>
    Effect.gen(function*() {
      const told: Array<ReadonlyArray<string>> = []
      const agent = Agent.fromCallback((text, { history }) => {
        told.push(Recording.lines(history))
        return Effect.succeed(text.includes("story") ? story : "Fine.")
      })
      yield* conversation({
        agent,
        user: [say("tell me a story"), waitUntilHeard("a king"), say("enough"), waitForAgent]
      })
      assert.deepStrictEqual(told, [[], ["user: tell me a story", "agent: Once there was a king …"]])
    }))

  it.effect("stale audio does not leak into the next turn", () =>
    Effect.gen(function*() {
      const long = Array.from({ length: 60 }, (_, i) => `Sentence number ${i} of a long answer.`).join(" ")
      const call = yield* conversation({
        agent: Agent.fromCallback((text) => Effect.succeed(text === "go" ? long : "Stopped.")),
        user: [say("go"), interruptAfter("3 seconds", "halt"), waitForAgent, pause("30 seconds")]
      })
      whole(call)
      assert.lengthOf(call.heardByUser, 2)
      assert.strictEqual(call.heardByUser[1], "Stopped.")
    }))
})

describe("a turn never ends", () => {
  it.effect("hold music does not keep a turn open, and a user who speaks after it is answered", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        user: [
          Scenario.perform("announces", (session) => session.say("One moment please.")),
          waitForAgent,
          noise("3 minutes"),
          pause("1 second"),
          say("are you there"),
          waitForAgent
        ]
      })
      whole(call)
      assert.deepStrictEqual(call.heardByUser, ["One moment please.", "You said: are you there."])
    }))

  it.effect("a user who talks without end is answered after the longest turn", () =>
    Effect.gen(function*() {
      const endless = Array.from({ length: 120 }, (_, i) => `word${i}`).join(" ")
      const call = yield* conversation({
        policy: { longestTurn: "20 seconds", interruption: { enabled: false } },
        user: [say(endless), waitForAgent]
      })
      whole(call)
      assert.isAbove(call.replies.length, 1)
      assert.isBelow(call.replies[0]?.startedAtMs ?? 0, 21_000)
    }))

  it.effect("the apology for a hanging agent is spoken without further input from the user", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        agent: Agent.fromStream(() => Stream.never),
        config: { timeout: "3 seconds" },
        policy: { apology: "Sorry, that took too long." },
        user: [say("hello"), waitForSpeech("1 second")]
      })
      assert.deepStrictEqual(call.heardByUser, ["Sorry, that took too long."])
      assert.isBelow(call.replies[0]?.startedAtMs ?? 0, 5_000)
    }))

  it.effect("a user who is away gets a goodbye, and the session ends", () =>
    Effect.gen(function*() {
      const goodbye = "Nobody is there, goodbye."
      const call = yield* conversation({
        policy: { goodbye, away: { after: "15 seconds", closeAfter: "20 seconds" } },
        user: [say("hello"), waitForAgent, pause("2 minutes")]
      })
      assert.include(typesOf(call), "user.away")
      assert.strictEqual(call.ended?.reason, "user_away")
      assert.strictEqual(call.heardByUser.at(-1), goodbye)
    }))
})

it.effect("the goodbye is cut off: it is played to its last word", () =>
  Effect.gen(function*() {
    const goodbye = "Thank you for calling, goodbye and good luck."
    const call = yield* conversation({
      agent: teller,
      policy: { goodbye },
      hangUp: false,
      user: [
        say("tell me a story"),
        waitForSpeech("500 millis"),
        Scenario.perform("stops", (session) => Effect.asVoid(Effect.forkChild(session.stop))),
        waitForAgent,
        pause("20 seconds")
      ]
    })
    assert.deepStrictEqual(call.heardByUser, [story, goodbye])
    assert.strictEqual(call.ended?.reason, "closed")
  }))

describe("the agent hears itself", () => {
  it.effect("its own words from the loudspeaker do not interrupt it", () =>
    Effect.gen(function*() {
      const call = yield* conversation({
        agent: teller,
        // one or two matching words may also be the user's own
        policy: { interruption: { minWords: 3 } },
        user: [
          say("tell me a story"),
          waitUntilHeard("a king who"),
          say("king who had three sons", { msPerCharacter: 50 }),
          waitForAgent
        ]
      })
      assert.deepStrictEqual(call.heardByUser, [story])
      assert.deepStrictEqual(lines(call), ["user: tell me a story", `agent: ${story}`])
    }))
})

it.effect("the agent greets again after a reconnect: it greets once", () =>
  Effect.gen(function*() {
    const call = yield* conversation({
      policy: { greeting: "Hello, this is the bakery." },
      user: [
        waitForSpeech("1 second"),
        Scenario.loseNetwork("3 seconds"),
        waitForAgent,
        say("one loaf"),
        waitForSpeech("500 millis"),
        Scenario.loseNetwork("5 seconds"),
        waitForAgent
      ]
    })
    whole(call)
    assert.deepStrictEqual(call.heardByUser, ["Hello, this is the bakery.", "You said: one loaf."])
  }))

it.effect("the policy is ignored when the recogniser detects turns: it applies", () =>
  Effect.gen(function*() {
    const call = yield* conversation({
      stt: { endOfTurn: 200 },
      policy: { endpointing: { silence: "1 second" } },
      user: [say("I would like"), pause("600 millis"), say("a cake"), waitForAgent]
    })
    whole(call)
    assert.deepStrictEqual(lines(call), ["user: I would like a cake", "agent: You said: I would like a cake."])
  }))
