import { assert, describe, it } from "@effect/vitest"
import * as PythonMessages from "../../scripts/check/PythonMessages.ts"
import * as AsyncApi from "../../src/server/protocol/AsyncApi.ts"
import { closeCodes } from "../../src/transport/websocket/CloseCodes.ts"

const document = (payload: object) => ({
  channels: { session: { "x-close-codes": [] } },
  operations: {
    sendToClient: { messages: [{ $ref: "#/channels/session/messages/agent.moved" }] },
    receiveFromClient: { messages: [] }
  },
  components: {
    schemas: {},
    messages: { "agent.moved": { summary: "It has moved.", contentType: "application/json", payload } }
  }
})

describe("PythonMessages", () => {
  it("has a class for each event and message of the server, and each close code", () => {
    const text = PythonMessages.make(AsyncApi.make(), [])
    const names = [...text.matchAll(/^ {4}type: ClassVar\[str\] = "(.+)"$/gmu)].map(([, name]) => name)
    const messages = Object.entries(AsyncApi.make()["components"] ?? {})
      .flatMap(([key, value]) => key === "messages" ? Object.keys(value) : [])
      .filter((name) => !name.startsWith("audio.") || name === "audio.dropped")
    assert.deepStrictEqual(names.toSorted(), messages.toSorted())
    for (const { code } of Object.values(closeCodes)) assert.include(text, `    ${code}: CloseCode(`)
  })

  it("keeps clear of Python's keywords, and says nothing that ends a docstring", () => {
    const text = PythonMessages.make(
      document({
        type: "object",
        required: ["to"],
        properties: {
          from: { type: "string", description: "Where \\ it was: \"\"\"there\"\"\"." },
          to: { type: "object", required: [], properties: { name: { type: "string" } } },
          all: { type: "array", items: { type: "integer" } }
        }
      }),
      []
    )
    assert.include(text, "    to: AgentMovedEventTo\n")
    assert.include(
      text,
      "    from_: str | None = None\n    \"\"\"Where \\\\ it was: \\\"\\\"\\\"there\\\"\\\"\\\".\"\"\"\n"
    )
    assert.include(text, "Field(\"from\", \"from_\", \"string\", False)")
    assert.include(text, "    all: tuple[int, ...] | None = None\n")
    // what is required comes first, and a nested class before the one that has it
    assert.isBelow(text.indexOf("    to: "), text.indexOf("    from_: "))
    assert.isBelow(text.indexOf("class AgentMovedEventTo(Value)"), text.indexOf("class AgentMovedEvent(Event)"))
  })

  it("fails for a schema that it has no Python for", () => {
    for (const schema of [{ type: "null" }, { anyOf: [] }, { type: "array" }]) {
      assert.throws(
        () => PythonMessages.make(document({ type: "object", properties: { odd: schema } }), []),
        /no Python for/
      )
    }
  })
})
