/**
 * Rows of the config: the default, the bounds and the effect of each field.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as Pcm from "../../../audio/Pcm.ts"
import { defaults } from "../../../backend/config/BackendConfig.ts"
import * as MemoryStore from "../../../store/MemoryStore.ts"
import * as TelemetryNames from "../../../telemetry/TelemetryNames.ts"
import { assertCompletesWithin, assertEqual, assertFailsWith, assertThat, waitUntil } from "../Assertions.ts"
import { type Check, type Row, test } from "../Row.ts"
import type { TestBackends } from "../TestBackends.ts"
import { agentTimesOut, latencyExceeded, processorsInOrder, sessionLimit, sharedStore } from "./ConversationChecks.ts"
import * as TelemetryRows from "./TelemetryRows.ts"

/** Fails unless the config is refused with a fault at this path. */
const assertFault = (backends: TestBackends, over: { readonly [key: string]: unknown }, path: string) =>
  Effect.gen(function*() {
    const error = yield* assertFailsWith("invalid_config", backends.config(over))
    const faults = error.details?.["faults"]
    yield* assertThat(
      Array.isArray(faults) && faults.some((fault: { readonly path: string }) => fault.path === path),
      `a fault is reported at ${path}`
    )
  })

/** A number or duration with a default and bounds: accepted inside the bounds, refused outside. */
const boundedField = (
  path: string,
  hasDefault: boolean,
  inside: ReadonlyArray<unknown>,
  outside: ReadonlyArray<unknown>
): Check =>
(backends) =>
  Effect.gen(function*() {
    yield* assertThat(hasDefault, `the default of ${path} matches the contract`)
    for (const value of inside) yield* backends.config({ [path]: value })
    for (const value of outside) yield* assertFault(backends, { [path]: value }, path)
  })

/** A started backend whose engines are named. */
const started = (backends: TestBackends, over?: { readonly [key: string]: unknown }) =>
  Effect.gen(function*() {
    const backend = yield* backends.fromConfig(over)
    yield* backend.start
    return yield* backends.serve(backend)
  })

const allOf = (...acts: ReadonlyArray<Check>): Check => (backends) =>
  Effect.forEach(acts, (act) => Effect.scoped(act(backends)), { discard: true })

const ms = Duration.toMillis

const retries = (over: { readonly [key: string]: unknown }, expected: number, leastMs: number): Check => (backends) =>
  Effect.gen(function*() {
    const { createUser } = yield* started(backends, {
      tts_provider: "failing_tts",
      tts_fallback: ["scripted_tts"],
      ...over
    })
    const user = yield* createUser()
    yield* user.type("hello")
    const { atMs } = yield* user.waitForEvent("agent.speech_started")
    const incidents = user.eventsOf("engine.incident").filter(({ engine }) => engine === "scripted")
    const retrying = incidents.filter(({ what }) => what === "retrying")
    yield* assertEqual(retrying.length, expected, "retries before the fallback spoke")
    const turn = user.eventsOf("user.transcript").at(-1)?.atMs ?? 0
    yield* assertThat(atMs - turn >= leastMs, `the retries took at least ${leastMs} ms, not ${atMs - turn}`)
  })

/**
 * The rows of the config.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<Row> = [
  test("Config.Provider", "is required, and must be registered", (backends) =>
    Effect.gen(function*() {
      yield* assertFault(backends, { provider: undefined }, "provider")
      yield* assertFailsWith("provider_not_found", backends.fromConfig({ provider: "nobody" }))
    })),
  test("Config.ProviderConfig", "is validated by the provider's own schema", (backends) =>
    Effect.gen(function*() {
      yield* backends.fromConfig()
      yield* assertFault(backends, { provider_config: "not an object" }, "provider_config")
    })),
  test("Config.PipelineType", "is required: stt_tts or s2s", (backends) =>
    Effect.gen(function*() {
      yield* assertFault(backends, { pipeline_type: undefined }, "pipeline_type")
      yield* assertFault(backends, { pipeline_type: "telepathy" }, "pipeline_type")
    })),
  test(
    "Config.STTProvider",
    "is required with stt_tts, and names the STT engine",
    (backends) =>
      Effect.gen(function*() {
        yield* assertFault(backends, { stt_provider: undefined }, "stt_provider")
        yield* assertFailsWith("invalid_config", backends.fromConfig({ stt_provider: "nobody" }))
        yield* assertEqual((yield* backends.fromConfig()).engines["stt"], "scripted_stt", "the STT engine")
      })
  ),
  test(
    "Config.TTSProvider",
    "is required with stt_tts, and names the TTS engine; with s2s, of the voice beside the model",
    (backends) =>
      Effect.gen(function*() {
        yield* assertFault(backends, { tts_provider: undefined }, "tts_provider")
        yield* assertEqual((yield* backends.fromConfig()).engines["tts"], "scripted_tts", "the TTS engine")
        const s2s = { pipeline_type: "s2s", s2s_provider: "scripted_s2s" }
        yield* assertEqual((yield* backends.fromConfig(s2s)).engines["tts"], "scripted_tts", "the voice with S2S")
        const alone = yield* backends.fromConfig({ ...s2s, tts_provider: undefined })
        yield* assertThat(alone.engines["tts"] === undefined, "S2S without a TTS engine has none")
      })
  ),
  test("Config.S2SProvider", "is required with s2s, and names the S2S engine", (backends) =>
    Effect.gen(function*() {
      yield* assertFault(backends, { pipeline_type: "s2s" }, "s2s_provider")
      const backend = yield* backends.fromConfig({ pipeline_type: "s2s", s2s_provider: "scripted_s2s" })
      yield* assertEqual(backend.engines["s2s"], "scripted_s2s", "the S2S engine")
    })),
  test("Config.VADProvider", "names the voice activity detector", (backends) =>
    Effect.gen(function*() {
      yield* assertEqual((yield* backends.fromConfig()).engines["vad"], "scripted_vad", "the VAD engine")
      yield* assertFailsWith("invalid_config", backends.fromConfig({ vad_provider: "nobody" }))
    })),
  test(
    "Config.TurnDetectionProvider",
    "names the turn detector; stt leaves endpointing to the STT engine",
    (backends) =>
      Effect.gen(function*() {
        yield* assertFailsWith("invalid_config", backends.fromConfig({ turn_detection_provider: "stt" }))
        const { createUser } = yield* started(backends, {
          stt_provider: "endpointing_stt",
          turn_detection_provider: "stt"
        })
        const user = yield* createUser()
        yield* user.say("my turn is over")
        yield* assertEqual((yield* user.waitForReply()).text, "You said my turn is over.", "the answer")
        const detector = yield* started(backends, {
          turn_detection_provider: "never_finished",
          conversation: { endpointing: { max_silence: "1500ms" } }
        })
        const waiting = yield* detector.createUser()
        yield* waiting.say("well")
        const stopped = yield* waiting.waitForEvent("user.speech_stopped")
        const begun = yield* waiting.waitForEvent("agent.speech_started")
        yield* assertThat(begun.atMs - stopped.atMs > 1_000, "the agent waits after a turn that seems unfinished")
      }),
    ["exactAudio", "multiUser"]
  ),
  test(
    "Config.NoiseCancellationProvider",
    "changes the audio of receiveAudio, and not the audio of the STT engine",
    (backends) =>
      Effect.gen(function*() {
        const { createUser } = yield* started(backends, { noise_cancellation_provider: "silencing" })
        const user = yield* createUser()
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
        yield* assertEqual((yield* user.waitForReply()).text, "You said hello.", "the answer")
        yield* assertEqual(peak, 0, "the peak of the audio received")
      }),
    ["exactAudio"]
  ),
  test(
    "Config.engines",
    "holds the options of each engine, validated by its schema",
    (backends) =>
      Effect.gen(function*() {
        yield* backends.fromConfig({ engines: { scripted_tts: { ms_per_character: 20 } } })
        yield* assertFailsWith(
          "invalid_config",
          backends.fromConfig({ engines: { scripted_tts: { ms_per_character: 1 } } })
        )
      })
  ),
  test("Config.sttFallback", "another STT engine takes over when one fails", (backends) =>
    Effect.gen(function*() {
      const { createUser } = yield* started(backends, {
        stt_provider: "failing_stt",
        stt_fallback: ["scripted_stt"],
        max_retries: 0,
        retry_delay: "100ms"
      })
      const user = yield* createUser()
      yield* user.say("can you hear me")
      yield* assertEqual((yield* user.waitForReply()).text, "You said can you hear me.", "the answer")
    }), ["exactAudio"]),
  test("Config.ttsFallback", "another TTS engine takes over when one fails", (backends) =>
    Effect.gen(function*() {
      const { createUser } = yield* started(backends, {
        tts_provider: "failing_tts",
        tts_fallback: ["scripted_tts"],
        max_retries: 0
      })
      const user = yield* createUser()
      yield* user.type("hello")
      yield* assertEqual((yield* user.waitForReply()).text, "You said hello.", "the answer")
      yield* assertThat(
        user.eventsOf("engine.incident").some(({ what }) => what === "switched"),
        "the fallback is reported"
      )
    })),
  test("Config.agent", "names the default agent", (backends) =>
    Effect.gen(function*() {
      yield* assertFailsWith("invalid_config", backends.fromConfig({ agent: "nobody" }))
      const withoutAgent = yield* started(backends, { agent: undefined })
      const error = yield* assertFailsWith("invalid_config", withoutAgent.createSession())
      yield* assertEqual(error.details?.["missing"], "agent", "details.missing")
    })),
  test(
    "Config.LatencyTarget",
    "500 ms, 100 ms to 5 s; a slower turn is reported, and its reply is not cut",
    allOf(
      boundedField("latency_target", ms(defaults.latencyTarget) === 500, ["100ms", "5s"], ["99ms", "5001ms"]),
      latencyExceeded
    )
  ),
  test(
    "Config.Timeout",
    "30 s, 1 s to 5 min; limits the time to an agent's first words",
    allOf(
      boundedField("timeout", ms(defaults.timeout) === 30_000, ["1s", "5m"], ["999ms", "301s"]),
      agentTimesOut
    )
  ),
  test(
    "Config.MaxRetries",
    "3, 0 to 10; the number of retries of an engine",
    allOf(
      boundedField("max_retries", defaults.maxRetries === 3, [0, 10], [-1, 11, 1.5]),
      retries({ max_retries: 2, retry_delay: "100ms" }, 2, 0),
      retries({ max_retries: 0 }, 0, 0)
    )
  ),
  test(
    "Config.RetryDelay",
    "1 s, 100 ms to 30 s; the delay before a retry",
    allOf(
      boundedField("retry_delay", ms(defaults.retryDelay) === 1_000, ["100ms", "30s"], ["99ms", "31s"]),
      retries({ max_retries: 1, retry_delay: "1s" }, 1, 800)
    )
  ),
  test(
    "Config.MaxConcurrentSessions",
    "100, at least 1; is never exceeded",
    allOf(
      boundedField("max_concurrent_sessions", defaults.maxConcurrentSessions === 100, [1, 100_000], [0, -1]),
      sessionLimit
    ),
    ["multiUser"]
  ),
  test("Config.EnableTracing", "true; without it there are no spans", TelemetryRows.tracingSwitch),
  test("Config.EnableMetrics", "true; without it nothing is counted", (backends) =>
    Effect.gen(function*() {
      const counted = (enableMetrics: boolean) =>
        Effect.scoped(Effect.gen(function*() {
          const { createSession } = yield* backends.start({ config: { enableMetrics } })
          yield* createSession()
          const all = yield* Metric.snapshot
          return all.filter(({ id }) => id === TelemetryNames.metrics.sessionsTotal)
            .reduce((sum, { state }) => sum + ("count" in state ? Number(state.count) : 0), 0)
        })).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
      yield* assertEqual([yield* counted(true), yield* counted(false)], [1, 0], "sessions counted with and without")
    })),
  test(
    "Config.EnableStructuredLogging",
    "true; log lines carry the session and the turn",
    TelemetryRows.loggingSwitch
  ),
  test(
    "Config.AuthHook / RateLimiter / DataRetentionHook",
    "hooks are services, not fields: a config that names one is refused",
    (
      backends
    ) =>
      Effect.forEach(
        ["auth_hook", "rate_limiter", "data_retention_hook"],
        (key) => assertFault(backends, { [key]: {} }, key),
        {
          discard: true
        }
      )
  ),
  test(
    "Config.CustomProcessors",
    "are named, ordered, and change the user's audio; their options are validated",
    allOf(
      (backends) =>
        Effect.gen(function*() {
          yield* assertFailsWith("invalid_config", backends.fromConfig({ custom_processors: [{ name: "nobody" }] }))
          yield* assertFailsWith(
            "invalid_config",
            backends.fromConfig({ custom_processors: [{ name: "constant_level", options: { level: "x" } }] })
          )
          const { createUser } = yield* started(backends, { custom_processors: [{ name: "mute" }] })
          const user = yield* createUser()
          yield* user.say("this is muted")
          yield* user.type("but this")
          yield* user.waitForReply()
          yield* assertEqual((yield* user.session.history).map(({ text }) => text)[0], "but this", "the first words")
        }),
      processorsInOrder
    )
  ),
  test(
    "Config.conversation",
    "is the conversation policy: a greeting is spoken first",
    (backends) =>
      Effect.gen(function*() {
        yield* assertFault(
          backends,
          { conversation: { endpointing: { silence: "99ms" } } },
          "conversation.endpointing.silence"
        )
        const { createUser } = yield* started(backends, { conversation: { greeting: "Good morning." } })
        const user = yield* createUser()
        yield* assertEqual((yield* user.waitForReply()).text, "Good morning.", "the first words")
      })
  ),
  test(
    "Config.drain",
    "20 s for the turn in flight; later replies are interrupted and counted",
    (backends) =>
      Effect.gen(function*() {
        yield* assertEqual([defaults.drain.mode, ms(defaults.drain.deadline)], ["turn", 20_000], "the defaults")
        const { backend, createUser } = yield* started(backends, { agent: "talker", drain: { deadline: "500ms" } })
        const user = yield* createUser()
        yield* user.type("talk")
        yield* user.waitForEvent("agent.speech_started")
        const report = yield* assertCompletesWithin("20 seconds", "the drain", backend.stop)
        yield* assertEqual([report.completed, report.interrupted], [0, 1], "completed and interrupted")
        yield* assertEqual(yield* user.session.ended, "drain_deadline", "why it ended")
      })
  ),
  test(
    "Config.session",
    "60 s to connect and to reconnect, 1 h in total, tokens at least as long as the resume window",
    (
      backends
    ) =>
      Effect.gen(function*() {
        const { connectWindow, longest, resumeWindow } = defaults.session
        yield* assertEqual([connectWindow, resumeWindow, longest].map(ms), [60_000, 60_000, 3_600_000], "the defaults")
        yield* assertFault(backends, { session: { token_ttl: "10s", resume_window: "11s" } }, "session.token_ttl")
        const { createUser } = yield* started(backends, { session: { resume_window: "300ms" } })
        const user = yield* createUser()
        yield* user.waitForEvent("session.started")
        yield* user.hangUp
        yield* assertEqual(
          yield* assertCompletesWithin("30 seconds", "closing after the resume window", user.session.ended),
          "resume_expired",
          "why it ended"
        )
      })
  ),
  test(
    "Config.store",
    "memory unless a store is named; holds sessions while they are active",
    (backends) =>
      Effect.gen(function*() {
        yield* assertEqual(defaults.store.kind, "memory", "the default")
        yield* assertFault(backends, { store: { kind: "postgres" } }, "store.url")
        const table = MemoryStore.makeTable()
        const { backend, createSession } = yield* backends.start({ services: sharedStore(table).layer })
        const session = yield* createSession({ agent: undefined })
        yield* assertThat(table.rows.has(session.id), "the session is in the store")
        yield* backend.closeSession(session.id)
        yield* waitUntil("the session is removed from the store", () => !table.rows.has(session.id))
      })
  ),
  test(
    "Config.rateLimits",
    "limits the sessions that a user creates; refusals have the time to retry",
    (backends) =>
      Effect.gen(function*() {
        const { createSession } = yield* started(backends, {
          rate_limits: { create: { user: { limit: 1, window: "1m" } } }
        })
        yield* createSession()
        const error = yield* assertFailsWith("rate_limit_exceeded", createSession())
        yield* assertThat(typeof error.details?.["retryAfterMs"] === "number", "details.retryAfterMs is present")
        yield* createSession({ userId: "somebody else" })
      }),
    ["multiUser"]
  )
]
