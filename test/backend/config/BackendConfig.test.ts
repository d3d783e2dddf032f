import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schema } from "effect"
import * as BackendConfig from "../../../src/backend/config/BackendConfig.ts"
import { LatencyWindow } from "../../../src/backend/health/LatencyWindow.ts"
import { defaultPolicy } from "../../../src/conversation/ConversationPolicy.ts"

const Paths = Schema.Struct({ faults: Schema.Array(Schema.Struct({ path: Schema.String })) })
const minimal = { provider: "local", pipeline_type: "stt_tts", stt_provider: "moonshine", tts_provider: "flite" }
const faultsOf = (raw: unknown) =>
  Effect.match(BackendConfig.decode(raw), {
    onFailure: (error) => ({
      message: error.message,
      paths: Schema.decodeUnknownSync(Paths)(error.details).faults.map((fault) => fault.path)
    }),
    onSuccess: () => ({ message: "", paths: [] as Array<string> })
  })

describe("BackendConfig", () => {
  it.effect("has a cluster only on a store that processes share, and by names that ids can have", () =>
    Effect.gen(function*() {
      const { cluster } = yield* BackendConfig.decode({ ...minimal, store: { kind: "sqlite" }, cluster: {} })
      assert.deepStrictEqual(cluster, { lockExpiration: Duration.seconds(5), health: "ping", locks: "session" })
      const faults = (raw: object) => Effect.map(faultsOf({ ...minimal, ...raw }), ({ paths }) => paths)
      assert.deepStrictEqual(yield* faults({ cluster: {} }), ["store.kind"])
      const store = { kind: "sqlite" }
      assert.deepStrictEqual(yield* faults({ cluster: {}, store: { kind: "redis", url: "redis://a" } }), ["store.kind"])
      assert.deepStrictEqual(yield* faults({ rate_limits: { store: "cluster" } }), ["rate_limits.store"])
      assert.deepStrictEqual(yield* faults({ rate_limits: { store: "cluster" }, store, cluster: {} }), [])
      assert.sameMembers(yield* faults({ store, cluster: { cells: { "A_b": "https://a.example.org" } } }), [
        "cluster.cells.A_b",
        "cluster.cell"
      ])
      const wrong = {
        node_url: "ftp://a",
        address: "a/b",
        max_sessions: 0,
        lock_expiration: "1s",
        cell: "a_b",
        locks: "no"
      }
      assert.sameMembers(yield* faults({ store, cluster: wrong }), [
        "cluster.node_url",
        "cluster.address",
        "cluster.max_sessions",
        "cluster.lock_expiration",
        "cluster.locks",
        "cluster.cell"
      ])
      const right = { node_url: "https://n{worker}.example.org:{port}/voice", address: "fe80::1", cell: "eu-1" }
      assert.deepStrictEqual(yield* faults({ store, cluster: right }), [])
    }))

  it.effect("has a default for every optional field", () =>
    Effect.gen(function*() {
      const config = yield* BackendConfig.decode(minimal)
      assert.deepStrictEqual(config, {
        provider: "local",
        providerConfig: {},
        pipelineType: "stt_tts",
        sttProvider: "moonshine",
        ttsProvider: "flite",
        engines: {},
        sttFallback: [],
        ttsFallback: [],
        history: { maxTokens: 16_000, summarise: false },
        mcp: [],
        tools: [],
        openapi: [],
        callTools: { use: [], targets: {} },
        customProcessors: [],
        echoCancellation: false,
        latencyTarget: Duration.millis(500),
        timeout: Duration.seconds(30),
        maxRetries: 3,
        retryDelay: Duration.seconds(1),
        maxConcurrentSessions: 100,
        enableTracing: true,
        traceSpeech: false,
        enableMetrics: true,
        enableStructuredLogging: true,
        overload: { maxLag: Duration.millis(50), maxBacklog: Duration.seconds(2) },
        text: {},
        conversation: defaultPolicy,
        drain: { mode: "turn", deadline: Duration.seconds(20) },
        session: {
          connectWindow: Duration.minutes(1),
          resumeWindow: Duration.minutes(1),
          longest: Duration.hours(1),
          tokenTtl: Duration.minutes(10)
        },
        store: { kind: "memory", lease: Duration.seconds(5) },
        rateLimits: { create: {}, dial: {}, connect: {}, audio: {}, store: "memory" },
        retention: { audio: "off", transcript: "off", metadata: "off", events: "off" }
      })
      assert.deepStrictEqual(yield* BackendConfig.check(config), config)
    }))

  const bounds = [
    ["latency_target", ["100ms", "5s"], ["99ms", "5001ms", "soon", 500]],
    ["timeout", ["1s", "5m"], ["999ms", "301s"]],
    ["max_retries", [0, 10], [-1, 11, 1.5, "3"]],
    ["retry_delay", ["100ms", "30s"], ["99ms", "31s"]],
    ["max_concurrent_sessions", [1, 100_000], [0, -1, 1.5]],
    ["history.max_tokens", [256, 2_000_000], [0, 255, 2_000_001, 300.5, "many"]],
    ["history.keep", [1, 10_000], [0, -1, 10_001]],
    ["history.summarise", [true, false], ["yes"]],
    ["drain.deadline", ["0ms", "1h"], ["61m"]],
    ["drain.mode", ["turn", "conversation"], ["now"]],
    ["session.connect_window", ["1s", "1h"], ["999ms", "61m"]],
    ["session.resume_window", ["0ms", "10m"], ["61m"]],
    ["session.longest", ["10s", "24h"], ["9s", "25h"]],
    ["session.token_ttl", ["1m", "24h"], ["9s", "25h"]],
    ["store.kind", ["memory", "sqlite", "paper"], ["", "x".repeat(129), 5]],
    ["store.lease", ["1s", "5m"], ["999ms", "6m"]],
    ["retention.audio", ["off", "1s", "720h"], ["999ms", "on", 5]],
    ["retention.directory", ["/var/kept"], [""]],
    ["session.signing_key", ["k".repeat(32)], ["k".repeat(31), 5]],
    ["provider", ["x"], ["", "x".repeat(129), null]],
    ["pipeline_type", [], ["tts"]],
    ["enable_tracing", [true, false], ["yes"]]
  ] as const
  const at = (path: string, value: unknown): Record<string, unknown> => {
    const [section, key] = path.split(".")
    return key === undefined ? { ...minimal, [path]: value } : { ...minimal, [section ?? ""]: { [key]: value } }
  }
  for (const [path, good, bad] of bounds) {
    it.effect(`keeps the bounds of ${path}`, () =>
      Effect.gen(function*() {
        for (const value of good) assert.deepStrictEqual((yield* faultsOf(at(path, value))).paths, [], String(value))
        for (const value of bad) assert.deepStrictEqual((yield* faultsOf(at(path, value))).paths, [path], String(value))
      }))
  }

  it.effect("reports all faults at once, by their paths as written, and never a value", () =>
    Effect.gen(function*() {
      const { message, paths } = yield* faultsOf({
        provider: "local",
        pipeline_type: "stt_tts",
        provider_config: { api_key: "s3cret" },
        latency_target: "s3cret",
        max_retries: "s3cret",
        session: { resume_window: "s3cret", longest: "1ms" },
        conversation: { first_speaker: "s3cret", interruption: { min_speech: "1h" } },
        engines: { deepgram: "s3cret" },
        unknown_key: "s3cret"
      })
      assert.sameMembers([...paths], [
        "latency_target",
        "max_retries",
        "session.resume_window",
        "session.longest",
        "conversation.first_speaker",
        "conversation.interruption.min_speech",
        "engines.deepgram",
        "unknown_key",
        "stt_provider",
        "tts_provider"
      ])
      assert.notInclude(message, "s3cret")
      for (const path of paths) assert.include(message, path)
    }))

  it.effect("checks the rules between fields", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* faultsOf({ provider: "x", pipeline_type: "s2s" })).paths, ["s2s_provider"])
      assert.deepStrictEqual(
        (yield* faultsOf({ ...minimal, session: { token_ttl: "30s", resume_window: "1m" } })).paths,
        ["session.token_ttl"]
      )
      for (const raw of [null, 5, "x", [], undefined]) {
        assert.isAtLeast((yield* faultsOf(raw)).paths.length, 1)
      }
    }))
})

describe("LatencyWindow", () => {
  it("is 0 before 20 turns, then the share of slow ones among the last 100", () => {
    const window = new LatencyWindow()
    for (let i = 0; i < 19; i++) window.add(true)
    assert.strictEqual(window.exceeded, 0)
    window.add(true)
    assert.strictEqual(window.exceeded, 1)
    for (let i = 0; i < 90; i++) window.add(false)
    assert.approximately(window.exceeded, 0.1, 1e-9)
    for (let i = 0; i < 100; i++) window.add(false)
    assert.strictEqual(window.exceeded, 0)
  })
})
