import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { batchesOf } from "../../src/store/WriteBatches.ts"

const writesOf = (given: ReadonlyArray<{ readonly session: number; readonly size: number }>) =>
  given.map(({ session, size }, index) => ({
    index,
    lease: { id: `s${session % 5}` },
    change: { head: "x".repeat(size % 40), items: ["y".repeat(size % 7)] }
  }))
type Write = ReturnType<typeof writesOf>[number]

const sizeOf = (writes: ReadonlyArray<Write>) =>
  writes.reduce((sum, { change }) => sum + change.head.length + change.items[0]!.length, 0)

describe("WriteBatches", () => {
  it.prop("sends each write once, those of a session one after another, within the limits", [
    Schema.Array(Schema.Struct({ session: Schema.Natural, size: Schema.Natural })),
    Schema.Natural,
    Schema.Natural
  ], ([given, some, more]) => {
    const writes = writesOf(given)
    const limits = { writes: 1 + some % 6, characters: more % 100 }
    const batches = batchesOf(writes, limits)
    const sent = batches.flat()
    assert.deepStrictEqual(sent.map(({ index }) => index).sort((a, b) => a - b), writes.map(({ index }) => index))
    for (const batch of batches) {
      assert.isNotEmpty(batch)
      assert.isAtMost(batch.length, limits.writes)
      assert.strictEqual(new Set(batch.map(({ lease }) => lease.id)).size, batch.length)
      if (batch.length > 1) assert.isAtMost(sizeOf(batch), limits.characters)
    }
    for (const id of new Set(writes.map(({ lease }) => lease.id))) {
      const order = sent.filter(({ lease }) => lease.id === id).map(({ index }) => index)
      assert.deepStrictEqual(order, order.toSorted((a, b) => a - b))
    }
  })

  it("makes one batch of many sessions", () => {
    const writes = Array.from(
      { length: 1_000 },
      (_, i) => ({ lease: { id: `${i}` }, change: { head: "{}", items: [] } })
    )
    assert.strictEqual(batchesOf(writes, { writes: 1_000, characters: 10_000 }).length, 1)
    assert.strictEqual(batchesOf(writes, { writes: 300, characters: 10_000 }).length, 4)
  })
})
