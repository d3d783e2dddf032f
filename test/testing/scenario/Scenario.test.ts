import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Stream } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import { Invariants, Recording, Scenario, SpokenAudio } from "../../../src/testing/index.ts"
import { isFull } from "../../support/Full.ts"

const {
  endCall,
  hangUp,
  interruptAfter,
  interruptWhenHeard,
  loseNetwork,
  pause,
  pressStop,
  say,
  sendGarbage,
  type,
  waitFor,
  waitForAgent
} = Scenario

const sound = (recording: Recording.Recording) => assert.strictEqual(Invariants.report(recording), "")

describe("Scenario", () => {
  it.effect("joins speech around a pause, and cuts the answer where it is interrupted", () =>
    Effect.gen(function*() {
      const agent = Agent.fromCallback((text) => Effect.succeed(`You want to ${text}, is that right?`))
      const call = yield* Scenario.run({
        agent,
        user: [
          say("book a flight"),
          pause("200 millis"),
          say("to Paris"),
          interruptAfter("1 second", "stop"),
          waitForAgent
        ]
      })
      sound(call)
      assert.deepStrictEqual(call.saidByUser, ["book a flight", "to Paris", "stop"])
      assert.deepStrictEqual(Recording.lines(call.history), [
        "user: book a flight to Paris",
        // 50 ms a character, and the detector takes 60 ms
        "agent: You want to book a …",
        "user: stop",
        "agent: You want to stop, is that right?"
      ])
      assert.deepStrictEqual(call.heardByUser, ["You want to book a", "You want to stop, is that right?"])
      assert.deepStrictEqual(call.latencies.map((each) => each.totalMs), [300, 300])
      assert.strictEqual(call.ended?.reason, "user_ended")
      assert.strictEqual(call.frames[0]?.reply, 1)
      assert.isUndefined(call.frames[0]?.pcm)
    }))

  it.effect("keeps to a word what is heard of a first sentence of half a minute", () =>
    Effect.gen(function*() {
      const agent = Agent.fromCallback(() => Effect.succeed(`${"and what would you like then ".repeat(20).trim()}.`))
      const call = yield* Scenario.run({
        agent,
        user: [say("go on"), interruptAfter("6 seconds", "stop it now please"), pause("1 second"), hangUp]
      })
      sound(call)
      assert.isAbove(call.heardByUser[0]?.split(" ").length ?? 0, 20)
    }))

  it.effect("estimates what is heard of a text that the voice never ends, and never too much", () =>
    Effect.gen(function*() {
      for (const kind of ["audio", "samples", "words"] as const) {
        const call = yield* Scenario.run({
          agent: Agent.fromCallback(() => Effect.succeed("The flight to Paris is at seven tomorrow morning.")),
          tts: { endlessAt: { 0: kind } },
          user: [say("when is it"), interruptAfter("1500 millis", "stop it now please"), pause("1 second"), hangUp]
        })
        sound(call)
        const [reply] = call.replies
        assert.isTrue(reply?.endless)
        assert.strictEqual(reply?.heard, "The flight to Paris is at seven")
        // 80 ms a character, as long as the voice's own speed is not known
        assert.strictEqual(reply?.ended?.text, "The flight to Paris")
      }
    }))

  it.effect("records audio with keepAudio", () =>
    Effect.gen(function*() {
      const call = yield* Scenario.run({ keepAudio: true, user: [say("hi"), waitForAgent] })
      sound(call)
      const audio = call.frames.flatMap((frame) => Array.from(frame.pcm ?? []))
      assert.strictEqual(SpokenAudio.decode(Int16Array.from(audio)), "You said: hi.")
    }))

  it.effect("provides the agent's services and the scenario's clock", () =>
    Effect.gen(function*() {
      class Shop extends Context.Service<Shop, { readonly price: Effect.Effect<number> }>()("Shop") {}
      const agent = Agent.fromCallback(() =>
        Effect.gen(function*() {
          const { price } = yield* Shop
          yield* Effect.sleep("700 millis")
          return `It is ${yield* price} at ${yield* Clock.currentTimeMillis}.`
        })
      )
      const call = yield* Scenario.run({ agent, user: [say("how much"), waitForAgent] }).pipe(
        Effect.provideService(Shop, { price: Effect.succeed(7) })
      )
      sound(call)
      assert.match(call.heardByUser[0] ?? "", /^It is 7 at 1\d\d\d\.$/u)
      assert.strictEqual(call.latencies[0]?.totalMs, 1_000)
    }))

  it.effect("runs a speech-to-speech model that decodes the user's words", () =>
    Effect.gen(function*() {
      for (const authority of ["own", "remote"] as const) {
        const call = yield* Scenario.run({
          s2s: { answers: ["I am a model.", "Bye now."], turnAuthority: authority },
          user: [say("who are you"), interruptWhenHeard("I am", "never mind"), waitForAgent]
        })
        sound(call)
        assert.deepStrictEqual(Recording.lines(call.history), [
          "user: who are you",
          "agent: I am …",
          "user: never mind",
          "agent: Bye now."
        ])
      }
    }))

  it.effect("lets the user type, press stop, send garbage and lose the network", () =>
    Effect.gen(function*() {
      const call = yield* Scenario.run({
        user: [
          type("good morning to you"),
          Scenario.waitForSpeech("500 millis"),
          loseNetwork("2 seconds"),
          waitForAgent,
          sendGarbage,
          say("and now"),
          waitFor("agent.speech_started"),
          pause("500 millis"),
          pressStop,
          pause("1 second"),
          endCall
        ]
      })
      sound(call)
      // the reply continues where the network was lost
      assert.deepStrictEqual(call.heardByUser, ["You said: good morning to you.", "You said:"])
      assert.deepStrictEqual(call.events.filter((event) => event.type === "error").length, 1)
      assert.strictEqual(call.ended?.reason, "user_ended")
    }))

  it.effect("ends a session whose user disconnected after its resume window", () =>
    Effect.gen(function*() {
      const call = yield* Scenario.run({ user: [say("hello"), hangUp] })
      sound(call)
      assert.strictEqual(call.ended?.reason, "resume_expired")
      assert.isAbove(call.durationMs, 60_000)
    }))

  it.effect("reports what the user waited for, with the timeline", () =>
    Effect.gen(function*() {
      const failed = yield* Effect.flip(Scenario.run({
        agent: Agent.fromStream(() => Stream.empty),
        user: [say("anybody there"), Scenario.waitForAgentWithin("5 seconds")]
      }))
      assert.strictEqual(failed._tag, "ScenarioError")
      assert.match(failed.message, /^5 s passed while the user waited for the agent's answer/u)
      assert.include(failed.message, "user    says \"anybody there\"")
      assert.include(failed.message, "user.transcript turn 1 text \"anybody there\" final true")
    }))

  it.effect("gives exactly the same conversation for the same seed", () =>
    Effect.gen(function*() {
      const scenario = (seed: string) =>
        Scenario.run({
          seed,
          agent: Agent.fromCallback((text) => Effect.delay(Effect.succeed(`So: ${text}.`), "300 millis")),
          stt: { delayMs: [20, 400, 90] },
          user: [say("one"), waitForAgent, say("two"), Scenario.cough(), waitForAgent, loseNetwork("1 second")]
        })
      const one = yield* scenario("a")
      const again = yield* scenario("a")
      assert.strictEqual(Recording.timeline(again.trace), Recording.timeline(one.trace))
      assert.deepStrictEqual(again, one)
    }))

  it.effect("steps the wall clock, and only that: the conversation goes on as without it", () =>
    Effect.gen(function*() {
      const readings: Array<number> = []
      const scenario = (clockSteps: Scenario.ScenarioOptions["clockSteps"]) =>
        Scenario.run({
          clockSteps,
          agent: Agent.fromCallback((text) =>
            Effect.map(Clock.currentTimeMillis, (now) => {
              readings.push(now)
              return `${text}, and a long answer that takes a while to be said to its very end.`
            })
          ),
          user: [
            say("one"),
            waitForAgent,
            say("two"),
            interruptAfter("500 millis", "three"),
            waitForAgent
          ]
        })
      const undisturbed = yield* scenario(undefined)
      const expected = readings.splice(0)
      for (const byMs of [-1_000, 1_000, -20_000, 20_000, -3_600_000, 3_600_000]) {
        const stepped = yield* scenario([{ atMs: 2_000, byMs }])
        sound(stepped)
        assert.strictEqual(Recording.timeline(stepped.trace), Recording.timeline(undisturbed.trace))
        assert.deepStrictEqual(stepped, undisturbed)
        // the clock has been stepped for whoever reads the time of day
        const later = readings.splice(0)
        assert.strictEqual(later.length, expected.length)
        assert.strictEqual(later[0], expected[0])
        assert.strictEqual(later.at(-1), expected.at(-1)! + byMs)
      }
    }))

  const MINUTES = isFull ? 60 : 15

  it.live(`runs ${MINUTES} minutes of turns much faster than they last`, () =>
    Effect.gen(function*() {
      const from = yield* Clock.currentTimeMillis
      const turns = Array.from({ length: MINUTES * 5 }, (_, i) => [
        Scenario.at(`${i * 12} seconds`),
        say(`tell me something about number ${i}`),
        i % 10 === 9 ? interruptAfter("500 millis", "stop it") : waitForAgent
      ])
      const call = yield* Scenario.run({ user: [...turns, Scenario.at(`${MINUTES} minutes`)] })
      const tookMs = (yield* Clock.currentTimeMillis) - from
      sound(call)
      assert.strictEqual(call.durationMs, MINUTES * 60_000)
      assert.isAtLeast(call.replies.length, MINUTES * 5)
      assert.deepStrictEqual(Invariants.noWordLost(call), [])
      yield* Effect.log(
        `${MINUTES} minutes of ${call.replies.length} replies and ${call.frames.length} frames took ${tookMs} ms`
      )
      assert.isBelow(tookMs, call.durationMs / 10)
    }))
})
