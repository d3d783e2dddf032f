/**
 * An application that has the OpenTelemetry SDK, by `@effect/opentelemetry`: its tracer gets our spans, its
 * readers our metrics, its loggers our lines.
 */
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { assert, describe, it } from "@effect/vitest"
import { InMemoryLogRecordExporter, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs"
import { MetricReader } from "@opentelemetry/sdk-metrics"
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Effect, Logger, References } from "effect"
import * as Agent from "../../src/agent/index.ts"
import { call, layer, pass, running } from "../session/Harness.ts"

/** Collects when it is asked to. */
class Reader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve()
  }
  protected override onShutdown(): Promise<void> {
    return Promise.resolve()
  }
}

const sdk = () => {
  const spans = new InMemorySpanExporter()
  const logs = new InMemoryLogRecordExporter()
  const reader = new Reader()
  return {
    spans,
    logs,
    reader,
    layer: NodeSdk.layer(() => ({
      resource: { serviceName: "booking", serviceVersion: "7.0.0" },
      spanProcessor: new SimpleSpanProcessor(spans),
      metricReader: reader,
      logRecordProcessor: new SimpleLogRecordProcessor({ exporter: logs })
    }))
  }
}

/** Books in a span of the application's own. */
const agent = Agent.fromCallback(
  (text) => Effect.as(Effect.logInfo("booking"), `Booked ${text}.`).pipe(Effect.withSpan("booking.book")),
  { name: "booking" }
)

const idOf = (span: ReadableSpan) => span.spanContext().spanId

describe("the SDK of an application", () => {
  it.effect("gets spans with their parents, metrics, and log lines with session and turn", () =>
    Effect.gen(function*() {
      const { layer: telemetry, logs, reader, spans } = sdk()
      let id = ""
      const conversation = running(
        layer({ agent }),
        Effect.gen(function*() {
          // as a handler of the application's own API would
          const user = yield* Effect.withSpan(call(), "booking.request")
          id = user.session.id
          yield* user.hears(200)
          yield* user.speaks(1_000)
          yield* user.hears(4_000)
          assert.deepStrictEqual(yield* user.said, ["user: one", "agent: Booked one."])
        })
      )
      const collected = yield* Effect.gen(function*() {
        yield* conversation
        // the exporters forget all of it when they are shut down
        return {
          spans: [...spans.getFinishedSpans()],
          lines: [...logs.getFinishedLogRecords()],
          ...(yield* Effect.promise(() => reader.collect()))
        }
      }).pipe(Effect.provide(telemetry))

      const { lines, spans: all } = collected
      const one = (name: string): ReadableSpan => {
        const [found, ...others] = all.filter((span) => span.name === name)
        assert.isDefined(found, name)
        assert.strictEqual(others.length, 0, name)
        return found
      }
      const [request, session, turn, think] = [
        "booking.request",
        "voice.session",
        "voice.turn",
        "voice.think"
      ].map(one) as [ReadableSpan, ReadableSpan, ReadableSpan, ReadableSpan]
      // a call is a trace of its own, which outlives the request
      assert.isUndefined(session.parentSpanContext)
      assert.deepStrictEqual(session.links.map(({ context }) => context.spanId), [idOf(request)])
      assert.strictEqual(turn.parentSpanContext?.spanId, idOf(session))
      for (const name of ["voice.hear", "voice.speak"]) {
        assert.strictEqual(one(name).parentSpanContext?.spanId, idOf(turn))
      }
      assert.strictEqual(think.parentSpanContext?.spanId, idOf(turn))
      assert.strictEqual(one("booking.book").parentSpanContext?.spanId, idOf(think), "the agent's own span")
      assert.deepStrictEqual(
        new Set(all.map((span) => span.spanContext().traceId)),
        new Set([request, session].map((span) => span.spanContext().traceId))
      )
      assert.deepInclude(turn.attributes, { "voice.turn.number": 1, "voice.turn.end": "completed" })
      assert.strictEqual(session.resource.attributes["service.name"], "booking")

      const names = collected.resourceMetrics.scopeMetrics.flatMap(({ metrics }) =>
        metrics.map(({ descriptor }) => descriptor.name)
      )
      for (
        const name of ["effect_voice_sessions_total", "effect_voice_turns_total", "effect_voice_turn_latency_seconds"]
      ) {
        assert.include(names, name)
      }

      const line = lines.find(({ body }) => body === "booking")
      assert.deepInclude(line?.attributes, { session: id, turn: 1 })
      assert.strictEqual(line?.spanContext?.spanId, idOf(one("booking.book")))
      const started = lines.filter(({ body }) => String(body).startsWith("voice backend started"))
      assert.strictEqual(started.length, 1)
    }))

  it.effect("gets the lines of failures in the application's own logger, with session, turn and cause", () =>
    Effect.gen(function*() {
      const lines: Array<{ readonly keys: { readonly [key: string]: unknown }; readonly text: string }> = []
      const logger = Logger.make<unknown, void>(({ cause, fiber, message }) =>
        void lines.push({
          keys: fiber.getRef(References.CurrentLogAnnotations),
          text: `${String(message)} ${String(cause)}`
        })
      )
      const failing = Agent.fromCallback(() => Effect.die(new TypeError("database exploded")), { name: "booking" })
      yield* running(
        layer({ agent: failing }),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.sendText("hello")
          yield* pass("5 seconds")
        })
      ).pipe(Effect.provide(Logger.layer([logger])))
      const failed = lines.filter(({ keys, text }) =>
        keys["session"] !== undefined && text.includes("database exploded")
      )
      assert.isAtLeast(failed.length, 1)
      assert.strictEqual(failed[0]?.keys["turn"], 1)
    }))
})
