import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as DisconnectWatch from "../../../src/transport/webrtc/DisconnectWatch.ts"

const watch = Effect.gen(function*() {
  const watch = yield* DisconnectWatch.make("5 seconds")
  const lost = yield* Effect.forkChild(watch.lost, { startImmediately: true })
  return { ...watch, isLost: () => lost.pollUnsafe() !== undefined, lost: Fiber.join(lost) }
})

describe("DisconnectWatch", () => {
  it.effect("is lost after the grace period, and not before", () =>
    Effect.gen(function*() {
      const { disconnected, isLost, lost } = yield* watch
      yield* TestClock.adjust("1 minute")
      disconnected()
      yield* TestClock.adjust("4900 millis")
      assert.isFalse(isLost())
      yield* TestClock.adjust("100 millis")
      yield* lost
    }))

  it.effect("gives each interruption the whole grace period", () =>
    Effect.gen(function*() {
      const { connected, disconnected, isLost, lost } = yield* watch
      disconnected()
      yield* TestClock.adjust("4 seconds")
      connected()
      yield* TestClock.adjust("500 millis")
      disconnected()
      // 5 s after the first interruption began, but 0.5 s into the second.
      yield* TestClock.adjust("4500 millis")
      assert.isFalse(isLost())
      connected()
      yield* TestClock.adjust("1 minute")
      assert.isFalse(isLost())
      disconnected()
      yield* TestClock.adjust("5 seconds")
      yield* lost
    }))
})
