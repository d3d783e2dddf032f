import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import * as BackendMetrics from "../../src/telemetry/BackendMetrics.ts"
import * as Names from "../../src/telemetry/Names.ts"

const lines = Effect.map(PrometheusMetrics.format(), (text) => text.split("\n").filter((line) => !line.startsWith("#")))
const own = Effect.provideServiceEffect(Metric.MetricRegistry, Effect.sync(() => new Map()))

describe("BackendMetrics", () => {
  it("keeps the names that dashboards are built on", () => {
    assert.deepStrictEqual(Names.metrics, {
      sessionsActive: "effect_voice_sessions_active",
      sessionsTotal: "effect_voice_sessions_total",
      turnsTotal: "effect_voice_turns_total",
      turnLatency: "effect_voice_turn_latency_seconds"
    })
  })

  it.effect("stands at 0 before anything happens, and counts what does", () =>
    Effect.gen(function*() {
      const metrics = yield* BackendMetrics.make({ provider: "local", enabled: true })
      assert.includeMembers(yield* lines, [
        "effect_voice_sessions_active{provider=\"local\"} 0",
        "effect_voice_sessions_total{provider=\"local\"} 0",
        "effect_voice_turns_total{provider=\"local\"} 0",
        "effect_voice_turn_latency_seconds_count{provider=\"local\"} 0"
      ])
      metrics.sessionOpened()
      metrics.sessionOpened()
      metrics.sessionClosed()
      for (const ms of [100, 450, 12_000]) metrics.turnAnswered(ms)
      assert.includeMembers(yield* lines, [
        "effect_voice_sessions_active{provider=\"local\"} 1",
        "effect_voice_sessions_total{provider=\"local\"} 2",
        "effect_voice_turns_total{provider=\"local\"} 3",
        "effect_voice_turn_latency_seconds_bucket{provider=\"local\",le=\"0.1\"} 1",
        "effect_voice_turn_latency_seconds_bucket{provider=\"local\",le=\"0.5\"} 2",
        "effect_voice_turn_latency_seconds_bucket{provider=\"local\",le=\"10\"} 2",
        "effect_voice_turn_latency_seconds_bucket{provider=\"local\",le=\"+Inf\"} 3",
        "effect_voice_turn_latency_seconds_sum{provider=\"local\"} 12.55"
      ])
    }).pipe(own))

  it.effect("counts nothing when it is switched off", () =>
    Effect.gen(function*() {
      const metrics = yield* BackendMetrics.make({ provider: "local", enabled: false })
      metrics.sessionOpened()
      metrics.turnAnswered(1)
      assert.strictEqual(yield* PrometheusMetrics.format(), "")
    }).pipe(own))
})
