import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, FileSystem, Layer, Schema } from "effect"
import * as AgentRegistry from "../../../src/agent/AgentRegistry.ts"
import * as ConfigSource from "../../../src/backend/config/ConfigSource.ts"
import * as ConfigVariables from "../../../src/backend/config/ConfigVariables.ts"
import * as BackendProvider from "../../../src/backend/provider/BackendProvider.ts"
import { BackendRegistry } from "../../../src/backend/provider/BackendRegistry.ts"
import { InvalidConfig } from "../../../src/BackendError.ts"
import * as BuiltinAgent from "../../../src/builtin/BuiltinAgent.ts"
import { processors } from "../../../src/builtin/Processors.ts"
import * as AudioProcessor from "../../../src/hooks/AudioProcessor.ts"
import type { Fault } from "../../../src/schema/Faults.ts"
import * as EngineRegistry from "../../../src/speech/EngineRegistry.ts"

const unused = new InvalidConfig({ op: "test", message: "not built in this test" })
const engine = <Kind extends EngineRegistry.EngineKind, A>(
  kind: Kind,
  name: string,
  options: Schema.Codec<A, unknown>
): EngineRegistry.EngineLoader<Kind> => {
  const layer: Layer.Layer<EngineRegistry.EngineKinds[Kind], InvalidConfig> = Layer.unwrap(Effect.fail(unused))
  return Effect.succeed(EngineRegistry.define({ kind, name, description: name, options, layer: () => layer }))
}

const MoonshineOptions = Schema.Struct({
  model: Schema.optionalKey(Schema.Literals(["tiny", "base"])),
  maxSegment: Schema.optionalKey(Schema.Finite),
  apiKey: Schema.optionalKey(Schema.String)
}).pipe(Schema.encodeKeys({ maxSegment: "max_segment", apiKey: "api_key" }))

const local = BackendProvider.make({
  name: "local",
  description: "local",
  capabilities: {
    s2s: true,
    multiUser: false,
    sessionPersistence: false,
    customAuth: false,
    customRateLimiting: false,
    maxConcurrentSessions: 0,
    minLatency: Duration.zero,
    codecs: []
  },
  config: Schema.Struct({ udpPorts: Schema.optionalKey(Schema.Finite) }).pipe(
    Schema.encodeKeys({ udpPorts: "udp_ports" })
  ),
  connect: () => Effect.fail(unused)
})

const registries = Layer.mergeAll(
  EngineRegistry.EngineRegistry.layer({
    stt: {
      moonshine: engine<"stt", typeof MoonshineOptions.Type>("stt", "moonshine", MoonshineOptions),
      broken: Effect.fail(
        new InvalidConfig({ op: "test", message: "the package x is missing", details: { missing: "x" } })
      )
    },
    tts: {
      hibari: engine("tts", "hibari", Schema.Struct({})),
      flite: engine("tts", "flite", Schema.Struct({ voice: Schema.optionalKey(Schema.String) }))
    },
    vad: { silero: engine("vad", "silero", Schema.Struct({})) }
  }),
  AgentRegistry.AgentRegistry.layer({ builtin: BuiltinAgent.agent }),
  AudioProcessor.ProcessorRegistry.layer(processors),
  BackendRegistry.layer([local]),
  NodeServices.layer
)

const section = {
  name: "server",
  schema: Schema.Struct({ port: Schema.optionalKey(Schema.Int), tags: Schema.optionalKey(Schema.Array(Schema.String)) })
}

const load = (text: string | undefined, env: ConfigSource.Env = {}, suffix = ".yaml") =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const file = text === undefined ? undefined : yield* fs.makeTempFileScoped({ suffix })
    if (file !== undefined) yield* fs.writeFileString(file, text!)
    return yield* ConfigSource.load({ file, env, section })
  }).pipe(Effect.scoped, Effect.provide(registries))

const faults = (text: string | undefined, env: ConfigSource.Env = {}, suffix = ".yaml") =>
  Effect.map(Effect.flip(load(text, env, suffix)), (error) => {
    if (error._tag !== "InvalidConfig") throw new Error(String(error))
    const found = error.details?.["faults"]
    return Array.isArray(found) ? found.map((fault: Fault) => fault.path).sort() : []
  })

describe("ConfigSource", () => {
  it.effect("needs no config at all", () =>
    Effect.gen(function*() {
      const { config } = yield* load(undefined)
      assert.strictEqual(config.provider, "local")
      assert.strictEqual(config.pipelineType, "stt_tts")
      assert.strictEqual(config.sttProvider, "moonshine")
      assert.strictEqual(config.ttsProvider, "hibari")
      assert.deepEqual(config.ttsFallback, ["flite"])
      assert.strictEqual(config.vadProvider, "silero")
      assert.strictEqual(config.agent, "builtin")
      assert.deepEqual((yield* load("")).config, config)
      assert.deepEqual((yield* load("# nothing\n")).config, config)
    }))

  it.effect("fills in a program's defaults field by field, before ours", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped({ suffix: ".yaml" })
      yield* fs.writeFileString(file, "store: { lease: 10s }\nengines: { flite: { voice: slt } }\n")
      const defaults = {
        agent: "builtin",
        stt_provider: "moonshine",
        tts_provider: "flite",
        max_retries: 1,
        store: { kind: "sqlite", path: "${DIRECTORY}/sessions.db", lease: "9s" },
        engines: { moonshine: { model: "base" }, flite: { voice: "awb" } },
        server: { port: 1, tags: ["a"] }
      }
      const env = { DIRECTORY: "/srv", EFFECT_VOICE_MAX_RETRIES: "7", EFFECT_VOICE_SERVER__PORT: "2" }
      const { config, section: server } = yield* ConfigSource.load({ file, env, defaults, section })
      assert.deepStrictEqual(config.store, { kind: "sqlite", path: "/srv/sessions.db", lease: Duration.seconds(10) })
      assert.strictEqual(config.maxRetries, 7)
      assert.deepStrictEqual(server, { port: 2, tags: ["a"] })
      assert.strictEqual(config.engines["flite"]?.["voice"], "slt")
      assert.strictEqual(config.engines["moonshine"]?.["model"], "base")
      // it names engines, so ours are not added
      assert.deepStrictEqual([config.ttsFallback, config.vadProvider], [[], undefined])
    }).pipe(Effect.scoped, Effect.provide(registries)))

  it.effect("takes a key of a prototype for an unknown one, with defaults as well", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped({ suffix: ".json" })
      yield* fs.writeFileString(file, "{ \"__proto__\": { \"max_retries\": 1 }, \"constructor\": { \"a\": 1 } }")
      const error = yield* Effect.flip(ConfigSource.load({ file, defaults: { store: { kind: "sqlite" } } }))
      assert.match(error.message, /__proto__: unknown key.*constructor: unknown key/)
    }).pipe(Effect.scoped, Effect.provide(registries)))

  it.effect("leaves a section `server` to others where the program has no section", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped({ suffix: ".yaml" })
      yield* fs.writeFileString(file, "max_retries: 2\nserver: { anything: [1] }\n")
      const { config } = yield* ConfigSource.load({ file })
      assert.strictEqual(config.maxRetries, 2)
      assert.strictEqual((yield* ConfigSource.load()).config.maxRetries, 3)
    }).pipe(Effect.scoped, Effect.provide(registries)))

  it.effect("the environment overrides the file, the file overrides the defaults", () =>
    Effect.gen(function*() {
      const file =
        "max_concurrent_sessions: 7\nlatency_target: 800ms\nsession:\n  resume_window: 30s\n  connect_window: 10s\nserver:\n  port: 9000\n"
      const plain = yield* load(file)
      assert.strictEqual(plain.config.maxConcurrentSessions, 7)
      assert.strictEqual(plain.config.maxRetries, 3)
      assert.strictEqual(plain.section.port, 9000)
      const { config, ignored, section } = yield* load(file, {
        EFFECT_VOICE_MAX_CONCURRENT_SESSIONS: "9",
        EFFECT_VOICE_SESSION__RESUME_WINDOW: "45s",
        EFFECT_VOICE_ENABLE_TRACING: "false",
        EFFECT_VOICE_SERVER__TAGS: "a, b",
        EFFECT_VOICE_ENGINES__MOONSHINE__MAX_SEGMENT: "12",
        EFFECT_VOICE_ENGINES__MOONSHINE__API_KEY: "123",
        EFFECT_VOICE_PROVIDER_CONFIG__UDP_PORTS: "5",
        EFFECT_VOICE_SERVER__PORT: "9001",
        EFFECT_VOICE_MAX_RETRIES: "",
        EFFECT_VOICE_MODELS: "/models",
        OTHER: "x"
      })
      assert.strictEqual(config.maxConcurrentSessions, 9)
      assert.strictEqual(Duration.toMillis(config.session.resumeWindow), 45_000)
      assert.strictEqual(Duration.toMillis(config.session.connectWindow), 10_000)
      assert.strictEqual(Duration.toMillis(config.latencyTarget), 800)
      assert.isFalse(config.enableTracing)
      assert.deepEqual(section.tags, ["a", "b"])
      assert.deepEqual(config.engines, { moonshine: { max_segment: 12, api_key: "123" } })
      assert.deepEqual(config.providerConfig, { udp_ports: 5 })
      assert.strictEqual(section.port, 9001)
      assert.strictEqual(config.maxRetries, 3)
      assert.deepEqual(ignored, ["EFFECT_VOICE_MODELS"])
    }))

  it.effect("reports all faults at once, by their snake case paths", () =>
    Effect.gen(function*() {
      const found = yield* faults(`
provider: nowhere
pipeline_type: stt_tts
stt_provider: moonshine
agent: someone
max_retries: 11
latency_target: 10ms
colour: red
custom_processors: [{ name: gone }, { name: gain, options: { db: 99, clip: round }, applies_to: [tts] }]
engines:
  moonshine: { model: huge, size: 3 }
  elsewhere: {}
session: { resume_window: 20m, token_ttl: 1m }
drain: { mode: slow, wait: 1 }
server: { port: 1.5, tls: true }
`)
      assert.deepEqual(found, [
        "agent",
        "colour",
        "custom_processors.0.name",
        "custom_processors.1.applies_to.0",
        "custom_processors.1.options.clip",
        "custom_processors.1.options.db",
        "drain.mode",
        "drain.wait",
        "engines.elsewhere",
        "engines.moonshine.model",
        "engines.moonshine.size",
        "latency_target",
        "max_retries",
        "provider",
        "server.port",
        "server.tls",
        "session.token_ttl",
        "tts_provider"
      ])
    }))

  it.effect("requires what the pipeline needs", () =>
    Effect.gen(function*() {
      assert.deepEqual(yield* faults("pipeline_type: s2s"), ["s2s_provider"])
      assert.deepEqual(yield* faults("store: { kind: redis }"), ["store.url"])
      assert.deepEqual(yield* faults("tts_provider: flite"), ["stt_provider"])
      assert.deepEqual(yield* faults("session: { resume_window: 20m, token_ttl: 1m }"), ["session.token_ttl"])
      assert.deepEqual(yield* faults("stt_provider: broken\ntts_provider: flite"), ["engines.broken"])
      assert.deepEqual(yield* faults("provider_config: { udp_ports: x }"), ["provider_config.udp_ports"])
    }))

  it.effect("accepts the speech-to-text engine as turn authority, if there is one", () =>
    Effect.gen(function*() {
      const engines = "stt_provider: moonshine\ntts_provider: flite\n"
      assert.deepEqual(yield* faults(`${engines}turn_detection_provider: nobody`), ["turn_detection_provider"])
      assert.deepEqual(
        yield* faults(`pipeline_type: s2s\ns2s_provider: nobody\nturn_detection_provider: stt`),
        ["s2s_provider", "turn_detection_provider"]
      )
      const { config } = yield* load(`${engines}turn_detection_provider: stt`)
      assert.strictEqual(config.turnDetectionProvider, "stt")
    }))

  it.effect("replaces references to environment variables", () =>
    Effect.gen(function*() {
      const file =
        "engines:\n  moonshine:\n    api_key: ${KEY}\n    max_segment: ${MAX:-14}\n  flite:\n    voice: a$${b}\n"
      const { config } = yield* load(file, { KEY: "42" })
      assert.deepEqual(config.engines, { moonshine: { api_key: "42", max_segment: 14 }, flite: { voice: "a${b}" } })
      const error = yield* Effect.flip(load(file, { KEY: "" }))
      assert.include(error.message, "engines.moonshine.api_key: the environment variable KEY is not set")
    }))

  it.effect("reads JSON and reports the line of a syntax error", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* load("{\"max_retries\": 1}", {}, ".json")).config.maxRetries, 1)
      assert.strictEqual((yield* load("{\"max_retries\": 1}", {}, ".conf")).config.maxRetries, 1)
      const message = (text: string, suffix?: string) =>
        Effect.map(Effect.flip(load(text, {}, suffix)), (error) => {
          assert.strictEqual(error._tag, "InvalidConfig")
          assert.notInclude(error.message, "hunter2")
          return error.message
        })
      assert.match(yield* message("a: 1\n\tb: hunter2"), /line 2/)
      assert.match(yield* message("a: 1\na: hunter2"), /line 2/)
      assert.match(yield* message("a: *hunter2"), /YAML/)
      const key = "k".repeat(100_000)
      assert.match(yield* message(`${key}: 1\n${key}: 2`), /Duplicate key .k{64}…. at line 2$/)
      assert.match(yield* message("{\n  \"a\": hunter2\n}", ".json"), /line 2/)
      assert.match(yield* message("{\n\n", ".json"), /line 3/)
      assert.match(yield* message("- 1\n- 2"), /mapping/)
      assert.match(yield* message("hunter2"), /mapping/)
      assert.match(yield* message(`a: "${"x".repeat(1_100_000)}"`), /1 MiB/)
    }))

  it("reads references once, as text", () => {
    const KEY = "${KEY} [1, *x] # \n{a: &b c}"
    const given = { a: "${KEY}", b: "$${KEY}", c: "${NO:-x}$$${KEY}", d: "${x${}", e: "${NO:-${KEY}", f: "${KEY:-" }
    const { faults, value } = ConfigVariables.interpolate(given, { KEY }, () => undefined)
    assert.deepStrictEqual(faults, [])
    assert.deepStrictEqual(value, { a: KEY, b: "${KEY}", c: "x$${KEY}", d: "${x${}", e: "${KEY", f: "${KEY:-" })
  })

  it.effect("limits what a small file or a variable can be multiplied into", () =>
    Effect.gen(function*() {
      const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`)
      const keys = Array.from({ length: 10_000 }, (_, i) => `k${i}: 1`)
      for (
        const [text, message, env] of [
          [`a0: &a0 [x, x]\n${levels.join("\n")}`, /more than 50,000 values/],
          [
            `a: &a {${keys.join(", ")}}\n${"b: {<<: *a}\n".repeat(1_000)}`,
            /merge keys may copy more than 200,000 keys/
          ],
          [`a: &a ${"x".repeat(500_000)}\nb: [${"*a,".repeat(20_000)}]`, /more than 4,194,304 characters/],
          [`a: ${"[".repeat(500_000)}`, /deeper than 32 levels/],
          [Array.from({ length: 40 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"), /deeper than 32 levels/],
          [`a: [\n${`${"x".repeat(40)},\n`.repeat(19_000)}]`, /lines times its characters/],
          [`a: "${" ".repeat(900_000)}x\n b"`, /more than 200 spaces, backslashes or digits/],
          [`a: "${"\\".repeat(900_000)}x\n b"`, /more than 200 spaces, backslashes or digits/],
          [`a: ${"1".repeat(500_000)}s`, /more than 200 spaces, backslashes or digits/],
          [`a: [${"1_".repeat(300_000)}x]`, /more than 200 spaces, backslashes or digits/],
          ["a:\n".repeat(20_000), /more than 20,000 lines/],
          [`a: [${"1,".repeat(500_000)}]`, /more than 50,000 values/],
          [`agent: "${"${KEY}".repeat(100_000)}"`, /agent: the variables make more than/, { KEY: "x".repeat(100_000) }],
          [`agent: "${"${KEY:-".repeat(140_000)}"`, /agent: unknown agent/, {}],
          ["max_retries: 1", /deeper than 32 levels/, {
            EFFECT_VOICE_ENGINES: `{"a":${"[".repeat(5_000)}${"]".repeat(5_000)}}`
          }]
        ] as ReadonlyArray<readonly [string, RegExp, Record<string, string>?]>
      ) {
        const before = process.memoryUsage().rss
        const error = yield* Effect.flip(load(text, env ?? {}))
        assert.match(error.message.slice(0, 500), message)
        assert.isBelow(process.memoryUsage().rss - before, 400 * 1_048_576, String(message))
      }
      const json = yield* Effect.flip(load(`{"a":${"[".repeat(400_000)}${"]".repeat(400_000)}}`, {}, ".json"))
      assert.match(json.message, /deeper than 32 levels/)
      assert.deepInclude(json, { details: { file: json.message.split(" ")[2], reason: "too_large" } })
    }))

  it.live("reads a pipe to its end, and a device no further than it may", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ConfigSource.load({ file: "/dev/zero", section }))
      assert.match(error.message, /larger than 1 MiB/)
      assert.strictEqual((yield* ConfigSource.load({ file: "/dev/null", section })).config.provider, "local")
    }).pipe(Effect.provide(registries)))

  it.effect("reports a file that cannot be read", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* fs.makeTempDirectoryScoped()
      const missing = yield* Effect.flip(ConfigSource.load({ file: `${dir}/no.yaml`, section }))
      assert.match(missing.message, /no such file/)
      assert.match((yield* Effect.flip(ConfigSource.load({ file: dir, section }))).message, /not a file/)
    }).pipe(Effect.scoped, Effect.provide(registries)))

  it.effect.prop(
    "never crashes on a value, and never quotes one",
    [
      Schema.Record(Schema.String, Schema.Json),
      Schema.Literals(["engines", "session", "provider", "server", "store", "custom_processors"])
    ],
    ([value, key]) =>
      Effect.gen(function*() {
        const secret = "hunter2-secret"
        const exit = yield* Effect.result(
          load(JSON.stringify({ [key]: { a: secret, ...value }, drain: secret }), {}, ".json")
        )
        assert.strictEqual(exit._tag, "Failure")
        if (exit._tag === "Failure") assert.notInclude(exit.failure.message, secret)
      }),
    { arbitrary: { runs: 60 } }
  )
})
