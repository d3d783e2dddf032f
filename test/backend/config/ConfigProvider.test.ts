/** A config read by Effect's `Config`: every value is text there, and the schema of whoever reads it says what it is. */
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Duration, Effect, Layer, Redacted, Schema } from "effect"
import { inspect } from "node:util"
import { AgentRegistry } from "../../../src/agent/AgentRegistry.ts"
import * as BackendConfig from "../../../src/backend/config/BackendConfig.ts"
import * as DecodedConfig from "../../../src/backend/config/DecodedConfig.ts"
import * as BackendProvider from "../../../src/backend/provider/BackendProvider.ts"
import * as AudioProcessor from "../../../src/hooks/AudioProcessor.ts"
import { secret } from "../../../src/schema/Secret.ts"
import * as ServerConfig from "../../../src/server/ServerConfig.ts"
import * as EngineRegistry from "../../../src/speech/EngineRegistry.ts"
import { engines } from "../../../src/testing/conformance/NamedParts.ts"
import * as ScriptedRecogniser from "../../../src/testing/scripted/ScriptedRecogniser.ts"
import { echo, provider as testProvider } from "../../session/Harness.ts"

const parse = (raw: unknown) => Config.schema(BackendConfig.BackendConfig).parse(ConfigProvider.fromUnknown(raw))
const required = {
  provider: "local",
  pipeline_type: "stt_tts",
  stt_provider: "typed",
  tts_provider: "scripted_tts"
} as const

/** The config as the schema itself decodes it. */
const decoded = (raw: typeof BackendConfig.BackendConfig.Encoded) => Schema.decodeSync(BackendConfig.BackendConfig)(raw)

const everything: typeof BackendConfig.BackendConfig.Encoded = {
  ...required,
  provider_config: { public_url: "wss://voice.example" },
  vad_provider: "scripted_vad",
  echo_cancellation: true,
  engines: { typed: { model: "2024" } },
  stt_fallback: ["failing_stt", "endpointing_stt"],
  agent: "echo",
  history: { max_tokens: 2_000 },
  custom_processors: [{ name: "gain", order: -3, options: { db: "6" }, applies_to: ["stt", "vad"] }],
  latency_target: "750ms",
  timeout: "1m30s",
  max_retries: 0,
  max_concurrent_sessions: 12,
  enable_metrics: false,
  overload: { max_lag: "80ms" },
  drain: { mode: "conversation", deadline: "2 minutes" },
  session: { resume_window: "0ms", signing_key: "canary".repeat(6) },
  store: { kind: "postgres", url: "postgres://voice:canary@127.0.0.1/voice", lease: "10s" },
  rate_limits: { create: { user: { limit: 10, window: "1m" } }, audio: { user: { limit: "30m", window: "1h" } } },
  retention: { audio: "off", transcript: "30 days" },
  tools: [{
    name: "order",
    description: "Orders",
    method: "POST",
    url: "https://api.example.com/orders",
    parameters: {
      type: "object",
      properties: { pieces: { type: "integer", minimum: 1 } },
      additionalProperties: false
    },
    body: { pieces: "{pieces}", now: true }
  }]
}

describe("Config.schema(BackendConfig)", () => {
  it.effect("reads from objects what the schema itself reads: durations, numbers, booleans, lists, unions", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(plain(yield* parse(required)), plain(decoded(required)))
      assert.deepStrictEqual(plain(yield* parse(everything)), plain(decoded(everything)))
    }))

  it.effect("reads the same from the environment", () =>
    Effect.gen(function*() {
      const env = {
        voice_provider: "local",
        voice_pipeline_type: "stt_tts",
        voice_stt_provider: "typed",
        voice_tts_provider: "scripted_tts",
        voice_overload_max_lag: "80ms",
        voice_latency_target: "750ms",
        voice_max_concurrent_sessions: "12",
        voice_enable_metrics: "false",
        voice_session_signing_key: "canary".repeat(6),
        voice_retention_transcript: "30 days",
        // an engine's options as an object, and as one text
        voice_engines_typed_model: "2024",
        voice_engines_flite: JSON.stringify({ voice: "slt" })
      }
      const config = yield* Config.schema(BackendConfig.BackendConfig, "voice").parse(ConfigProvider.fromEnv({ env }))
      assert.deepStrictEqual(
        plain(config),
        plain(decoded({
          ...required,
          overload: { max_lag: "80ms" },
          latency_target: "750ms",
          max_concurrent_sessions: 12,
          enable_metrics: false,
          session: { signing_key: "canary".repeat(6) },
          retention: { transcript: "30 days" },
          engines: { typed: { model: "2024" }, flite: { voice: "slt" } }
        }))
      )
      const capitals = Object.fromEntries(
        Object.entries(env).filter(([name]) => !name.includes("engines")).map((
          [name, text]
        ) => [name.toUpperCase(), text])
      )
      const constant = yield* Config.schema(BackendConfig.BackendConfig, "voice").parse(
        ConfigProvider.constantCase(ConfigProvider.fromEnv({ env: capitals }))
      )
      assert.strictEqual(Duration.toMillis(constant.latencyTarget), 750)
      assert.strictEqual(Duration.toMillis(constant.overload.maxLag), 80)
    }))

  it.effect("tells faults without values, and shows no secret", () =>
    Effect.gen(function*() {
      for (
        const wrong of [
          { latency_target: "canary" },
          { max_retries: "canary" },
          { engines: { typed: "canary" } },
          { session: { signing_key: "canary" } },
          { provider: undefined }
        ]
      ) {
        const error = yield* Effect.flip(parse({ ...required, ...wrong }))
        assert.strictEqual(error._tag, "ConfigError")
        if ("provider" in wrong || "max_retries" in wrong) continue
        assert.notInclude(String(error.message), "canary")
      }
      const config = yield* parse({ ...everything, engines: { typed: { api_key: "canary" } } })
      assert.notInclude(inspect(config, { depth: 9 }) + JSON.stringify(config), "canary")
      assert.strictEqual(Redacted.value(config.session.signingKey ?? Redacted.make("")), "canary".repeat(6))
    }))

  it.effect("gives engines, providers and processors the types of their options", () =>
    Effect.gen(function*() {
      const given: Array<unknown> = []
      const options = Schema.Struct({
        rate: Schema.Int,
        fast: Schema.Boolean,
        terms: Schema.Array(Schema.String),
        // digits, but a text
        model: Schema.String,
        nested: Schema.Struct({ ratio: Schema.Number }),
        apiKey: secret()
      }).pipe(Schema.encodeKeys({ apiKey: "api_key" }))
      const typed = EngineRegistry.define({
        kind: "stt",
        name: "typed",
        description: "has options of several types",
        options,
        layer: () => ScriptedRecogniser.layer()
      })
      const gain = AudioProcessor.define({
        name: "gain",
        options: Schema.Struct({ db: Schema.Number }),
        open: ({ db }) => {
          given.push(db)
          return Effect.succeed(AudioProcessor.sync({ name: "gain", process: (frame) => frame }))
        }
      })
      const provider = BackendProvider.make({
        name: "local",
        description: "has an option of a type",
        capabilities: testProvider().capabilities,
        config: Schema.Struct({ port: Schema.Int }),
        connect: () => Effect.never
      })
      const raw = {
        rate: "8000",
        fast: "true",
        terms: "a, b",
        model: "2024",
        nested: { ratio: "0.5" },
        api_key: "1234"
      }
      const expected = { rate: 8_000, fast: true, terms: ["a", "b"], model: "2024", nested: { ratio: 0.5 } }
      const registries = Layer.mergeAll(
        EngineRegistry.EngineRegistry.layer({ ...engines, stt: { ...engines.stt, typed: Effect.succeed(typed) } }),
        AgentRegistry.layer({ echo }),
        AudioProcessor.ProcessorRegistry.layer({ gain })
      )
      for (const each of [raw, { ...raw, terms: ["a", "b"] }, JSON.stringify({ ...expected, api_key: "1234" })]) {
        const config = yield* parse({
          ...required,
          agent: "echo",
          vad_provider: "scripted_vad",
          provider_config: { port: "80" },
          engines: { typed: each },
          custom_processors: [{ name: "gain", options: { db: "6" } }]
        })
        const found = yield* DecodedConfig.decode(provider, config).pipe(Effect.provide(registries))
        const engine = found.engines.stt.get("typed")
        assert.isDefined(engine)
        const { apiKey, ...rest } = engine.options as typeof options.Type
        assert.deepStrictEqual(rest, expected)
        assert.strictEqual(Redacted.value(apiKey), "1234")
        assert.deepStrictEqual(found.provider.options, { port: 80 })
        yield* Effect.forEach(found.processors, (open) => Effect.scoped(open))
        assert.strictEqual(given.pop(), 6)
      }
      // a file says itself what is a number
      const file = yield* BackendConfig.decode({
        ...required,
        agent: "echo",
        engines: { typed: raw },
        provider_config: { port: 80 }
      })
      const error = yield* Effect.flip(DecodedConfig.decode(provider, file).pipe(Effect.provide(registries)))
      assert.include(error.message, "engines.typed.rate")
    }))

  it.effect("reads the section of the server, too", () =>
    Effect.gen(function*() {
      const section = yield* Config.schema(ServerConfig.section.schema).parse(
        ConfigProvider.fromUnknown({
          port: "8081",
          api_keys: ["canary-canary-canary"],
          allowed_origins: ["https://a.example"]
        })
      )
      assert.strictEqual(section.port, 8081)
      assert.notInclude(inspect(section, { depth: 9 }), "canary")
    }))
})

/** Redacted values are compared by what they hold, and options by their entries. */
const plain = (value: unknown): unknown =>
  Redacted.isRedacted(value)
    ? { secret: Redacted.value(value) }
    : Duration.isDuration(value)
    ? Duration.toMillis(value)
    : Array.isArray(value)
    ? value.map(plain)
    : typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
    : value
