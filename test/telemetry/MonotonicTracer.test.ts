import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Tracer } from "effect"
import { TestClock } from "effect/testing"
import * as MonotonicTracer from "../../src/telemetry/MonotonicTracer.ts"
import * as SteppedClock from "../support/SteppedClock.ts"

describe("MonotonicTracer", () => {
  for (const stepMs of [-3_600_000, -20_000, 1_000, 3_600_000]) {
    it.effect(`gives spans their duration when the wall clock is stepped by ${stepMs} ms`, () =>
      Effect.gen(function*() {
        const { clock, step } = yield* SteppedClock.make
        step(1_700_000_000_000)
        const spans: Array<Tracer.NativeSpan> = []
        const tracer = MonotonicTracer.make(
          Tracer.make({
            span: (options) => {
              const span = new Tracer.NativeSpan(options)
              spans.push(span)
              return span
            }
          }),
          clock
        )
        const request = Effect.sleep("200 millis").pipe(Effect.withSpan("request"))
        const running = yield* Effect.forkChild(
          Effect.andThen(request, request).pipe(
            Effect.provideService(Clock.Clock, clock),
            Effect.provideService(Tracer.Tracer, tracer)
          )
        )
        yield* TestClock.adjust("100 millis")
        step(stepMs)
        yield* TestClock.adjust("1 second")
        assert.isDefined(running.pollUnsafe())
        const times = spans.map(({ status }) =>
          status._tag === "Ended" ? [status.startTime, status.endTime].map((at) => Number(at / 1_000_000n)) : []
        )
        const startMs = 1_700_000_000_000
        assert.deepStrictEqual(times, [[startMs, startMs + 200], [startMs + 200, startMs + 400]])
      }))
  }
})
