/** Sessions that one agent hands over to another. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { AgentRegistry } from "../../src/agent/AgentRegistry.ts"
import * as Agent from "../../src/agent/index.ts"
import { Invariants, Scenario, ScriptedLanguageModel } from "../../src/testing/index.ts"

const { say, waitForAgent } = Scenario

const Transfer = Tool.make("transfer", {
  description: "Hands the user over to a colleague",
  parameters: Schema.Struct({ to: Schema.String }),
  success: Schema.String,
  failure: Schema.String
})
const toolkit = Toolkit.make(Transfer)
const handlers = toolkit.toLayer({
  transfer: ({ to }) => Agent.handOver(to).pipe(Effect.as("handed over"), Effect.mapError(({ message }) => message))
})
const reception = Agent.fromLanguageModel({ name: "reception", toolkit })

const conversation = Effect.fnUntraced(function*(
  answers: Parameters<typeof ScriptedLanguageModel.layer>[0],
  user: Scenario.ScenarioOptions["user"]
) {
  const requests: Array<ScriptedLanguageModel.Request> = []
  const call = yield* Effect.gen(function*() {
    const agents = yield* AgentRegistry
    yield* agents.register("reception", yield* Agent.withContext(reception))
    yield* agents.register("billing", Agent.fromCallback((text) => Effect.succeed(`Billing heard ${text}.`)))
    yield* agents.register("clever", yield* Agent.withContext(Agent.fromLanguageModel({ instructions: "Be clever." })))
    return yield* Scenario.run({ user, session: { agent: "reception" } })
  }).pipe(
    Effect.provide([AgentRegistry.layer(), ScriptedLanguageModel.layer(answers, requests), handlers])
  )
  assert.strictEqual(Invariants.report(call), "")
  return { call, requests }
})

describe("A session", () => {
  it.effect("is answered by the new agent, in this turn and in the next", () =>
    Effect.gen(function*() {
      const { call } = yield* conversation(
        [["I will ask my colleague.", { call: "transfer", params: { to: "billing" } }]],
        [say("my bill"), waitForAgent, say("thanks"), waitForAgent]
      )
      assert.deepStrictEqual(call.heardByUser, [
        "I will ask my colleague. Billing heard my bill.",
        "Billing heard thanks."
      ])
      const handed = call.events.filter(({ type }) => type === "agent.handed_over")
      assert.strictEqual(handed.length, 1)
      assert.deepInclude(handed[0], { turn: 1, from: "reception", to: "billing" })
    }))

  it.effect("shows the new agent's model the former tool calls", () =>
    Effect.gen(function*() {
      const { call, requests } = yield* conversation(
        [[{ call: "transfer", params: { to: "clever" } }], ["Clever here."]],
        [say("a hard question"), waitForAgent]
      )
      assert.deepStrictEqual(call.heardByUser, ["Clever here."])
      assert.deepStrictEqual(requests[1]?.prompt.content.map(({ role }) => role), [
        "system",
        "user",
        "assistant",
        "tool"
      ])
      assert.deepStrictEqual(requests[1]?.tools, [])
    }))

  it.effect("stays with its agent when the name is unknown, and after four hand-overs in a turn", () =>
    Effect.gen(function*() {
      const nowhere = yield* conversation(
        [[{ call: "transfer", params: { to: "nobody" } }], ["I cannot do that."]],
        [say("nobody please"), waitForAgent]
      )
      assert.deepStrictEqual(nowhere.call.heardByUser, ["I cannot do that."])
      const fro = yield* conversation(
        ({ prompt }, index) =>
          JSON.stringify(prompt).includes("at most four times")
            ? ["Enough."]
            : [{ call: "transfer", params: { to: "reception" }, id: `${index}` }],
        [say("to and fro"), waitForAgent]
      )
      assert.deepStrictEqual(fro.call.heardByUser, ["Enough."])
      assert.strictEqual(fro.requests.length, 6)
    }))
})
