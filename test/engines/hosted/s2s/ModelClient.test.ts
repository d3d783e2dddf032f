/** What a user's client tells a hosted model: instructions and tools, from the next turn on and on the connections to come. */
import { assert, describe, it } from "@effect/vitest"
import * as ClientOfModel from "../../../../src/engines/hosted/s2s/ClientOfModel.ts"
import * as ModelHarness from "./ModelHarness.ts"

const parameters = { type: "object" }
const tool = (name: string, description = "of the client") => ({ name, description, parameters })

describe("What a client tells a model", () => {
  it("comes after what the engine tells it, and does not replace the session's tools", () => {
    assert.deepStrictEqual(
      ClientOfModel.added("Be brief.", [tool("own", "of the session")], {
        instructions: "Speak like a sailor.",
        tools: [tool("own"), tool("weather")]
      }),
      {
        instructions: "Be brief.\n\nSpeak like a sailor.",
        tools: [tool("own", "of the session"), tool("weather")]
      }
    )
    assert.deepStrictEqual(ClientOfModel.added(undefined, [], { instructions: undefined, tools: [] }), {
      instructions: undefined,
      tools: []
    })
  })

  it("is told to OpenAI at once, and to its next connection", () => {
    const model = ModelHarness.openai()
    model.sent.length = 0
    model.protocol.setClient?.({ instructions: "Be kind.", tools: [tool("weather")] })
    assert.deepInclude(model.sent.at(-1)?.session, { told: "Be kind." })
    model.reconnect()
    assert.deepInclude(model.sent.find(({ type }) => type === "session.update")?.session, { whole: "Be kind." })
  })

  it("has Gemini renew its connection, which cannot be changed while it is open", () => {
    const model = ModelHarness.gemini()
    const before = model.renewals()
    model.protocol.setClient?.({ instructions: "Be kind.", tools: [] })
    assert.strictEqual(model.renewals(), before + 1)
    model.reconnect()
    assert.deepInclude(model.sent[0]?.setup, { instruction: "Be kind." })
  })
})
