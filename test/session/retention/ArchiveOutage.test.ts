import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import { PipelineError } from "../../../src/BackendError.ts"
import * as ArchiveOutage from "../../../src/session/retention/ArchiveOutage.ts"

const full = new PipelineError({ op: "test", message: "no space left", retryable: true })

/** Runs with a logger that keeps the lines. */
const logged = <A, E, R>(run: (lines: Array<string>) => Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => void lines.push(JSON.stringify(message)))
  return run(lines).pipe(Effect.provide(Logger.layer([logger])))
}

describe("ArchiveOutage", () => {
  it.effect("takes the failures of many sessions for one outage, and tells its beginning and its end", () =>
    logged((lines) =>
      Effect.gen(function*() {
        let changes = 0
        const outage = yield* ArchiveOutage.make(Effect.sync(() => ++changes))
        for (let second = 0; second < 30; second++) {
          for (let i = 0; i < 20; i++) yield* outage.failed(`ses_${i}`, full)
          yield* TestClock.adjust("1 second")
        }
        assert.strictEqual(changes, 1)
        assert.strictEqual(yield* outage.current, full)
        yield* outage.ended("ses_0")
        for (let second = 0; second < 12; second++) {
          for (let i = 1; i < 20; i++) yield* outage.worked(`ses_${i}`)
          yield* TestClock.adjust("1 second")
        }
        assert.isUndefined(yield* outage.current)
        assert.strictEqual(changes, 2)
        // the one that has ended is not stored as a whole
        assert.lengthOf(lines, 1)
        assert.include(lines[0], "\"sessions\":1")
      })
    ))

  it.effect("takes failures one after another for one outage", () =>
    Effect.gen(function*() {
      let changes = 0
      const outage = yield* ArchiveOutage.make(Effect.sync(() => ++changes))
      for (let i = 0; i < 5; i++) {
        yield* outage.failed(`ses_${i}`, full)
        yield* outage.worked(`ses_${i}`)
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual(changes, 1)
    }))
})
