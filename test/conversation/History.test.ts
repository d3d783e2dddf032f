import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as History from "../../src/conversation/History.ts"

const item: History.HistoryItem = {
  role: "agent",
  turn: 1,
  kind: "speech",
  text: "One two",
  interrupted: true,
  atMs: 5
}

describe("History", () => {
  it("marks an interrupted answer in a prompt", () => {
    assert.strictEqual(History.render(item), "One two …")
    assert.strictEqual(History.render({ ...item, interrupted: false }), "One two")
  })

  it.prop("encodes and decodes to the same value", [History.HistoryItem], ([value]) => {
    const encoded = Schema.encodeSync(History.HistoryItem)(value)
    assert.deepStrictEqual(Schema.decodeSync(History.HistoryItem)(encoded), value)
    assert.isTrue("at_ms" in encoded)
  })
})
