/**
 * The JSON Schema of configs and the decoder, on the same configs.
 *
 * @since 0.1.0
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { readFileSync } from "node:fs"
import { builtin } from "../../scripts/check/BuiltinSchema.ts"
import { docsOf } from "../../scripts/check/SchemaDocs.ts"
import * as ConfigSource from "../../src/backend/config/ConfigSource.ts"
import * as Builtin from "../../src/builtin/index.ts"
import { section } from "../../src/server/ServerConfig.ts"
import { fits, isNode, type Node } from "./JsonSchema.ts"

const text = readFileSync(Builtin.configSchema, "utf8")
const schema: Node = JSON.parse(text)

const decodes = (config: unknown, env: ConfigSource.Env) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const file = yield* fs.makeTempFileScoped({ suffix: ".json" })
    yield* fs.writeFileString(file, JSON.stringify(config))
    return (yield* Effect.exit(ConfigSource.load({ file, env, section })))._tag === "Success"
  }).pipe(Effect.scoped)

const key = "k".repeat(32)
const good: ReadonlyArray<Node> = [
  {},
  { $schema: "node_modules/effect-voice/dist/builtin/config.schema.json" },
  { provider: "local", pipeline_type: "stt_tts", stt_provider: "moonshine", tts_provider: "flite" },
  { latency_target: "100ms", timeout: "5m", retry_delay: "30 seconds", max_retries: 0 },
  { latency_target: "0.5s", timeout: " 1m30s ", drain: { deadline: "1h", mode: "conversation" } },
  { max_retries: 10, max_concurrent_sessions: 100_000, enable_tracing: false, enable_metrics: true },
  { session: { connect_window: "1s", resume_window: "0ms", longest: "24h", token_ttl: "1m", signing_key: key } },
  { store: { kind: "sqlite", path: "/tmp/x.db", lease: "5m" } },
  {
    conversation: {
      first_speaker: "user",
      greeting: "",
      endpointing: { mode: "adaptive", silence: "300ms", threshold: 0.25 },
      interruption: { min_words: 20, backchannels: ["go on"], patience: "10s" },
      away: { after: "0ms", close_after: "2m" }
    }
  },
  { engines: { moonshine: { model: "base", threads: 2 }, flite: { voice: "slt", rate: 1.5 } } },
  { engines: { energy: { margin: 3, min_level: -80 }, text: { phone_digits: [7], fillers: ["so"] } } },
  { stt_provider: "moonshine", tts_provider: "flite", turn_detection_provider: "text", vad_provider: "energy" },
  { provider_config: { ice_servers: [{ urls: "stun:stun.example.org:3478" }], max_connections_per_session: 32 } },
  { provider_config: { ice_servers: [{ urls: ["turn:[::1]:3478?transport=tcp"], username: "u", credential: "c" }] } },
  {
    provider_config: { udp_port_range: { begin: 1_024, end: 65_535 }, bind_address: "::1", announce_address: "1.2.3.4" }
  },
  { server: { host: "0.0.0.0", port: 0, api_keys: ["k".repeat(16)], allowed_origins: ["https://a.example:8443"] } },
  { rate_limits: { create: { user: { limit: 10, window: "1m" } }, audio: { user: { limit: "30m", window: "1h" } } } },
  { engines: { rnnoise: { applies_to: ["receive", "stt"] } } },
  { turn_detection_provider: "text", noise_cancellation_provider: "rnnoise" },
  {
    server: { trusted_proxies: ["10.0.0.0/8", "::1"], tls: { cert: "cert.pem", key: "key.pem" }, max_connections: 16 }
  },
  { server: { public_url: "https://voice.example.org/base" } },
  // What the environment gives.
  {
    max_retries: "${NUMBER}",
    latency_target: "${UNSET:-1s}",
    enable_tracing: "${UNSET:-false}",
    session: { signing_key: "${KEY}" },
    server: { port: "${NUMBER}", api_keys: "${KEY},${KEY}" },
    engines: { moonshine: { model: "${UNSET:-tiny}" }, flite: { rate: "${UNSET:-1}" } },
    provider_config: { bind_address: "${UNSET:-127.0.0.1}" }
  }
]

const at = (path: string, value: unknown): Node =>
  path.split(".").reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Node

const wrong: ReadonlyArray<readonly [path: string, ...values: ReadonlyArray<unknown>]> = [
  ["latency_target", "soon", 500, "", "-1s", "1 fortnight"],
  ["max_retries", -1, 11, 1.5, "3", null],
  ["max_concurrent_sessions", 0, -1, 1.5],
  ["drain.mode", "now"],
  ["drain.wait", 1],
  ["drain", "soon", []],
  ["store.kind", "", 5],
  ["store.path", "", "x".repeat(4_097)],
  ["session.signing_key", "k".repeat(31), 5, "k".repeat(513)],
  ["session.resume_windo", "1m"],
  ["provider", "", "x".repeat(129), null, 5],
  ["pipeline_type", "tts"],
  ["enable_tracing", "yes", 1],
  ["colour", "red"],
  ["engines", "s3cret", []],
  ["engines.moonshine", "s3cret", 5],
  ["engines.moonshine.model", "huge"],
  ["engines.moonshine.size", 3],
  ["engines.flite.rate", 0.1, "1"],
  ["engines.flite.workers", 17, 1.5],
  ["engines.text.phone_digits", [], ["7"], Array.from({ length: 21 }, () => 7)],
  ["engines.silero.threshold", 1, "high"],
  ["conversation.first_speaker", "nobody"],
  ["conversation.endpointing.threshold", 1.1],
  ["conversation.interruption.min_words", 21],
  ["conversation.interruption.backchannels", [""], "x", Array.from({ length: 201 }, () => "x")],
  ["custom_processors", [{}], [{ name: "" }], [{ name: "x", order: 1.5 }], [{ name: "x", colour: 1 }]],
  ["stt_fallback", "moonshine", [""], [5]],
  ["provider_config.ice_servers", [{}], [{ urls: "http://x" }], [{ urls: [5] }], "stun:x"],
  ["provider_config.udp_port_range", { begin: 1_024 }, { begin: 1, end: 2_000 }],
  ["provider_config.bind_address", "eth0"],
  ["provider_config.colour", "red"],
  ["server.port", 1.5, 65_536, "http"],
  ["engines.rnnoise.applies_to", [], ["nobody"], "stt"],
  ["server.tls", true, {}, { cert: "" }],
  ["server.trusted_proxies", ["localhost"], "10.0.0.0/8"],
  ["server.max_connections", 15, "many"],
  ["rate_limits.create", { user: { limit: 0, window: "1m" } }, { user: { limit: 1 } }, { everybody: {} }],
  ["rate_limits.store", "sqlite"],
  ["server.api_keys", ["short"], "k".repeat(16).slice(1), [5]],
  ["server.public_url", "voice.example.org", "https://u@x.example", "https://x.example/?a=b"],
  ["server.allowed_origins", ["a.example"], ["https://a.example/path"]]
]

/** What only the decoder sees: bounds of durations, rules across fields, and names that nobody registered. */
const beyond: ReadonlyArray<Node> = [
  { latency_target: "99ms" },
  { timeout: "301s" },
  { session: { token_ttl: "30s", resume_window: "1m" } },
  { pipeline_type: "s2s" },
  { stt_provider: "moonshine" },
  { store: { kind: "redis" } },
  { store: { kind: "paper" } },
  { agent: "someone" },
  { engines: { elsewhere: {} } },
  { provider_config: { udp_port_range: { begin: 3_000, end: 2_000 } } },
  { max_retries: "${NUMBER}${NUMBER}" },
  { latency_target: "${UNSET}" }
]

const env = { NUMBER: "7", KEY: key }

const everyField = (node: unknown, path: string, found: Array<readonly [string, Node]> = []) => {
  if (Array.isArray(node)) { for (const each of node) everyField(each, path, found) }
  else if (isNode(node)) {
    for (const [keyword, inner] of Object.entries(node)) {
      if (keyword === "if" || keyword === "default" || keyword === "examples") continue
      if (keyword === "properties" && isNode(inner)) {
        for (const [name, each] of Object.entries(inner)) {
          const field = path === "" ? name : `${path}.${name}`
          if (isNode(each) && Object.keys(each).join() !== "properties,additionalProperties") found.push([field, each])
          everyField(each, field, found)
        }
      } else everyField(inner, path, found)
    }
  }
  return found
}

describe("ConfigSchema", () => {
  it("is current: npm run fix", async () => {
    const made = await builtin()
    assert.deepStrictEqual(made.undescribed, [])
    assert.strictEqual(text, `${JSON.stringify(made.schema, undefined, 2)}\n`)
  })

  it("takes descriptions from the JSDoc of the schema", () => {
    const docs = docsOf(
      "/**\n * A thing.\n *\n * - `maxSize`: how large\n *   it is, beside `minSize`. 5.\n * - `a.bC`: inner.\n *\n * @since 0.1.0\n */\nexport const Thing = 1\n",
      /^Thing$/
    )
    assert.deepStrictEqual(Array.from(docs), [
      ["max_size", "How large it is, beside `min_size`. 5."],
      ["a.b_c", "Inner."]
    ])
  })

  it("describes every field, and every default fits its field", () => {
    const fields = everyField(schema, "")
    assert.isAbove(fields.length, 70)
    for (const [path, node] of fields) {
      if (path === "provider_config" && node["description"] === undefined) continue
      assert.isString(node["description"], path)
      assert.notStrictEqual(node["description"], "", path)
      if (node["default"] !== undefined) assert.isTrue(fits(schema, node["default"], node), `default of ${path}`)
    }
  })

  it("marks secrets, and nothing else", () => {
    const isSecret = (node: unknown): boolean =>
      Array.isArray(node)
        ? node.some(isSecret)
        : isNode(node) && (node["writeOnly"] === true || isSecret(node["anyOf"]) || isSecret(node["items"]))
    const secrets = everyField(schema, "").flatMap(([path, node]) => isSecret(node) ? [path] : [])
    const isEngines = (path: string) => /^engines\.[\w-]+\.(?:(?:stt|tts|s2s)\.)?(api_key|token)$/u.test(path)
    assert.include(secrets.filter(isEngines), "engines.pipecat.api_key")
    // each kind of carrier has its own
    const isCarrier = (path: string) =>
      /^provider_config\.carriers\.(?:\w+\.)?\w*(?:secret|password|token|key)$/u.test(path)
    assert.includeMembers(secrets.filter(isCarrier), [
      "provider_config.carriers.secret",
      "provider_config.carriers.password"
    ])
    assert.deepStrictEqual(secrets.filter((path) => !isEngines(path) && !isCarrier(path)).toSorted(), [
      "provider_config.api_secret",
      "provider_config.ice_servers.credential",
      "rate_limits.url",
      "server.api_keys",
      "session.signing_key",
      "store.url"
    ])
  })

  it.effect("judges configs as the decoder does", () =>
    Effect.gen(function*() {
      for (const config of good) {
        const told = JSON.stringify(config)
        assert.isTrue(fits(schema, config), `the schema refuses ${told}`)
        assert.isTrue(yield* decodes(config, env), `the decoder refuses ${told}`)
      }
      for (const [path, ...values] of wrong) {
        for (const value of values) {
          const told = JSON.stringify(at(path, value)).slice(0, 200)
          assert.isFalse(fits(schema, at(path, value)), `the schema takes ${told}`)
          assert.isFalse(yield* decodes(at(path, value), env), `the decoder takes ${told}`)
        }
      }
      for (const config of beyond) {
        const told = JSON.stringify(config)
        assert.isTrue(fits(schema, config), `the schema refuses ${told}`)
        assert.isFalse(yield* decodes(config, env), `the decoder takes ${told}`)
      }
    }).pipe(Effect.provide(Layer.merge(Builtin.layer, NodeServices.layer))))

  it("knows the options of ours, and leaves those of others open", () => {
    assert.isTrue(fits(schema, { provider: "mine", provider_config: { anything: 1 } }))
    assert.isTrue(fits(schema, { engines: { mine: { anything: 1 } }, stt_provider: "mine" }))
    assert.isFalse(fits(schema, { provider: "local", provider_config: { anything: 1 } }))
  })
})
