import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { TestClock } from "effect/testing"
import { type BackendError, ConnectionFailed, RateLimitExceeded, SessionLimitExceeded } from "../../src/BackendError.ts"
import * as BackendMetrics from "../../src/telemetry/BackendMetrics.ts"
import * as TelemetryNames from "../../src/telemetry/TelemetryNames.ts"

const lines = Effect.map(PrometheusMetrics.format(), (text) => text.split("\n").filter((line) => !line.startsWith("#")))
const own = Effect.provideServiceEffect(Metric.MetricRegistry, Effect.sync(() => new Map()))

describe("BackendMetrics", () => {
  it("keeps the metric names that dashboards rely on", () => {
    assert.deepStrictEqual(Object.values(TelemetryNames.metrics), [
      "effect_voice_sessions_active",
      "effect_voice_sessions_total",
      "effect_voice_sessions_ended_total",
      "effect_voice_session_duration_seconds",
      "effect_voice_turns_total",
      "effect_voice_turn_latency_seconds",
      "effect_voice_turn_part_seconds",
      "effect_voice_turn_latency_exceeded_total",
      "effect_voice_interruptions_total",
      "effect_voice_errors_total",
      "effect_voice_refusals_total",
      "effect_voice_engine_incidents_total",
      "effect_voice_audio_seconds_total",
      "effect_voice_event_loop_lag_seconds",
      "effect_voice_load_level",
      "effect_voice_places_taken",
      "effect_voice_places",
      "effect_voice_places_taken_ratio",
      "effect_voice_connections_passed_on",
      "effect_voice_health_status",
      "effect_voice_operation_duration_seconds"
    ])
    assert.deepStrictEqual(Object.values(TelemetryNames.clusterMetrics), [
      "effect_voice_cluster_nodes",
      "effect_voice_cluster_places_taken",
      "effect_voice_cluster_places",
      "effect_voice_cluster_request_duration_seconds"
    ])
  })

  it.effect("tells how many places are taken, and which share of them", () =>
    Effect.gen(function*() {
      const backend = yield* BackendMetrics.make({ provider: "local", enabled: () => true })
      backend.places({ taken: 3, max: 4 })
      assert.includeMembers(yield* lines, [
        "effect_voice_places_taken{provider=\"local\"} 3",
        "effect_voice_places{provider=\"local\"} 4",
        "effect_voice_places_taken_ratio{provider=\"local\"} 0.75"
      ])
      backend.places({ taken: 2, max: 0 })
      assert.include(yield* lines, "effect_voice_places_taken_ratio{provider=\"local\"} 1")
    }).pipe(own))

  it.effect("is registered with 0, and counts events", () =>
    Effect.gen(function*() {
      const backend = yield* BackendMetrics.make({
        provider: "local",
        enabled: () => true,
        engines: { stt: "ears", vad: "energy" }
      })
      const found = yield* lines
      assert.includeMembers(found, [
        "effect_voice_sessions_active{provider=\"local\"} 0",
        "effect_voice_sessions_total{provider=\"local\"} 0",
        "effect_voice_turns_total{provider=\"local\"} 0",
        "effect_voice_turn_latency_seconds_count{provider=\"local\"} 0",
        "effect_voice_sessions_ended_total{provider=\"local\",reason=\"drain_deadline\"} 0",
        "effect_voice_errors_total{provider=\"local\",code=\"agent_error\"} 0",
        "effect_voice_refusals_total{provider=\"local\",reason=\"full\"} 0",
        "effect_voice_audio_seconds_total{provider=\"local\",direction=\"out\"} 0",
        "effect_voice_turn_part_seconds_count{provider=\"local\",part=\"endpointing\"} 0",
        "effect_voice_engine_incidents_total{provider=\"local\",kind=\"stt\",engine=\"ears\",what=\"failed\"} 0"
      ])
      for (const operation of TelemetryNames.operations) {
        const labels = `provider="local",operation="${operation}",outcome="ok"`
        assert.include(found, `effect_voice_operation_duration_seconds_count{${labels}} 0`)
      }
      const metrics = backend.session()
      metrics?.opened()
      metrics?.opened()
      metrics?.closed()
      metrics?.ended("closed", 90_000)
      for (const ms of [100, 450, 12_000]) metrics?.turnAnswered(ms, [{ name: "agent", ms }])
      metrics?.turnLatencyExceeded()
      metrics?.interrupted()
      metrics?.failed("timeout")
      metrics?.incident("stt", "ears", "retrying")
      metrics?.audio("in", 1.5)
      metrics?.audio("in", 0)
      metrics?.audio("in", 0.5)
      assert.includeMembers(yield* lines, [
        "effect_voice_sessions_active{provider=\"local\"} 1",
        "effect_voice_sessions_total{provider=\"local\"} 2",
        "effect_voice_sessions_ended_total{provider=\"local\",reason=\"closed\"} 1",
        "effect_voice_session_duration_seconds_sum{provider=\"local\"} 90",
        "effect_voice_turns_total{provider=\"local\"} 3",
        "effect_voice_turn_latency_seconds_bucket{provider=\"local\",le=\"0.1\"} 1",
        "effect_voice_turn_latency_seconds_bucket{provider=\"local\",le=\"0.5\"} 2",
        "effect_voice_turn_latency_seconds_bucket{provider=\"local\",le=\"10\"} 2",
        "effect_voice_turn_latency_seconds_bucket{provider=\"local\",le=\"+Inf\"} 3",
        "effect_voice_turn_latency_seconds_sum{provider=\"local\"} 12.55",
        "effect_voice_turn_part_seconds_sum{provider=\"local\",part=\"agent\"} 12.55",
        "effect_voice_turn_latency_exceeded_total{provider=\"local\"} 1",
        "effect_voice_interruptions_total{provider=\"local\"} 1",
        "effect_voice_errors_total{provider=\"local\",code=\"timeout\"} 1",
        "effect_voice_engine_incidents_total{provider=\"local\",kind=\"stt\",engine=\"ears\",what=\"retrying\"} 1",
        "effect_voice_audio_seconds_total{provider=\"local\",direction=\"in\"} 2"
      ])
    }).pipe(own))

  it.effect("measures operations, and counts refusals apart from failures", () =>
    Effect.gen(function*() {
      const metrics = yield* BackendMetrics.make({ provider: "local", enabled: () => true })
      const create = <A>(effect: Effect.Effect<A, BackendError>) =>
        Effect.ignore(metrics.operation("createSession")(effect))
      const refuse = (reason: string) =>
        create(Effect.fail(new SessionLimitExceeded({ op: "x", message: "no", details: { reason } })))
      const slow = yield* Effect.forkChild(metrics.operation("stop")(Effect.sleep("2 seconds")))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(slow)
      const given = yield* Effect.forkChild(metrics.operation("healthCheck")(Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(given)
      yield* refuse("full")
      yield* refuse("Not a word, but a sentence of somebody")
      yield* create(Effect.fail(new RateLimitExceeded({ op: "x", message: "no" })))
      yield* create(Effect.fail(new ConnectionFailed({ op: "x", message: "no" })))
      for (let i = 0; i < 100; i++) yield* refuse(`reason_${"abcdefghij"[Math.floor(i / 10)]}${"abcdefghij"[i % 10]}`)
      const found = yield* lines
      const operation = (name: string, outcome: string) =>
        `effect_voice_operation_duration_seconds_count{provider="local",operation="${name}",outcome="${outcome}"}`
      assert.includeMembers(found, [
        `${operation("stop", "ok")} 1`,
        `${operation("healthCheck", "context_canceled")} 1`,
        `${operation("createSession", "session_limit_exceeded")} 102`,
        `${operation("createSession", "connection_failed")} 1`,
        "effect_voice_refusals_total{provider=\"local\",reason=\"full\"} 2",
        "effect_voice_refusals_total{provider=\"local\",reason=\"rate_limit\"} 1",
        "effect_voice_errors_total{provider=\"local\",code=\"session_limit_exceeded\"} 102",
        "effect_voice_errors_total{provider=\"local\",code=\"rate_limit_exceeded\"} 1"
      ])
      const sum = `effect_voice_operation_duration_seconds_sum{provider="local",operation="stop",outcome="ok"}`
      assert.include(found, `${sum} 2`)
      const refusals = found.filter((line) => line.startsWith("effect_voice_refusals_total"))
      assert.isBelow(refusals.length, 20, "however many reasons a provider makes up")
      const total = refusals.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0)
      assert.strictEqual(total, 103, "none is lost")
    }).pipe(own))

  it.effect("records nothing while metrics are off; a session keeps the setting it began with", () =>
    Effect.gen(function*() {
      let enabled = false
      const metrics = yield* BackendMetrics.make({ provider: "local", enabled: () => enabled })
      assert.isUndefined(metrics.session())
      yield* metrics.operation("healthCheck")(Effect.void)
      assert.strictEqual(yield* PrometheusMetrics.format(), "")
      enabled = true
      const session = metrics.session()
      session?.opened()
      enabled = false
      session?.closed()
      yield* metrics.operation("healthCheck")(Effect.void)
      const found = yield* lines
      const count = "effect_voice_operation_duration_seconds_count"
      assert.include(found, `${count}{provider="local",operation="healthCheck",outcome="ok"} 0`)
      assert.include(found, "effect_voice_sessions_total{provider=\"local\"} 1")
      assert.include(found, "effect_voice_sessions_active{provider=\"local\"} 0")
    }).pipe(own))
})
