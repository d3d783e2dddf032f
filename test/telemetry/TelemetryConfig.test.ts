import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import * as TelemetryConfig from "../../src/telemetry/TelemetryConfig.ts"

const base = "http://127.0.0.1:4318"

describe("telemetry's config", () => {
  it.effect("is undefined without an endpoint, or with the SDK disabled", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* TelemetryConfig.resolve({}, {}))
      assert.isUndefined(yield* TelemetryConfig.resolve({ endpoint: base }, { OTEL_SDK_DISABLED: "TRUE" }))
    }))

  it.effect("takes precedence over the environment, which completes it", () =>
    Effect.gen(function*() {
      const env = {
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://elsewhere/",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://traces/x",
        OTEL_METRICS_EXPORTER: "none",
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20abc, x=1",
        OTEL_SERVICE_NAME: "by-env",
        OTEL_METRIC_EXPORT_INTERVAL: "500"
      }
      const byEnv = yield* TelemetryConfig.resolve({}, env)
      assert.deepStrictEqual(byEnv?.urls, { traces: "http://traces/x", logs: "http://elsewhere/v1/logs" })
      assert.deepStrictEqual(byEnv && Redacted.value(byEnv.headers), { authorization: "Basic abc", x: "1" })
      assert.strictEqual(byEnv?.serviceName, "by-env")
      const config = yield* Schema.decodeEffect(TelemetryConfig.TelemetryConfig)({
        otlp_endpoint: `${base}/`,
        otlp_headers: { "x-key": "hunter2" },
        otlp_protocol: "http/json",
        service_name: "mine",
        export_interval: 1_000
      })
      const both = yield* TelemetryConfig.resolve(config, env)
      assert.deepStrictEqual(both?.urls, { traces: `${base}/v1/traces`, logs: `${base}/v1/logs` })
      assert.strictEqual(both?.protocol, "http/json")
      assert.strictEqual(both?.serviceName, "mine")
      assert.notInclude(JSON.stringify([config, both]), "hunter2")
    }))

  it.effect("reports all faults with their variables, without values", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(TelemetryConfig.resolve({}, {
        OTEL_EXPORTER_OTLP_ENDPOINT: "ftp://hunter2",
        OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
        OTEL_EXPORTER_OTLP_HEADERS: "hunter2",
        OTEL_RESOURCE_ATTRIBUTES: "a=%zz",
        OTEL_METRIC_EXPORT_INTERVAL: "soon"
      }))
      assert.strictEqual(error.code, "invalid_config")
      for (const name of ["ENDPOINT", "PROTOCOL", "HEADERS", "ATTRIBUTES", "INTERVAL"]) {
        assert.include(error.message, name)
      }
      assert.notInclude(error.message, "hunter2")
      const header = yield* Effect.flip(
        TelemetryConfig.resolve({ endpoint: base, headers: { key: Redacted.make("hunter2\r\nx: y") } }, {})
      )
      assert.match(header.message, /otlp_headers/)
      assert.notInclude(header.message, "hunter2")
    }))
})
