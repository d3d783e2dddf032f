import { Context, Effect, Layer, Schema } from "effect"
import { Agent, CallContext } from "effect-voice"
import { Invariants, Recording, Scenario, ScriptedLanguageModel } from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
import assert from "node:assert"

// the application's own service, which the tool needs
class Diary extends Context.Service<Diary, {
  readonly book: (user: string, time: string) => Effect.Effect<boolean>
}>()("clinic/Diary") {}

const toolkit = Toolkit.make(
  Tool.make("book", {
    description: "Books an appointment for the caller",
    parameters: Schema.Struct({ time: Schema.String }),
    success: Schema.String,
    failure: Agent.ToolError
  })
)
const Tools = toolkit.toLayer(Effect.gen(function*() {
  const diary = yield* Diary
  return {
    book: Effect.fnUntraced(function*({ time }) {
      const { userId } = yield* CallContext
      if (yield* diary.book(userId, time)) return "booked"
      return yield* new Agent.ToolError({ message: "That time is taken." })
    })
  }
}))
const agent = Agent.fromLanguageModel({ instructions: ({ userId }) => `You speak to ${userId}.`, toolkit })

// for the test: a diary in memory, and a model that answers the first request with a call, the second with words, …
const booked = new Map([["nine", "bob"]])
const TestDiary = Layer.succeed(Diary, {
  book: (user, time) => Effect.sync(() => !booked.has(time) && booked.set(time, user) !== undefined)
})
const requests: Array<ScriptedLanguageModel.Request> = []
const Model = ScriptedLanguageModel.layer([
  [{ call: "book", params: { time: "nine" } }],
  ["Nine is taken. ", "Is ten possible?"],
  [{ call: "book", params: { time: "ten" } }],
  [{ wait: "300 millis" }, "You have an appointment at ten."]
], requests)

const call = await Effect.runPromise(
  Scenario.run({
    agent,
    session: { userId: "ada" },
    user: [Scenario.say("at nine please"), Scenario.waitForAgent, Scenario.say("ten is fine"), Scenario.waitForAgent]
  }).pipe(Effect.provide([Tools.pipe(Layer.provide(TestDiary)), Model]))
)
assert.deepEqual(Recording.lines(call.history), [
  "user: at nine please",
  "agent: Nine is taken. Is ten possible?",
  "user: ten is fine",
  "agent: You have an appointment at ten."
])
assert.equal(booked.get("ten"), "ada")
assert.match(JSON.stringify(requests[0]?.prompt), /You speak to ada\./)
assert.match(JSON.stringify(requests[1]?.prompt), /That time is taken\./)
assert.equal(Invariants.report(call), "")
