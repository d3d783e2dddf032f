import { assert, describe, it } from "@effect/vitest"
import * as Json from "../../src/schema/Json.ts"

describe("Json", () => {
  it("parses any JSON value, and gives undefined for a malformed text", () => {
    assert.deepStrictEqual(Json.parse("[1, null]"), [1, null])
    assert.strictEqual(Json.parse("null"), null)
    for (const text of ["", "{", "undefined", "{\"a\":1}x"]) assert.strictEqual(Json.parse(text), undefined)
  })

  it("parses no deeper than what is done with a value can go", () => {
    const nested = (levels: number) => [
      "[".repeat(levels) + "]".repeat(levels),
      "{\"a\":".repeat(levels) + "1" + "}".repeat(levels),
      "[{\"a\\\"]\":".repeat(levels / 2) + "1" + "}]".repeat(levels / 2)
    ]
    for (const text of nested(Json.MAX_DEPTH)) assert.strictEqual(JSON.stringify(Json.parse(text)), text)
    for (const levels of [Json.MAX_DEPTH + 2, 10_000, 1_000_000]) {
      for (const text of nested(levels)) assert.isUndefined(Json.parse(text))
    }
    // brackets in texts, and beside each other, are no levels
    const wide = JSON.stringify(Array.from({ length: 1_000 }, () => ["[{".repeat(300), "\\\"[", { a: [] }]))
    assert.strictEqual(JSON.stringify(Json.parse(wide)), wide)
  })

  it("parses an object, and gives undefined for other values", () => {
    assert.deepStrictEqual(Json.parseRecord("{\"a\":{\"b\":1}}"), { a: { b: 1 } })
    for (const text of ["[]", "null", "1", "\"text\"", "true", "{"]) {
      assert.strictEqual(Json.parseRecord(text), undefined)
    }
  })

  it("leaves a text that is no JSON as it is where the caller wants it", () => {
    assert.deepStrictEqual(Json.parseOrText("{\"a\":1}"), { a: 1 })
    assert.strictEqual(Json.parseOrText("null"), null)
    assert.strictEqual(Json.parseOrText("{a}"), "{a}")
  })

  it("writes equal values as the same text", () => {
    assert.strictEqual(
      Json.canonical({ b: [{ d: 1, c: null }], a: "x" }),
      Json.canonical({ a: "x", b: [{ c: null, d: 1 }] })
    )
    assert.notStrictEqual(Json.canonical({ a: [1, 2] }), Json.canonical({ a: [2, 1] }))
  })

  it("takes neither null nor an array for an object", () => {
    assert.isTrue(Json.isRecord({}))
    for (const value of [null, undefined, [], "text", 1]) assert.isFalse(Json.isRecord(value))
  })
})
