/** What an agent with a language model does with the call that it answers. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import * as Agent from "../../../src/agent/index.ts"
import { CallToolOptions } from "../../../src/agent/tools/CallToolOptions.ts"
import type { CallControl } from "../../../src/session/call/CallControl.ts"
import { ScriptedLanguageModel } from "../../../src/testing/index.ts"
import { call, layer, provider, running, type User } from "../Harness.ts"

type Answers = Parameters<typeof ScriptedLanguageModel.layer>[0]

/** A call whose agent has all tools, and what came of it at the carrier. */
const onPhone = (
  answers: Answers,
  body: (
    user: User,
    seen: { readonly done: Array<unknown>; readonly requests: Array<ScriptedLanguageModel.Request> }
  ) => Effect.Effect<void, unknown>,
  texts: ReadonlyArray<string> = ["hello", "please", "thanks"]
) => {
  const done: Array<unknown> = []
  const requests: Array<ScriptedLanguageModel.Request> = []
  const control: CallControl = {
    facts: () => ({}),
    events: Stream.never,
    keypadTurns: true,
    sendDtmf: (digits) => Effect.sync(() => void done.push(digits)),
    transfer: (target, options) =>
      Effect.sync(() => void done.push({ target, warm: options.warm, summary: options.summary }))
  }
  const agent = Agent.fromLanguageModel({
    toolkit: Agent.callTools({
      use: ["hang_up", "transfer_call", "send_digits", "collect_digits", "hold"],
      targets: {
        sales: { to: "+4930123456", description: "who wants to buy something" },
        support: { queue: "support", warm: true }
      }
    })
  })
  const backend = layer({
    agent,
    texts,
    provider: provider({
      open: () => Effect.succeed({ access: { connectionUrl: "memory:" }, attachments: Stream.never, call: control })
    })
  }).pipe(Layer.provide(ScriptedLanguageModel.layer(answers, requests)))
  return running(backend, Effect.flatMap(call(), (user) => body(user, { done, requests })))
}

const press = (user: User, keys: string) =>
  Effect.forEach([...keys], (digit) =>
    Effect.andThen(
      Effect.sync(() => user.connection.listener?.message({ type: "user.dtmf", digit })),
      user.hears(100)
    ), { discard: true })

const turn = (user: User) => Effect.andThen(user.speaks(600), user.hears(4_000))

/** What the tools have answered to the model, as it reads it in its last request. */
const toldOf = (requests: ReadonlyArray<ScriptedLanguageModel.Request>): string =>
  JSON.stringify(requests.at(-1)?.prompt.content.filter(({ role }) => role === "tool"))

describe("The tools of a call", () => {
  it.effect("hang up after the last word", () =>
    onPhone([["Goodbye then.", { call: "hang_up", params: {} }], []], (user) =>
      Effect.gen(function*() {
        yield* user.speaks(600)
        yield* user.hears(8_000)
        assert.strictEqual(yield* user.session.ended, "hung_up")
        const stopped = user.connection.of("agent.speech_stopped")
        assert.deepStrictEqual(stopped.map(({ reason, text }) => [reason, text]), [["completed", "Goodbye then."]])
      })))

  it.effect("transfer to the targets of the application, and to no number that a model writes", () =>
    onPhone(
      [
        [{ call: "transfer_call", params: { target: "+1900123456" } }],
        ["I cannot do that."],
        [{ call: "transfer_call", params: { target: "sales", summary: "left out when it is not warm" } }],
        ["One moment."],
        [{ call: "transfer_call", params: { target: "support", summary: "a broken phone" } }],
        ["One moment."]
      ],
      (user, { done, requests }) =>
        Effect.gen(function*() {
          yield* turn(user)
          assert.deepStrictEqual(done, [])
          assert.notInclude(JSON.stringify(requests), "4930123456")
          assert.include(toldOf(requests), "there are sales, support")
          yield* turn(user)
          yield* turn(user)
          assert.deepStrictEqual(done, [
            { target: "+4930123456", warm: undefined, summary: undefined },
            { target: { queue: "support" }, warm: true, summary: "a broken phone" }
          ])
        })
    ))

  it.effect("send keys, and only keys", () =>
    onPhone(
      [
        [{ call: "send_digits", params: { digits: "12w#" } }],
        ["Done."],
        [{ call: "send_digits", params: { digits: "call 911" } }],
        ["I cannot."]
      ],
      (user, { done, requests }) =>
        Effect.gen(function*() {
          yield* turn(user)
          yield* turn(user)
          assert.deepStrictEqual(done, ["12w#"])
          assert.notInclude(toldOf(requests), "911")
        })
    ))

  it.effect("ask for digits, which are the user's next turn", () =>
    onPhone(
      [
        ["Please type your number.", { call: "collect_digits", params: { min: 2, max: 4 } }],
        [],
        ["Thank you."]
      ],
      (user) =>
        Effect.gen(function*() {
          yield* turn(user)
          yield* press(user, "4711")
          yield* user.hears(4_000)
          assert.deepStrictEqual(yield* user.said, [
            "user: hello",
            "agent: Please type your number.",
            "user: The caller entered 4 7 1 1.",
            "agent: Thank you."
          ])
          assert.deepStrictEqual(user.connection.of("dtmf.received"), [])
        })
    ))

  it.effect("ask for digits of a user who speaks instead, or does nothing", () =>
    onPhone(
      [
        ["Please type your number.", { call: "collect_digits", params: { seconds: 5 } }],
        [],
        ["I see."],
        ["Please type it now.", { call: "collect_digits", params: { seconds: 2 } }],
        [],
        ["Are you there?"]
      ],
      (user) =>
        Effect.gen(function*() {
          yield* turn(user)
          yield* turn(user)
          // the keys are turns of their own again
          assert.deepStrictEqual((yield* user.said).slice(-2), ["user: please", "agent: I see."])
          yield* turn(user)
          yield* user.hears(6_000)
          assert.deepStrictEqual((yield* user.said).slice(-3), [
            "agent: Please type it now.",
            "user: The caller entered no digits in time.",
            "agent: Are you there?"
          ])
        })
    ))

  it.effect("hold for some seconds, and come back", () =>
    onPhone([[{ call: "hold", params: { seconds: 3 } }], []], (user) =>
      Effect.gen(function*() {
        yield* user.speaks(600)
        yield* user.hears(1_000)
        assert.strictEqual(user.connection.of("call.held").length, 1)
        assert.strictEqual(user.connection.of("call.resumed").length, 0)
        yield* user.hears(4_000)
        assert.strictEqual(user.connection.of("call.resumed").length, 1)
      })))

  it.effect("fail in words for the model where there is no telephone call", () => {
    const requests: Array<ScriptedLanguageModel.Request> = []
    const agent = Agent.fromLanguageModel({
      toolkit: Agent.callTools({ use: ["transfer_call"], targets: { sales: { to: "sales" } } })
    })
    const answers: Answers = [[{ call: "transfer_call", params: { target: "sales" } }], ["I cannot."]]
    return running(
      layer({ agent, texts: ["hello"] }).pipe(Layer.provide(ScriptedLanguageModel.layer(answers, requests))),
      Effect.gen(function*() {
        const user = yield* call()
        yield* turn(user)
        assert.include(toldOf(requests), "the session has no telephone call")
      })
    )
  })
})

describe("CallToolOptions", () => {
  const decode = Schema.decodeUnknownExit(CallToolOptions)
  it("takes targets of one kind each, and transfers only with some", () => {
    for (
      const options of [
        {},
        { use: ["hang_up"] },
        {
          use: ["transfer_call"],
          targets: { a: { to: "+49" }, b: { agent: "billing" }, c: { queue: "q", warm: true } }
        }
      ]
    ) assert.strictEqual(decode(options)._tag, "Success")
    for (
      const options of [
        { use: ["fly"] },
        { use: ["transfer_call"] },
        { targets: { a: {} } },
        { targets: { a: { to: "1", agent: "b" } } },
        { targets: { "a\nb": { to: "1" } } },
        { targets: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`t${i}`, { to: "1" }])) }
      ]
    ) assert.strictEqual(decode(options)._tag, "Failure", JSON.stringify(options))
  })
})
