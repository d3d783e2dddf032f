import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { PipelineError } from "../../../../src/BackendError.ts"
import * as DecodeQueue from "../../../../src/engines/local/segments/DecodeQueue.ts"

const options = { engine: "moonshine", parallel: 1, maxQueued: 8, timeout: "10 seconds" } as const

const Job = Schema.Struct({
  final: Schema.Boolean,
  owner: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 }))
})

describe("DecodeQueue", () => {
  it.effect.prop(
    "runs at most `parallel` decodes at once, finals before interims, each class in order, the newest interim of an owner",
    [Schema.Array(Job).check(Schema.isMaxLength(8)), Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 }))],
    ([jobs, parallel]) =>
      Effect.gen(function*() {
        const queue = yield* DecodeQueue.make({ ...options, parallel })
        const owners = [{}, {}, {}]
        const gate = yield* Deferred.make<void>()
        let running = 0
        const blockers = yield* Effect.forEach(
          Array.from({ length: parallel }),
          () => Effect.forkChild(queue.final(Deferred.await(gate)), { startImmediately: true })
        )
        const order: Array<number> = []
        const fibers = yield* Effect.forEach(jobs, (job, i) => {
          const decode = Effect.gen(function*() {
            assert.isAtMost(++running, parallel)
            order.push(i)
            yield* Effect.yieldNow
            running--
            return i
          })
          return Effect.forkChild(
            job.final ? Effect.asSome(queue.final(decode)) : queue.interim(owners[job.owner]!, decode),
            { startImmediately: true }
          )
        })
        yield* Deferred.succeed(gate, undefined)
        yield* Effect.forEach(blockers, Fiber.join)
        const results = yield* Effect.forEach(fibers, Fiber.join)
        const newest = (i: number) => !jobs.some((other, j) => j > i && !other.final && other.owner === jobs[i]!.owner)
        jobs.forEach((job, i) =>
          assert.deepEqual(results[i], job.final || newest(i) ? Option.some(i) : Option.none(), `job ${i}`)
        )
        const finals = jobs.flatMap((job, i) => job.final ? [i] : [])
        // An owner keeps the place of its first interim.
        const seen = new Map<number, number>()
        jobs.forEach((job, i) => !job.final && seen.set(job.owner, i))
        assert.deepEqual(order, [...finals, ...seen.values()])
        assert.deepEqual(queue.load(), { running: 0, finals: 0, interims: 0 })
      }).pipe(Effect.scoped)
  )

  it.effect("rejects finals and drops interims when the queue is full", () =>
    Effect.gen(function*() {
      const queue = yield* DecodeQueue.make({ ...options, maxQueued: 1 })
      const run = (effect: Effect.Effect<unknown, unknown>) => Effect.forkChild(effect, { startImmediately: true })
      yield* run(queue.final(Effect.never))
      yield* run(queue.final(Effect.never))
      yield* run(queue.interim({}, Effect.never))
      const error = yield* Effect.flip(queue.final(Effect.succeed("x")))
      assert.strictEqual(error.code, "pipeline_error")
      assert.isTrue(error.retryable)
      assert.deepEqual(yield* queue.interim({}, Effect.succeed("x")), Option.none())
    }).pipe(Effect.scoped))

  it.effect("times out a decode that hangs, and continues with the next", () =>
    Effect.gen(function*() {
      const queue = yield* DecodeQueue.make(options)
      const hung = yield* Effect.forkChild(Effect.flip(queue.final(Effect.never)), { startImmediately: true })
      yield* TestClock.adjust("9 seconds")
      const next = yield* Effect.forkChild(queue.final(Effect.succeed("next")), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(hung)).code, "timeout")
      assert.strictEqual(yield* Fiber.join(next), "next")
    }).pipe(Effect.scoped))

  it.effect("keeps the slot of a running decode whose caller is interrupted, and removes a queued one", () =>
    Effect.gen(function*() {
      const queue = yield* DecodeQueue.make(options)
      const gate = yield* Deferred.make<void>()
      const running = yield* Effect.forkChild(queue.final(Deferred.await(gate)), { startImmediately: true })
      const waiting = yield* Effect.forkChild(queue.final(Effect.die("never runs")), { startImmediately: true })
      yield* Fiber.interrupt(running)
      yield* Fiber.interrupt(waiting)
      assert.deepEqual(queue.load(), { running: 1, finals: 0, interims: 0 })
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* queue.final(Effect.succeed("free")), "free")
    }).pipe(Effect.scoped))

  it.effect("starts a final beside an interim that runs, and no further interim", () =>
    Effect.gen(function*() {
      const queue = yield* DecodeQueue.make(options)
      yield* Effect.forkChild(queue.interim({}, Effect.never), { startImmediately: true })
      yield* Effect.forkChild(queue.interim({}, Effect.never), { startImmediately: true })
      assert.strictEqual(yield* queue.final(Effect.succeed("at once")), "at once")
      assert.deepEqual(queue.load(), { running: 1, finals: 0, interims: 1 })
    }).pipe(Effect.scoped))

  it.effect("fails only the caller of a failed decode", () =>
    Effect.gen(function*() {
      const queue = yield* DecodeQueue.make(options)
      const error = new PipelineError({ op: "test", message: "no", retryable: false })
      assert.strictEqual(yield* Effect.flip(queue.final(Effect.fail(error))), error)
      assert.strictEqual(yield* queue.final(Effect.succeed(1)), 1)
    }).pipe(Effect.scoped))
})
