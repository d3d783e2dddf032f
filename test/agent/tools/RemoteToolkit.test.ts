/** Tools that are known only at run time, as a model is told of them. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Logger, Schema } from "effect"
import { Tool } from "effect/ai"
import type { RemoteTool } from "../../../src/agent/tools/RemoteTool.ts"
import * as RemoteToolkit from "../../../src/agent/tools/RemoteToolkit.ts"
import * as RemoteToolNames from "../../../src/agent/tools/RemoteToolNames.ts"

const tool = (name: string, parameters: RemoteTool["parameters"] = { type: "object" }): RemoteTool => ({
  name,
  description: name,
  parameters,
  call: () => Effect.succeed(name)
})

const names = (...sources: ReadonlyArray<ReadonlyArray<string>>) =>
  Array.from(
    RemoteToolNames.assign(sources.map((tools, i) => ({ name: `s${i}`, tools: tools.map((name) => tool(name)) })))
      .keys()
  )

describe("RemoteToolNames", () => {
  it("gives names that every vendor takes", () => {
    assert.deepStrictEqual(names(["3d_print", "-x", "✂", "a.b/c", ""]), ["_3d_print", "_-x", "_", "a_b_c", "tool"])
    assert.deepStrictEqual(names(["a b", "a.b", "a_b"]), ["a_b", "a_b_2", "a_b_3"])
    assert.deepStrictEqual(names(["search", "one"], ["search"]), ["s0_search", "one", "s1_search"])
  })

  it.effect.prop(
    "whatever the names of the tools, and one for each",
    [Schema.Array(Schema.Array(Schema.String))],
    ([given]) =>
      Effect.sync(() => {
        const made = names(...given)
        assert.lengthOf(made, given.flat().length)
        for (const name of made) assert.match(name, /^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$/u)
      })
  )
})

describe("RemoteToolkit", () => {
  it.effect("leaves out a tool whose schema vendors refuse, says so once, and tells the others' as they take it", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    return Effect.gen(function*() {
      const tools = [
        tool("good", {
          $schema: "http://json-schema.org/draft-07/schema#",
          type: "object",
          properties: { to: { $ref: "#/$defs/Place" } },
          anyOf: [{ required: ["to"] }, { required: ["from"] }],
          $defs: { Place: { type: "string" } }
        }),
        tool("text", { type: "string" }),
        tool("odd", { type: "object", properties: { "odd name": {} }, required: ["odd name"] })
      ]
      const toolkit = RemoteToolkit.make([{ name: "s", tools: () => tools, timeout: Duration.seconds(1) }])
      const made = yield* toolkit
      assert.strictEqual(yield* toolkit, made)
      assert.deepStrictEqual(Object.keys(made.tools), ["good"])
      assert.deepStrictEqual(Tool.getJsonSchema(made.tools["good"]!) as object, {
        type: "object",
        properties: { to: { type: "string" } }
      })
      assert.deepStrictEqual(lines, ["tools whose input no model can write are left out: text, odd"])
    }).pipe(Effect.provide(Logger.layer([logger])))
  })
})
