/** Writes that are gathered, on a database that a script plays. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { ConnectionFailed } from "../../src/BackendError.ts"
import * as GatheredWrites from "../../src/store/GatheredWrites.ts"

const lease = (id: string) => ({ id, fence: 1 })
const change = (from: number) => ({ head: "{}", from, items: [] })
const away = new ConnectionFailed({ op: "test", message: "the store is away" })

/** A database that notes what it is sent, and answers when it is told to. */
const scripted = (answer: (id: string) => Exit.Exit<void, ConnectionFailed> | "alone" = () => Exit.void) => {
  const sent: Array<ReadonlyArray<string>> = []
  const alone: Array<string> = []
  let gate: Effect.Effect<void, ConnectionFailed> = Effect.void
  const write = GatheredWrites.make({
    together: (writes) =>
      Effect.suspend(() => {
        sent.push(writes.map((each) => `${each.lease.id} ${each.change.from}`))
        return Effect.map(gate, () => {
          for (const each of writes) {
            const exit = answer(each.lease.id)
            if (exit !== "alone") each.answer(exit)
          }
        })
      }),
    alone: ({ lease: { id } }) =>
      Effect.suspend(() => {
        alone.push(id)
        return id === "stuck" ? Effect.never : Effect.void
      })
  })
  return {
    write,
    sent,
    alone,
    setGate: (next: Effect.Effect<void, ConnectionFailed>) => {
      gate = next
    }
  }
}

const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(Effect.exit(effect), { startImmediately: true })
const pass = TestClock.adjust(GatheredWrites.GATHERED_FOR)

describe("GatheredWrites", () => {
  it.effect("sends together what comes within a moment, and nothing before it is over", () =>
    Effect.gen(function*() {
      const { sent, write } = scripted()
      const fibers = yield* Effect.forEach(["a", "b", "c"], (id) => fork(write(lease(id), change(0))))
      yield* TestClock.adjust("24 millis")
      assert.deepStrictEqual(sent, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(sent, [["a 0", "b 0", "c 0"]])
      for (const fiber of fibers) assert.deepStrictEqual(yield* Fiber.join(fiber), Exit.void)
    }))

  it.effect("gathers further writes while the database is slow, and sends them in their order", () =>
    Effect.gen(function*() {
      const { sent, setGate, write } = scripted()
      const slow = yield* Deferred.make<void>()
      setGate(Deferred.await(slow))
      const first = yield* fork(write(lease("a"), change(0)))
      yield* pass
      const later = yield* Effect.forEach(
        [1, 2, 3],
        (from) => Effect.tap(fork(write(lease(`later ${from}`), change(from))), pass)
      )
      assert.deepStrictEqual(sent, [["a 0"]])
      yield* Deferred.succeed(slow, undefined)
      yield* pass
      assert.deepStrictEqual(sent.slice(1), [["later 1 1", "later 2 2", "later 3 3"]])
      for (const fiber of [first, ...later]) assert.deepStrictEqual(yield* Fiber.join(fiber), Exit.void)
    }))

  it.effect("tells each caller its own answer, and lets none wait for one that is tried alone", () =>
    Effect.gen(function*() {
      const { alone, sent, write } = scripted((id) =>
        id === "refused" ? Exit.fail(away) : id === "good" ? Exit.void : "alone"
      )
      const [good, refused, single, stuck] = yield* Effect.forEach(
        ["good", "refused", "single", "stuck"],
        (id) => fork(write(lease(id), change(0)))
      )
      yield* pass
      assert.deepStrictEqual(yield* Fiber.join(good!), Exit.void)
      assert.deepStrictEqual(yield* Fiber.join(refused!), Exit.fail(away))
      assert.deepStrictEqual(yield* Fiber.join(single!), Exit.void)
      assert.deepStrictEqual(alone, ["single", "stuck"])
      const next = yield* fork(write(lease("good"), change(1)))
      yield* pass
      assert.deepStrictEqual(yield* Fiber.join(next), Exit.void)
      assert.strictEqual(sent.length, 2)
      yield* Fiber.interrupt(stuck!)
    }))

  it.effect("does not send what its caller no longer waits for", () =>
    Effect.gen(function*() {
      const { alone, sent, setGate, write } = scripted(() => "alone")
      const slow = yield* Deferred.make<void>()
      setGate(Deferred.await(slow))
      const sending = yield* fork(write(lease("a"), change(0)))
      yield* pass
      const waiting = yield* fork(write(lease("b"), change(0)))
      const other = yield* fork(write(lease("c"), change(0)))
      yield* pass
      yield* Fiber.interrupt(sending)
      yield* Fiber.interrupt(waiting)
      yield* Deferred.succeed(slow, undefined)
      yield* pass
      assert.deepStrictEqual(yield* Fiber.join(other), Exit.void)
      assert.deepStrictEqual([sent, alone], [[["a 0"], ["c 0"]], ["c"]])
    }))

  it.effect("fails all of a batch that fails, and none of the next", () =>
    Effect.gen(function*() {
      const { alone, setGate, write } = scripted()
      setGate(Effect.fail(away))
      const fibers = yield* Effect.forEach(["a", "b"], (id) => fork(write(lease(id), change(0))))
      yield* pass
      for (const fiber of fibers) assert.deepStrictEqual(yield* Fiber.join(fiber), Exit.fail(away))
      setGate(Effect.void)
      const next = yield* fork(write(lease("a"), change(0)))
      yield* pass
      assert.deepStrictEqual(yield* Fiber.join(next), Exit.void)
      assert.deepStrictEqual(alone, [])
    }))
})
