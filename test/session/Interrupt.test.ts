/** Who may stop the agent: the user's client, and the program. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Invariants, Recording, Scenario } from "../../src/testing/index.ts"
import { call, layer, layerS2s, pass, running, type User } from "./Harness.ts"

const { pause, perform, pressStop, say, waitForSpeech } = Scenario
const notice = "this call is recorded for quality and training purposes"

const layers = [
  ["a voice", () => layer()],
  ["a speech-to-speech model", () => layerS2s(["one", "two"], { turnAuthority: "own" })]
] as const

const press = (user: User) => Effect.sync(() => user.connection.listener?.message({ type: "agent.interrupt" }))

describe("A reply that may not be interrupted", () => {
  for (const [name, make] of layers) {
    it.effect(`is not stopped by the client, who is told once; with ${name}`, () =>
      running(
        make(),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.say(notice, { interruptible: false })
          yield* user.hears(300)
          for (let times = 0; times < 5; times++) {
            yield* press(user)
            yield* user.hears(40)
          }
          assert.strictEqual(yield* user.session.state.get, "speaking")
          assert.deepStrictEqual(
            user.connection.of("error").map(({ code, details }) => ({ code, details })),
            [{ code: "invalid_config", details: { reason: "uninterruptible" } }]
          )
          yield* user.hears(6_000)
          assert.deepStrictEqual(yield* user.said, [`agent: ${notice}`])
          // each such reply is told of once
          yield* user.session.say(notice, { interruptible: false })
          yield* user.hears(300)
          yield* press(user)
          assert.strictEqual(user.connection.of("error").length, 2)
        })
      ))

    it.effect(`is stopped by the program only by force; with ${name}`, () =>
      running(
        make(),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.say(notice, { interruptible: false })
          yield* user.hears(300)
          for (const options of [undefined, {}, { force: false }]) {
            const error = yield* Effect.flip(user.session.interrupt(options))
            assert.deepStrictEqual([error.code, error.details?.["reason"]], ["invalid_config", "uninterruptible"])
          }
          assert.strictEqual(yield* user.session.state.get, "speaking")
          yield* user.session.interrupt({ force: true })
          yield* user.hears(40)
          assert.strictEqual(yield* user.session.state.get, "listening")
          const [said] = yield* user.session.history
          assert.isTrue(said?.interrupted)
          assert.deepStrictEqual(user.connection.of("error"), [])
        })
      ))
  }

  it.effect("may be interrupted when it is over, and any other reply at once", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.interrupt()
        yield* user.session.say("hello there, how are you", { interruptible: true })
        yield* user.hears(300)
        yield* press(user)
        yield* user.hears(40)
        assert.strictEqual(yield* user.session.state.get, "listening")
        assert.deepStrictEqual(user.connection.of("error"), [])
        yield* user.session.say("hello there, how are you")
        yield* user.hears(300)
        yield* user.session.interrupt()
        assert.strictEqual(yield* user.session.state.get, "listening")
        yield* pass("1 second")
      })
    ))

  it.effect("is heard whole, and what the user says over it is answered after it, once", () =>
    Effect.gen(function*() {
      const result = yield* Scenario.run({
        user: [
          perform("reads the notice", (session) => session.say(notice, { interruptible: false })),
          waitForSpeech("500 millis"),
          say("what is my balance"),
          pressStop,
          pause("500 millis"),
          pressStop,
          say("and my limit"),
          pause("6 seconds")
        ]
      })
      assert.strictEqual(Invariants.report(result), "")
      assert.deepStrictEqual(Recording.lines(result.history), [
        `agent: ${notice}`,
        "user: what is my balance and my limit",
        "agent: You said: what is my balance and my limit."
      ])
      assert.strictEqual(result.events.filter((event) => event.type === "error").length, 1)
    }))

  it.effect("is answered what the user types over it, and over any reply where the policy lets nothing interrupt", () =>
    Effect.gen(function*() {
      for (const enabled of [true, false]) {
        const result = yield* Scenario.run({
          policy: { interruption: { enabled } },
          user: [
            perform("reads", (session) => session.say(notice, { interruptible: !enabled })),
            waitForSpeech("500 millis"),
            Scenario.type("my balance"),
            pause("6 seconds")
          ]
        })
        assert.strictEqual(Invariants.report(result), "")
        assert.deepStrictEqual(result.heardByUser, [notice, "You said: my balance."])
      }
    }))

  it.effect("is every reply where the policy lets nothing interrupt: a stop button is refused, the program's call is not", () =>
    Effect.gen(function*() {
      const policy = { interruption: { enabled: false } }
      const user = [say("hello you there"), waitForSpeech("300 millis"), pressStop, pressStop, pause("2 seconds")]
      const refused = yield* Scenario.run({ policy, user })
      assert.strictEqual(Invariants.report(refused), "")
      assert.deepStrictEqual(refused.heardByUser, ["You said: hello you there."])
      assert.deepStrictEqual(
        refused.events.flatMap((event) => event.type === "error" ? [event.details] : []),
        [{ reason: "uninterruptible" }]
      )
      const byProgram = yield* Scenario.run({
        policy,
        user: [
          say("hello you there"),
          waitForSpeech("300 millis"),
          perform("stops it", (session) => session.interrupt())
        ]
      })
      assert.strictEqual(byProgram.replies[0]?.ended?.reason, "interrupted")
    }))

  it.effect("is the goodbye: it is heard to its end before the close", () =>
    Effect.gen(function*() {
      const goodbye = "Goodbye and thank you for calling us."
      const call = yield* Scenario.run({
        policy: { goodbye },
        user: [
          perform("stops the session", (session) => Effect.asVoid(Effect.forkChild(Effect.ignore(session.stop)))),
          waitForSpeech("300 millis"),
          pressStop,
          pause("5 seconds")
        ]
      })
      assert.strictEqual(Invariants.report(call), "")
      assert.deepStrictEqual(call.heardByUser, [goodbye])
    }))
})
