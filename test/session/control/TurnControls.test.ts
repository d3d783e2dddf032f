/** What a client may ask of the user's turn: to end it, to forget it, and to have it answered. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import type { InvalidConfig } from "../../../src/BackendError.ts"
import { defaultPolicy } from "../../../src/conversation/ConversationPolicy.ts"
import type { SessionControl } from "../../../src/session/SessionControl.ts"
import { call, layer, layerS2s, running, type User } from "../Harness.ts"

/** Asks as a client does, over its connection. */
const ask = (user: User, control: SessionControl) =>
  Effect.sync((): InvalidConfig | undefined => user.connection.listener?.control?.(control))
const must = (user: User, control: SessionControl) =>
  Effect.map(ask(user, control), (refused) => assert.isUndefined(refused, refused?.message))
const reasonOf = (user: User, control: SessionControl) =>
  Effect.map(ask(user, control), (refused) => refused?.details?.["reason"])

const manual = { turns: "manual" } as const
const onRequest = { answers: "on_request" } as const
const spoken = (user: User) => user.connection.types.filter((type) => type.startsWith("agent.speech"))

describe("push to talk", () => {
  it.effect("ends a turn when the client says so, however long the user is silent", () =>
    running(
      layer({ policy: manual }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(8_000)
        assert.deepStrictEqual(user.connection.types.filter((type) => type.startsWith("user.")), [
          "user.speech_started",
          "user.speech_stopped"
        ])
        yield* user.speaks(400)
        yield* must(user, { _tag: "EndTurn" })
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one."])
        assert.deepStrictEqual(spoken(user), ["agent.speech_started", "agent.speech_stopped"])
        // the wait counts from the end of the turn
        const [latency] = user.connection.of("turn.latency")
        assert.isBelow(latency?.totalMs ?? 9_999, 1_000)
      })
    ))

  it.effect("takes each turn with the sound that was there, and answers it after what may not be interrupted", () =>
    running(
      layer({ policy: { ...manual, interruption: { ...defaultPolicy.interruption, enabled: false } } }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.say("this is the first thing that you hear")
        yield* user.hears(200)
        yield* user.speaks(300)
        yield* must(user, { _tag: "EndTurn" })
        yield* user.hears(100)
        // a noise does not take the turn that was ended back
        yield* user.speaks(200)
        yield* user.hears(6_000)
        assert.deepStrictEqual(yield* user.said, [
          "agent: this is the first thing that you hear",
          "user: one",
          "agent: You said one."
        ])
      })
    ))

  it.effect("is a setting that a client changes while the user speaks", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* must(user, { _tag: "Policy", change: manual })
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, [])
        yield* user.speaks(200)
        yield* must(user, { _tag: "Policy", change: { turns: "automatic", silenceMs: 200 } })
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one."])
        assert.strictEqual(yield* reasonOf(user, { _tag: "Policy", change: { silenceMs: 1 } }), undefined)
        const refused = yield* ask(user, { _tag: "Policy", change: { silenceMs: 1 } })
        assert.include(refused?.message ?? "", "conversation.endpointing.silence")
        assert.isDefined(yield* ask(user, { _tag: "Policy", change: { awayAfterMs: Number.NaN } }))
      })
    ))

  it.effect("ends a turn of an automatic session early, and forgets one", () =>
    running(
      layer({ stt: { delay: "400 millis" } }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* must(user, { _tag: "EndTurn" })
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one."])
        yield* user.speaks(400)
        yield* user.hears(100)
        // the words are on their way
        yield* must(user, { _tag: "EndTurn" })
        yield* must(user, { _tag: "DropTurn" })
        yield* user.hears(3_000)
        assert.strictEqual((yield* user.said).length, 2)
        yield* user.speaks(400)
        yield* user.hears(4_000)
        assert.deepStrictEqual((yield* user.said).slice(2), ["user: three", "agent: You said three."])
      })
    ))

  it.effect("works with a model that answers sound, and is refused where it decides turns", () =>
    Effect.gen(function*() {
      yield* running(
        layerS2s(["one", "two"], { turnAuthority: "own", setup: { policy: manual } }),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.speaks(400)
          yield* user.hears(3_000)
          assert.deepStrictEqual(spoken(user), [])
          yield* must(user, { _tag: "EndTurn" })
          yield* user.hears(3_000)
          assert.deepStrictEqual(spoken(user), ["agent.speech_started", "agent.speech_stopped"])
          assert.strictEqual(yield* reasonOf(user, { _tag: "DropTurn" }), "unsupported")
          assert.strictEqual(yield* reasonOf(user, { _tag: "Respond", instructions: "be brief" }), "unsupported")
          assert.strictEqual(yield* reasonOf(user, { _tag: "Output", output: "text" }), "unsupported")
        })
      )
      yield* running(
        layerS2s(["one", "two"], { turnAuthority: "remote" }),
        Effect.gen(function*() {
          const user = yield* call()
          for (
            const control of [{ _tag: "EndTurn" }, { _tag: "Policy", change: manual }, { _tag: "Respond" }] as const
          ) {
            assert.strictEqual(yield* reasonOf(user, control), "unsupported")
          }
        })
      )
    }))
})

describe("answers on request", () => {
  it.effect("are given when they are asked for, one at a time", () =>
    running(
      layer({ policy: onRequest }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, ["user: one"])
        assert.strictEqual(yield* user.session.state.get, "listening")
        yield* must(user, { _tag: "Respond" })
        assert.strictEqual(yield* reasonOf(user, { _tag: "Respond" }), "answer_in_progress")
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one."])
        const turns = user.connection.of("agent.speech_stopped").map(({ turn }) => turn)
        const finals = user.connection.of("user.transcript").filter(({ final }) => final)
        assert.deepStrictEqual(turns, finals.map(({ turn }) => turn))
        // before the words are there
        yield* user.speaks(400)
        yield* must(user, { _tag: "EndTurn" })
        yield* must(user, { _tag: "Respond" })
        yield* user.hears(3_000)
        assert.deepStrictEqual((yield* user.said).slice(2), ["user: two", "agent: You said two."])
      })
    ))

  it.effect("come from a model that answers sound, which is asked then", () =>
    running(
      layerS2s(["one", "two"], { turnAuthority: "own", setup: { policy: { ...manual, ...onRequest } } }),
      Effect.gen(function*() {
        const user = yield* call()
        assert.strictEqual(yield* reasonOf(user, { _tag: "Respond" }), "unsupported")
        yield* user.speaks(400)
        yield* must(user, { _tag: "EndTurn" })
        yield* user.hears(2_000)
        assert.deepStrictEqual(spoken(user), [])
        assert.strictEqual(yield* user.session.state.get, "listening")
        yield* must(user, { _tag: "Respond" })
        yield* user.hears(3_000)
        assert.deepStrictEqual(spoken(user), ["agent.speech_started", "agent.speech_stopped"])
        yield* user.session.sendText("typed")
        yield* user.hears(1_000)
        assert.strictEqual(spoken(user).length, 2)
        yield* must(user, { _tag: "Respond" })
        yield* user.hears(3_000)
        assert.strictEqual(spoken(user).length, 4)
        assert.include(yield* user.said, "user: typed")
      })
    ))

  it.effect("wait for what the agent says by itself, and are not given when they are taken back", () =>
    running(
      layer({ policy: onRequest }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.say("this is an announcement")
        yield* user.hears(200)
        yield* must(user, { _tag: "Respond" })
        assert.strictEqual(yield* reasonOf(user, { _tag: "Respond" }), "answer_in_progress")
        yield* user.hears(4_000)
        assert.deepStrictEqual(yield* user.said, ["agent: this is an announcement", "agent: You said."])
        yield* user.speaks(400)
        yield* must(user, { _tag: "Respond" })
        yield* must(user, { _tag: "Interrupt" })
        yield* user.hears(4_000)
        assert.deepStrictEqual((yield* user.said).slice(2), ["user: one"])
      })
    ))

  it.effect("may have instructions, and need no question", () => {
    const inputs: Array<readonly [string, string | undefined, number]> = []
    const agent = Agent.fromCallback((transcript, { history, instructions }) => {
      inputs.push([transcript, instructions, history.length])
      return Effect.succeed(transcript === "" ? "Hello there." : "Yes.")
    })
    return running(
      layer({ policy: onRequest, agent }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.control({ _tag: "Respond", instructions: "greet the user" })
        yield* user.hears(2_000)
        yield* user.session.control({ _tag: "Insert", id: "i1", role: "user", text: "I am in Rome." })
        yield* user.session.control({ _tag: "Respond" })
        yield* user.hears(2_000)
        yield* user.session.sendText("typed")
        yield* user.hears(200)
        yield* user.session.control({ _tag: "Respond" })
        yield* user.hears(100)
        yield* user.session.control({ _tag: "Interrupt" })
        yield* user.hears(500)
        assert.deepStrictEqual(inputs, [["", "greet the user", 0], ["I am in Rome.", undefined, 1], [
          "typed",
          undefined,
          3
        ]])
        assert.deepStrictEqual(yield* user.said, [
          "agent: Hello there.",
          "user: I am in Rome.",
          "agent: Yes.",
          "user: typed"
        ])
        const error = yield* Effect.flip(user.session.control({ _tag: "Remove", item: { id: "none" } }))
        assert.deepStrictEqual([error.code, error.details?.["reason"]], ["invalid_config", "item_not_found"])
      })
    )
  })
})
