/** The keys of a telephone: turns of what nobody collects, digits that are collected, and tones to the other end. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { DtmfDetector } from "../../../src/audio/DtmfDetector.ts"
import * as Pcm from "../../../src/audio/Pcm.ts"
import type { CallControl } from "../../../src/session/call/CallControl.ts"
import { call, layer, pass, provider, running, type Setup, type User } from "../Harness.ts"

const phone = (control: Partial<CallControl> = {}) =>
  provider({
    open: () =>
      Effect.succeed({
        access: { connectionUrl: "memory:" },
        attachments: Stream.never,
        call: { facts: () => ({}), events: Stream.never, keypadTurns: true, ...control }
      })
  })

const onPhone = (setup: Setup = {}) => layer({ provider: phone(), ...setup })

/** Presses keys, a tenth of a second apart. */
const press = (user: User, keys: string) =>
  Effect.forEach([...keys], (digit) =>
    Effect.andThen(
      Effect.sync(() => user.connection.listener?.message({ type: "user.dtmf", digit })),
      user.hears(100)
    ), { discard: true })

/** Collects in a fiber of its own; an error is its code. */
const collecting = (user: User, options?: Parameters<User["session"]["collectDigits"]>[0]) =>
  Effect.forkChild(
    Effect.match(user.session.collectDigits(options), { onSuccess: (result) => result, onFailure: ({ code }) => code }),
    { startImmediately: true }
  )

const collected = (digits: string, by: "keypad" | "voice" = "keypad") => ({ _tag: "collected" as const, digits, by })

describe("Keys that nobody collects", () => {
  it.effect("are one turn, after a pause or the terminator, and events each", () =>
    running(
      onPhone(),
      Effect.gen(function*() {
        const user = yield* call()
        yield* press(user, "12")
        yield* user.hears(1_500)
        assert.deepStrictEqual(yield* user.said, [])
        yield* user.hears(1_000)
        assert.deepStrictEqual(yield* user.said.pipe(Effect.map((said) => said.slice(0, 1))), [
          "user: The caller pressed 1 2."
        ])
        yield* user.hears(4_000)
        yield* press(user, "4#")
        yield* user.hears(4_000)
        assert.deepStrictEqual(
          (yield* user.said).filter((line) => line.startsWith("user")),
          ["user: The caller pressed 1 2.", "user: The caller pressed 4 #."]
        )
        assert.deepStrictEqual(user.connection.of("dtmf.received").map(({ digit }) => digit), ["1", "2", "4", "#"])
      })
    ))

  it.effect("stop what the agent says at the first key, where it may be interrupted", () =>
    running(
      onPhone(),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.say("press one for sales, or two for support, or stay on the line")
        yield* user.hears(400)
        assert.strictEqual(yield* user.session.state.get, "speaking")
        yield* press(user, "1")
        assert.strictEqual(user.connection.clears, 1)
        yield* user.hears(6_000)
        yield* user.session.say("this must be heard to its end", { interruptible: false })
        yield* user.hears(400)
        yield* press(user, "2")
        yield* user.hears(8_000)
        const said = yield* user.said
        assert.include(said, "agent: this must be heard to its end")
        assert.include(said, "user: The caller pressed 2.")
      })
    ))

  it.effect("are only events where the call does not make turns of them, and without a call", () =>
    running(
      layer({ provider: phone({ keypadTurns: false }) }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* press(user, "123#")
        yield* user.hears(4_000)
        assert.deepStrictEqual(yield* user.said, [])
        assert.strictEqual(user.connection.of("dtmf.received").length, 4)
      })
    ))
})

describe("Digits that are collected", () => {
  it.effect("come after the prompt, up to the terminator, and are in no event and no history", () =>
    running(
      onPhone(),
      Effect.gen(function*() {
        const user = yield* call()
        const digits = yield* collecting(user, { prompt: "your number please", min: 4, max: 8 })
        yield* user.hears(3_000)
        yield* press(user, "4711#")
        assert.deepStrictEqual(yield* Fiber.join(digits), collected("4711"))
        yield* user.hears(4_000)
        assert.deepStrictEqual(yield* user.said, ["agent: your number please"])
        assert.notInclude(JSON.stringify(user.connection.events), "dtmf")
        // afterwards keys are turns again
        yield* press(user, "9#")
        yield* user.hears(3_000)
        assert.include(yield* user.said, "user: The caller pressed 9 #.")
      })
    ))

  it.effect("stop the prompt with the first key, and take the terminator after the last one", () =>
    running(
      onPhone(),
      Effect.gen(function*() {
        const user = yield* call()
        const digits = yield* collecting(user, { prompt: "please enter the four digits of your code now", max: 4 })
        yield* user.hears(500)
        assert.strictEqual(yield* user.session.state.get, "speaking")
        yield* press(user, "1")
        assert.strictEqual(yield* user.session.state.get, "listening")
        assert.strictEqual(user.connection.clears, 1)
        yield* press(user, "234#")
        assert.deepStrictEqual(yield* Fiber.join(digits), collected("1234"))
        yield* user.hears(4_000)
        assert.deepStrictEqual((yield* user.said).filter((line) => line.startsWith("user")), [])
      })
    ))

  it.effect("begin after a prompt that may not be interrupted", () =>
    running(
      onPhone(),
      Effect.gen(function*() {
        const user = yield* call()
        const digits = yield* collecting(user, { prompt: "your code please", max: 2, bargeIn: false })
        yield* user.hears(300)
        yield* press(user, "99")
        assert.strictEqual(user.connection.clears, 0)
        yield* user.hears(3_000)
        yield* press(user, "12")
        assert.deepStrictEqual(yield* Fiber.join(digits), collected("12"))
      })
    ))

  it.effect("time out: nothing, too little, and enough", () =>
    running(
      onPhone(),
      Effect.gen(function*() {
        const user = yield* call()
        const options = { min: 2, firstDigitTimeout: "5 seconds", interDigitTimeout: "2 seconds" } as const
        const none = yield* collecting(user, options)
        yield* user.hears(4_900)
        assert.isUndefined(none.pollUnsafe())
        yield* user.hears(300)
        assert.deepStrictEqual(yield* Fiber.join(none), { _tag: "no_input" })
        const few = yield* collecting(user, options)
        yield* press(user, "1")
        yield* user.hears(2_100)
        assert.deepStrictEqual(yield* Fiber.join(few), { _tag: "too_short", digits: "1" })
        const enough = yield* collecting(user, options)
        yield* press(user, "12")
        yield* user.hears(2_100)
        assert.deepStrictEqual(yield* Fiber.join(enough), collected("12"))
      })
    ))

  it.effect("may be said instead, which is then no turn; and the next words are one", () =>
    running(
      onPhone({ texts: ["four seven one one", "thank you"] }),
      Effect.gen(function*() {
        const user = yield* call()
        const digits = yield* collecting(user, { min: 4, max: 4 })
        yield* user.speaks(1_000)
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* Fiber.join(digits), collected("4711", "voice"))
        assert.deepStrictEqual(yield* user.said, [])
        assert.notInclude(JSON.stringify(user.connection.events), "seven")
        yield* user.speaks(1_000)
        yield* user.hears(4_000)
        assert.deepStrictEqual(yield* user.said, ["user: thank you", "agent: You said thank you."])
      })
    ))

  it.effect("give other words as they are", () =>
    running(
      onPhone({ texts: ["i do not know it"] }),
      Effect.gen(function*() {
        const user = yield* call()
        const digits = yield* collecting(user, { prompt: "your number please" })
        yield* user.hears(3_000)
        yield* user.speaks(1_000)
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* Fiber.join(digits), { _tag: "spoken", text: "i do not know it" })
      })
    ))

  it.effect("are collected once at a time, with options that make sense, and end with the session", () =>
    running(
      onPhone(),
      Effect.gen(function*() {
        const user = yield* call()
        for (
          const options of [{ min: 5, max: 4 }, { max: 65 }, { terminator: "##" }, {
            firstDigitTimeout: "1 hour" as const
          }]
        ) {
          const error = yield* Effect.flip(user.session.collectDigits(options))
          assert.strictEqual(error.code, "invalid_config")
        }
        const first = yield* collecting(user, { firstDigitTimeout: "5 minutes" })
        const error = yield* Effect.flip(user.session.collectDigits())
        assert.strictEqual(error.details?.["reason"], "collecting")
        // a program that does not wait any more ends the collection
        yield* Fiber.interrupt(first)
        const second = yield* collecting(user, { firstDigitTimeout: "5 minutes" })
        const stopped = yield* Effect.forkChild(user.session.stop)
        yield* pass("1 second")
        yield* Fiber.join(stopped)
        assert.strictEqual(yield* Fiber.join(second), "context_canceled")
      })
    ))

  it.effect("do not leave a prompt behind that was not said yet", () =>
    running(
      onPhone(),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.say("first we have to tell you something that takes a while", { interruptible: false })
        yield* user.hears(300)
        const digits = yield* collecting(user, { prompt: "now your number please", max: 2 })
        yield* press(user, "12")
        assert.deepStrictEqual(yield* Fiber.join(digits), collected("12"))
        yield* user.hears(12_000)
        const said = yield* user.said
        assert.deepStrictEqual(said.slice(0, 1), ["agent: first we have to tell you something that takes a while"])
        assert.isFalse(said.some((line) => line.includes("your number please")), said.join("\n"))
      })
    ))
})

describe("Keys to the other end", () => {
  const heard = (user: User) => {
    const detector = new DtmfDetector(user.connection.format.output.sampleRate)
    return user.connection.frames.map((frame) => detector.push(frame)).join("")
  }

  it.effect("are tones where the carrier has no command, after what the agent says, and not interrupted", () =>
    running(
      onPhone({ texts: ["please enter your extension"] }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.say("one moment")
        yield* user.session.sendDtmf("1w23*#D")
        yield* user.hears(1_000)
        yield* user.speaks(1_500)
        yield* user.hears(6_000)
        assert.strictEqual(heard(user), "123*#D")
        assert.isAbove(Pcm.peak(user.connection.frames[0]!), 0)
      })
    ))

  it.effect("go to the carrier where it has a command, and nowhere without a call", () =>
    Effect.gen(function*() {
      const sent: Array<string> = []
      yield* running(
        layer({ provider: phone({ sendDtmf: (digits) => Effect.sync(() => void sent.push(digits)) }) }),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.sendDtmf("42#")
          yield* user.hears(1_000)
          assert.deepStrictEqual(sent, ["42#"])
          assert.strictEqual(heard(user), "")
        })
      )
      yield* running(
        layer(),
        Effect.gen(function*() {
          const user = yield* call()
          const error = yield* Effect.flip(user.session.sendDtmf("42#"))
          assert.strictEqual(error.details?.["reason"], "no_call")
        })
      )
    }))

  it.effect("are quoted by no error", () =>
    running(
      onPhone(),
      Effect.gen(function*() {
        const user = yield* call()
        const error = yield* Effect.flip(user.session.sendDtmf("4711 x"))
        assert.strictEqual(error.code, "invalid_config")
        assert.notInclude(JSON.stringify(error), "4711")
        yield* TestClock.adjust(0)
      })
    ))
})
