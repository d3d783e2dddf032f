/** Conversations of chance, traced: what holds of every trace, whatever happens. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { RandomScenario, Scenario } from "../../src/testing/index.ts"
import { everything, type Recorded, Recording } from "./RecordingTracer.ts"

/** What users and agents of these conversations say; nothing else is called so. */
const words = ["weather", "flight", "Paris", "tomorrow", "hello", "please", "table", "because"]

const within = (child: Recorded, parent: Recorded) =>
  child.startMs >= parent.startMs && child.endMs <= parent.endMs && child.endMs >= child.startMs

describe("a traced conversation", () => {
  it.live("is one complete tree without speech, and its metrics agree with its events", () =>
    Effect.gen(function*() {
      const seen = new Set<string>()
      for (let index = 0; index < 40; index++) {
        const seed = `traced-${index}`
        const recording = new Recording()
        const registry = new Map()
        const call = yield* recording.provide(Scenario.run(RandomScenario.fromSeed(seed))).pipe(
          Effect.provideService(Metric.MetricRegistry, registry)
        )
        assert.strictEqual(recording.open.size, 0, `${seed}: every span has ended`)
        const bySpanId = new Map(recording.spans.map((span) => [span.spanId, span]))
        const session = recording.one("voice.session")
        for (const span of recording.spans) {
          const what = `${seed}: ${span.name} ${span.startMs}-${span.endMs}`
          assert.strictEqual(span.traceId, session.traceId, what)
          const parent = bySpanId.get(span.parent ?? "")
          if (span === session) continue
          assert.isDefined(parent, what)
          if (parent !== undefined) assert.isTrue(within(span, parent), `${what} in ${parent.startMs}-${parent.endMs}`)
          for (const { spanId } of span.links) assert.isTrue(bySpanId.has(spanId), what)
        }
        const text = everything(recording)
        for (const word of words) assert.notInclude(text, word, seed)

        // an audible turn has a span with the values of its event
        for (const { parts, totalMs, turn } of call.latencies) {
          const spans = recording.named("voice.turn").filter(({ attributes }) =>
            attributes["voice.turn.number"] === turn
          )
          const span = spans.find(({ attributes }) => attributes["voice.turn.latency_ms"] === totalMs)
          assert.isDefined(span, `${seed}: turn ${turn}`)
          for (const { ms, name } of parts) {
            assert.strictEqual(span?.attributes[`voice.turn.part.${name}_ms`], ms, seed)
          }
        }
        for (const { attributes } of recording.named("voice.turn")) seen.add(String(attributes["voice.turn.end"]))
        for (const { attributes } of recording.named("voice.think")) seen.add(String(attributes["voice.turn.outcome"]))
        for (const { name } of recording.spans) seen.add(name)

        const lines = (yield* PrometheusMetrics.format().pipe(Effect.provideService(Metric.MetricRegistry, registry)))
          .split("\n")
        const counted = (name: string, labels = "") =>
          lines.filter((line) => line.startsWith(`effect_voice_${name}{`) && line.includes(labels))
            .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0)
        const told = (type: string) => call.events.filter((event) => event.type === type).length
        assert.strictEqual(counted("sessions_active"), 0, seed)
        assert.strictEqual(counted("sessions_total"), 1, seed)
        assert.strictEqual(counted("sessions_ended_total"), 1, seed)
        assert.strictEqual(counted("turns_total"), told("turn.latency"), seed)
        assert.strictEqual(counted("turn_latency_exceeded_total"), told("turn.latency_exceeded"), seed)
        assert.strictEqual(counted("engine_incidents_total"), told("engine.incident"), seed)
        assert.isAtLeast(counted("errors_total"), told("error"), seed)
        const interrupted = call.events.filter((event) =>
          event.type === "agent.speech_stopped" && event.reason === "interrupted"
        )
        assert.strictEqual(counted("interruptions_total"), interrupted.length, seed)
        const sentSeconds = call.trace.filter(({ _tag }) => _tag === "Frame").length * 0.02
        assert.closeTo(counted("audio_seconds_total", "direction=\"out\""), sentSeconds, 1e-6, seed)
        for (const word of words) assert.notInclude(lines.join("\n"), word, seed)
        assert.notInclude(lines.join("\n"), "ses_", "a session is no label")
      }
      for (
        const what of [
          "voice.turn",
          "voice.hear",
          "voice.think",
          "voice.speak",
          "completed",
          "interrupted",
          "failed",
          "unheard",
          "committed",
          "discarded"
        ]
      ) assert.isTrue(seen.has(what), what)
    }))
})
