import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { type BackendError, ConnectionFailed, InvalidConfig, SessionNotFound } from "../../../src/BackendError.ts"
import type { HistoryItem } from "../../../src/conversation/History.ts"
import { MAX_HEAD_BYTES } from "../../../src/session/persistence/SessionStore.ts"
import * as SnapshotWriter from "../../../src/session/persistence/SnapshotWriter.ts"

const item = (turn: number, text: string): HistoryItem => ({
  role: "user",
  turn,
  kind: "speech",
  text,
  interrupted: false,
  atMs: turn
})

/** A session whose history grows, and a store that records the writes. */
const bench = (options: { readonly kept?: ReadonlyArray<HistoryItem> } = {}) =>
  Effect.gen(function*() {
    const writes: Array<SnapshotWriter.SnapshotChange> = []
    const saved: Array<number> = []
    const session = {
      history: options.kept ?? [],
      seq: 0,
      speaking: false,
      takenOver: 0,
      tooLarge: 0,
      maxHeadBytes: MAX_HEAD_BYTES
    }
    let answer: Effect.Effect<void, BackendError> = Effect.void
    const writer = yield* SnapshotWriter.make({
      write: (change) =>
        Effect.suspend(() => {
          writes.push(change)
          return answer
        }),
      read: (maxHeadBytes) => {
        session.maxHeadBytes = Math.min(session.maxHeadBytes, maxHeadBytes)
        return { head: `head ${session.seq}`, ...session }
      },
      stored: options.kept ?? [],
      onSaved: (seq) => saved.push(seq),
      onTakenOver: () => void session.takenOver++,
      onTooLarge: () => void session.tooLarge++
    })
    return {
      writes,
      saved,
      session,
      saveAgain: Effect.suspend(() => {
        writer.saveAgain()
        return TestClock.adjust(0)
      }),
      touch: Effect.suspend(() => {
        session.seq++
        writer.requestSave()
        return TestClock.adjust(0)
      }),
      answer: (next: Effect.Effect<void, BackendError>) => void (answer = next)
    }
  })

const gap = new InvalidConfig({ op: "test", message: "items are missing", details: { reason: "gap" } })
const down = new ConnectionFailed({ op: "test", message: "the store is away" })

describe("SnapshotWriter", () => {
  it.effect("writes what is new, and reports how far it is stored", () =>
    Effect.gen(function*() {
      const { saved, session, touch, writes } = yield* bench()
      session.history = [item(1, "one")]
      yield* touch
      session.history = [...session.history, item(2, "two")]
      yield* touch
      yield* touch
      assert.deepEqual(writes.map(({ from, items }) => [from, items.length]), [[0, 1], [1, 1], [2, 0]])
      assert.deepEqual(writes.map(({ head }) => head), ["head 1", "head 2", "head 3"])
      assert.deepEqual(saved, [1, 2, 3])
      assert.include(writes[1]?.items[0], "two")
    }))

  it.effect("writes from the first item that has changed, after a withdrawn turn or a late transcript", () =>
    Effect.gen(function*() {
      const kept = [item(1, "one"), item(2, "two"), item(3, "three")]
      const { session, touch, writes } = yield* bench({ kept })
      session.history = kept.slice(0, 2)
      yield* touch
      session.history = kept.toSpliced(1, 0, item(1, "late"))
      yield* touch
      assert.deepEqual(writes.map(({ from, items }) => [from, items.length]), [[2, 0], [1, 3]])
    }))

  it.effect("makes one write at a time, and then the newest", () =>
    Effect.gen(function*() {
      const { answer, saved, session, touch, writes } = yield* bench()
      const gate = yield* Deferred.make<void>()
      answer(Deferred.await(gate))
      yield* touch
      session.history = [item(1, "one")]
      yield* touch
      yield* touch
      assert.strictEqual(writes.length, 1)
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust(0)
      assert.deepEqual(writes.map(({ head }) => head), ["head 1", "head 3"])
      assert.deepEqual(saved, [1, 3])
    }))

  it.effect("retries until an unreachable store answers, and loses nothing", () =>
    Effect.gen(function*() {
      const { answer, saved, session, touch, writes } = yield* bench()
      answer(Effect.fail(down))
      session.history = [item(1, "one")]
      yield* touch
      yield* TestClock.adjust("1 minute")
      assert.isAtMost(writes.length, 20)
      assert.isAtLeast(writes.length, 10)
      assert.deepEqual(saved, [])
      answer(Effect.void)
      session.history = [...session.history, item(2, "two")]
      // the longest pause with its variation
      yield* TestClock.adjust("7 seconds")
      assert.deepEqual(saved, [1])
      assert.deepEqual([writes.at(-1)?.from, writes.at(-1)?.items.length], [0, 2])
    }))

  it.effect("writes every second while the agent speaks, and then no more", () =>
    Effect.gen(function*() {
      const { session, touch, writes } = yield* bench()
      session.speaking = true
      yield* touch
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(writes.length, 11)
      session.speaking = false
      yield* TestClock.adjust("10 seconds")
      assert.isAtMost(writes.length, 12)
    }))

  it.effect("cuts a text that is too large for the store, tells it once, and goes on", () =>
    Effect.gen(function*() {
      const { answer, saved, session, touch, writes } = yield* bench()
      const smallStore = Effect.suspend(() =>
        writes.at(-1)!.items.some((text) => Buffer.byteLength(text) > 10_000)
          ? Effect.fail(new InvalidConfig({ op: "test", message: "too large", details: { reason: "too_large" } }))
          : Effect.void
      )
      answer(smallStore)
      session.history = [item(1, "\u0001".repeat(10_000))]
      yield* touch
      yield* TestClock.adjust("1 minute")
      assert.deepEqual(saved, [1])
      assert.isAtMost(writes.length, 4)
      assert.strictEqual(session.tooLarge, 1)
      const stored = JSON.parse(writes.at(-1)!.items[0]!)
      assert.isTrue(stored.text.endsWith(" […]"))
      session.history = [...session.history, item(2, "later")]
      yield* touch
      assert.deepEqual(saved, [1, 2])
      assert.deepEqual([writes.at(-1)?.from, writes.at(-1)?.items.length], [1, 1])
      assert.strictEqual(session.tooLarge, 1)
    }))

  it.effect("does not retry for ever what no store takes", () =>
    Effect.gen(function*() {
      const { answer, saved, session, touch, writes } = yield* bench()
      answer(Effect.fail(new InvalidConfig({ op: "test", message: "too large", details: { reason: "too_large" } })))
      yield* touch
      yield* TestClock.adjust("10 minutes")
      assert.isAtMost(writes.length, 8)
      answer(Effect.void)
      session.history = [item(1, "one")]
      yield* touch
      assert.deepEqual(saved, [2])
      assert.isBelow(session.maxHeadBytes, MAX_HEAD_BYTES)
    }))

  it.effect("stops when another owner has taken the session over", () =>
    Effect.gen(function*() {
      const { answer, session, touch, writes } = yield* bench()
      answer(Effect.fail(new SessionNotFound({ op: "test", message: "fenced", details: { reason: "fenced" } })))
      yield* touch
      yield* touch
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(session.takenOver, 1)
      assert.strictEqual(writes.length, 1)
    }))

  it.effect("goes on when the session is not found, which only another owner's fence makes final", () =>
    Effect.gen(function*() {
      const { answer, saved, session, touch } = yield* bench()
      answer(Effect.fail(new SessionNotFound({ op: "test", message: "gone" })))
      yield* touch
      answer(Effect.void)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(session.takenOver, 0)
      assert.deepStrictEqual(saved, [1])
    }))

  it.effect("writes the whole again after a gap, or when the store is found to have lost it", () =>
    Effect.gen(function*() {
      const kept = [item(1, "one"), item(2, "two"), item(3, "three")]
      const { answer, saveAgain, saved, session, touch, writes } = yield* bench({ kept })
      answer(Effect.fail(gap))
      session.history = [...kept, item(4, "four")]
      yield* touch
      answer(Effect.void)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(writes.map(({ from, items }) => [from, items.length]), [[3, 1], [0, 4]])
      assert.deepStrictEqual(saved, [1])
      yield* saveAgain
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([writes.at(-1)?.from, writes.at(-1)?.items.length], [0, 4])
      yield* touch
      assert.deepStrictEqual([writes.at(-1)?.from, writes.at(-1)?.items.length], [4, 0])
      assert.strictEqual(writes.length, 4)
    }))

  it.effect("writes the whole less and less often to a store that goes on losing it", () =>
    Effect.gen(function*() {
      const kept = [item(1, "one"), item(2, "two")]
      const { answer, session, touch, writes } = yield* bench({ kept })
      session.speaking = true
      answer(Effect.suspend(() => writes.at(-1)?.from === 0 ? Effect.void : Effect.fail(gap)))
      yield* touch
      yield* TestClock.adjust("10 minutes")
      const wholes = writes.filter(({ from }) => from === 0).length
      assert.isAtLeast(wholes, 10)
      assert.isAtMost(wholes, 30)
      // once it is sound, each write is small again
      answer(Effect.void)
      yield* TestClock.adjust("2 minutes")
      const before = writes.length
      yield* TestClock.adjust("10 seconds")
      assert.isAtLeast(writes.length, before + 9)
      assert.isTrue(writes.slice(before).every(({ from }) => from === 2))
    }))

  it.effect("writes a long history in pieces, and reports it as stored after the last", () =>
    Effect.gen(function*() {
      const { saved, session, touch, writes } = yield* bench()
      session.history = [
        ...Array.from({ length: 2_500 }, (_, i) => item(i, "short")),
        ...Array.from({ length: 10 }, (_, i) => item(i, "x".repeat(100_000)))
      ]
      yield* touch
      assert.deepStrictEqual(saved, [1])
      assert.isAtLeast(writes.length, 5)
      assert.deepStrictEqual(
        writes.map(({ from }) => from),
        writes.map((_, n) => writes.slice(0, n).flatMap(({ items }) => items).length)
      )
      assert.strictEqual(writes.flatMap(({ items }) => items).length, 2_510)
      for (const { items } of writes) {
        assert.isAtMost(items.length, 1_000)
        assert.isAtMost(items.join("").length, 400_000)
      }
    }))

  it.effect("ends with its scope, in the middle of a write", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { answer, touch } = yield* Scope.provide(bench(), scope)
      answer(Effect.never)
      yield* touch
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(0)
      assert.isDefined(closing.pollUnsafe())
      yield* Fiber.join(closing)
    }))
})
