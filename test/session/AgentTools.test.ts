/** Agents of language models, with tools, in whole conversations in virtual time. */
import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Schema } from "effect"
import { AiError, type Prompt, Tool, Toolkit } from "effect/ai"
import * as Agent from "../../src/agent/index.ts"
import { Invariants, type Recording, Scenario, ScriptedLanguageModel } from "../../src/testing/index.ts"

const { interruptAfter, pause, say, waitForAgent } = Scenario

const Weather = Tool.make("weather", {
  description: "The weather in a city now",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.Struct({ sky: Schema.String })
})
const Break = Tool.make("break", { description: "Fails", success: Schema.String, failure: Schema.String })
const toolkit = Toolkit.make(Weather, Break)

interface World {
  readonly runs: Array<string>
  readonly takes?: Duration.Input
}

const tools = ({ runs, takes = "200 millis" }: World) =>
  toolkit.toLayer({
    weather: ({ city }) =>
      Effect.gen(function*() {
        runs.push(city)
        yield* Effect.sleep(takes)
        return { sky: `clear over ${city}` }
      }),
    break: () => Effect.fail("the line is down")
  })

const conversation = Effect.fnUntraced(function*(
  answers: Parameters<typeof ScriptedLanguageModel.layer>[0],
  options: Partial<Omit<Scenario.ScenarioOptions, "agent">> & Pick<Scenario.ScenarioOptions, "user">,
  world: World,
  agent: Omit<Agent.LanguageModelOptions, "toolkit"> = {}
) {
  const requests: Array<ScriptedLanguageModel.Request> = []
  const call = yield* Scenario.run({ ...options, agent: Agent.fromLanguageModel({ toolkit, ...agent }) }).pipe(
    Effect.provide([ScriptedLanguageModel.layer(answers, requests), tools(world)])
  )
  assert.strictEqual(Invariants.report(call), "")
  return { call, requests }
})

/** A prompt in short: the role and the content of each message. */
const brief = (prompt: Prompt.Prompt | undefined): ReadonlyArray<string> =>
  (prompt?.content ?? []).flatMap((message) =>
    typeof message.content === "string"
      ? [`${message.role}: ${message.content}`]
      : message.content.map((part) =>
        part.type === "text"
          ? `${message.role}: ${part.text}`
          : part.type === "tool-call"
          ? `call: ${part.name} ${JSON.stringify(part.params)}`
          : part.type === "tool-result"
          ? `${part.isFailure ? "failure" : "result"}: ${JSON.stringify(part.result)}`
          : part.type
      )
  )
const told = (call: Recording.Recording) =>
  call.events.flatMap((event) =>
    event.type === "tool.started"
      ? [`started ${event.name}`]
      : event.type === "tool.finished"
      ? [`${event.ok ? "finished" : "failed"} ${event.name}`]
      : []
  )

describe("An agent of a language model", () => {
  it.effect("calls tools in parallel, gives the model their results, and speaks its answer", () =>
    Effect.gen(function*() {
      const world: World = { runs: [] }
      const { call, requests } = yield* conversation(
        [
          [{ call: "weather", params: { city: "Paris" } }, { call: "weather", params: { city: "Rome" } }],
          ["It is clear", " in both."]
        ],
        { user: [say("how is the weather"), waitForAgent] },
        world,
        { instructions: "Be short." }
      )
      assert.deepStrictEqual(call.heardByUser, ["It is clear in both."])
      assert.deepStrictEqual(world.runs, ["Paris", "Rome"])
      assert.deepStrictEqual(told(call), [
        "started weather",
        "started weather",
        "finished weather",
        "finished weather"
      ])
      assert.deepStrictEqual(requests[0]?.tools, ["weather", "break"])
      assert.deepStrictEqual(brief(requests[1]?.prompt), [
        "system: Be short.",
        "user: how is the weather",
        "call: weather {\"city\":\"Paris\"}",
        "call: weather {\"city\":\"Rome\"}",
        "result: {\"sky\":\"clear over Paris\"}",
        "result: {\"sky\":\"clear over Rome\"}"
      ])
      // in parallel: both take as long as one
      assert.isBelow(call.latencies[0]?.totalMs ?? 0, 800)
    }))

  it.effect("gives the model an error for a call that fails, times out, names an unknown tool or has invalid parameters", () =>
    Effect.gen(function*() {
      const world: World = { runs: [], takes: "1 minute" }
      const { call, requests } = yield* conversation(
        [
          [
            { call: "break" },
            { call: "nothing" },
            { call: "weather", params: { town: 1 } },
            { call: "weather", params: "{\"city\": \"Pa" },
            { call: "weather", params: { city: "Oslo" } }
          ],
          ["I could not find out."]
        ],
        { user: [say("how is the weather"), waitForAgent] },
        world,
        { toolTimeout: "2 seconds" }
      )
      assert.deepStrictEqual(call.heardByUser, ["I could not find out."])
      assert.deepStrictEqual(world.runs, ["Oslo"])
      const results = brief(requests[1]?.prompt).filter((line) => /^(failure|result)/u.test(line))
      assert.strictEqual(results.length, 5)
      for (
        const [i, pattern] of [/the line is down/u, /nothing/u, /city/u, /weather/u, /timed out after 2s/u].entries()
      ) {
        assert.match(results[i] ?? "", pattern)
        assert.match(results[i] ?? "", /^failure/u)
      }
    }))

  it.effect("speaks text before a tool call at once, and a filler when the call takes long", () =>
    Effect.gen(function*() {
      const { call } = yield* conversation(
        [
          ["Let me look.", { call: "weather", params: { city: "Paris" } }],
          ["It is clear."],
          [{ call: "weather", params: { city: "Rome" } }],
          ["Clear again."]
        ],
        { user: [say("and Paris"), waitForAgent, say("and Rome"), waitForAgent] },
        { runs: [], takes: "5 seconds" },
        { slowTool: { after: "2 seconds", phrases: ["One moment, please.", "Just a second."] } }
      )
      assert.deepStrictEqual(call.heardByUser, [
        "Let me look. One moment, please. It is clear.",
        "Just a second. Clear again."
      ])
      assert.isBelow(call.latencies[0]?.totalMs ?? 0, 800)
    }))

  it.effect("lets a tool finish when the user interrupts, and has its result in the next prompt", () =>
    Effect.gen(function*() {
      const world: World = { runs: [], takes: "2 seconds" }
      const { call, requests } = yield* conversation(
        [
          ["Let me look that up for you in all the books that I have.", { call: "weather", params: { city: "Paris" } }],
          ["Hello."],
          ["It is clear."]
        ],
        {
          user: [
            say("and Paris"),
            interruptAfter("700 millis", "wait"),
            waitForAgent,
            pause("3 seconds"),
            say("well"),
            waitForAgent
          ]
        },
        world
      )
      assert.deepStrictEqual(world.runs, ["Paris"])
      assert.deepStrictEqual(told(call), ["started weather", "finished weather"])
      const [second = [], third = []] = requests.slice(1).map(({ prompt }) => brief(prompt))
      assert.deepStrictEqual(second.slice(0, 2), ["user: and Paris", "call: weather {\"city\":\"Paris\"}"])
      assert.match(second[2] ?? "", /^result: .*running/u)
      // what was heard of it, and no more
      assert.match(second[3] ?? "", /^assistant: Let me .* …$/u)
      assert.deepStrictEqual(third.slice(1, 3), [
        "call: weather {\"city\":\"Paris\"}",
        "result: {\"sky\":\"clear over Paris\"}"
      ])
      assert.strictEqual(call.heardByUser.at(-1), "It is clear.")
    }))

  it.effect("does not repeat a call that is still running", () =>
    Effect.gen(function*() {
      const world: World = { runs: [], takes: "6 seconds" }
      const paris = { call: "weather", params: { city: "Paris" }, id: "same" }
      const { call, requests } = yield* conversation(
        [["Let me look that up in all the books that I have.", paris], [paris], ["It is clear."]],
        { user: [say("and Paris"), interruptAfter("700 millis", "well"), waitForAgent] },
        world,
        { toolTimeout: "9 seconds" }
      )
      assert.deepStrictEqual(world.runs, ["Paris"])
      assert.strictEqual(call.heardByUser.at(-1), "It is clear.")
      const last = requests[2]?.prompt.content ?? []
      assert.strictEqual(
        brief(requests[2]?.prompt).filter((line) => line === "result: {\"sky\":\"clear over Paris\"}").length,
        1
      )
      const ids = last.flatMap(({ content }) =>
        typeof content === "string" ? [] : content.flatMap((part) => part.type === "tool-call" ? [part.id] : [])
      )
      assert.strictEqual(new Set(ids).size, 2)
    }))

  it.effect("runs a call that is told twice once, and two calls with one id both", () =>
    Effect.gen(function*() {
      const world: World = { runs: [] }
      const { requests } = yield* conversation(
        [
          [
            { call: "weather", params: { city: "Paris" }, id: "weather" },
            { call: "weather", params: { city: "Rome" }, id: "weather" },
            { call: "weather", params: { city: "Oslo" }, id: "b" },
            { call: "weather", params: { city: "Oslo" }, id: "b" }
          ],
          ["It is clear."]
        ],
        { user: [say("how is the weather"), waitForAgent] },
        world
      )
      assert.deepStrictEqual(world.runs, ["Paris", "Rome", "Oslo"])
      const ids = (kind: "tool-call" | "tool-result") =>
        (requests[1]?.prompt.content ?? []).flatMap(({ content }) =>
          typeof content === "string" ? [] : content.flatMap((part) => part.type === kind ? [part.id] : [])
        )
      assert.strictEqual(new Set(ids("tool-call")).size, 3)
      assert.deepStrictEqual(ids("tool-result"), ids("tool-call"))
    }))

  it.effect("waits for a running tool when the user continues the same turn", () =>
    Effect.gen(function*() {
      const world: World = { runs: [], takes: "4 seconds" }
      const { call, requests } = yield* conversation(
        ({ prompt }) =>
          brief(prompt).some((line) => line.startsWith("result: {\"sky\""))
            ? ["Done."]
            : [{ call: "weather", params: { city: "Paris" } }],
        { user: [say("how is the weather"), pause("1 second"), say("in Paris"), waitForAgent] },
        world
      )
      assert.deepStrictEqual(world.runs, ["Paris"])
      assert.deepStrictEqual(call.heardByUser, ["Done."])
      assert.deepStrictEqual(brief(requests[1]?.prompt).map((line) => line.split(":")[0]), [
        "user",
        "call",
        "result"
      ])
      assert.strictEqual(brief(requests[1]?.prompt)[0], "user: how is the weather in Paris")
      assert.deepStrictEqual(told(call), ["started weather", "finished weather"])
    }))

  it.effect("may wait for a tool for longer than the timeout of an agent", () =>
    Effect.gen(function*() {
      const { call } = yield* conversation(
        [[{ call: "weather", params: { city: "Paris" } }], ["It is clear."]],
        {
          user: [say("how is the weather"), Scenario.waitForAgentWithin("1 minute")],
          config: { timeout: "5 seconds" }
        },
        { runs: [], takes: "12 seconds" },
        { toolTimeout: "15 seconds" }
      )
      assert.deepStrictEqual(call.heardByUser, ["It is clear."])
    }))

  it.effect("does not wait for a tool that cannot be interrupted", () =>
    Effect.gen(function*() {
      const requests: Array<ScriptedLanguageModel.Request> = []
      const call = yield* Scenario.run({
        agent: Agent.fromLanguageModel({ toolkit: Toolkit.make(Weather), toolTimeout: "2 seconds" }),
        user: [say("how is the weather"), waitForAgent, pause("8 seconds")]
      }).pipe(Effect.provide([
        ScriptedLanguageModel.layer([[{ call: "weather", params: { city: "Paris" } }], ["I do not know."]], requests),
        Toolkit.make(Weather).toLayer({
          weather: () => Effect.uninterruptible(Effect.as(Effect.sleep("8 seconds"), { sky: "clear" }))
        })
      ]))
      assert.strictEqual(Invariants.report(call), "")
      assert.deepStrictEqual(call.heardByUser, ["I do not know."])
      assert.match(brief(requests[1]?.prompt).at(-1) ?? "", /^failure: .*timed out after 2s/u)
      assert.isBelow(call.replies[0]?.startedAtMs ?? Infinity, 6_000)
      assert.deepStrictEqual(told(call), ["started weather", "failed weather"])
    }))

  it.effect("ends a tool with its session, and leaves nothing behind", () =>
    Effect.gen(function*() {
      let interrupted = 0
      const call = yield* Scenario.run({
        agent: Agent.fromLanguageModel({ toolkit: Toolkit.make(Weather), toolTimeout: "1 hour" }),
        user: [say("how is the weather"), pause("1 second"), Scenario.endCall]
      }).pipe(Effect.provide([
        ScriptedLanguageModel.layer(() => [{ call: "weather", params: { city: "Paris" } }]),
        Toolkit.make(Weather).toLayer({
          weather: () =>
            Effect.never.pipe(Effect.onInterrupt(() =>
              Effect.sync(() => {
                interrupted++
              })
            ))
        })
      ]))
      assert.strictEqual(Invariants.report(call), "")
      assert.strictEqual(interrupted, 1)
      assert.deepStrictEqual(told(call), ["started weather"])
    }))

  it.effect("stops a model that only calls tools", () =>
    Effect.gen(function*() {
      const world: World = { runs: [] }
      const { call, requests } = yield* conversation(
        (_, index) => [{ call: "weather", params: { city: `${index}` } }],
        { user: [say("hello"), waitForAgent], policy: { apology: "Sorry." } },
        world,
        { toolRounds: 3 }
      )
      assert.deepStrictEqual(world.runs, ["0", "1", "2"])
      assert.deepStrictEqual(requests.map(({ calls }) => calls), [true, true, true, false])
      assert.deepStrictEqual(call.heardByUser, ["Sorry."])
      const error = call.events.find((event) => event.type === "error")
      assert.strictEqual(error?.type === "error" ? error.code : undefined, "agent_error")
    }))

  it.effect("calls no tool for a preemptive reply that is discarded", () =>
    Effect.gen(function*() {
      const world: World = { runs: [] }
      const { call, requests } = yield* conversation(
        ({ prompt }) =>
          brief(prompt).some((line) => line.startsWith("result"))
            ? ["Done."]
            : [{ call: "weather", params: { city: brief(prompt).at(-1) ?? "" } }],
        {
          user: [say("book a flight"), pause("250 millis"), say("to Paris"), waitForAgent],
          policy: { endpointing: { silence: "600 millis" }, speculation: true }
        },
        world
      )
      assert.deepStrictEqual(brief(requests[0]?.prompt), ["user: book a flight"])
      assert.deepStrictEqual(world.runs, ["user: book a flight to Paris"])
      assert.deepStrictEqual(call.heardByUser, ["Done."])
    }))

  it.effect("fails as the model does", () =>
    Effect.gen(function*() {
      const { call } = yield* conversation(
        [[{
          fail: new AiError.RateLimitError({
            retryAfter: undefined,
            http: { response: { status: 429, headers: { "x-request-id": "req_1" } }, body: undefined }
          })
        }]],
        { user: [say("hello"), waitForAgent], policy: { apology: "Sorry." } },
        { runs: [] }
      )
      const error = call.events.find((event) => event.type === "error")
      assert.deepInclude(error, {
        code: "rate_limit_exceeded",
        details: { vendor: "scripted", status: 429, requestId: "req_1" }
      })
    }))
})
