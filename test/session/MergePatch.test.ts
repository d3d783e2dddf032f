import { assert, describe, it } from "@effect/vitest"
import type { Schema } from "effect"
import * as MergePatch from "../../src/session/MergePatch.ts"

type JsonObject = { readonly [key: string]: Schema.Json }

describe("MergePatch", () => {
  // RFC 7396, appendix A: the cases whose patch is an object, as a session's always is
  const cases: ReadonlyArray<readonly [JsonObject, JsonObject, JsonObject]> = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }]
  ]
  for (const [target, patch, result] of cases) {
    it(`${JSON.stringify(target)} with ${JSON.stringify(patch)}`, () => {
      const before = JSON.stringify(target)
      assert.deepStrictEqual(MergePatch.merge(target, patch), result)
      assert.strictEqual(JSON.stringify(target), before)
    })
  }

  it("treats `__proto__` as an ordinary member", () => {
    const merged = MergePatch.merge({}, JSON.parse("{\"__proto__\":{\"polluted\":true},\"constructor\":{\"x\":1}}"))
    assert.deepStrictEqual(Object.keys(merged), ["__proto__", "constructor"])
    assert.isFalse("polluted" in {})
  })
})
