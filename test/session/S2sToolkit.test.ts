/** The tools of a speech-to-speech model are those of `effect/ai`, as for a language model. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { AgentRegistry } from "../../src/agent/AgentRegistry.ts"
import { CallContext } from "../../src/agent/CallContext.ts"
import * as Agent from "../../src/agent/index.ts"
import type { S2sCall } from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { call, layerS2s, pass, running } from "./Harness.ts"
import { TestConnection } from "./TestConnection.ts"

class Diary extends Context.Service<Diary, { readonly free: string }>()("test/Diary") {}

const toolkit = Toolkit.make(
  Tool.make("free_slots", { description: "The free times", success: Schema.String, dependencies: [Diary] }),
  Tool.make("book", {
    description: "Books",
    parameters: Schema.Struct({ people: Schema.Int, at: Schema.String, note: Schema.optionalKey(Schema.String) }),
    success: Schema.Struct({ booked: Schema.String }),
    failure: Schema.TaggedStruct("NoTable", { message: Schema.String })
  }),
  Tool.make("full", {
    success: Schema.String,
    failure: Schema.Struct({ message: Schema.String }),
    failureMode: "return"
  }),
  Tool.make("pay", { success: Schema.String, needsApproval: true }),
  Tool.make("leave", { success: Schema.String, failure: Schema.String })
)

const outputs = (calls: ReadonlyArray<S2sCall>) =>
  calls.flatMap((done) => done._tag === "toolResult" ? [done.output] : [])

describe("A toolkit of a speech-to-speech model", () => {
  it.effect("runs with its services and in the call, its input fitted, its words told", () => {
    const calls: Array<S2sCall> = []
    let paid = 0
    const seen: Array<CallContext> = []
    const handlers = toolkit.toLayer({
      free_slots: () => Diary.use(({ free }) => Effect.succeed(free)),
      book: ({ at, people }) =>
        at === "20:00"
          ? Effect.fail({ _tag: "NoTable" as const, message: "There is no table at eight." })
          : Effect.map(CallContext, (context) => {
            seen.push(context)
            return { booked: `${context.userId}: ${people} at ${at}` }
          }),
      full: () => Effect.fail({ message: "We are full." }),
      pay: () => Effect.sync(() => `${++paid}`),
      leave: () => Effect.succeed("bye")
    })
    const asks = [
      { call: "free_slots", input: {} },
      // as models write it: a number as a text, null for what may be left out, a namespace
      { call: "functions.book", input: { people: "2", at: "19:00", note: null } },
      { call: "book", input: { people: 2, at: "20:00" } },
      { call: "full", input: {} },
      { call: "pay", input: {} }
    ]
    return running(
      layerS2s(asks.map((ask) => ({ ...ask, last: "{}" })), { calls, backend: { toolkit } }).pipe(
        Layer.provide([handlers, Layer.succeed(Diary, { free: "half past ten" })])
      ),
      Effect.gen(function*() {
        const connection = Object.assign(new TestConnection({ transport: "webrtc" }), { facts: { room: "desk" } })
        const user = yield* call({ connection, config: { language: "en", metadata: { plan: "gold" } } })
        for (let turn = 0; turn < asks.length; turn++) {
          yield* user.session.sendText(`question ${turn + 1}`)
          yield* pass("10 seconds")
        }
        assert.deepStrictEqual(outputs(calls), [
          "half past ten",
          JSON.stringify({ booked: "u: 2 at 19:00" }),
          JSON.stringify({ error: "tool book failed: There is no table at eight." }),
          JSON.stringify({ message: "We are full." }),
          JSON.stringify({ error: "tool pay failed", code: "tool_failed" })
        ])
        assert.strictEqual(paid, 0, "nobody has approved it")
        assert.deepStrictEqual(
          user.connection.of("tool.finished").map(({ name, ok, turn }) => ({ name, ok, turn })),
          [
            { name: "free_slots", ok: true, turn: 1 },
            { name: "book", ok: true, turn: 2 },
            { name: "book", ok: false, turn: 3 },
            { name: "full", ok: false, turn: 4 },
            { name: "pay", ok: false, turn: 5 }
          ]
        )
        const [context] = seen
        assert.ok(context !== undefined)
        assert.deepInclude(context, {
          sessionId: user.session.id,
          userId: "u",
          turn: 2,
          provider: "test",
          transport: "webrtc",
          language: "en"
        })
        assert.deepStrictEqual([context.metadata, context.facts], [{ plan: "gold" }, { room: "desk" }])
        assert.deepInclude(context.history.map(({ text }) => text), "question 1")
      })
    )
  })

  it.effect("hands over, and leaves work in the background that keeps its call", () => {
    const seen: Array<string> = []
    const handlers = toolkit.toLayer(Effect.map(Diary, ({ free }) => ({
      free_slots: () => Effect.succeed(free),
      book: () => Effect.succeed({ booked: "" }),
      full: () => Effect.succeed(""),
      pay: () => Effect.succeed(""),
      leave: () =>
        Agent.background(
          Effect.andThen(
            Effect.sleep("30 seconds"),
            Effect.map(CallContext, ({ turn, userId }) => void seen.push(`${userId} ${turn}`))
          )
        ).pipe(
          Effect.andThen(Agent.handOver("billing")),
          Effect.as("handed over"),
          Effect.mapError(({ message }) => message)
        )
    })))
    const calls: Array<S2sCall> = []
    const ask = { call: "ask_agent", input: { question: "Who are you?" }, last: "{}" }
    return running(
      layerS2s([{ call: "leave", input: {}, last: "{}" }, ask], { calls, backend: { toolkit, agentInLoop: "tool" } })
        .pipe(
          Layer.provide(AgentRegistry.layer({ billing: Agent.fromCallback(() => Effect.succeed("Billing.")) })),
          Layer.provide(handlers),
          Layer.provide(Layer.succeed(Diary, { free: "never" }))
        ),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("leave")
        yield* pass("10 seconds")
        yield* user.session.sendText("who")
        yield* pass("10 seconds")
        assert.deepStrictEqual(outputs(calls), ["handed over", "Billing."])
        assert.deepInclude(user.connection.of("agent.handed_over")[0], { to: "billing", turn: 1 })
        assert.deepStrictEqual(seen, [])
        yield* pass("20 seconds")
        assert.deepStrictEqual(seen, ["u 1"])
      })
    )
  })

  it.effect("has an outcome for a tool that does not end when it is interrupted, and the call goes on", () => {
    const calls: Array<S2sCall> = []
    const stubborn = Toolkit.make(Tool.make("stubborn", { success: Schema.String }))
    return running(
      layerS2s([{ call: "stubborn", input: {}, last: "{}" }, "Here I am."], { calls, backend: { toolkit: stubborn } })
        .pipe(Layer.provide(stubborn.toLayer({ stubborn: () => Effect.uninterruptible(Effect.never) }))),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("go")
        yield* pass("40 seconds")
        assert.match(outputs(calls)[0] ?? "", /timed out/u)
        yield* user.session.sendText("and now")
        yield* pass("10 seconds")
        assert.deepStrictEqual((yield* user.said).slice(-1), ["agent: Here I am."])
      })
    )
  })
})
