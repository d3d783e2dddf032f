/** What a model writes for itself, in whole conversations in virtual time. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { Tool, Toolkit } from "effect/ai"
import * as Agent from "../../src/agent/index.ts"
import { Invariants, type Recording, Scenario, ScriptedLanguageModel } from "../../src/testing/index.ts"

const { perform, say, waitForAgent } = Scenario

const Weather = Tool.make("weather", {
  description: "The weather in a city now",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})
const toolkit = Toolkit.make(Weather)

const transcripts = (call: Recording.Recording) =>
  call.events.flatMap((event) => event.type === "agent.transcript" ? [event.text] : []).join("|")
const unanswered = (call: Recording.Recording) =>
  call.events.flatMap((event) => event.type === "turn.unanswered" ? [event.reason] : [])

const thinking = "<think>\nThe user wants the code. The password is hunter2.\n</think>\n\nSure, here it is."
const cut = (text: string, size: number) =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size))

/** A conversation of two turns with a scripted model, and what it was asked. */
const withModel = Effect.fnUntraced(function*(
  answers: Parameters<typeof ScriptedLanguageModel.layer>[0],
  user: Scenario.ScenarioOptions["user"],
  options: { readonly startsInThought?: boolean } = {}
) {
  const requests: Array<ScriptedLanguageModel.Request> = []
  const runs: Array<string> = []
  const call = yield* Scenario.run({ agent: Agent.fromLanguageModel({ toolkit, ...options }), user }).pipe(
    Effect.provide([
      ScriptedLanguageModel.layer(answers, requests),
      toolkit.toLayer({ weather: ({ city }) => Effect.sync(() => (runs.push(city), `clear over ${city}`)) })
    ])
  )
  assert.strictEqual(Invariants.report(call), "")
  return { call, runs, prompts: requests.map(({ prompt }) => JSON.stringify(prompt.content)) }
})

describe("A model's thoughts", () => {
  it.effect("are not spoken, nor in the transcript, by any agent", () =>
    Effect.gen(function*() {
      const agents: ReadonlyArray<Agent.Agent> = [
        Agent.fromCallback(() => Effect.succeed(thinking)),
        Agent.fromStream(() => Stream.fromIterable(cut(thinking, 3))),
        Agent.fromStream(() => Stream.fromIterable(cut(thinking, 1)).pipe(Stream.rechunk(1))),
        Agent.fromStream(() => Stream.make("[THI", "NK]hunter2[/THINK]Sure, ", "here it is.")),
        Agent.fromStream(() =>
          Stream.make(
            "<|channel|>analysis<|message|>hunter2<|end|>",
            "<|start|>assistant<|channel|>final<|message|>Sure, here it is."
          )
        )
      ]
      for (const agent of agents) {
        const call = yield* Scenario.run({ agent, user: [say("code"), waitForAgent] })
        assert.strictEqual(Invariants.report(call), "")
        assert.deepStrictEqual(call.heardByUser, ["Sure, here it is."])
        assert.strictEqual(transcripts(call), "Sure, here it is.")
      }
    }))

  it.effect("are not in what the model is told of the conversation", () =>
    Effect.gen(function*() {
      const { call, prompts, runs } = yield* withModel(
        [
          ["<think>hunter2</think>Let me", " look.", { call: "weather", params: { city: "Paris" } }],
          ["<thinking>hunter2</thinking>", "It is clear."],
          ["Bye."]
        ],
        [say("how is the weather"), waitForAgent, say("thanks"), waitForAgent]
      )
      assert.deepStrictEqual(runs, ["Paris"])
      assert.deepStrictEqual(call.heardByUser, ["Let me look. It is clear.", "Bye."])
      assert.strictEqual(prompts.length, 3)
      for (const prompt of prompts) assert.notInclude(prompt, "hunter2")
    }))

  it.effect("may be opened by the chat template: what was not spoken is dropped, and the next answer begins with the thought", () =>
    Effect.gen(function*() {
      const answer = ["The user wants the code. The pass", "word is hunter2.", "\n</think>\n\nSure, here it is."]
      const { call, prompts } = yield* withModel(
        [["The pass", "word is hunter2", "\n</think>\n\nSure, here it is."], answer, ["No thought."], ["Bye."]],
        [say("code"), waitForAgent, say("code"), waitForAgent, say("code"), waitForAgent, say("thanks"), waitForAgent]
      )
      assert.deepStrictEqual(call.heardByUser, ["Sure, here it is.", "Sure, here it is.", "No thought.", "Bye."])
      for (const prompt of prompts) assert.notInclude(prompt, "hunter2")
      const told = yield* withModel([answer], [say("code"), waitForAgent], { startsInThought: true })
      assert.deepStrictEqual(told.call.heardByUser, ["Sure, here it is."])
    }))

  it.effect("make an answer without words when they have no end", () =>
    Effect.gen(function*() {
      const { call } = yield* withModel(
        [["<think>The password is hunter2. "], ["Hello."]],
        [say("code"), Scenario.pause("3 seconds"), say("hello"), waitForAgent]
      )
      assert.deepStrictEqual(call.heardByUser, ["Hello."])
      assert.strictEqual(unanswered(call).length, 1)
    }))

  it.effect("show that the model is at work, however long they are", () =>
    Effect.gen(function*() {
      const thought = Array.from({ length: 100 }, () => [{ wait: "450 millis" as const }, "x".repeat(10_000)]).flat()
      const { call } = yield* withModel(
        [["<think>", ...thought, "</think>", "At last."]],
        [say("code"), Scenario.waitForAgentWithin("2 minutes")]
      )
      assert.deepStrictEqual(call.heardByUser, ["At last."])
      // told apart by the server
      const apart = Array.from({ length: 45 }, () => [{ wait: "1 second" as const }, { think: "hunter2" }]).flat()
      const told = yield* withModel([[...apart, "At last."]], [say("code"), Scenario.waitForAgentWithin("2 minutes")])
      assert.deepStrictEqual(told.call.heardByUser, ["At last."])
      assert.notInclude(JSON.stringify(told.call.events), "hunter2")
    }))

  it.effect("are left alone in a text that the application says", () =>
    Effect.gen(function*() {
      const call = yield* Scenario.run({
        agent: Agent.fromCallback(() => Effect.succeed("Hello.")),
        user: [perform("says", (session) => Effect.ignore(session.say("[THINK] is a mark."))), waitForAgent]
      })
      assert.deepStrictEqual(call.heardByUser.map((text) => text.includes("is a mark.")), [true])
    }))
})

describe("A tool call that a model writes as text", () => {
  it.effect("is not spoken, and runs where the agent has such a tool", () =>
    Effect.gen(function*() {
      for (
        const written of [
          "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>",
          "<function=weather>{\"city\": \"Paris\"}</function>",
          "[TOOL_CALLS][{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}]",
          "<|python_tag|>weather.call(city=\"Paris\")",
          "```tool_code\nprint(weather(city='Paris'))\n```"
        ]
      ) {
        const { call, prompts, runs } = yield* withModel(
          [["Let me look.\n", ...cut(written, 5)], ["It is clear."]],
          [say("how is the weather"), waitForAgent]
        )
        assert.deepStrictEqual(runs, ["Paris"], written)
        assert.deepStrictEqual(call.heardByUser, ["Let me look. It is clear."], written)
        assert.include(prompts[1], "clear over Paris")
        assert.notInclude(prompts[1], "tool_c")
      }
    }))

  it.effect("may be the whole answer, in JSON without a mark", () =>
    Effect.gen(function*() {
      for (
        const written of [
          "{\"name\": \"weather\", \"parameters\": {\"city\": \"Paris\"}}",
          "[{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}}]",
          "```json\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}\n```"
        ]
      ) {
        for (const size of [1, 4, 200]) {
          const { call, runs } = yield* withModel(
            [cut(written, size), ["It is clear."]],
            [say("how is the weather"), waitForAgent]
          )
          assert.deepStrictEqual(runs, ["Paris"], written)
          assert.deepStrictEqual(call.heardByUser, ["It is clear."], written)
        }
      }
      for (const text of ["[1] is the first.", "{curly} words.", "`code` is spoken."]) {
        const { call } = yield* withModel([cut(text, 1)], [say("hello"), waitForAgent])
        assert.strictEqual(call.heardByUser.length, 1, text)
      }
    }))

  it.effect("is one call when the server tells it as well, and none when no tool has its name", () =>
    Effect.gen(function*() {
      const written = "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}</tool_call>"
      const both = yield* withModel(
        [[written, { call: "weather", params: { city: "Paris" } }], ["It is clear."]],
        [say("how is the weather"), waitForAgent]
      )
      assert.deepStrictEqual(both.runs, ["Paris"])
      const none = yield* withModel(
        [["Hello. <tool_call>{\"name\": \"nothing\"}</tool_call>"]],
        [say("hello"), waitForAgent]
      )
      assert.deepStrictEqual(none.call.heardByUser, ["Hello."])
      assert.strictEqual(none.prompts.length, 1)
    }))
})
