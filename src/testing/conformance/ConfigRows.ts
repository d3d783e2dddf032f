/**
 * The fields of a config: the default and the bounds of each, and what it does.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as Pcm from "../../audio/Pcm.ts"
import { defaults } from "../../backend/config/BackendConfig.ts"
import * as MemoryStore from "../../store/MemoryStore.ts"
import * as TelemetryNames from "../../telemetry/TelemetryNames.ts"
import { refused, same, that, until, within } from "./Assertions.ts"
import {
  agentTimesOut,
  latencyExceeded,
  noMoreThanMaximum,
  processorsInOrder,
  sharedStore
} from "./ConversationChecks.ts"
import { type Act, type Row, test } from "./Row.ts"
import * as TelemetryRows from "./TelemetryRows.ts"
import type { TestBackends } from "./TestBackends.ts"

/** Fails with the field among the faults, and nothing of its value. */
const faulty = (stage: TestBackends, over: { readonly [key: string]: unknown }, path: string) =>
  Effect.gen(function*() {
    const error = yield* refused("invalid_config", stage.config(over))
    const faults = error.details?.["faults"]
    yield* that(
      Array.isArray(faults) && faults.some((fault: { readonly path: string }) => fault.path === path),
      `the fault is told at ${path}`
    )
  })

/** A number or duration with a default and bounds: inside is taken, outside is refused. */
const bounded = (
  path: string,
  isDefault: boolean,
  inside: ReadonlyArray<unknown>,
  outside: ReadonlyArray<unknown>
): Act =>
(stage) =>
  Effect.gen(function*() {
    yield* that(isDefault, `the default of ${path} is the contract's`)
    for (const value of inside) yield* stage.config({ [path]: value })
    for (const value of outside) yield* faulty(stage, { [path]: value }, path)
  })

/** A backend made of names, at work. */
const started = (stage: TestBackends, over?: { readonly [key: string]: unknown }) =>
  Effect.gen(function*() {
    const backend = yield* stage.named(over)
    yield* backend.start
    return yield* stage.reach(backend)
  })

const both = (...acts: ReadonlyArray<Act>): Act => (stage) =>
  Effect.forEach(acts, (act) => Effect.scoped(act(stage)), { discard: true })

const ms = Duration.toMillis

const retries = (over: { readonly [key: string]: unknown }, expected: number, leastMs: number): Act => (stage) =>
  Effect.gen(function*() {
    const { call } = yield* started(stage, { tts_provider: "hoarse", tts_fallback: ["voice"], ...over })
    const user = yield* call()
    yield* user.type("hello")
    const { atMs } = yield* user.told("agent.speech_started")
    const incidents = user.of("engine.incident").filter(({ engine }) => engine === "scripted")
    const retrying = incidents.filter(({ what }) => what === "retrying")
    yield* same(retrying.length, expected, "retries before another engine spoke")
    const turn = user.of("user.transcript").at(-1)?.atMs ?? 0
    yield* that(atMs - turn >= leastMs, `the retries took at least ${leastMs} ms, not ${atMs - turn}`)
  })

/**
 * @category tables
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Row> = [
  test("Config.Provider", "is required, and one that is registered", (stage) =>
    Effect.gen(function*() {
      yield* faulty(stage, { provider: undefined }, "provider")
      yield* refused("provider_not_found", stage.named({ provider: "nobody" }))
    })),
  test("Config.ProviderConfig", "is the provider's own, and validated by it", (stage) =>
    Effect.gen(function*() {
      yield* stage.named()
      yield* faulty(stage, { provider_config: "no object" }, "provider_config")
    })),
  test("Config.PipelineType", "is required: stt_tts or s2s", (stage) =>
    Effect.gen(function*() {
      yield* faulty(stage, { pipeline_type: undefined }, "pipeline_type")
      yield* faulty(stage, { pipeline_type: "telepathy" }, "pipeline_type")
    })),
  test("Config.STTProvider", "is required with stt_tts, and names the recogniser", (stage) =>
    Effect.gen(function*() {
      yield* faulty(stage, { stt_provider: undefined }, "stt_provider")
      yield* refused("invalid_config", stage.named({ stt_provider: "nobody" }))
      yield* same((yield* stage.named()).engines["stt"], "hearing", "the recogniser")
    })),
  test("Config.TTSProvider", "is required with stt_tts, and names the voice", (stage) =>
    Effect.gen(function*() {
      yield* faulty(stage, { tts_provider: undefined }, "tts_provider")
      yield* same((yield* stage.named()).engines["tts"], "voice", "the voice")
    })),
  test("Config.S2SProvider", "is required with s2s, and names the model", (stage) =>
    Effect.gen(function*() {
      yield* faulty(stage, { pipeline_type: "s2s" }, "s2s_provider")
      const backend = yield* stage.named({ pipeline_type: "s2s", s2s_provider: "model" })
      yield* same(backend.engines["s2s"], "model", "the model")
    })),
  test("Config.VADProvider", "names the voice activity detector", (stage) =>
    Effect.gen(function*() {
      yield* same((yield* stage.named()).engines["vad"], "level", "the detector")
      yield* refused("invalid_config", stage.named({ vad_provider: "nobody" }))
    })),
  test(
    "Config.TurnDetectionProvider",
    "names who decides that a turn is over; stt leaves it to the recogniser",
    (stage) =>
      Effect.gen(function*() {
        yield* refused("invalid_config", stage.named({ turn_detection_provider: "stt" }))
        const { call } = yield* started(stage, { stt_provider: "ends_turns", turn_detection_provider: "stt" })
        const user = yield* call()
        yield* user.say("my turn is over")
        yield* same((yield* user.answered()).text, "You said my turn is over.", "the answer")
        const patient = yield* started(stage, {
          turn_detection_provider: "patient",
          conversation: { endpointing: { max_silence: "1500ms" } }
        })
        const slow = yield* patient.call()
        yield* slow.say("well")
        const stopped = yield* slow.told("user.speech_stopped")
        const begun = yield* slow.told("agent.speech_started")
        yield* that(begun.atMs - stopped.atMs > 1_000, "a turn that seems unfinished is waited for")
      }),
    ["words", "multiUser"]
  ),
  test(
    "Config.NoiseCancellationProvider",
    "cleans what readers of receiveAudio hear, and not what is recognised",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* started(stage, { noise_cancellation_provider: "silencer" })
        const user = yield* call()
        let peak = 0
        yield* user.session.receiveAudio.pipe(
          Stream.runForEach((bytes) =>
            Effect.sync(() => {
              for (const sample of Pcm.copyInt16(bytes)) peak = Math.max(peak, Math.abs(sample))
            })
          ),
          Effect.forkScoped({ startImmediately: true })
        )
        yield* user.say("hello")
        yield* same((yield* user.answered()).text, "You said hello.", "the answer")
        yield* same(peak, 0, "the loudest sample that a reader heard")
      }),
    ["words"]
  ),
  test("Config.engines", "gives each engine its own options, checked by its schema", (stage) =>
    Effect.gen(function*() {
      yield* stage.named({ engines: { voice: { pace: 20 } } })
      yield* refused("invalid_config", stage.named({ engines: { voice: { pace: 1 } } }))
    })),
  test("Config.sttFallback", "another recogniser takes over from one that fails", (stage) =>
    Effect.gen(function*() {
      const { call } = yield* started(stage, {
        stt_provider: "deaf",
        stt_fallback: ["hearing"],
        max_retries: 0,
        retry_delay: "100ms"
      })
      const user = yield* call()
      yield* user.say("can you hear me")
      yield* same((yield* user.answered()).text, "You said can you hear me.", "the answer")
    }), ["words"]),
  test("Config.ttsFallback", "another voice takes over from one that fails", (stage) =>
    Effect.gen(function*() {
      const { call } = yield* started(stage, { tts_provider: "hoarse", tts_fallback: ["voice"], max_retries: 0 })
      const user = yield* call()
      yield* user.type("hello")
      yield* same((yield* user.answered()).text, "You said hello.", "the answer")
      yield* that(user.of("engine.incident").some(({ what }) => what === "switched"), "the change is told")
    })),
  test("Config.agent", "names who answers", (stage) =>
    Effect.gen(function*() {
      yield* refused("invalid_config", stage.named({ agent: "nobody" }))
      const nobody = yield* started(stage, { agent: undefined })
      const error = yield* refused("invalid_config", nobody.create())
      yield* same(error.details?.["missing"], "agent", "details.missing")
    })),
  test(
    "Config.LatencyTarget",
    "500 ms, 100 ms to 5 s; a turn above it is told of, and nothing is cut",
    both(
      bounded("latency_target", ms(defaults.latencyTarget) === 500, ["100ms", "5s"], ["99ms", "5001ms"]),
      latencyExceeded
    )
  ),
  test(
    "Config.Timeout",
    "30 s, 1 s to 5 min; bounds what an agent may take to its first words",
    both(
      bounded("timeout", ms(defaults.timeout) === 30_000, ["1s", "5m"], ["999ms", "301s"]),
      agentTimesOut
    )
  ),
  test(
    "Config.MaxRetries",
    "3, 0 to 10; how often an engine is asked again",
    both(
      bounded("max_retries", defaults.maxRetries === 3, [0, 10], [-1, 11, 1.5]),
      retries({ max_retries: 2, retry_delay: "100ms" }, 2, 0),
      retries({ max_retries: 0 }, 0, 0)
    )
  ),
  test(
    "Config.RetryDelay",
    "1 s, 100 ms to 30 s; how long is waited before",
    both(
      bounded("retry_delay", ms(defaults.retryDelay) === 1_000, ["100ms", "30s"], ["99ms", "31s"]),
      retries({ max_retries: 1, retry_delay: "1s" }, 1, 800)
    )
  ),
  test(
    "Config.MaxConcurrentSessions",
    "100, at least 1; never more",
    both(
      bounded("max_concurrent_sessions", defaults.maxConcurrentSessions === 100, [1, 100_000], [0, -1]),
      noMoreThanMaximum
    ),
    ["multiUser"]
  ),
  test("Config.EnableTracing", "true; without it there are no spans", TelemetryRows.tracingIsSwitched),
  test("Config.EnableMetrics", "true; without it nothing is counted", (stage) =>
    Effect.gen(function*() {
      const counted = (enableMetrics: boolean) =>
        Effect.scoped(Effect.gen(function*() {
          const { create } = yield* stage.open({ config: { enableMetrics } })
          yield* create()
          const all = yield* Metric.snapshot
          return all.filter(({ id }) => id === TelemetryNames.metrics.sessionsTotal)
            .reduce((sum, { state }) => sum + ("count" in state ? Number(state.count) : 0), 0)
        })).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
      yield* same([yield* counted(true), yield* counted(false)], [1, 0], "sessions counted with and without")
    })),
  test(
    "Config.EnableStructuredLogging",
    "true; log lines have the session and the turn",
    TelemetryRows.loggingIsSwitched
  ),
  test(
    "Config.AuthHook / RateLimiter / DataRetentionHook",
    "hooks are services, no fields: a config that names one is refused",
    (
      stage
    ) =>
      Effect.forEach(["auth_hook", "rate_limiter", "data_retention_hook"], (key) => faulty(stage, { [key]: {} }, key), {
        discard: true
      })
  ),
  test(
    "Config.CustomProcessors",
    "are named, ordered, and change what is heard; their options are checked",
    both(
      (stage) =>
        Effect.gen(function*() {
          yield* refused("invalid_config", stage.named({ custom_processors: [{ name: "nobody" }] }))
          yield* refused(
            "invalid_config",
            stage.named({ custom_processors: [{ name: "spoil", options: { level: "x" } }] })
          )
          const { call } = yield* started(stage, { custom_processors: [{ name: "mute" }] })
          const user = yield* call()
          yield* user.say("nobody hears this")
          yield* user.type("but this")
          yield* user.answered()
          yield* same((yield* user.session.history).map(({ text }) => text)[0], "but this", "the first words")
        }),
      processorsInOrder
    )
  ),
  test("Config.conversation", "is the policy: a greeting is spoken first", (stage) =>
    Effect.gen(function*() {
      yield* faulty(stage, { conversation: { endpointing: { silence: "99ms" } } }, "conversation.endpointing.silence")
      const { call } = yield* started(stage, { conversation: { greeting: "Good morning." } })
      const user = yield* call()
      yield* same((yield* user.answered()).text, "Good morning.", "the first words")
    })),
  test(
    "Config.drain",
    "20 s for the turn in flight; what is late is cut and counted",
    (stage) =>
      Effect.gen(function*() {
        yield* same([defaults.drain.mode, ms(defaults.drain.deadline)], ["turn", 20_000], "the defaults")
        const { backend, call } = yield* started(stage, { agent: "talker", drain: { deadline: "500ms" } })
        const user = yield* call()
        yield* user.type("talk")
        yield* user.told("agent.speech_started")
        const report = yield* within("20 seconds", "the drain", backend.stop)
        yield* same([report.completed, report.interrupted], [0, 1], "completed and interrupted")
        yield* same(yield* user.session.ended, "drain_deadline", "why it ended")
      })
  ),
  test(
    "Config.session",
    "windows and limits: 60 s to connect and to come back, 1 h in all, tokens as long as the window",
    (
      stage
    ) =>
      Effect.gen(function*() {
        const { connectWindow, longest, resumeWindow } = defaults.session
        yield* same([connectWindow, resumeWindow, longest].map(ms), [60_000, 60_000, 3_600_000], "the defaults")
        yield* faulty(stage, { session: { token_ttl: "10s", resume_window: "11s" } }, "session.token_ttl")
        const { call } = yield* started(stage, { session: { resume_window: "300ms" } })
        const user = yield* call()
        yield* user.told("session.started")
        yield* user.hangUp
        yield* same(yield* within("30 seconds", "the window", user.session.ended), "resume_expired", "why it ended")
      })
  ),
  test(
    "Config.store",
    "memory unless a store is named; sessions are kept in it while they live",
    (stage) =>
      Effect.gen(function*() {
        yield* same(defaults.store.kind, "memory", "the default")
        yield* faulty(stage, { store: { kind: "postgres" } }, "store.url")
        const table = MemoryStore.makeTable()
        const { backend, create } = yield* stage.open({ services: sharedStore(table).layer })
        const session = yield* create({ agent: undefined })
        yield* that(table.rows.has(session.id), "the session is in the store")
        yield* backend.closeSession(session.id)
        yield* until("the session is gone from the store", () => !table.rows.has(session.id))
      })
  ),
  test(
    "Config.rateLimits",
    "so many sessions a user may create; refusals say when to come back",
    (stage) =>
      Effect.gen(function*() {
        const { create } = yield* started(stage, { rate_limits: { create: { user: { limit: 1, window: "1m" } } } })
        yield* create()
        const error = yield* refused("rate_limit_exceeded", create())
        yield* that(typeof error.details?.["retryAfterMs"] === "number", "details.retryAfterMs is told")
        yield* create({ userId: "somebody else" })
      }),
    ["multiUser"]
  )
]
