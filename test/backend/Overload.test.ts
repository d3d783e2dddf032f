/** Overload: what is switched off first, which sessions are rejected, and which are not. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import { Load, type LoadLevel } from "../../src/backend/admission/LoadLevel.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { SpeechToText, type SpeechToTextOptions } from "../../src/speech/SpeechToText.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import { layer, pass } from "../session/Harness.ts"

const bounds = { maxLagMs: 100, maxBacklogMs: 2_000 }

/** Levels after each so many looks at a lag. */
const levels = (...looks: ReadonlyArray<readonly [times: number, lagMs: number, backlogMs?: number]>) => {
  const load = new Load()
  return looks.map(([times, lagMs, backlogMs = 0]): LoadLevel => {
    for (let i = 0; i < times; i++) load.sample(lagMs, backlogMs, bounds)
    return load.level
  })
}

describe("Load", () => {
  it("rises at once, and falls one level at a time after 2 s below the limit", () => {
    assert.deepEqual(levels([1, 49], [1, 50], [1, 100], [19, 10], [1, 10], [19, 10], [1, 10]), [
      "normal",
      "busy",
      "overloaded",
      "overloaded",
      "busy",
      "busy",
      "normal"
    ])
    // what is not clearly less is not less, and a relapse begins the wait anew
    assert.deepEqual(levels([1, 100], [100, 60], [19, 59], [1, 60], [19, 59], [1, 59]), [
      "overloaded",
      "overloaded",
      "overloaded",
      "overloaded",
      "overloaded",
      "busy"
    ])
  })

  it("counts the backlog, too", () => {
    assert.deepEqual(levels([1, 0, 999], [1, 0, 1_000], [1, 0, 2_000], [40, 0, 0]), [
      "normal",
      "busy",
      "overloaded",
      "normal"
    ])
  })

  it.effect.prop(
    "never leaves a level before 2 s below the limit, whatever the samples",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 })))],
    ([lags]) =>
      Effect.sync(() => {
        const load = new Load()
        let since = 0
        for (const lag of lags) {
          const before = load.rank
          const changed = load.sample(lag, 0, bounds)
          assert.strictEqual(changed, load.rank !== before)
          if (load.rank < before) assert.isAtLeast(since, 19)
          since = load.rank === before ? since + 1 : 0
          if (lag >= 100) assert.isTrue(load.overloaded)
          if (lag >= 50) assert.isTrue(load.busy)
        }
      })
  )
})

/** A clock whose sleeps take longer by what it is told. */
const jammed = Effect.map(Clock.Clock, (clock) => {
  let late = 0
  const state = { jam: 0 }
  return {
    state,
    clock: {
      ...clock,
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + BigInt(late) * 1_000_000n,
      sleep: (duration: Duration.Duration) =>
        Effect.andThen(clock.sleep(duration), Effect.sync(() => void (late += state.jam)))
    }
  }
})

const user = { userId: "u", transport: "websocket" as const }

describe("an overloaded backend", () => {
  it.effect("rejects new sessions, keeps those in progress, logs it, and accepts sessions again later", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const settings: Array<unknown> = []
      const logger = Logger.make((entry) => {
        lines.push(String(entry.message))
        const { "overload.max_backlog": maxBacklog, "overload.max_lag": maxLag } = entry.fiber.getRef(
          References.CurrentLogAnnotations
        )
        if (String(entry.message).startsWith("overloaded")) settings.push(maxLag, maxBacklog)
      })
      const { clock, state } = yield* jammed
      yield* Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const session = yield* backend.createSession(user)
        state.jam = 120
        yield* pass("1 second")
        const refusal = yield* Effect.flip(backend.createSession(user))
        assert.strictEqual(refusal.code, "session_limit_exceeded")
        assert.strictEqual(refusal.details?.["reason"], "overloaded")
        assert.strictEqual(refusal.details?.["retryAfterMs"], 2_000)
        state.jam = 0
        // what 90 % of 2 s did not exceed, then calm for most of 2 s
        yield* pass("3 seconds")
        const soon = yield* Effect.flip(backend.createSession(user))
        assert.isBelow(Number(soon.details?.["retryAfterMs"]), 1_500)
        state.jam = 120
        yield* pass("1 second")
        assert.isTrue(refusal.retryable)
        const health = yield* backend.healthCheck
        assert.deepEqual(health.parts.filter(({ name }) => name === "admission").map(({ status }) => status), [
          "degraded"
        ])
        yield* session.say("Still here.")
        assert.strictEqual((yield* backend.listSessions).length, 1)
        state.jam = 0
        yield* pass("10 seconds")
        yield* backend.createSession(user)
        assert.deepEqual(lines.filter((line) => /^(overloaded|busy|load is)/.test(line)), [
          "overloaded: rejecting new sessions",
          "busy: interim transcripts and preemptive replies are off",
          "load is normal again"
        ])
        assert.deepEqual(settings, ["50ms", "2s"], "the line says which settings were exceeded")
      }).pipe(
        Effect.provide(layer({})),
        Effect.provideService(Clock.Clock, clock),
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Info")
      )
    }))

  it.effect("accepts a session when none is in progress: the load is not its own then", () =>
    Effect.gen(function*() {
      const { clock, state } = yield* jammed
      yield* Effect.gen(function*() {
        const backend = yield* VoiceBackend
        state.jam = 120
        yield* pass("3 seconds")
        yield* backend.createSession(user)
        assert.strictEqual((yield* Effect.flip(backend.createSession(user))).details?.["reason"], "overloaded")
      }).pipe(Effect.provide(layer({})), Effect.provideService(Clock.Clock, clock))
    }))

  it.effect("uses the recogniser's backlog, and turns its interim transcripts off", () =>
    Effect.gen(function*() {
      let waiting = 0
      let opened: SpeechToTextOptions | undefined
      const Stt = Layer.effect(
        SpeechToText,
        Effect.map(SpeechToText, (stt) =>
          SpeechToText.of({
            ...stt,
            backlogMs: () => waiting,
            open: (options) => {
              opened = options
              return stt.open(options)
            }
          }))
      ).pipe(Layer.provide(Scripted.layerStt([])))
      yield* Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const session = yield* backend.createSession(user)
        yield* session.start
        yield* pass("1 second")
        assert.isFalse(opened?.busy?.())
        waiting = 1_200
        yield* pass("1 second")
        assert.isTrue(opened?.busy?.())
        // busy is not overloaded
        yield* backend.createSession(user)
        waiting = 2_500
        yield* pass("1 second")
        assert.strictEqual((yield* Effect.flip(backend.createSession(user))).details?.["reason"], "overloaded")
        yield* backend.updateConfig({
          ...(yield* backend.config),
          overload: { maxLag: Duration.millis(100), maxBacklog: Duration.seconds(30) }
        })
        yield* pass("5 seconds")
        assert.isFalse(opened?.busy?.())
        yield* backend.createSession(user)
      }).pipe(Effect.provide(layer({ layerStt: Stt })))
    }))
})
