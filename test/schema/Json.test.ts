import { assert, describe, it } from "@effect/vitest"
import * as Json from "../../src/schema/Json.ts"

describe("Json", () => {
  it("parses any JSON value, and gives undefined for a malformed text", () => {
    assert.deepStrictEqual(Json.parse("[1, null]"), [1, null])
    assert.strictEqual(Json.parse("null"), null)
    for (const text of ["", "{", "undefined", "{\"a\":1}x"]) assert.strictEqual(Json.parse(text), undefined)
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

  it("takes neither null nor an array for an object", () => {
    assert.isTrue(Json.isRecord({}))
    for (const value of [null, undefined, [], "text", 1]) assert.isFalse(Json.isRecord(value))
  })
})
