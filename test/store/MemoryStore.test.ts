import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import * as MemoryStore from "../../src/store/MemoryStore.ts"

describe("MemoryStore", () => {
  it.effect("lets another owner claim a session whose lease has expired, and refuses the former owner", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const a = MemoryStore.make({ table })
      const b = MemoryStore.make({ table })
      const lease = yield* a.create("s", { head: "{}", items: ["1", "2"] }, 60_000)
      yield* a.write(lease, { head: "{\"n\":1}", from: 1, items: ["3", "4"] })
      assert.deepStrictEqual(yield* b.claim("s"), { _tag: "Held", forMs: 5_000 })
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* b.claim("s"), {
        _tag: "Claimed",
        lease: { id: "s", fence: 2 },
        snapshot: { head: "{\"n\":1}", items: ["1", "3", "4"] }
      })
      const refused = yield* Effect.flip(a.write(lease, { head: "{}", from: 0, items: [] }))
      assert.strictEqual(refused.code, "session_not_found")
      assert.deepStrictEqual(refused.details, { reason: "fenced" })
      yield* a.remove(lease)
      assert.strictEqual((yield* a.claim("s"))._tag, "Held")
    }))

  it.effect("keeps renewed sessions, releases sessions, and erases sessions after their resume window", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const a = MemoryStore.make({ table })
      const b = MemoryStore.make({ table })
      yield* a.create("s", { head: "{}", items: [] }, 1_000)
      yield* TestClock.adjust("4 seconds")
      yield* a.renew
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(yield* b.claim("s"), { _tag: "Held", forMs: 1_000 })
      yield* a.releaseAll
      const claim = yield* b.claim("s")
      if (claim._tag !== "Claimed") return assert.fail(claim._tag)
      yield* b.releaseLease(claim.lease)
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(yield* a.sweep, 0)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* a.sweep, 1)
      assert.deepStrictEqual(yield* a.claim("s"), { _tag: "Unknown" })
    }))

  it.effect("releases one session, and no session of another owner", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const a = MemoryStore.make({ table })
      const b = MemoryStore.make({ table })
      const lease = yield* a.create("s", { head: "{}", items: [] }, 1_000)
      yield* a.create("t", { head: "{}", items: [] }, 1_000)
      yield* b.releaseLease({ ...lease, fence: 2 })
      assert.strictEqual((yield* b.claim("s"))._tag, "Held")
      yield* a.releaseLease(lease)
      assert.strictEqual((yield* b.claim("s"))._tag, "Claimed")
      assert.strictEqual((yield* b.claim("t"))._tag, "Held")
    }))

  it.effect("keeps the first secret, and refuses an existing id, non-contiguous items and too large ones", () =>
    Effect.gen(function*() {
      const store = MemoryStore.make()
      assert.strictEqual(yield* store.secret("key", "one"), "one")
      assert.strictEqual(yield* store.secret("key", "two"), "one")
      const lease = yield* store.create("s", { head: "{}", items: [] }, 0)
      const write = (head: string, from: number, item: string) =>
        Effect.flip(store.write(lease, { head, from, items: [item] }))
      assert.strictEqual((yield* Effect.flip(store.create("s", { head: "", items: [] }, 0))).code, "invalid_config")
      assert.deepStrictEqual((yield* write("{}", 1, "x")).details, { reason: "gap" })
      assert.strictEqual((yield* write("é".repeat(131_073), 0, "x")).code, "invalid_config")
      assert.strictEqual((yield* write("{}", 0, "x".repeat(65_537))).code, "invalid_config")
    }))
})
