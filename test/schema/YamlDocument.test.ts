import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import * as YamlDocument from "../../src/schema/YamlDocument.ts"

const read = (text: string) =>
  Result.match(YamlDocument.parse(text), { onFailure: (why) => why, onSuccess: (value) => value })

describe("YamlDocument", () => {
  it("reads JSON and YAML", () => {
    assert.deepStrictEqual(read("{\"a\": [1, \"b\"]}"), { a: [1, "b"] })
    assert.deepStrictEqual(read("a:\n  - 1\n  - b # a note\nc: { d: e }\n"), { a: [1, "b"], c: { d: "e" } })
    assert.deepStrictEqual(read("{ a: [1, b] }"), { a: [1, "b"] })
    assert.strictEqual(read("a: [1"), "is neither JSON nor YAML")
  })

  it("bounds what a text stands for, and how long it takes to read", () => {
    const bomb = [
      "a: &a [x, x, x, x, x, x, x, x, x, x]",
      ..."bcdefghij".split("").map((name, i) => {
        const before = "abcdefghij"[i]
        return `${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(", ")}]`
      })
    ].join("\n")
    assert.strictEqual(read(bomb), "has too many values")
    assert.match(String(read(`a: ${"[".repeat(200)}${"]".repeat(200)}`)), /too many values|neither/u)
    assert.match(String(read(`a: ${" ".repeat(100_000)}b`)), /spaces, backslashes or digits/u)
    assert.match(String(read("a: &a { x: 1 }\nb:\n  <<: *a\n")), /merge keys/u)
    assert.match(String(read(`a: [\n${"  x,\n".repeat(10_000)}]\n`)), /brackets over several lines/u)
    assert.match(String(read("x".repeat(3_000_000))), /give it in JSON/u)
  })

  it.effect.prop(
    "takes any text, and gives back the JSON that it has written",
    [Schema.String, Schema.Json],
    ([text, json]) =>
      Effect.sync(() => {
        YamlDocument.parse(text)
        YamlDocument.parse(`a:\n  - ${text}\nb: ${text}`)
        if (typeof json === "object" && json !== null) {
          assert.deepStrictEqual(read(JSON.stringify(json)), JSON.parse(JSON.stringify(json)))
        }
      })
  )
})
