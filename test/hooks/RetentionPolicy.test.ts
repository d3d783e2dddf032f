import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { PipelineError } from "../../src/BackendError.ts"
import { DataRetentionHook } from "../../src/hooks/DataRetentionHook.ts"
import * as RetentionPolicy from "../../src/hooks/RetentionPolicy.ts"

const hour = Duration.hours(1)

describe("RetentionPolicy", () => {
  it.effect("uses the config when there is no hook", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* RetentionPolicy.decide({}, {}), {})
      assert.deepStrictEqual(yield* RetentionPolicy.decide({ audio: hour }, {}), { audio: hour })
    }))

  it.effect("lets the hook override the config, by metadata", () =>
    Effect.gen(function*() {
      const decide = (consent: boolean) =>
        Effect.provideService(RetentionPolicy.decide({ audio: hour }, { consent }), DataRetentionHook, {
          shouldRetain: (type, metadata) => Effect.succeed(type === "transcript" && metadata["consent"] === true),
          getRetentionPeriod: () => Effect.succeed(Duration.days(2))
        })
      assert.deepStrictEqual(yield* decide(true), { transcript: Duration.days(2) })
      assert.deepStrictEqual(yield* decide(false), {})
    }))

  it.effect("counts a failure, a defect or a time-out as a refusal, for each kind alone", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.provideService(RetentionPolicy.decide({}, {}), DataRetentionHook, {
        shouldRetain: (type) => {
          if (type === "audio") return Effect.fail(new PipelineError({ op: "t", message: "no", retryable: false }))
          if (type === "metadata") throw new Error("dies")
          return type === "events" ? Effect.never : Effect.succeed(true)
        },
        getRetentionPeriod: () => Effect.succeed(hour)
      }))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), { transcript: hour })
    }))
})
