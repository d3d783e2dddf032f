import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as Builtin from "../../src/builtin/index.ts"
import * as TelemetryNames from "../../src/telemetry/TelemetryNames.ts"
import { some } from "../support/Full.ts"
import * as OtlpReceiver from "../support/OtlpReceiver.ts"
import { call, during } from "./Served.ts"

const whole = 0.9 * 15 * 50 * 24
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

const create = (url: string) =>
  Effect.promise(async () => {
    const response = await fetch(`${url}/v1/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json", traceparent },
      body: JSON.stringify({ user_id: "ada", transport: "websocket" })
    })
    return response.status
  })

describe("telemetry over OTLP", () => {
  for (const protocol of ["http/protobuf", "http/json"] as const) {
    it.live(`delivers traces, metrics and log lines of a call as ${protocol}`, () =>
      Effect.gen(function*() {
        const receiver = yield* OtlpReceiver.make
        const options = {
          env: {
            OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
            OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
            OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test%20bed,service.version=7",
            OTEL_EXPORTER_OTLP_HEADERS: "x-key=not%20this"
          },
          config: { serviceName: "mine", headers: { "x-key": Redacted.make("hunter2") } }
        }
        const { result } = yield* during(options, (url) =>
          Effect.gen(function*() {
            assert.strictEqual(yield* create(url), 201)
            yield* Effect.promise(() => fetch(`${url}/metrics`))
            return yield* call(url)
          }))
        assert.isAtLeast(result, whole)
        assert.deepStrictEqual(receiver.faults, [])

        // the tree: session, turn, and its parts below it
        const { spans } = receiver
        const turn = spans.find(({ name }) => name === TelemetryNames.spans.turn)
        const session = spans.find(({ spanId }) => spanId === turn?.parentSpanId)
        assert.strictEqual(session?.name, TelemetryNames.spans.session)
        for (const part of [TelemetryNames.spans.hear, TelemetryNames.spans.think, TelemetryNames.spans.speak]) {
          const span = spans.find(({ name, parentSpanId }) => name.startsWith(part) && parentSpanId === turn?.spanId)
          assert.strictEqual(span?.traceId, session?.traceId, part)
          assert.isTrue(span !== undefined && span.start >= (session?.start ?? 0n) && span.end >= span.start)
        }
        // the session's trace links to the span that created it
        assert.include(
          spans.filter(({ traceId }) => traceId === traceparent.slice(3, 35)).map(({ name }) => name),
          "http.sessions.create"
        )
        assert.isTrue(
          spans.some(({ links, name }) =>
            name === TelemetryNames.spans.session && links.some(({ traceId }) => traceId === traceparent.slice(3, 35))
          )
        )
        assert.isFalse(spans.some(({ attributes }) => String(attributes["url.path"] ?? "").startsWith("/metrics")))
        assert.strictEqual(spans[0]?.resource["service.name"], "mine")
        assert.strictEqual(spans[0]?.resource["deployment.environment.name"], "test bed")
        assert.notInclude(
          JSON.stringify(spans, (_, value) => typeof value === "bigint" ? String(value) : value),
          "You said"
        )

        const point = (name: string, attributes: { readonly [name: string]: string } = {}) =>
          receiver.points.find((point) =>
            point.name === name && Object.entries(attributes).every(([key, value]) => point.attributes[key] === value)
          )
        for (const name of Object.values(TelemetryNames.metrics)) {
          if (name.endsWith("_total")) continue
          assert.isDefined(point(name), name)
        }
        assert.strictEqual(point(TelemetryNames.metrics.sessionsTotal)?.value, 2)
        assert.strictEqual(point(TelemetryNames.metrics.turnsTotal)?.value, 1)
        const latency = point(TelemetryNames.metrics.turnLatency)
        assert.strictEqual(latency?.count, 1)
        assert.strictEqual(latency?.bucketCounts.reduce((sum, count) => sum + count, 0), 1)
        assert.strictEqual(latency?.bucketCounts.length, (latency?.bounds.length ?? 0) + 1)

        const line = receiver.logs.find(({ body }) => body === "thinking")
        assert.strictEqual(line?.severity, "Warn")
        assert.strictEqual(line?.attributes[TelemetryNames.logKeys.turn], 1)
        assert.isString(line?.attributes[TelemetryNames.logKeys.session])
        assert.strictEqual(line?.traceId, session?.traceId)
        assert.isTrue(receiver.requests.every(({ headers }) => headers["x-key"] === "hunter2"))
      }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, Builtin.layer])), 20_000)
  }

  it.live("exports only enabled signals", () =>
    Effect.gen(function*() {
      const receiver = yield* OtlpReceiver.make
      yield* during({
        env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_LOGS_EXPORTER: "none" },
        enableTracing: false
      }, call)
      assert.deepStrictEqual([...new Set(receiver.requests.map(({ path }) => path))], ["/v1/metrics"])
    }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, Builtin.layer])), 20_000)
})

// side by side: most of their time is spent waiting
describe("telemetry over OTLP to a receiver that fails", { concurrent: true }, () => {
  const faults: ReadonlyArray<readonly [string, OtlpReceiver.Behaviour]> = [
    ["says nothing", { _tag: "Silent" }],
    ["takes 3 s for each", { _tag: "Take", afterMs: 3_000 }],
    ["asks to come back in an hour", { _tag: "Status", status: 429, retryAfter: "3600" }],
    ["is overloaded", { _tag: "Status", status: 503 }],
    ["breaks off", { _tag: "Reset" }]
  ]
  for (const [what, behaviour] of some(faults, 2)) {
    it.live(`a receiver that ${what} delays neither calls nor the shutdown`, () =>
      Effect.gen(function*() {
        const receiver = yield* OtlpReceiver.make
        receiver.behave(behaviour)
        const { closedMs, result } = yield* during(
          { env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }, config: { exportInterval: 100 } },
          call
        )
        assert.isAtLeast(result, whole)
        assert.isAtMost(closedMs, 4_000)
        assert.isAtLeast(receiver.requests.length, 1)
      }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, Builtin.layer])), 20_000)
  }

  it.live("an unreachable receiver delays neither calls nor the shutdown", () =>
    Effect.gen(function*() {
      const { closedMs, result } = yield* during(
        { env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" }, config: { exportInterval: 100 } },
        call
      )
      assert.isAtLeast(result, whole)
      assert.isAtMost(closedMs, 4_000)
    }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, Builtin.layer])), 20_000)
})
