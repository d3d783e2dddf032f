/** SC-009: every operation of the contract is measured, for every caller. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Metric, Stream } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { AuthHook } from "../../src/hooks/AuthHook.ts"
import * as TelemetryNames from "../../src/telemetry/TelemetryNames.ts"
import { call, echo, layer, pass, provider, running, type Setup } from "../session/Harness.ts"

/** The numbers of the registry, by name and labels. */
const read = Effect.map(PrometheusMetrics.format(), (text) => {
  const values = new Map<string, number>()
  for (const line of text.split("\n")) {
    const at = line.lastIndexOf(" ")
    if (!line.startsWith("#") && at > 0) values.set(line.slice(0, at), Number(line.slice(at + 1)))
  }
  return (name: string, labels = "") =>
    values.get(`effect_voice_${name}{provider="test"${labels === "" ? "" : `,${labels}`}}`) ?? Number.NaN
})
const counting = (setup: Setup, body: Effect.Effect<void, unknown, VoiceBackend>) =>
  Effect.andThen(running(layer(setup), body), read).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
const operation = (name: string, outcome = "ok") => `operation="${name}",outcome="${outcome}"`
const duration = "operation_duration_seconds"

describe("the metrics of a backend", () => {
  it.effect("has each operation of the contract", () =>
    Effect.gen(function*() {
      const auth = Layer.succeed(AuthHook, {
        authenticate: () => Effect.succeed({ userId: "u", authorized: true }),
        authorize: () => Effect.succeed(true)
      })
      const calling = provider({
        outbound: {
          carriers: [{ name: "one", callsPerSecond: 1 }],
          allowedDestinations: ["+"],
          maxConcurrentCalls: 1
        },
        open: () =>
          Effect.succeed({
            access: { connectionUrl: "memory:" },
            attachments: Stream.never,
            call: {
              facts: () => ({}),
              events: Stream.never,
              sendDtmf: () => Effect.void,
              transfer: () => Effect.void
            }
          })
      })
      const value = yield* Effect.andThen(
        running(
          layer({ agent: echo, provider: calling }).pipe(Layer.provide(auth)),
          Effect.gen(function*() {
            const backend = yield* VoiceBackend
            const user = yield* call({ config: { token: "t" } })
            const { session } = user
            yield* Effect.exit(backend.authorize?.("t", "session.read") ?? Effect.void)
            yield* backend.start
            yield* backend.listSessions
            yield* backend.getSession(session.id)
            yield* backend.access(session.id)
            yield* backend.healthCheck
            yield* backend.updateConfig(yield* backend.config)
            yield* session.start
            yield* Effect.exit(session.processAudio(new Uint8Array(640)))
            yield* session.sendAudio(new Uint8Array(960))
            yield* session.say("hello")
            yield* session.sendText("hello")
            yield* session.interrupt()
            yield* session.setAgent(echo)
            yield* session.setLanguage("de")
            yield* session.updateMetadata({ a: 1 })
            yield* session.updatePolicy(session.config.policy ?? (yield* backend.config).conversation)
            yield* session.control({ _tag: "Interrupt" })
            yield* session.sendDtmf("12#")
            yield* session.transfer({ queue: "sales" })
            yield* session.hold(true)
            yield* session.hold(false)
            yield* session.mute(true)
            const collecting = yield* Effect.forkChild(session.collectDigits({ firstDigitTimeout: "1 second" }))
            yield* pass("10 seconds")
            yield* Fiber.join(collecting)
            const stopping = yield* Effect.forkChild(session.stop)
            yield* pass("10 seconds")
            assert.isDefined(stopping.pollUnsafe())
            const other = yield* backend.createSession({ userId: "u", transport: "websocket", token: "t" })
            yield* backend.closeSession(other.id)
            const dialled = yield* backend.dial({ to: "+442071838750", userId: "u", token: "t" })
            yield* dialled.hangUp
            yield* backend.stop
          })
        ),
        read
      ).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
      for (const name of TelemetryNames.operations) {
        // fed by a connection already
        const outcome = name === "session.processAudio" ? "invalid_config" : "ok"
        assert.isAtLeast(value(`${duration}_count`, operation(name, outcome)), 1, name)
      }
    }))

  it.effect("counts session ends by reason, durations, refusals and audio", () =>
    Effect.gen(function*() {
      const value = yield* counting(
        { config: { maxConcurrentSessions: 1 } },
        Effect.gen(function*() {
          const backend = yield* VoiceBackend
          const user = yield* call()
          yield* Effect.exit(call())
          yield* user.speaks(1_000)
          yield* user.hears(29_000)
          user.connection.listener?.message({ type: "session.end" })
          yield* pass("1 second")
          assert.strictEqual(yield* backend.activeSessionCount, 0)
        })
      )
      assert.strictEqual(value("sessions_ended_total", "reason=\"user_ended\""), 1)
      assert.strictEqual(value("session_duration_seconds_sum"), 30)
      assert.strictEqual(value("sessions_active"), 0)
      assert.strictEqual(value("refusals_total", "reason=\"full\""), 1)
      assert.strictEqual(value("errors_total", "code=\"session_limit_exceeded\""), 1)
      assert.strictEqual(value(`${duration}_count`, operation("createSession", "session_limit_exceeded")), 1)
      assert.closeTo(value("audio_seconds_total", "direction=\"in\""), 30, 1e-9)
      // "You said one." in frames of 20 ms
      assert.closeTo(value("audio_seconds_total", "direction=\"out\""), 0.66, 1e-9)
      assert.strictEqual(value("turns_total"), 1)
      const parts = ["vad", "endpointing", "transcript", "agent", "clause", "tts", "playout"]
      const sum = parts.reduce((sum, part) => sum + value("turn_part_seconds_sum", `part="${part}"`), 0)
      assert.closeTo(sum, value("turn_latency_seconds_sum"), 1e-9, "the parts are all of it")
    }))

  it.effect("counts the audio of a silent session while it is open", () =>
    counting(
      {},
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.hears(25_000)
        const seconds = (yield* read)("audio_seconds_total", "direction=\"in\"")
        assert.isAtLeast(seconds, 15)
        assert.isAtMost(seconds, 25)
      })
    ).pipe(Effect.asVoid))

  it.effect("counts only sessions that begin after metrics were switched on", () =>
    Effect.gen(function*() {
      const value = yield* counting(
        { config: { enableMetrics: false } },
        Effect.gen(function*() {
          const backend = yield* VoiceBackend
          yield* call()
          assert.strictEqual(yield* PrometheusMetrics.format(), "", "nothing is registered")
          yield* backend.updateConfig({ ...(yield* backend.config), enableMetrics: true })
          yield* call()
          assert.strictEqual((yield* read)("sessions_active"), 1)
        })
      )
      assert.strictEqual(value("sessions_total"), 1)
      assert.strictEqual(value("sessions_active"), 0)
    }))
})
