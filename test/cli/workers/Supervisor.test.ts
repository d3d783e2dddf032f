import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Logger, Scope } from "effect"
import { TestClock } from "effect/testing"
import { INTERVAL_MS } from "../../../src/cli/workers/Heartbeats.ts"
import * as Supervisor from "../../../src/cli/workers/Supervisor.ts"

/** A process that does what the test says. */
interface Scripted {
  readonly index: number
  readonly startedMs: number
  readonly events: Supervisor.WorkerEvents
  readonly signals: Array<NodeJS.Signals>
}

interface Options {
  readonly count?: number
  /** What a process does by itself when it starts. Default: it listens. */
  readonly atStart?: (one: Scripted, nth: number) => void
  /** What it does with a signal. Default: it ends. */
  readonly onSignal?: (one: Scripted, signal: NodeJS.Signals) => void
}

const make = Effect.fnUntraced(function*({ atStart, count = 2, onSignal }: Options) {
  const clock = yield* Clock.clockWith(Effect.succeed)
  const all: Array<Scripted> = []
  const scope = yield* Scope.make()
  const logged: Array<string> = []
  const supervised = Supervisor.make({
    count,
    drainDeadline: Duration.seconds(35),
    start: (index, events) => {
      const one: Scripted = { index, events, startedMs: clock.currentTimeMillisUnsafe(), signals: [] }
      all.push(one)
      // what a process says comes after its start
      queueMicrotask(() => atStart === undefined ? events.onListening() : atStart(one, all.length - 1))
      return (signal) => {
        one.signals.push(signal)
        if (onSignal === undefined || signal === "SIGKILL") events.onEnd(`ended with ${signal}`)
        else onSignal(one, signal)
      }
    }
  }).pipe(
    Scope.provide(scope),
    Effect.provide(Logger.layer([Logger.make<unknown, void>(({ message }) => void logged.push(String(message)))]))
  )
  return { all, logged, supervised, close: Scope.close(scope, Exit.void) }
})

/** Lets time pass while some processes send heartbeats. */
const pass = (ms: number, beating: () => ReadonlyArray<Scripted>) =>
  Effect.gen(function*() {
    for (let passed = 0; passed < ms; passed += INTERVAL_MS) {
      yield* TestClock.adjust(INTERVAL_MS)
      for (const one of beating()) one.events.onHeartbeat()
    }
  })

describe("Supervisor", () => {
  it.effect("waits until all listen, and signals all", () =>
    Effect.gen(function*() {
      const { all, close, supervised } = yield* make({ atStart: () => {}, onSignal: () => {} })
      const starting = yield* Effect.forkChild(supervised)
      yield* Effect.yieldNow
      all[0]?.events.onListening()
      yield* pass(10_000, () => all.slice(0, 1))
      assert.isUndefined(starting.pollUnsafe())
      all[1]?.events.onListening()
      const signalAll = yield* Fiber.join(starting)
      signalAll("SIGHUP")
      assert.deepStrictEqual(all.map(({ signals }) => signals), [["SIGHUP"], ["SIGHUP"]])
      const closing = yield* Effect.forkChild(close)
      yield* pass(40_000, () => all)
      yield* Fiber.join(closing)
      assert.deepStrictEqual(all.map(({ signals }) => signals.slice(1)), [["SIGTERM", "SIGKILL"], [
        "SIGTERM",
        "SIGKILL"
      ]])
    }))

  it.effect("fails when one cannot start, and ends the others", () =>
    Effect.gen(function*() {
      const { all, close, supervised } = yield* make({
        atStart: ({ events, index }) => index === 0 ? events.onListening() : events.onEnd("ended with 1")
      })
      const error = yield* Effect.flip(supervised)
      assert.strictEqual(error.message, "worker 1 ended with 1 before it listened")
      yield* close
      assert.deepStrictEqual(all.map(({ signals }) => signals), [["SIGTERM"], []])
    }))

  it.effect("fails when one does not listen", () =>
    Effect.gen(function*() {
      const { all, supervised } = yield* make({ count: 1, atStart: () => {} })
      const starting = yield* Effect.forkChild(Effect.flip(supervised))
      yield* TestClock.adjust("2 minutes")
      assert.match((yield* Fiber.join(starting)).message, /^worker 0 did not listen within 2m/)
      assert.deepStrictEqual(all[0]?.signals, ["SIGKILL"])
    }))

  it.effect("restarts one that ends at once, and later each time when it cannot stay", () =>
    Effect.gen(function*() {
      const { all, close, logged, supervised } = yield* make({ count: 1 })
      yield* supervised
      for (let nth = 0; nth < 8; nth++) {
        all[nth]?.events.onEnd("ended with 1")
        yield* pass(10_000, () => all.slice(-1))
      }
      const delays = all.slice(1).map(({ startedMs }, nth) => startedMs - nth * 10_000)
      assert.deepStrictEqual(delays, [0, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
      assert.strictEqual(logged[0], "worker 0 ended with 1; restarting it")
      yield* pass(120_000, () => all.slice(-1))
      const nowMs = yield* Clock.currentTimeMillis
      all.at(-1)?.events.onEnd("ended with SIGSEGV")
      yield* TestClock.adjust(0)
      assert.strictEqual(all.at(-1)?.startedMs, nowMs, "it had been well for long")
      yield* close
    }))

  it.effect("goes on trying to start one that fails before it listens", () =>
    Effect.gen(function*() {
      const { all, close, logged, supervised } = yield* make({
        count: 1,
        atStart: ({ events }, nth) => nth === 0 || nth === 3 ? events.onListening() : events.onEnd("ended with 2")
      })
      yield* supervised
      all[0]?.events.onEnd("ended with SIGKILL")
      yield* pass(5_000, () => all.slice(-1))
      assert.deepStrictEqual(all.map(({ startedMs }) => startedMs), [0, 0, 500, 1_500])
      assert.deepStrictEqual(logged, [
        "worker 0 ended with SIGKILL; restarting it",
        "worker 0 ended with 2 before it listened; trying again",
        "worker 0 ended with 2 before it listened; trying again"
      ])
      yield* close
    }))

  it.effect("kills one that hangs within 3 s and replaces it; the other is left alone", () =>
    Effect.gen(function*() {
      const { all, close, logged, supervised } = yield* make({})
      yield* supervised
      yield* pass(10_000, () => all)
      assert.lengthOf(all, 2)
      const beating = () => all.filter((_, nth) => nth !== 0)
      yield* pass(3_000, beating)
      assert.deepStrictEqual(all.map(({ index, signals }) => [index, signals]), [[0, ["SIGKILL"]], [1, []], [0, []]])
      assert.deepStrictEqual(logged, [
        "worker 0 has not answered for 3 seconds; killing it",
        "worker 0 ended with SIGKILL; restarting it"
      ])
      yield* pass(20_000, beating)
      assert.lengthOf(all, 3)
      yield* close
    }))

  it.effect("waits for the drain of each, kills one that hangs meanwhile, and restarts none", () =>
    Effect.gen(function*() {
      const { all, close, supervised } = yield* make({ count: 3, onSignal: () => {} })
      yield* supervised
      const closing = yield* Effect.forkChild(close)
      yield* pass(5_000, () => all.slice(0, 2))
      assert.deepStrictEqual(all.map(({ signals }) => signals), [["SIGTERM"], ["SIGTERM"], ["SIGTERM", "SIGKILL"]])
      all[0]?.events.onEnd("ended with 0")
      yield* pass(25_000, () => all.slice(1, 2))
      assert.isUndefined(closing.pollUnsafe())
      yield* pass(5_000, () => all.slice(1, 2))
      yield* Fiber.join(closing)
      assert.deepStrictEqual(all.map(({ signals }) => signals), [["SIGTERM"], ["SIGTERM", "SIGKILL"], [
        "SIGTERM",
        "SIGKILL"
      ]])
      assert.lengthOf(all, 3)
    }))
})
