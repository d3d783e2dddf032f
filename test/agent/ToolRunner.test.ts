import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { CallContext } from "../../src/agent/CallContext.ts"
import { ToolError } from "../../src/agent/ToolError.ts"
import * as ToolFailure from "../../src/agent/ToolFailure.ts"
import * as ToolRunner from "../../src/agent/ToolRunner.ts"

class Diary extends Context.Service<Diary, string>()("test/Diary") {}

const call: CallContext = {
  sessionId: "s",
  userId: "ada",
  metadata: {},
  turn: 1,
  history: [],
  provider: "test",
  transport: "memory",
  facts: {}
}

const toolkit = Toolkit.make(
  Tool.make("look", { description: "Looks", success: Schema.String, dependencies: [Diary] }),
  Tool.make("pay", { success: Schema.String, needsApproval: () => Effect.succeed(false) }),
  Tool.make("free", { success: Schema.String, needsApproval: false })
)
const runner = Effect.map(
  Effect.flatMap(
    toolkit.toHandlers({
      look: () => Effect.zipWith(Diary, CallContext, (diary, { userId }) => `${userId}: ${diary}`),
      pay: () => Effect.succeed("paid"),
      free: () => Effect.succeed("free")
    }),
    (handlers) => Effect.provideContext(toolkit, handlers)
  ),
  ToolRunner.make
)
const told = <R>(run: Effect.Effect<unknown, unknown, R>) =>
  Effect.matchCause(run, { onFailure: (cause) => ToolFailure.outcomeOf("it", cause), onSuccess: (outcome) => outcome })

describe("ToolRunner", () => {
  it.effect("provides a tool with what it needs, in the call of whoever runs it", () =>
    Effect.gen(function*() {
      // made within another call, which is not the one in which it runs
      const provided = ToolRunner.provideContext(
        yield* runner,
        yield* Effect.context<Diary>().pipe(
          Effect.provideService(Diary, "ten"),
          Effect.provideService(CallContext, { ...call, userId: "nobody" })
        )
      )
      assert.deepStrictEqual(
        yield* provided.run("look", {}, "1").pipe(Effect.provideService(CallContext, call)),
        { ok: true, output: "ada: ten" }
      )
    }))

  it.effect("runs no tool that needs an approval, and says no more than that to the model", () =>
    Effect.gen(function*() {
      const { run } = yield* runner
      assert.deepStrictEqual(yield* told(run("pay", {}, "1")), {
        ok: false,
        output: { error: "tool it failed", code: "tool_failed" }
      })
      assert.deepStrictEqual(yield* told(run("free", {}, "2")), { ok: true, output: "free" })
      assert.deepInclude(yield* told(run("toString", {}, "3")), { ok: false })
    }).pipe(Effect.provideService(Diary, "")))

  it.effect("merges the tools of two, of which the second counts", () =>
    Effect.gen(function*() {
      const own = Toolkit.make(Tool.make("free", { success: Schema.String }), Tool.make("ask_agent"))
      const second = yield* Effect.flatMap(
        own.toHandlers({ free: () => Effect.succeed("ours"), ask_agent: () => Effect.void }),
        (handlers) => Effect.map(Effect.provideContext(own, handlers), ToolRunner.make)
      )
      const first = ToolRunner.provideContext(yield* runner, Context.make(Diary, "ten"))
      const both = ToolRunner.merge(first, second)
      assert.deepStrictEqual(both.tools.map(({ name }) => name), ["look", "pay", "free", "ask_agent"])
      assert.strictEqual(both.nameOf("functions.Ask-Agent"), "ask_agent")
      assert.deepStrictEqual(yield* told(both.run("free", {}, "1")), { ok: true, output: "ours" })
      assert.deepStrictEqual(
        yield* told(both.run("look", {}, "2")).pipe(Effect.provideService(CallContext, call)),
        { ok: true, output: "ada: ten" }
      )
      assert.deepStrictEqual(ToolRunner.merge(ToolRunner.none, first).tools, first.tools)
    }))

  it.effect("tells a model the words that a tool declares for it, and no text of a library, in either mode", () =>
    Effect.gen(function*() {
      const library = new Error("pg: connection refused at db.internal:5432")
      class Full extends Schema.TaggedError<Full>()("Full", { message: Schema.String }) {}
      const schemas = {
        any_error: [Schema.instanceOf(Error), library, undefined],
        defect: [Schema.Defect({ includeStack: false }), library, undefined],
        unknown: [Schema.Unknown, { detail: library.message }, undefined],
        shape: [Schema.Struct({ message: Schema.String }), library, undefined],
        own_shape: [Schema.Struct({ message: Schema.String }), { message: "We are full." }, "We are full."],
        own_class: [Full, new Full({ message: "We are full." }), "We are full."],
        words: [ToolError, new ToolError({ message: "We are full." }), "We are full."],
        undeclared: [Full, library, undefined]
      } as const
      for (const failureMode of ["error", "return"] as const) {
        for (const [name, [failure, error, words]] of Object.entries(schemas)) {
          const tools = Toolkit.make(
            Tool.make(name, { success: Schema.String, failure: failure as typeof ToolError, failureMode })
          )
          const { run } = yield* Effect.flatMap(
            tools.toHandlers({ [name]: () => Effect.fail(error as never) }),
            (handlers) => Effect.map(Effect.provideContext(tools, handlers), ToolRunner.make)
          )
          const outcome = JSON.stringify(yield* told(run(name, {}, "1")))
          const what = `${failureMode} ${name}: ${outcome}`
          assert.notInclude(outcome, "db.internal", what)
          assert.include(outcome, "\"ok\":false", what)
          assert.include(outcome, words ?? "tool it failed", what)
        }
      }
    }))
})
