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

const bytes = (history: ReadonlyArray<History.HistoryItem>) =>
  Buffer.byteLength(JSON.stringify(history.map((value) => Schema.encodeSync(History.HistoryItem)(value))))

describe("History", () => {
  it.prop("is bounded in bytes, and tells how many items have left", [
    Schema.Array(Schema.Struct({ text: Schema.String, times: Schema.Natural }))
  ], ([texts]) => {
    let history: ReadonlyArray<History.HistoryItem> = []
    let appended = 0
    for (let round = 0; round < 40; round++) {
      for (const { text, times } of texts) {
        const next = { ...item, turn: ++appended, text: History.cutText(text.repeat(1 + times % 5_000)) }
        history = History.limit([...history, next])
      }
    }
    assert.isAtMost(bytes(history), History.MAX_BYTES)
    const omitted = history[0]?.omittedBefore ?? 0
    assert.strictEqual(omitted + history.length, appended)
    assert.isTrue(history.slice(1).every((other) => other.omittedBefore === undefined))
    assert.deepStrictEqual(history.map(({ turn }) => turn), history.map((_, i) => omitted + i + 1))
  })

  it.prop("measures an item that is put in as if all were measured", [
    Schema.Array(Schema.Struct({ text: Schema.String, times: Schema.Natural, at: Schema.Natural }))
  ], ([puts]) => {
    let history: ReadonlyArray<History.HistoryItem> = []
    for (let round = 0; round < 40; round++) {
      for (const { at, text, times } of puts) {
        const next = { ...item, text: History.cutText(text.repeat(1 + times % 5_000)) }
        const index = history.length - at % (1 + Math.min(2, history.length))
        const whole = History.limit(history.toSpliced(index, 0, next))
        history = History.insert(history, index, next)
        assert.deepStrictEqual(history, whole)
      }
    }
    assert.isAtMost(bytes(history), History.MAX_BYTES)
  })

  it("counts what left before a history was cut again", () => {
    const large = (turn: number) => ({ ...item, turn, text: "\u4e00".repeat(16_000) })
    let history: ReadonlyArray<History.HistoryItem> = []
    for (let turn = 1; turn <= 200; turn++) history = History.limit([...history, large(turn)])
    assert.isAtMost(bytes(history), History.MAX_BYTES)
    assert.isAtLeast(bytes(history), History.MAX_BYTES / 2)
    assert.strictEqual(history[0]?.omittedBefore, 200 - history.length)
  })

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
