import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { callKey, type ToolCall, ToolHistory } from "../../src/agent/ToolHistory.ts"
import type { HistoryItem } from "../../src/conversation/History.ts"

const item = (role: HistoryItem["role"], turn: number, text: string): HistoryItem => ({
  role,
  turn,
  kind: "speech",
  text,
  interrupted: false,
  atMs: 0
})
const messagesOf = (memory: ToolHistory, history: ReadonlyArray<HistoryItem>, turn: number) => {
  const { past, question, rounds } = memory.toPrompt({ history, transcript: "now", turn })
  const asked = { role: "user" as const, content: [{ type: "text" as const, text: question }] }
  return [...past.flatMap(({ messages }) => messages), asked, ...rounds.flat()]
}
const roles = (memory: ToolHistory, history: ReadonlyArray<HistoryItem>, turn: number) =>
  messagesOf(memory, history, turn).map(({ content, role }) => {
    const [first] = typeof content === "string" ? [] : content
    return first?.type === "text" ? first.text : role
  })
const called = (memory: ToolHistory, turn: number, id = "a"): ToolCall =>
  memory.add({ id, name: "f", params: {}, turn, round: memory.nextRound() })

describe("ToolHistory", () => {
  it("puts the calls of a turn between the user's words and the agent's", () => {
    const memory = new ToolHistory()
    for (const turn of [1, 2, 3]) memory.finish(called(memory, turn), { ok: true, output: turn })
    const history = [
      item("agent", 0, "Hello."),
      item("user", 1, "one"),
      item("agent", 1, "One."),
      item("user", 2, "two")
    ]
    assert.deepStrictEqual(roles(memory, history, 3), [
      "Hello.",
      "one",
      "assistant",
      "tool",
      "One.",
      "two",
      "assistant",
      "tool",
      "now",
      // the turn was answered before, and the user went on
      "assistant",
      "tool"
    ])
  })

  it("drops the oldest finished calls, and never a running one", () => {
    const memory = new ToolHistory()
    const first = called(memory, 1)
    for (let turn = 1; turn <= 200; turn++) memory.finish(called(memory, turn), { ok: true, output: "" })
    assert.strictEqual(memory.calls.length, 64)
    assert.strictEqual(memory.calls[0], first)
    assert.strictEqual(memory.calls.at(-1)?.turn, 200)
    for (let i = 0; i < 20; i++) memory.finish(called(memory, 201), { ok: true, output: "x".repeat(30_000) })
    assert.isBelow(memory.calls.length, 10)
    assert.strictEqual(memory.calls[0], first)
  })

  it.prop("gives each call a unique id and its own result", [
    Schema.Array(Schema.Struct({ id: Schema.Literals(["", "a", "b"]), turn: Schema.Literals([1, 2, 3]) }))
  ], ([calls]) => {
    const memory = new ToolHistory()
    for (const { id, turn } of calls) {
      const call = called(memory, turn, id)
      if (turn !== 2) memory.finish(call, { ok: true, output: 1 })
    }
    const parts = messagesOf(memory, [item("user", 1, "one")], 2).flatMap(
      ({ content }) => typeof content === "string" ? [] : [...content]
    )
    const ids = parts.flatMap((part) => part.type === "tool-call" ? [part.id] : [])
    const results = parts.flatMap((part) => part.type === "tool-result" ? [part.id] : [])
    assert.strictEqual(new Set(ids).size, calls.length)
    assert.isFalse(ids.includes(""))
    assert.deepStrictEqual(results, ids)
  })

  it("recognises the same call whatever the order of its input's keys", () => {
    assert.strictEqual(
      callKey({ name: "f", params: { a: 1, b: { c: [1], d: 2 } } }),
      callKey({ name: "f", params: { b: { d: 2, c: [1] }, a: 1 } })
    )
    assert.notStrictEqual(callKey({ name: "f", params: [1, 2] }), callKey({ name: "f", params: [2, 1] }))
  })
})
