import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as LongAnswers from "../../../src/server/api/LongAnswers.ts"

describe("LongAnswers", () => {
  it.live("are made one in a turn of the event loop, with what follows them", () =>
    Effect.gen(function*() {
      const inTurn = LongAnswers.make()
      const log: Array<string> = []
      const answer = (name: number) =>
        Effect.andThen(
          inTurn(Effect.sync(() => log.push(`read ${name}`))),
          Effect.sync(() => {
            log.push(`encode ${name}`)
            setImmediate(() => log.push("turn"))
          })
        )
      yield* Effect.all(Array.from({ length: 50 }, (_, i) => answer(i)), { concurrency: "unbounded" })
      const expected = Array.from({ length: 50 }, (_, i) => [`read ${i}`, `encode ${i}`, "turn"]).flat()
      assert.deepStrictEqual(log.slice(0, 120), expected.slice(0, 120))
    }))

  it.live("do not wait for one that fails or is interrupted", () =>
    Effect.gen(function*() {
      const inTurn = LongAnswers.make()
      yield* Effect.ignore(inTurn(Effect.fail("failed")))
      const fiber = yield* Effect.forkChild(inTurn(Effect.never), { startImmediately: true })
      const waiting = yield* Effect.forkChild(inTurn(Effect.succeed("made")), { startImmediately: true })
      fiber.interruptUnsafe()
      assert.strictEqual(yield* Fiber.join(waiting), "made")
    }))
})
