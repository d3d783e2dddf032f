/**
 * A canary in every secret field of a config: it is heard nowhere, whatever goes wrong.
 *
 * @since 0.1.0
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, FileSystem, Layer, Logger, References, Schema, Tracer } from "effect"
import * as Formatter from "effect/Formatter"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { inspect } from "node:util"
import * as Agent from "../../src/agent/Agent.ts"
import { AgentRegistry } from "../../src/agent/AgentRegistry.ts"
import * as ConfigSource from "../../src/backend/config/ConfigSource.ts"
import { BackendRegistry } from "../../src/backend/provider/BackendRegistry.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { InvalidConfig, toProblemJson } from "../../src/BackendError.ts"
import * as Builtin from "../../src/builtin/index.ts"
import { ProcessorRegistry } from "../../src/hooks/AudioProcessor.ts"
import * as Local from "../../src/providers/local/index.ts"
import * as Telephony from "../../src/providers/telephony/index.ts"
import { secret } from "../../src/schema/Secret.ts"
import * as Server from "../../src/server/Server.ts"
import { section } from "../../src/server/ServerConfig.ts"
import * as EngineRegistry from "../../src/speech/EngineRegistry.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"

const marker = "do-not-sing"
const canary = `canary-${marker}-7f3a9c-${marker}-0b1d`
const env = { CANARY: canary }

const decodeSchema = Schema.decodeSync(Schema.fromJsonString(Schema.Struct({
  properties: Schema.Struct({
    engines: Schema.Struct({
      properties: Schema.Record(
        Schema.String,
        Schema.Struct({
          properties: Schema.optionalKey(
            Schema.Record(
              Schema.String,
              Schema.Struct({
                writeOnly: Schema.optionalKey(Schema.Boolean),
                // options for one of a vendor's engines only
                properties: Schema.optionalKey(
                  Schema.Record(Schema.String, Schema.Struct({ writeOnly: Schema.optionalKey(Schema.Boolean) }))
                )
              })
            )
          )
        })
      )
    })
  })
})))

interface Field {
  readonly writeOnly?: boolean
  readonly properties?: { readonly [key: string]: Field }
}

/** The paths of secrets. */
const secretsIn = (fields: { readonly [key: string]: Field }): ReadonlyArray<ReadonlyArray<string>> =>
  Object.entries(fields).flatMap(([key, { properties = {}, writeOnly }]) =>
    writeOnly === true ? [[key]] : secretsIn(properties).map((path) => [key, ...path])
  )

/** A canary at each of the paths. */
const sung = (paths: ReadonlyArray<ReadonlyArray<string>>): { readonly [key: string]: unknown } =>
  Object.fromEntries(Array.from(new Set(paths.map(([key = ""]) => key)), (key) => {
    const inner = paths.filter(([first]) => first === key).map(([, ...rest]) => rest).filter(({ length }) => length > 0)
    return [key, inner.length === 0 ? canary : sung(inner)]
  }))

/** Our engines that take secrets, and the fields that are some. */
const keyed = Object.entries(
  decodeSchema(Fs.readFileSync(Builtin.configSchema, "utf8")).properties.engines.properties
).flatMap(([name, { properties = {} }]): ReadonlyArray<readonly [string, ReadonlyArray<ReadonlyArray<string>>]> => {
  const keys = secretsIn(properties)
  return keys.length === 0 ? [] : [[name, keys]]
})

/** Those that have an option without a default. */
const withModel = new Set(["anthropic", "google", "openai-compatible"])

const config = {
  stt_provider: "hosted",
  llm_provider: "openai-compatible",
  mcp: [
    { name: "near", command: process.execPath, args: ["--version"], env: { TOKEN: canary } },
    { name: "far", url: "http://127.0.0.1:1/mcp", headers: { authorization: canary } }
  ],
  tools: [{ name: "look", description: "Looks", url: "http://127.0.0.1:1/look", headers: { authorization: canary } }],
  openapi: [{ name: "shop", url: "http://127.0.0.1:1/openapi.json", headers: { authorization: canary } }],
  tts_provider: "flite",
  engines: {
    ...Object.fromEntries(
      keyed.map(([name, keys]) => [name, { ...sung(keys), ...(withModel.has(name) ? { model: "m" } : {}) }])
    ),
    hosted: { api_key: "${CANARY}" }
  },
  session: { signing_key: canary },
  store: { kind: "memory", url: `postgres://user:${canary}@db.example/voice` },
  rate_limits: { url: `redis://:${canary}@cache.example` },
  custom_processors: [{ name: "mine", options: { license: canary } }],
  provider_config: {
    bind_address: "127.0.0.1",
    ice_servers: [{ urls: "turn:turn.example:3478", username: "u", credential: canary }]
  },
  server: {
    api_keys: [canary, "${CANARY}-2"],
    telemetry: { otlp_endpoint: "http://127.0.0.1:1", otlp_headers: { authorization: canary } }
  }
}

/** The secrets of each kind of carrier, and what else it needs. */
const carriers: ReadonlyArray<{
  readonly kind: string
  readonly secrets: ReadonlyArray<string>
  readonly options: Record<string, unknown>
  /** How many more there are within the options. */
  readonly inside?: number
}> = [
  { kind: "stream", secrets: ["secret"], options: { protocol: "exotel" } },
  {
    kind: "asterisk",
    secrets: ["password"],
    options: { ari: { url: "http://127.0.0.1:8088/ari", username: "u", password: canary } },
    inside: 1
  },
  { kind: "vonage", secrets: ["private_key", "signature_secret"], options: { application_id: "a" } },
  { kind: "telnyx", secrets: ["api_key"], options: { public_key: Buffer.alloc(32, 1).toString("base64") } },
  { kind: "plivo", secrets: ["auth_token"], options: { auth_id: "MA1" } },
  {
    kind: "twilio",
    secrets: ["auth_token", "next_auth_token", "api_secret"],
    options: { account_sid: "AC1", api_key: "SK1" }
  },
  {
    kind: "signalwire",
    secrets: ["api_token", "signing_key"],
    options: { space: "example.signalwire.com", project: "p" }
  }
]

const hosted: EngineRegistry.EngineLoader<"stt"> = Effect.succeed(EngineRegistry.define({
  kind: "stt",
  name: "hosted",
  description: "an engine with a key",
  options: Schema.Struct({ apiKey: secret({ min: 8 }) }).pipe(Schema.encodeKeys({ apiKey: "api_key" })),
  layer: () => ScriptedEngines.layerStt([])
}))

const registries = Layer.mergeAll(
  BackendRegistry.layer(Object.values(Builtin.providers)),
  EngineRegistry.EngineRegistry.layer({ ...Builtin.engines, stt: { ...Builtin.engines.stt, hosted } }),
  AgentRegistry.layer({ builtin: Builtin.BuiltinAgent.agent }),
  ProcessorRegistry.layer({
    mine: () => Effect.fail(new InvalidConfig({ op: "test", message: "not built in this test" }))
  }),
  NodeServices.layer
)

const load = (text: string, suffix: string, variables: ConfigSource.Env = env) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const file = yield* Effect.orDie(fs.makeTempFileScoped({ suffix }))
    yield* Effect.orDie(fs.writeFileString(file, text))
    return yield* ConfigSource.load({ file, env: variables, section })
  }).pipe(Effect.scoped)

const silent = (what: string, text: string): void => {
  assert.isFalse(
    text.includes(marker) || text.includes(encodeURIComponent(marker)) || text.includes(btoa(canary)),
    `${what} tells a secret: ${text.slice(0, 2_000)}`
  )
}

/** The ways in which programs print a value. */
const shown = (value: unknown): ReadonlyArray<readonly [how: string, text: string]> => [
  ["JSON", JSON.stringify(value) ?? ""],
  ["String", String(value)],
  ["inspect", inspect(value, { depth: Infinity, showHidden: true, getters: true })],
  ["a crash", inspect(Object.assign(new Error("crash", { cause: value }), { value }), { depth: Infinity })],
  ["Formatter", Formatter.format(value)],
  ["Formatter as JSON", Formatter.formatJson(value) ?? ""],
  ["a crash as Node tells it", inspect(value, { depth: Infinity, customInspect: false })],
  ["a failure", Cause.pretty(Cause.fail(value))],
  ["a defect", Cause.pretty(Cause.die(value))]
]

const formats = [Logger.formatJson, Logger.formatLogFmt, Logger.formatSimple]

/** Everything that is logged, at any level, in every format. */
const logged = () => {
  const lines: Array<string> = []
  const layer = Layer.merge(
    Logger.layer(formats.map((format) => Logger.map(format, (line) => void lines.push(line)))),
    Layer.succeed(References.MinimumLogLevel, "Trace")
  )
  return { lines, layer }
}

const decoded = load(JSON.stringify(config), ".json")

describe("secrets", () => {
  it("are the fields that the schema of configs marks, all of them tested here", () => {
    const schema = Fs.readFileSync(Builtin.configSchema, "utf8")
    const ofEngines = keyed.flatMap(([, keys]) => keys).length
    assert.isAbove(ofEngines, 0)
    const ofCarriers = carriers.reduce((sum, { inside = 0, secrets }) => sum + secrets.length + inside, 0)
    assert.strictEqual(schema.match(/"writeOnly": true/g)?.length, 11 + ofEngines + ofCarriers)
    silent("the schema", schema)
  })

  it.effect("are redacted in the options of carriers", () =>
    Effect.gen(function*() {
      for (const { inside = 0, kind, options, secrets } of carriers) {
        const sung = Object.fromEntries(secrets.map((name) => [name, canary]))
        const { options: decoded } = yield* Telephony.provider.configure({
          public_url: "https://voice.example.com",
          carriers: [{ name: "one", kind, ...options, ...sung }]
        })
        for (const [how, text] of shown(decoded)) silent(`${kind}: ${how}`, text)
        assert.strictEqual(JSON.stringify(decoded).match(/<redacted/g)?.length, secrets.length + inside, kind)
      }
    }))

  it.effect("are redacted in a decoded config, however it is printed", () =>
    Effect.gen(function*() {
      const loaded = yield* decoded
      for (const part of [loaded, loaded.config, loaded.config.engines, loaded.config.providerConfig, loaded.section]) {
        for (const [how, text] of shown(part)) silent(how, text)
        for (const [how, text] of shown({ inside: [part] })) silent(how, text)
      }
      for (const options of Object.values(loaded.config.engines)) {
        for (const [how, text] of shown(options)) silent(how, text)
      }
      // They are there.
      assert.strictEqual(loaded.config.engines["hosted"]?.["api_key"], canary)
      assert.include(JSON.stringify(loaded.config), "<redacted")
      const { layer, lines } = logged()
      yield* Effect.logInfo("the config", loaded, loaded.config).pipe(
        Effect.annotateLogs({ config: loaded.config, section: loaded.section }),
        Effect.provide(layer)
      )
      assert.isAbove(lines.length, 0)
      silent("a log line", lines.join("\n"))
    }).pipe(Effect.provide(registries)))

  const paths = [
    "engines.hosted.api_key",
    "session.signing_key",
    "store.url",
    "rate_limits.url",
    "provider_config.api_secret",
    "provider_config.ice_servers.0.credential",
    "provider_config.ice_servers.0.username",
    ...new Set(carriers.flatMap(({ secrets }) => secrets.map((name) => `provider_config.carriers.0.${name}`))),
    "provider_config.carriers.0.ari.password",
    "server.api_keys.0",
    "custom_processors.0.options",
    "mcp.0.env.TOKEN",
    "mcp.1.headers.authorization",
    "tools.0.headers.authorization",
    "openapi.0.headers.authorization"
  ]
  /** A copy with something else at a path. */
  const put = (node: unknown, path: ReadonlyArray<string>, value: unknown): unknown => {
    const [key, ...rest] = path
    if (key === undefined) return value
    if (Array.isArray(node)) return node.map((item, i) => String(i) === key ? put(item, rest, value) : item)
    const record = typeof node === "object" && node !== null ? node as Record<string, unknown> : {}
    return { ...record, [key]: put(record[key], rest, value) }
  }

  it.effect("are in no fault", () =>
    Effect.gen(function*() {
      const bad: Array<readonly [text: string, suffix: string, env?: ConfigSource.Env]> = []
      const json = (value: unknown) => bad.push([JSON.stringify(value), ".json"])
      for (const path of paths) {
        const parts = path.split(".")
        for (
          const value of [
            canary.repeat(200),
            [canary],
            `${canary} \${UNSET}`,
            { value: canary, more: [canary] },
            null
          ]
        ) json(put({ ...config, max_retries: canary }, parts, value))
        // The secret where its section should be, and beside it.
        for (let i = 1; i < parts.length; i++) json(put(config, parts.slice(0, i), canary))
        json(put(config, [...parts.slice(0, -1), "unknown"], canary))
      }
      for (
        const key of ["provider", "pipeline_type", "stt_provider", "agent", "latency_target", "max_retries", "drain"]
      ) {
        json({ ...config, [key]: canary })
      }
      bad.push(
        [`session:\n  signing_key: ${canary}\n bad`, ".yaml"],
        [`session: { signing_key: *${canary} }`, ".yaml"],
        [`${canary}: *x\n${canary}: 1`, ".yaml"],
        [`session: !${canary} 1`, ".yaml"],
        [`{"session":{"signing_key":"${canary}"`, ".json"],
        [`{"session":{"signing_key":${canary}}}`, ".json"],
        [canary, ".yaml"],
        ["{}", ".json", { EFFECT_VOICE_SERVER__API_KEYS: `${canary},short` }],
        ["{}", ".json", { EFFECT_VOICE_SERVER__PORT: canary }],
        ["{}", ".json", { EFFECT_VOICE_SESSION: canary }],
        ["{}", ".json", { EFFECT_VOICE_ENGINES__HOSTED__API_KEY: canary, EFFECT_VOICE_MAX_RETRIES: canary }],
        ["max_retries: ${CANARY}", ".yaml"]
      )
      let failures = 0
      for (const [text, suffix, variables = env] of bad) {
        const result = yield* Effect.result(load(text, suffix, variables))
        if (result._tag === "Success") continue
        failures++
        const { failure } = result
        silent("the message", failure.message)
        silent("the problem", JSON.stringify(toProblemJson(failure)))
        for (const [how, shownText] of shown(failure)) silent(how, shownText)
      }
      assert.isAbove(failures, bad.length * 0.75)
    }).pipe(Effect.provide(registries)))

  it("are in no output of a command, nor of a crash", () => {
    const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-canary-"))
    try {
      const root = Path.resolve(import.meta.dirname, "../..")
      const file = Path.join(directory, "voice.json")
      const { custom_processors: _, ...rest } = config
      const good = {
        ...rest,
        stt_provider: "moonshine",
        engines: { moonshine: {}, "openai-compatible": { model: "m", api_key: canary } }
      }
      const cli = (...args: ReadonlyArray<string>) => {
        const { status, stderr, stdout } = spawnSync(
          process.execPath,
          ["--disable-warning=ExperimentalWarning", Path.join(root, "src/cli/main.ts"), ...args],
          { cwd: root, encoding: "utf8", env: { ...process.env, ...env } }
        )
        silent(args.join(" "), stdout + stderr)
        return { status, text: stdout + stderr }
      }
      Fs.writeFileSync(file, JSON.stringify(good))
      const ok = cli("check", "--config", file)
      assert.strictEqual(ok.status, 0, ok.text)
      assert.include(ok.text, "API keys: 2")
      Fs.writeFileSync(
        file,
        JSON.stringify({ ...good, engines: { ...good.engines, moonshine: { api_key: canary } }, drain: canary })
      )
      assert.strictEqual(cli("check", "--config", file).status, 1)
      assert.strictEqual(cli("serve", "--config", file, "--port", "0").status, 1)
      assert.strictEqual(cli("schema").status, 0)
      assert.strictEqual(cli("check", "--config", directory).status, 2)

      // the carriers', in a config that is good and in one whose faults are of each of them
      const calling = (fault: object) =>
        JSON.stringify({
          ...good,
          provider: "telephony",
          provider_config: {
            public_url: "https://voice.example.com",
            carriers: carriers.map(({ kind, options, secrets }) => ({
              name: kind,
              kind,
              ...options,
              ...Object.fromEntries(secrets.map((name) => [name, canary])),
              ...fault
            }))
          }
        })
      Fs.writeFileSync(file, calling({}))
      const answered = cli("check", "--config", file)
      assert.strictEqual(answered.status, 0, answered.text)
      Fs.writeFileSync(file, calling({ token: canary, agent: [canary] }))
      assert.strictEqual(cli("check", "--config", file).status, 1)

      const crash = (code: string) => {
        const { status, stderr } = spawnSync(
          process.execPath,
          ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", code],
          { cwd: root, encoding: "utf8" }
        )
        assert.notStrictEqual(status, 0)
        assert.match(stderr, /pipelineType|redacted|#<Object>/)
        silent("a crash", stderr)
      }
      const source = Path.join(root, "src/backend/config/BackendConfig.ts")
      const read = `import { Effect } from "effect"
const { decode } = await import(${JSON.stringify(source)})
const config = await Effect.runPromise(decode(JSON.parse(process.argv[1] ?? ${
        JSON.stringify(JSON.stringify({ ...good, server: undefined, provider: "local", pipeline_type: "stt_tts" }))
      })))
`
      crash(`${read}throw Object.assign(new Error("crash"), { config })`)
      crash(`${read}Promise.reject(config)`)
      crash(`${read}await Effect.runPromise(Effect.die(config))`)
    } finally {
      Fs.rmSync(directory, { recursive: true, force: true })
    }
  })

  it.live(
    "are in no response, log line or span of a server, except in the response that creates a session",
    () =>
      Effect.gen(function*() {
        const { config: backend, section: listen } = yield* decoded
        const spans: Array<Tracer.Span> = []
        const tracer = Layer.succeed(
          Tracer.Tracer,
          Tracer.make({
            span: (options) => {
              const span = new Tracer.NativeSpan(options)
              spans.push(span)
              return span
            }
          })
        )
        const { layer: logger, lines } = logged()
        const server = Server.layer({ ...listen, port: 0, providers: [Local.provider] }).pipe(
          Layer.provide(VoiceBackend.layerSttTts({
            agent: Agent.fromCallback(() => Effect.die(new Error("crash", { cause: backend }))),
            config: {
              providerConfig: backend.providerConfig,
              engines: backend.engines,
              session: backend.session
            }
          })),
          Layer.provide([
            Local.layer,
            ScriptedEngines.layerVad(),
            ScriptedEngines.layerStt(["hello"]),
            ScriptedEngines.layerTts()
          ])
        )
        yield* Effect.gen(function*() {
          const { url } = yield* Server.VoiceServer
          const ask = (path: string, init: RequestInit = {}) =>
            Effect.promise(async () => {
              const response = await fetch(`${url}${path}`, init)
              return {
                status: response.status,
                text: `${await response.text()}${JSON.stringify([...response.headers])}`
              }
            })
          const authorization = `Bearer ${canary}`
          const json = { authorization, "content-type": "application/json" }
          const body = (transport: string) => JSON.stringify({ user_id: "ada", transport })
          for (const path of ["/", "/docs", "/openapi.json", "/metrics", "/health/live", "/health/ready"]) {
            const { status, text } = yield* ask(path)
            assert.strictEqual(status, 200, path)
            silent(path, text)
          }
          for (const path of ["/v1/providers", "/v1/sessions", "/v1/sessions/none", `/v1/sessions/s?token=${canary}`]) {
            silent(path, (yield* ask(path, { headers: { authorization } })).text)
            silent(path, (yield* ask(path, { headers: { authorization: `${authorization}x` } })).text)
          }
          for (const text of ["", canary, `{"user_id":${JSON.stringify({ [canary]: canary })}}`, `{"${canary}"`]) {
            silent(text, (yield* ask("/v1/sessions", { method: "POST", headers: json, body: text })).text)
          }
          const heard = yield* ask("/v1/sessions", { method: "POST", headers: json, body: body("websocket") })
          assert.strictEqual(heard.status, 201)
          silent("a WebSocket session", heard.text)
          const called = yield* ask("/v1/sessions", { method: "POST", headers: json, body: body("webrtc") })
          assert.strictEqual(called.status, 201)
          assert.include(called.text, `"credential":"${canary}"`)
          const id = String(/"id":"([^"]+)"/.exec(called.text)?.[1])
          for (const query of [`?token=${canary}`, ""]) {
            const refused = yield* ask(`/v1/sessions/${id}/offer${query}`, {
              method: "POST",
              headers: { authorization, "content-type": "application/sdp" },
              body: canary
            })
            assert.strictEqual(refused.status, 401)
            silent("an offer", refused.text)
          }
          silent("the list", (yield* ask("/v1/sessions", { headers: { authorization } })).text)
          silent("a session", (yield* ask(`/v1/sessions/${id}`, { headers: { authorization } })).text)
        }).pipe(Effect.provide(Layer.provideMerge(server, Layer.merge(tracer, logger))))
        assert.isAbove(spans.length, 0)
        for (const span of spans) {
          silent(`the span ${span.name}`, span.name)
          silent(
            `the span ${span.name}`,
            inspect([...span.attributes, ...span.links], { depth: 8 })
          )
        }
        silent("a log line", lines.join("\n"))
      }).pipe(Effect.provide(registries))
  )
})
