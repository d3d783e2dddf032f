/** Whatever an application's agent or tool does in place of answering is its failure: told by one line in the log. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, Effect, Fiber, Layer, Logger, References, Schema, Stream } from "effect"
import { Tool, Toolkit } from "effect/ai"
import * as Agent from "../../src/agent/index.ts"
import { SessionNotFound } from "../../src/BackendError.ts"
import * as ScriptedLanguageModel from "../../src/testing/scripted/ScriptedLanguageModel.ts"
import type { S2sCall } from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { call, layer, layerS2s, running } from "./Harness.ts"

interface Line {
  readonly text: string
  readonly session: unknown
  readonly turn: unknown
  readonly names: { readonly [key: string]: unknown }
}

const logged = (lines: Array<Line>) =>
  Logger.layer([
    Logger.make<unknown, void>(({ cause, fiber, logLevel, message }) => {
      if (logLevel === "Debug" || logLevel === "Trace" || logLevel === "Info") return
      const { session, turn, ...names } = fiber.getRef(References.CurrentLogAnnotations)
      // of the health of the backend
      if (names["part"] === undefined) {
        lines.push({ text: `${String(message)} ${Cause.pretty(cause)}`, session, turn, names })
      }
    })
  ])

class Full extends Data.TaggedError("CalendarFull")<{ readonly day: string }> {}

const unreadable: unknown = new Proxy({}, {
  get: () => {
    throw new Error("unreadable")
  },
  has: () => {
    throw new Error("unreadable")
  },
  getPrototypeOf: () => {
    throw new Error("unreadable")
  }
})
const unprintable = {
  toString: () => {
    throw new Error("unprintable")
  }
}
const chain = () => {
  let error = new Error("the first one")
  for (let i = 0; i < 10_000; i++) error = new Error(`level ${i}`, { cause: error })
  return error
}

/** What a program without types, or with a mistake in them, gives. */
const given = (answer: () => unknown) =>
  Agent.fromCallback(answer as () => Effect.Effect<string>, { name: "concierge" })
const pieces = (answer: () => unknown) => Agent.fromStream(answer as () => Stream.Stream<string>, { name: "concierge" })
const byHand = (answer: () => unknown): Agent.Agent => ({
  name: "concierge",
  respond: answer as () => Stream.Stream<string>
})

const agents: { readonly [name: string]: readonly [agent: Agent.Agent, told: string] } = {
  "gives a Promise": [given(() => Promise.resolve("Hello.")), "the agent gave a Promise"],
  "gives a Promise that is rejected": [given(() => Promise.reject(new Error("later"))), "the agent gave a Promise"],
  "gives a string": [given(() => "Hello."), "the agent gave string"],
  "gives nothing": [given(() => undefined), "the agent gave undefined"],
  "gives a number as its text": [given(() => Effect.succeed(42)), "the agent gave number: expected text"],
  "gives a piece that is no text": [pieces(() => Stream.make("Well. ", undefined)), "the agent gave undefined"],
  "gives an array of pieces": [pieces(() => ["Well."]), "the agent gave an array"],
  "is made by hand and gives a Promise": [byHand(() => Promise.reject(new Error("later"))), "a Promise"],
  "is made by hand and throws": [
    byHand(() => {
      throw new Error("thrown at once")
    }),
    "thrown at once"
  ],
  "is made by hand and dies": [byHand(() => Stream.die("no error")), "no error"],
  "is made by hand and fails with an error of its own": [byHand(() => Stream.fail(new Error("own"))), "own"],
  "interrupts itself": [given(() => Effect.interrupt), "the agent interrupted itself"],
  "is made by hand and interrupts itself": [byHand(() => Stream.fromEffect(Effect.interrupt)), "interrupted itself"],
  "joins what it has interrupted": [
    given(() =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Effect.never)
        yield* Fiber.interrupt(fiber)
        return yield* Fiber.join(fiber)
      })
    ),
    "the agent interrupted itself"
  ],
  "fails with what cannot be read": [given(() => Effect.fail(unreadable)), "unreadable"],
  "dies of what cannot be printed": [given(() => Effect.die(unprintable)), "a value that cannot be read"],
  "fails with a tagged error without a message": [
    given(() => Effect.fail(new Full({ day: "Monday" }))),
    "CalendarFull"
  ],
  "fails with a record": [given(() => Effect.fail({ _tag: "NoTable", seats: 8 })), "NoTable, seats: 8"],
  "fails with nothing": [given(() => Effect.fail(undefined)), "undefined"],
  "fails with several errors at once": [
    given(() => Effect.fail(new AggregateError([new Error("no IPv6"), new Error("no IPv4")]))),
    "no IPv6; no IPv4"
  ],
  "fails at the end of ten thousand causes": [given(() => Effect.fail(chain())), "[cause]: Error: level 9990"],
  "says that the session is not there": [
    given(() => Effect.fail(new SessionNotFound({ op: "x", message: "gone" }))),
    "gone"
  ]
}

describe("a failure of an agent", () => {
  for (const [name, [agent, text]] of Object.entries(agents)) {
    it.effect(`is told when it ${name}`, () => {
      const lines: Array<Line> = []
      return Effect.gen(function*() {
        yield* running(
          layer({ agent }),
          Effect.gen(function*() {
            const user = yield* call()
            for (let turn = 0; turn < 2; turn++) {
              yield* user.speaks(1_000)
              yield* user.hears(6_000)
            }
            assert.deepStrictEqual(user.connection.of("error").map(({ code, message }) => ({ code, message })), [
              { code: "agent_error", message: "the agent failed" },
              { code: "agent_error", message: "the agent failed" }
            ])
            assert.strictEqual((yield* user.said).filter((said) => said === "agent: Sorry.").length, 2)
          })
        )
        assert.strictEqual(lines.length, 2, JSON.stringify(lines))
        for (const line of lines) {
          assert.include(line.text, text)
          assert.deepStrictEqual(line.names, { agent: "concierge" })
          assert.deepStrictEqual([typeof line.session, typeof line.turn], ["string", "number"])
        }
      }).pipe(Effect.provide(logged(lines)))
    })
  }

  it.effect("has its turn when it is of work in the background", () => {
    const lines: Array<Line> = []
    const agent = Agent.fromCallback(
      (_, { session }) => Effect.as(session?.background(Effect.die(unprintable)) ?? Effect.void, "On its way."),
      { name: "concierge" }
    )
    return running(
      layer({ agent }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(1_000)
        yield* user.hears(4_000)
        assert.deepStrictEqual(user.connection.of("error"), [])
        assert.deepStrictEqual(lines.map(({ names, turn }) => ({ names, turn })), [
          { names: { agent: "concierge" }, turn: 1 }
        ])
      })
    ).pipe(Effect.provide(logged(lines)))
  })
})

describe("a failure of a tool", () => {
  const ways: { readonly [name: string]: () => Effect.Effect<string, unknown> } = {
    unreadable: () => Effect.fail(unreadable),
    unprintable: () => Effect.die(unprintable),
    deep: () => Effect.fail(chain()),
    interrupted: () => Effect.interrupt,
    slow: () => Effect.never,
    stubborn: () => Effect.uninterruptible(Effect.never)
  }

  it.effect("is told once, whatever a handler of a toolkit does", () => {
    const lines: Array<Line> = []
    const requests: Array<ScriptedLanguageModel.Request> = []
    const names = Object.keys(ways)
    const toolkit = Toolkit.make(
      ...names.map((name) => Tool.make(name, { success: Schema.String, failure: Schema.Unknown }))
    )
    const handlers = toolkit.toLayer(ways)
    const model = ScriptedLanguageModel.layer(
      (_, i) => i === 0 ? names.map((name) => ({ call: name })) : ["Sorry."],
      requests
    )
    return Effect.gen(function*() {
      const context = yield* Layer.build(Layer.merge(model, handlers))
      const agent = yield* Agent.withContext(Agent.fromLanguageModel({ name: "concierge", toolkit })).pipe(
        Effect.provideContext(context)
      )
      yield* running(
        layer({ agent }),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.speaks(1_000)
          yield* user.hears(15_000)
          assert.deepStrictEqual(user.connection.of("error"), [])
          assert.strictEqual(requests.length, 2)
        })
      ).pipe(Effect.provide(logged(lines)))
      assert.deepStrictEqual(lines.map((line) => line.names["tool"]).toSorted(), names.toSorted())
      for (const line of lines) assert.strictEqual(line.turn, 1, line.text)
      assert.include(lines.find((line) => line.names["tool"] === "slow")?.text, "timed out")
    }).pipe(Effect.scoped)
  })

  it.effect("is told once, whatever a tool of a speech-to-speech model does", () => {
    const lines: Array<Line> = []
    const calls: Array<S2sCall> = []
    const names = Object.keys(ways)
    const toolkit = Toolkit.make(
      ...names.map((name) => Tool.make(name, { success: Schema.String, failure: Schema.Unknown }))
    )
    return running(
      layerS2s(names.map((name) => ({ call: name, input: {}, last: "{}" })), { calls, backend: { toolkit } }).pipe(
        Layer.provide(toolkit.toLayer(ways))
      ),
      Effect.gen(function*() {
        const user = yield* call()
        for (let turn = 0; turn < names.length; turn++) {
          yield* user.speaks(400)
          yield* user.hears(40_000)
        }
        assert.strictEqual(calls.filter((done) => done._tag === "toolResult").length, names.length)
        assert.deepStrictEqual(lines.map((line) => line.names["tool"]), names)
      })
    ).pipe(Effect.provide(logged(lines)))
  })
})
