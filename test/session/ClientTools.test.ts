/** What a user's client tells the agent of a language model, and the tools that the client runs. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema, Stream } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"
import * as Agent from "../../src/agent/index.ts"
import type * as ClientTools from "../../src/agent/tools/ClientTools.ts"
import { SessionClient } from "../../src/session/SessionClient.ts"
import { ScriptedLanguageModel } from "../../src/testing/index.ts"
import type { S2sCall } from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { call, layerS2s, pass, running } from "./Harness.ts"
import { TestConnection } from "./TestConnection.ts"

const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
const weather: ClientTools.ClientTool = { name: "weather", description: "The weather in a city", parameters }

class ClientConnection extends TestConnection {
  readonly calls: Array<ClientTools.ClientToolCall> = []
  readonly callTool = (call: ClientTools.ClientToolCall): void => void this.calls.push(call)
}

const Own = Tool.make("own", { description: "The agent's own", success: Schema.String })
const toolkit = Toolkit.make(Own)
const handlers = toolkit.toLayer({ own: () => Effect.succeed("done here") })

/** Asks an agent with a tool of its own, in a session with this client. */
const ask = Effect.fnUntraced(function*(
  client: SessionClient,
  answers: Parameters<typeof ScriptedLanguageModel.layer>[0],
  requests: Array<ScriptedLanguageModel.Request> = []
) {
  const agent = Agent.fromLanguageModel({ instructions: "You are brief.", toolkit })
  const session: Agent.AgentSession = {
    background: (work) => Effect.asVoid(Effect.forkDetach(work)),
    publish: () => undefined,
    handOver: () => Effect.die("unused"),
    get client() {
      return client.current
    }
  }
  return yield* agent.respond({
    sessionId: "s",
    userId: "u",
    metadata: {},
    turn: 1,
    history: [],
    provider: "test",
    transport: "memory",
    facts: {},
    transcript: "how is the weather in Paris",
    committed: Effect.void,
    session,
    instructions: client.current?.instructions
  }).pipe(
    Stream.runFold(() => "", (text, piece) => text + piece),
    Effect.provide([ScriptedLanguageModel.layer(answers, requests), handlers])
  )
})

const systemOf = ({ prompt }: ScriptedLanguageModel.Request): unknown =>
  prompt.content.find(({ role }) => role === "system")?.content

describe("A client's tools and instructions", () => {
  it.effect("are offered to the model beside the agent's own, and run by the client", () =>
    Effect.gen(function*() {
      const connection = new ClientConnection()
      const client = new SessionClient(() => connection)
      assert.isUndefined(client.set({ instructions: "Speak like a sailor.", tools: [weather], toolChoice: "required" }))
      const requests: Array<ScriptedLanguageModel.Request> = []
      const answer = yield* Effect.forkChild(
        ask(client, [[{ call: "weather", id: "c1", params: { city: "Paris" } }], ["Clear skies."]], requests)
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(connection.calls, [{ id: "c1", name: "weather", arguments: "{\"city\":\"Paris\"}" }])
      assert.isUndefined(client.result("c1", "{\"sky\":\"clear\"}"))
      assert.strictEqual((yield* Fiber.join(answer)).trim(), "Clear skies.")
      const [first, second] = requests
      assert.deepStrictEqual(first?.tools.toSorted(), ["own", "weather"])
      assert.strictEqual(first?.toolChoice, "required")
      assert.strictEqual(second?.toolChoice, "auto")
      assert.strictEqual(first && systemOf(first), "You are brief.\n\nSpeak like a sailor.")
      assert.include(JSON.stringify(second?.prompt), "clear")
      assert.strictEqual(client.result("c1", "again")?.code, "invalid_config")
    }))

  it.effect("do not stand in for a tool of the agent", () =>
    Effect.gen(function*() {
      const connection = new ClientConnection()
      const client = new SessionClient(() => connection)
      client.set({ tools: [{ ...weather, name: "own" }] })
      const requests: Array<ScriptedLanguageModel.Request> = []
      yield* ask(client, [[{ call: "own" }], ["Done."]], requests)
      assert.deepStrictEqual(connection.calls, [])
      assert.include(JSON.stringify(requests[1]?.prompt), "done here")
    }))

  it.effect("fail when the client goes away, or is not there", () =>
    Effect.gen(function*() {
      let connection: ClientConnection | undefined = new ClientConnection()
      const client = new SessionClient(() => connection)
      client.set({ tools: [weather] })
      const script = [[{ call: "weather", params: { city: "Rome" } }], ["I cannot see it."]]
      const requests: Array<ScriptedLanguageModel.Request> = []
      const answer = yield* Effect.forkChild(ask(client, script, requests))
      yield* TestClock.adjust("1 second")
      client.detached()
      assert.strictEqual((yield* Fiber.join(answer)).trim(), "I cannot see it.")
      assert.include(JSON.stringify(requests[1]?.prompt), "not connected")
      connection = undefined
      const again: Array<ScriptedLanguageModel.Request> = []
      assert.strictEqual((yield* ask(client, script, again)).trim(), "I cannot see it.")
      assert.include(JSON.stringify(again[1]?.prompt), "not connected")
    }))

  it.effect("time out like any tool when the client never answers", () =>
    Effect.gen(function*() {
      const connection = new ClientConnection()
      const client = new SessionClient(() => connection)
      client.set({ tools: [weather] })
      const answer = yield* Effect.forkChild(
        ask(client, [[{ call: "weather", id: "c1", params: { city: "Oslo" } }], ["It took too long."]])
      )
      yield* TestClock.adjust("12 seconds")
      assert.strictEqual((yield* Fiber.join(answer)).trim(), "It took too long.")
      assert.strictEqual(client.result("c1", "late")?.code, "invalid_config")
    }))

  it("are refused where they are too large, or no model can call them", () => {
    const many = Array.from({ length: 129 }, (_, i) => ({ ...weather, name: `tool${i}` }))
    const refused: ReadonlyArray<readonly [ClientTools.ClientSettings, string]> = [
      [{ instructions: "x".repeat(65_537) }, "instructions"],
      [{ tools: many }, "tools"],
      [{ tools: [{ ...weather, name: "no spaces" }] }, "tools.0.name"],
      [{ tools: [weather, weather] }, "tools.1.name"],
      [{ tools: [{ ...weather, description: "x".repeat(262_145) }] }, "tools"],
      [{ tools: [weather], toolChoice: { name: "other" } }, "toolChoice"]
    ]
    for (const [settings, path] of refused) {
      const client = new SessionClient(() => undefined)
      const refusal = client.set(settings)
      assert.strictEqual(refusal?.details?.["path"], path)
      assert.isUndefined(client.current)
    }
  })
})

describe("A client's tools and instructions, of a speech-to-speech model", () => {
  it.effect("are told to the model, which calls the client", () => {
    const calls: Array<S2sCall> = []
    const connection = new ClientConnection()
    return running(
      layerS2s([{ call: "weather", input: { city: "Paris" }, last: "It is {}." }], { calls }),
      Effect.gen(function*() {
        const user = yield* call({ connection })
        yield* user.session.control({ _tag: "Client", settings: { instructions: "Be kind.", tools: [weather] } })
        const told = calls.flatMap((each) => each._tag === "setClient" ? [each.client] : [])
        assert.strictEqual(told[0]?.instructions, "Be kind.")
        assert.deepStrictEqual(told[0]?.tools.map(({ name }) => name), ["weather"])
        yield* user.session.sendText("how is the weather")
        yield* pass("1 second")
        const [asked] = connection.calls
        assert.strictEqual(asked?.arguments, "{\"city\":\"Paris\"}")
        assert.isUndefined(connection.listener?.control?.({ _tag: "ToolResult", id: asked?.id ?? "", output: "sunny" }))
        yield* pass("10 seconds")
        assert.include(yield* user.said, "agent: It is sunny.")
      })
    )
  })
})
