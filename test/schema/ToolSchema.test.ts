import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { isRecord, type JsonRecord } from "../../src/schema/Json.ts"
import * as ToolSchema from "../../src/schema/ToolSchema.ts"

/** All schemas within a schema, and their own words. */
const wordsIn = (schema: unknown): ReadonlyArray<string> => {
  if (!isRecord(schema)) return []
  return Object.entries(schema).flatMap(([word, value]) => [
    word,
    ...(word === "properties" && isRecord(value)
      ? Object.values(value).flatMap(wordsIn)
      : ["default", "examples", "enum", "const"].includes(word)
      ? []
      : Array.isArray(value)
      ? value.flatMap(wordsIn)
      : wordsIn(value))
  ])
}

describe("ToolSchema", () => {
  it("puts what references stand for in their place", () => {
    assert.deepStrictEqual(
      ToolSchema.fit({
        $schema: "http://json-schema.org/draft-07/schema#",
        $id: "https://example.com/order",
        type: "object",
        properties: {
          to: { $ref: "#/$defs/Address", description: "Where to" },
          again: { $ref: "#/properties/to" },
          missing: { $ref: "#/$defs/Nothing" },
          elsewhere: { $ref: "https://example.com/schema.json" },
          odd: { $ref: "#/definitions/a~1b%20c" }
        },
        required: ["to", "gone"],
        $defs: { Address: { type: "object", properties: { street: { type: "string" } }, required: ["street"] } },
        definitions: { "a/b c": { type: "integer" } }
      }),
      {
        type: "object",
        properties: {
          to: {
            type: "object",
            description: "Where to",
            properties: { street: { type: "string" } },
            required: ["street"]
          },
          again: {
            type: "object",
            description: "Where to",
            properties: { street: { type: "string" } },
            required: ["street"]
          },
          missing: {},
          elsewhere: {},
          odd: { type: "integer" }
        },
        required: ["to"]
      }
    )
  })

  it("ends where a schema leads into itself", () => {
    const tree = {
      type: "object",
      properties: { root: { $ref: "#/$defs/Node" }, self: { $ref: "#" } },
      $defs: {
        Node: {
          type: "object",
          properties: { name: { type: "string" }, children: { type: "array", items: { $ref: "#/$defs/Node" } } }
        }
      }
    }
    const fitted = ToolSchema.fit(tree)!
    const { root } = fitted["properties"] as { readonly root: JsonRecord }
    assert.deepStrictEqual(root, {
      type: "object",
      properties: { name: { type: "string" }, children: { type: "array", items: {} } }
    })
    const wide = {
      type: "object",
      properties: { a: { $ref: "#/$defs/A0" } },
      $defs: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [
        `A${i}`,
        { properties: { x: { $ref: `#/$defs/A${i + 1}` }, y: { $ref: `#/$defs/A${i + 1}` } } }
      ]))
    }
    assert.isBelow(JSON.stringify(ToolSchema.fit(wide)).length, 100_000)
  })

  it("has no branches at the top, and what each of them says", () => {
    assert.deepStrictEqual(
      ToolSchema.fit({
        type: "object",
        properties: { id: { type: "string" } },
        required: ["id"],
        additionalProperties: false,
        anyOf: [{ required: ["route"] }, { required: ["file"] }],
        oneOf: [
          { properties: { route: { type: "string" } }, required: ["route"] },
          { properties: { file: { type: "string" } }, required: ["file"] }
        ],
        allOf: [{ properties: { note: { type: "string" } }, required: ["note"] }]
      }),
      {
        type: "object",
        properties: {
          note: { type: "string" },
          route: { type: "string" },
          file: { type: "string" },
          id: { type: "string" }
        },
        required: ["id", "note"],
        additionalProperties: true
      }
    )
    // those within a property stay
    const nested = { type: "object", properties: { a: { anyOf: [{ type: "string" }, { type: "null" }] } } }
    assert.deepStrictEqual(ToolSchema.fit(nested), nested)
  })

  it("leaves out what other drafts and other dialects have", () => {
    assert.deepStrictEqual(
      ToolSchema.fit({
        type: ["object", "null"],
        "x-mcp-header": "Region",
        properties: {
          count: { type: "number", minimum: 0, exclusiveMinimum: true, required: true, "x-order": 1 },
          pair: { type: "array", items: [{ type: "string" }, { type: "number" }] },
          list: { type: "array" },
          kind: { type: "file", enum: [] },
          note: { type: "string", nullable: true, format: "email" },
          any: true,
          never: false,
          "odd name": { type: "string" }
        }
      }),
      {
        type: "object",
        properties: {
          count: { type: "number", minimum: 0 },
          pair: { type: "array", items: { anyOf: [{ type: "string" }, { type: "number" }] } },
          list: { type: "array", items: {} },
          kind: {},
          note: { type: ["string", "null"], format: "email" },
          any: {}
        }
      }
    )
  })

  it("refuses what no model could write", () => {
    for (const schema of [undefined, null, [], "object", { type: "string" }, { type: ["array", "null"] }]) {
      assert.strictEqual(ToolSchema.fit(schema), undefined)
    }
    const odd = { type: "object", properties: { "odd name": {} } }
    assert.deepStrictEqual(ToolSchema.fit(odd), { type: "object", properties: {} })
    assert.strictEqual(ToolSchema.fit({ ...odd, required: ["odd name"] }), undefined)
    assert.deepStrictEqual(ToolSchema.fit({}), { type: "object", properties: {} })
  })

  it.effect.prop(
    "makes of any JSON a schema that vendors take, and of that the same again",
    [Schema.Record(Schema.String, Schema.Json), Schema.Json, Schema.Json],
    ([given, one, other]) =>
      Effect.sync(() => {
        const schema = {
          type: "object",
          properties: { a: one, b: { $ref: "#/$defs/x" }, c: { items: other } },
          $defs: { x: other, ...given },
          anyOf: [one, { $ref: "#/$defs/x" }, { properties: given }],
          required: ["a", "zz"],
          ...given
        }
        const fitted = ToolSchema.fit(schema)
        if (fitted === undefined) return
        assert.strictEqual(fitted["type"], "object")
        const words = new Set(wordsIn(fitted))
        for (const word of ["$ref", "$defs", "$schema", "definitions", "nullable"]) {
          assert.isFalse(words.has(word), word)
        }
        for (const word of ["anyOf", "oneOf", "allOf"]) assert.notProperty(fitted, word)
        const { properties, required = [] } = fitted as {
          readonly properties: object
          readonly required?: Array<string>
        }
        for (const name of required) assert.property(properties, name)
        assert.deepStrictEqual(ToolSchema.fit(fitted), fitted)
      })
  )
})
