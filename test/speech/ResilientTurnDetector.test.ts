/** A turn detector that hears, when it hangs, fails, gives nonsense, and works again. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { PipelineError } from "../../src/BackendError.ts"
import * as ResilientTurnDetector from "../../src/speech/resilience/ResilientTurnDetector.ts"
import type { TurnDetector } from "../../src/speech/TurnDetector.ts"

type Listen = TurnDetector["Service"]["listen"] & {}

const audio = new Int16Array(10)
const broken = new PipelineError({ op: "TurnDetector.listen", message: "no ears", retryable: true })

const harness = Effect.fnUntraced(function*(listen: Listen) {
  const state = { listen, asked: 0, interrupted: 0 }
  const detector = yield* ResilientTurnDetector.make({
    name: "ears",
    endOfTurn: () => Effect.succeed(0.7),
    listen: (pcm) =>
      Effect.suspend(() => {
        state.asked++
        return state.listen(pcm)
      }).pipe(Effect.onInterrupt(() => Effect.sync(() => state.interrupted++)))
  })
  return { detector, state, listen: detector.listen ?? (() => Effect.die("it listens")) }
})

const collectLogs = () => {
  const lines: Array<string> = []
  const layer = Logger.layer([Logger.make(({ logLevel, message }) => {
    lines.push(`${logLevel} ${Array.isArray(message) ? String(message[0]) : String(message)}`)
  })])
  return { lines, layer }
}

describe("ResilientTurnDetector", () => {
  it.effect("passes verdicts on, and leaves a detector that reads as it is", () =>
    Effect.gen(function*() {
      const { detector, listen } = yield* harness(() => Effect.succeed(0.25))
      assert.strictEqual(yield* listen(audio), 0.25)
      assert.strictEqual(yield* detector.endOfTurn({ transcript: "", agentSaid: "" }), 0.7)
      assert.isUndefined(detector.failing?.())
      const reader: TurnDetector["Service"] = { name: "reader", endOfTurn: () => Effect.succeed(1) }
      assert.strictEqual(yield* ResilientTurnDetector.make(reader), reader)
    }))

  it.effect("gives up on a verdict after a second, and interrupts it", () =>
    Effect.gen(function*() {
      const { listen, state } = yield* harness(() => Effect.never)
      const waiting = yield* Effect.forkChild(Effect.flip(listen(audio)))
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(waiting)).code, "timeout")
      assert.strictEqual(state.interrupted, 1)
    }))

  it.effect("leaves one alone that fails three times, says so once, and asks it again later", () => {
    const { layer, lines } = collectLogs()
    return Effect.gen(function*() {
      const { detector, listen, state } = yield* harness(() => Effect.fail(broken))
      for (let i = 0; i < 10; i++) yield* Effect.flip(listen(audio))
      assert.strictEqual(state.asked, 3)
      const failing = detector.failing?.()
      assert.strictEqual(failing?.code, "pipeline_error")
      assert.match(failing?.message ?? "", /^ears has failed several times in a row/u)
      assert.lengthOf(lines.filter((line) => line.startsWith("Warn")), 1)
      state.listen = () => Effect.succeed(0.5)
      yield* TestClock.adjust("6 seconds")
      assert.isUndefined(detector.failing?.())
      assert.strictEqual(yield* listen(audio), 0.5)
      assert.strictEqual(yield* listen(audio), 0.5)
      assert.lengthOf(lines.filter((line) => line.startsWith("Info") && line.includes("works again")), 1)
    }).pipe(Effect.provide(Layer.mergeAll(layer)))
  })

  it.effect("takes no number that is no probability, and survives a crash", () =>
    Effect.gen(function*() {
      for (const nonsense of [Number.NaN, -0.1, 1.01, Number.POSITIVE_INFINITY]) {
        const { listen } = yield* harness(() => Effect.succeed(nonsense))
        assert.strictEqual((yield* Effect.flip(listen(audio))).code, "pipeline_error")
      }
      const { listen } = yield* harness(() => {
        throw new Error("crash")
      })
      assert.strictEqual((yield* Effect.flip(listen(audio))).code, "pipeline_error")
    }))
})
