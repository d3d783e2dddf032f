import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Layer, Logger, PubSub, Queue, References, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Admission } from "../../../src/backend/admission/Admission.ts"
import { EventLoopLag } from "../../../src/backend/admission/EventLoopLag.ts"
import * as LoadLevel from "../../../src/backend/admission/LoadLevel.ts"
import * as Health from "../../../src/backend/health/Health.ts"
import { LatencyWindow } from "../../../src/backend/health/LatencyWindow.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { ConnectionFailed } from "../../../src/BackendError.ts"
import type { HealthSource } from "../../../src/HealthSource.ts"
import { SessionStore } from "../../../src/session/persistence/SessionStore.ts"
import type { EngineHealth } from "../../../src/speech/EngineHealth.ts"
import { SpeechToText } from "../../../src/speech/SpeechToText.ts"
import { TurnDetector } from "../../../src/speech/TurnDetector.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"
import * as Scripted from "../../../src/testing/scripted/ScriptedEngines.ts"
import { layer, pass, provider, running } from "../../session/Harness.ts"

const down = new ConnectionFailed({ op: "test", message: "the line is dead" })

const check = Effect.fnUntraced(function*(stt: EngineHealth, sources: ReadonlyArray<HealthSource> = []) {
  const load = new LoadLevel.Load()
  const bounds = { maxLag: Duration.millis(100), maxBacklog: Duration.seconds(2) }
  const { check } = yield* Health.make({
    provider: "test",
    link: () => undefined,
    engines: { stt: "x" },
    speech: { stt },
    sources,
    changes: yield* Queue.sliding<void>(1),
    onStatus: () => {},
    admission: new Admission(() => 1, load),
    lag: yield* LoadLevel.monitor({ load, bounds: () => bounds, engines: () => [stt] }),
    load,
    latency: new LatencyWindow(),
    latencyTarget: () => Duration.seconds(1),
    clock: yield* Clock.Clock
  })
  return check
})

const sttOf = (stt: EngineHealth) =>
  Effect.gen(function*() {
    const asking = yield* Effect.forkChild(yield* check(stt))
    yield* pass("6 seconds")
    const { parts } = yield* Fiber.join(asking)
    return parts.filter(({ name }) => name.startsWith("stt:"))
  })

describe("Health", () => {
  it.effect("is degraded while one engine is down, and unhealthy when all are", () =>
    Effect.gen(function*() {
      const bad = { name: "a", failing: () => down }
      assert.deepStrictEqual(yield* sttOf({ name: "a", members: [bad, { name: "b" }] }), [
        { name: "stt:a", status: "degraded", cause: "connection_failed: the line is dead" },
        { name: "stt:b", status: "healthy" }
      ])
      const all = yield* sttOf({ name: "a", members: [bad, { name: "b", probe: Effect.fail(down) }] })
      assert.deepStrictEqual(all.map(({ status }) => status), ["unhealthy", "unhealthy"])
    }))

  it.effect("reports a probe that hangs or crashes, without the text of the crash", () =>
    Effect.gen(function*() {
      const hung = yield* sttOf({ name: "a", probe: Effect.never })
      assert.strictEqual(hung[0]?.cause, "timeout: a timed out after 5s")
      const crashed = yield* sttOf({ name: "a", probe: Effect.die(new Error("key s3cret")) })
      assert.deepStrictEqual(crashed, [{ name: "stt:a", status: "unhealthy", cause: "the probe of a crashed" }])
    }))

  it.effect("probes once for concurrent callers, and again after a second", () =>
    Effect.gen(function*() {
      let asked = 0
      const health = yield* check({ name: "a", probe: Effect.sync(() => void asked++) })
      yield* Effect.forEach(Array.from({ length: 100 }), () => health, { concurrency: "unbounded" })
      assert.strictEqual(asked, 1)
      yield* TestClock.adjust("1 second")
      yield* health
      assert.strictEqual(asked, 2)
    }))

  it.effect("measures event-loop lag with a clock that advances during a sleep", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      let late = 0
      const health = yield* check({ name: "a" }).pipe(
        Effect.provideService(Clock.Clock, {
          ...clock,
          monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + BigInt(late) * 1_000_000n,
          sleep: (duration) => Effect.andThen(clock.sleep(duration), Effect.sync(() => late += jam))
        })
      )
      const loop = Effect.map(health, ({ parts }) => parts.find(({ name }) => name === "event_loop"))
      let jam = 0
      yield* pass("2 seconds")
      assert.deepStrictEqual(yield* loop, { name: "event_loop", status: "healthy" })
      jam = 20_000
      yield* pass("100 millis")
      assert.deepStrictEqual(yield* loop, { name: "event_loop", status: "healthy" }, "a single stall")
      jam = 120
      yield* pass("2 seconds")
      assert.deepStrictEqual(yield* loop, {
        name: "event_loop",
        status: "degraded",
        cause: "event-loop lag up to 120 ms in the last minute"
      })
      jam = 0
      yield* pass("61 seconds")
      assert.deepStrictEqual(yield* loop, { name: "event_loop", status: "healthy" })
    }))

  it.effect("logs changes of an engine, the store and the connection, without a health check", () => {
    const lines: Array<string> = []
    const logger = Logger.make((entry) => {
      const { cause, status } = entry.fiber.getRef(References.CurrentLogAnnotations)
      lines.push(`${entry.logLevel} ${String(entry.message)} [${String(status)}] ${String(cause ?? "")}`)
    })
    let engineDown = false
    let storeDown = false
    const failing = <E>(now: () => boolean, error: E) => Effect.suspend(() => now() ? Effect.fail(error) : Effect.void)
    const states = Effect.runSync(PubSub.unbounded<"connected" | "reconnecting">())
    return Effect.gen(function*() {
      const hung = yield* Effect.provide(SpeechToText, Scripted.layerStt([]))
      yield* running(
        layer({
          layerStt: Layer.succeed(SpeechToText, { ...hung, probe: failing(() => engineDown, down) }),
          provider: provider({ states: Stream.fromPubSub(states) })
        }).pipe(Layer.provide(
          Layer.succeed(SessionStore, { ...MemoryStore.make(), probe: failing(() => storeDown, down) })
        )),
        Effect.gen(function*() {
          const backend = yield* VoiceBackend
          const bad = Effect.map(backend.healthCheck, ({ parts, status }) => ({
            status,
            parts: parts.filter((part) => part.status !== "healthy")
          }))
          yield* pass("15 seconds")
          assert.deepStrictEqual(lines.splice(0).filter((line) => !line.includes("voice backend started")), [])
          engineDown = storeDown = true
          yield* PubSub.publish(states, "reconnecting")
          yield* pass("15 seconds")
          assert.deepStrictEqual(yield* bad, {
            status: "unhealthy",
            parts: [
              { name: "provider", status: "degraded", cause: "test lost its connection, reconnecting" },
              { name: "stt:scripted", status: "unhealthy", cause: "connection_failed: the line is dead" },
              { name: "store", status: "unhealthy", cause: "connection_failed: the line is dead" }
            ]
          })
          engineDown = storeDown = false
          yield* PubSub.publish(states, "connected")
          yield* pass("15 seconds")
          assert.deepStrictEqual(yield* bad, { status: "healthy", parts: [] })
          assert.deepStrictEqual(lines, [
            "Warn provider test: reconnecting [undefined] ",
            "Warn provider is degraded [degraded] test lost its connection, reconnecting",
            "Warn stt:scripted is unhealthy [unhealthy] connection_failed: the line is dead",
            "Warn store is unhealthy [unhealthy] connection_failed: the line is dead",
            "Info provider test is connected again [undefined] ",
            // the store is asked each second while it is down
            "Info store is healthy again after 10s [healthy] ",
            "Info provider is healthy again after 20s [healthy] ",
            "Info stt:scripted is healthy again after 20s [healthy] "
          ])
        })
      )
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("is degraded at most by a turn detector that fails: silence ends turns without it", () =>
    running(
      layer().pipe(Layer.provide(
        Layer.succeed(TurnDetector, { name: "ears", endOfTurn: () => Effect.succeed(1), probe: Effect.fail(down) })
      )),
      Effect.gen(function*() {
        yield* pass("15 seconds")
        const { parts, status } = yield* (yield* VoiceBackend).healthCheck
        assert.strictEqual(status, "degraded")
        assert.deepStrictEqual(parts.filter((part) => part.status !== "healthy"), [
          { name: "turn:ears", status: "unhealthy", cause: "connection_failed: the line is dead" }
        ])
      })
    ))

  it("covers the event-loop lag of the last minute only", () => {
    const lag = new EventLoopLag()
    assert.strictEqual(lag.p99, 0)
    // a stall or six of a process that has just started are no minute of them
    for (let i = 0; i < 6; i++) lag.add(20_000)
    assert.strictEqual(lag.p99, 0)
    lag.add(20_000)
    assert.strictEqual(lag.p99, 20_000)
    for (let i = 0; i < 600; i++) lag.add(i < 7 ? 700 : 1)
    assert.strictEqual(lag.p99, 700)
    assert.strictEqual(lag.recent, 1)
    for (let i = 0; i < 600; i++) lag.add(2)
    assert.strictEqual(lag.p99, 2)
    // one stall of 20 looks is no load; three are
    lag.add(500)
    assert.strictEqual(lag.recent, 2)
    lag.add(500)
    lag.add(400)
    assert.strictEqual(lag.recent, 400)
  })
})
