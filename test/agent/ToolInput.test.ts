import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Tool } from "effect/ai"
import * as ToolInput from "../../src/agent/ToolInput.ts"
import * as ToolName from "../../src/schema/ToolName.ts"
import * as WrittenJson from "../../src/schema/WrittenJson.ts"

const fields = {
  n: Schema.Int,
  x: Schema.Number,
  s: Schema.String,
  yes: Schema.Boolean,
  list: Schema.Array(Schema.String),
  or: Schema.NullOr(Schema.String),
  opt: Schema.optionalKey(Schema.String)
}
const schema = Tool.getJsonSchema(
  Tool.make("t", { description: "t", parameters: Schema.Struct(fields), success: Schema.String })
)
const none = Tool.getJsonSchema(Tool.make("t", { description: "t", success: Schema.String }))

describe("ToolInput", () => {
  it("fits values that have another form than the schema asks for", () => {
    assert.deepStrictEqual(
      ToolInput.fit({ n: "3", x: "1.5", s: 10, yes: "True", list: "[\"a\"]", or: null, opt: null, more: 1 }, schema),
      { n: 3, x: 1.5, s: "10", yes: true, list: ["a"], or: null, more: 1 }
    )
    const rest = { n: "three", x: "1e999", s: { a: 1 }, yes: "yes", list: "a", or: 3, opt: "o" }
    assert.deepStrictEqual(ToolInput.fit(rest, schema), { ...rest, or: "3" })
    assert.strictEqual(ToolInput.fit("no object", schema), "no object")
  })

  it("gives a tool without parameters none", () => {
    for (const params of [{}, { "": "" }, { properties: {} }, "x", null, [1]]) {
      assert.deepStrictEqual(ToolInput.fit(params, none), {})
    }
    assert.deepStrictEqual(ToolInput.fit({ a: "b" }, { type: "object", additionalProperties: { type: "string" } }), {
      a: "b"
    })
  })

  it.prop("never throws", [Schema.Json], ([params]) => {
    ToolInput.fit(params, schema)
    ToolInput.fit(params, params)
  })
})

describe("ToolName", () => {
  it("finds the tool that is meant", () => {
    const names = ["weather", "time", "time_zone", "Time"]
    for (
      const [told, meant] of [
        ["weather", "weather"],
        [" weather ", "weather"],
        ["functions.weather:0", "weather"],
        ["default_api.weather", "weather"],
        ["weather()", "weather"],
        ["weather<|channel|>commentary", "weather"],
        ["Weather", "weather"],
        ["time-zone", "time_zone"],
        ["time", "time"],
        ["Time", "Time"],
        // which of the two?
        ["TIME", undefined],
        ["rain", undefined],
        ["", undefined]
      ] as const
    ) assert.strictEqual(ToolName.find(told, names), meant, told)
  })
})

describe("WrittenJson", () => {
  it("reads the mistakes of models", () => {
    for (
      const [text, value] of [
        ["{\"a\":\"b\nc\"}", { a: "b\nc" }],
        ["```json\n{\"a\":1}\n```", { a: 1 }],
        ["```\n{\"a\":1}", { a: 1 }],
        ["{'a': 'it\\'s \"b\"', 'c': True, \"d\": None, 'e': [1, 2,],}", {
          a: "it's \"b\"",
          c: true,
          d: null,
          e: [1, 2]
        }],
        ["{{\"a\": 1}}", { a: 1 }],
        ["{a: 1}", undefined],
        ["", undefined]
      ] as const
    ) assert.deepStrictEqual(WrittenJson.parse(text), value, text)
  })

  it("adds the brackets that were forgotten, and ends nothing that was cut off", () => {
    assert.strictEqual(WrittenJson.close("{\"a\":[{\"b\":\"}\""), "{\"a\":[{\"b\":\"}\"}]}")
    for (const text of ["{\"a\":\"b", "{\"a\":", "{\"a\":1,", "{\"a\":1}", "{]", "{\"a\":\"\\"]) {
      assert.strictEqual(WrittenJson.close(text), undefined, text)
    }
  })

  it("reads hostile text once", () => {
    for (const part of ["\\\"", "\\'", "{", ", ", "```", " ", "'\\\""]) {
      for (const start of ["\"", "'", "{", "```"]) {
        const text = start + part.repeat(60_000)
        WrittenJson.parse(text)
        WrittenJson.close(text)
      }
    }
  })
})
