import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { McpLines, TOO_LONG } from "../../../src/tools/mcp/McpLines.ts"

const read = (bytes: Uint8Array, chunk: number, maxLine = 1_000) => {
  const messages: Array<unknown> = []
  let garbage = 0
  const lines = new McpLines({
    maxLine,
    onMessage: (message) => void messages.push(message),
    onGarbage: () => void garbage++
  })
  let out = ""
  for (let at = 0; at < bytes.length; at += chunk) out += lines.push(bytes.subarray(at, at + chunk))
  return { garbage, messages, out: out.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line)) }
}

const bytesOf = (...lines: ReadonlyArray<unknown>) =>
  new TextEncoder().encode(
    lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("")
  )

const answer = (id: number, text = "é") => ({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text }] } })

describe("McpLines", () => {
  it("passes messages on, however they are cut, and nothing else", () => {
    const bytes = bytesOf(
      "Server listening on stdio ☀",
      answer(1),
      "",
      { level: 30, msg: "started" },
      "[1,2]",
      "{\"jsonrpc\":\"2.0\"",
      { ...answer(2), extra: 1 },
      { jsonrpc: "2.0", method: "notifications/message", params: { data: "x" } }
    )
    for (const chunk of [1, 2, 7, 10_000]) {
      const { garbage, messages, out } = read(bytes, chunk)
      assert.deepStrictEqual(out, [
        answer(1),
        answer(2),
        { jsonrpc: "2.0", method: "notifications/message", params: { data: "x" } }
      ])
      assert.lengthOf(messages, 3)
      assert.strictEqual(garbage, 4)
    }
  })

  it("fails the call whose result is too long, wherever its id stands, and no other", () => {
    const long = "x\"id\":9,{}]".repeat(1_000)
    const { id: _, ...rest } = answer(4, long)
    const error = (id: number) => ({ jsonrpc: "2.0", id, error: { code: TOO_LONG, message: "too long" } })
    const bytes = bytesOf(
      answer(3, long),
      { ...rest, id: 4 },
      { result: rest.result, jsonrpc: "2.0", id: 5 },
      { result: rest.result, id: 6, jsonrpc: "2.0" },
      { result: rest.result, jsonrpc: "2.0" },
      answer(7)
    )
    for (const chunk of [1, 100, 1_000_000]) {
      assert.deepStrictEqual(read(bytes, chunk).out, [error(3), error(4), error(5), error(6), answer(7)])
    }
  })

  it("keeps nothing of a line without an end but its length", () => {
    const lines = new McpLines({ maxLine: 1_000, onMessage: () => {}, onGarbage: () => {} })
    const piece = new Uint8Array(65_536).fill(120)
    for (let i = 0; i < 1_000; i++) assert.strictEqual(lines.push(piece), "")
    assert.strictEqual(lines.pending, 65_536_000)
    assert.strictEqual(lines.push(bytesOf("", answer(1))), `${JSON.stringify(answer(1))}\n`)
  })

  it.effect.prop(
    "takes any text without harm, and the messages in it",
    [Schema.Array(Schema.String), Schema.Json],
    ([garbage, value]) =>
      Effect.sync(() => {
        const message = { jsonrpc: "2.0", id: 1, result: value }
        const { out } = read(bytesOf(...garbage, message), 3, 100_000)
        assert.deepStrictEqual(out.at(-1), JSON.parse(JSON.stringify(message)))
      })
  )
})
