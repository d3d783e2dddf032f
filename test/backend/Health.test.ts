import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { Admission } from "../../src/backend/Admission.ts"
import * as Health from "../../src/backend/Health.ts"
import { LagWindow } from "../../src/backend/LagWindow.ts"
import { LatencyWindow } from "../../src/backend/LatencyWindow.ts"
import { ConnectionFailed } from "../../src/BackendError.ts"
import type { EngineHealth } from "../../src/speech/EngineHealth.ts"
import { pass } from "../session/Harness.ts"

const down = new ConnectionFailed({ op: "test", message: "the line is dead" })

const check = (stt: EngineHealth, now: () => number = () => 0) =>
  Health.make({
    provider: "test",
    link: () => undefined,
    engines: { stt: "x" },
    speech: { stt },
    store: undefined,
    admission: new Admission(() => 1),
    latency: new LatencyWindow(),
    latencyTarget: () => Duration.seconds(1),
    now
  })

const sttOf = (stt: EngineHealth) =>
  Effect.gen(function*() {
    const asking = yield* Effect.forkChild(yield* check(stt))
    yield* pass("6 seconds")
    const { parts } = yield* Fiber.join(asking)
    return parts.filter(({ name }) => name.startsWith("stt:"))
  })

describe("Health", () => {
  it.effect("degrades by one engine that is down, and is unhealthy when all are", () =>
    Effect.gen(function*() {
      const bad = { name: "a", failing: () => down }
      assert.deepStrictEqual(yield* sttOf({ name: "a", members: [bad, { name: "b" }] }), [
        { name: "stt:a", status: "degraded", cause: "connection_failed: the line is dead" },
        { name: "stt:b", status: "healthy" }
      ])
      const all = yield* sttOf({ name: "a", members: [bad, { name: "b", probe: Effect.fail(down) }] })
      assert.deepStrictEqual(all.map(({ status }) => status), ["unhealthy", "unhealthy"])
    }))

  it.effect("tells of a probe that hangs or crashes, and not what it crashed with", () =>
    Effect.gen(function*() {
      const hung = yield* sttOf({ name: "a", probe: Effect.never })
      assert.strictEqual(hung[0]?.cause, "a did not answer within 5 seconds")
      const crashed = yield* sttOf({ name: "a", probe: Effect.die(new Error("key s3cret")) })
      assert.deepStrictEqual(crashed, [{ name: "stt:a", status: "unhealthy", cause: "a could not be probed" }])
    }))

  it.effect("asks once for a flood of callers, and again when that is a second old", () =>
    Effect.gen(function*() {
      let asked = 0
      let now = 0
      const health = yield* check({ name: "a", probe: Effect.sync(() => void asked++) }, () => now)
      yield* Effect.forEach(Array.from({ length: 100 }), () => health, { concurrency: "unbounded" })
      assert.strictEqual(asked, 1)
      now = 1_000
      yield* health
      assert.strictEqual(asked, 2)
    }))

  it("knows how late the event loop was in the last minute only", () => {
    const lag = new LagWindow()
    assert.strictEqual(lag.p99, 0)
    for (let i = 0; i < 120; i++) lag.add(i < 2 ? 700 : 1)
    assert.strictEqual(lag.p99, 700)
    for (let i = 0; i < 120; i++) lag.add(2)
    assert.strictEqual(lag.p99, 2)
  })
})
