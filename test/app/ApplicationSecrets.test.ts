/**
 * An application with a canary in each secret that it holds and in each failure of its code: clients, models, spans and metrics get
 * none of them, the log the failures alone. Every outlet is read by one scanner.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, Duration, Effect, Layer, Logger, Metric, Redacted, References, Schema, Stream } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { PrometheusMetrics } from "effect/observability"
import { WebSocket } from "ws"
import { CallContext } from "../../src/agent/CallContext.ts"
import * as Agent from "../../src/agent/index.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { type LayerOptions, VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { AgentError, ConnectionFailed, PipelineError } from "../../src/BackendError.ts"
import * as AudioProcessor from "../../src/hooks/AudioProcessor.ts"
import { AuthHook } from "../../src/hooks/AuthHook.ts"
import { DataRetentionHook } from "../../src/hooks/DataRetentionHook.ts"
import { RateLimiter } from "../../src/hooks/RateLimiter.ts"
import * as Local from "../../src/providers/local/index.ts"
import * as Server from "../../src/server/Server.ts"
import type { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import { SessionArchive } from "../../src/session/retention/SessionArchive.ts"
import { SpeechToText } from "../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { TurnDetector } from "../../src/speech/TurnDetector.ts"
import { VoiceActivityDetector } from "../../src/speech/VoiceActivityDetector.ts"
import * as MemoryStore from "../../src/store/MemoryStore.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedLanguageModel from "../../src/testing/scripted/ScriptedLanguageModel.ts"
import { neverOverloaded } from "../server/support.ts"
import { Canaries } from "../support/Canaries.ts"
import { everything, Recording } from "../telemetry/RecordingTracer.ts"

class Declined extends Data.TaggedError("Declined")<{ readonly message: string; readonly apiKey: string }> {}

class Refused extends Error {
  readonly request: unknown
  constructor(message: string) {
    super(message)
    this.request = { url: message, headers: { authorization: message } }
  }
}

/** The ways in which code fails with a text. */
const errors: { readonly [way: string]: (text: string) => unknown } = {
  "an error": (text) => new Error(text),
  "a cause": (text) => new Error("failed", { cause: new Error("of", { cause: new Error(text) }) }),
  "fields of a request": (text) => new Refused(text),
  "a tagged error": (text) => new Declined({ message: text, apiKey: text }),
  "a text": (text) => text,
  "an object": (text) => ({ reason: text, key: text }),
  "an object with toJSON": (text) => ({ message: text, toJSON: () => ({ text }), toString: () => text }),
  "several errors": (text) => new AggregateError([new Error(text), new Error("and more")], "several"),
  "an agent's error of ours": (text) =>
    new AgentError({
      op: text,
      message: text,
      details: { reason: text, vendor: text, path: text, faults: [text] },
      cause: new Error(text),
      retryable: false
    }),
  "an engine's error of ours": (text) =>
    new PipelineError({
      op: "Engine.run",
      message: text,
      details: { url: text },
      cause: new Error(text),
      retryable: true
    }),
  "a connection's error of ours": (text) =>
    new ConnectionFailed({ op: "db", message: text, details: { part: text }, cause: new Error(text) })
}

/** An application may do what the types do not allow, so it has any of them. */
type Failing = () => Effect.Effect<never>

interface Way {
  readonly name: string
  readonly fail: (text: string) => Failing
}

const ways: ReadonlyArray<Way> = [
  ...Object.entries(errors).flatMap(([name, make]): ReadonlyArray<Way> => [
    { name: `fails with ${name}`, fail: (text) => () => Effect.fail(make(text)) as Effect.Effect<never> },
    { name: `dies of ${name}`, fail: (text) => () => Effect.die(make(text)) }
  ]),
  {
    name: "throws",
    fail: (text) => () => {
      throw new Error(text)
    }
  }
]

const canaries = new Canaries()

/** The secrets of the config. */
const held = {
  apiKey: canaries.held("server.api_keys"),
  signingKey: canaries.held("session.signing_key"),
  relay: canaries.held("ice_servers.credential"),
  database: canaries.held("the password in store.url"),
  cache: canaries.held("the password in rate_limits.url")
}
const config = BackendConfig.decode({
  provider: "local",
  pipeline_type: "stt_tts",
  stt_provider: "moonshine",
  tts_provider: "flite",
  agent: "builtin",
  session: { signing_key: held.signingKey },
  store: { kind: "memory", url: `postgres://voice:${held.database}@db.example/voice` },
  rate_limits: { url: `redis://:${held.cache}@cache.example` },
  provider_config: {
    bind_address: "127.0.0.1",
    ice_servers: [{ urls: "turn:turn.example:3478", username: "u", credential: held.relay }]
  }
})

const ok = Effect.succeed(true)
const hooks = {
  auth: AuthHook.of({
    authenticate: (token) =>
      token === "token-of-ada"
        ? Effect.succeed({ userId: "ada", authorized: true })
        : Effect.succeed({ userId: "", authorized: false }),
    authorize: () => ok
  }),
  rateLimiter: RateLimiter.of({ allow: () => ok, wait: () => Effect.void }),
  retention: DataRetentionHook.of({
    shouldRetain: () => ok,
    getRetentionPeriod: () => Effect.succeed(Duration.days(1))
  }),
  archive: SessionArchive.of({
    begin: () => Effect.succeed(1),
    write: () => ok,
    append: () => ok,
    finish: () => Effect.void,
    list: () => Effect.succeed([]),
    erase: () => Effect.succeed(0),
    eraseUser: () => Effect.succeed(0),
    sweep: Effect.succeed(0)
  })
}

/** A service of which some operations are others. */
const changed = <S extends object>(service: S, change: { readonly [operation in keyof S]?: unknown }): S => ({
  ...service,
  ...change
})

interface Engines {
  readonly stt?: Layer.Layer<SpeechToText>
  readonly tts?: Layer.Layer<TextToSpeech>
  readonly vad?: Layer.Layer<VoiceActivityDetector>
}

interface App extends Omit<LayerOptions, "config"> {
  readonly auth?: AuthHook["Service"]
  readonly rateLimiter?: RateLimiter["Service"]
  readonly retention?: DataRetentionHook["Service"]
  readonly archive?: SessionArchive["Service"]
  readonly store?: SessionStore["Service"]
  readonly turnDetector?: TurnDetector["Service"]
  readonly engines?: Engines
}

const engine = <I, S extends object>(
  tag: { readonly of: (service: S) => S } & Parameters<typeof Layer.effect<I, S>>[0],
  of: Layer.Layer<I>,
  change: { readonly [operation in keyof S]?: unknown }
) =>
  Layer.effect(tag, Effect.map(tag as Effect.Effect<S, never, I>, (own) => changed(own, change))).pipe(
    Layer.provide(of)
  )

/** Everything that the loggers of applications may write of a line. */
const logger = (outlet: string) => {
  const hear = (line: unknown) => canaries.hear(outlet, typeof line === "string" ? line : JSON.stringify(line))
  return Layer.merge(
    Logger.layer([
      Logger.map(Logger.formatJson, hear),
      Logger.map(Logger.formatLogFmt, hear),
      Logger.map(Logger.formatStructured, hear),
      Logger.make<unknown, void>(({ cause }) =>
        Cause.prettyErrors(cause).forEach((error) => hear(JSON.stringify({ ...error, stack: error.stack })))
      )
    ]),
    Layer.succeed(References.MinimumLogLevel, "Trace")
  )
}

const json = { "content-type": "application/json" }

/** One call on a WebSocket: a spoken turn, two typed ones, and the end. */
const talk = (name: string, url: string) =>
  Effect.callback<void>((resume) => {
    const hear = (text: string) => canaries.hear(`socket: ${name}`, text)
    const socket = new WebSocket(url, ["effect-voice.v1"])
    const send = (message: object) => socket.send(JSON.stringify(message))
    let turns = 0
    socket.on("open", () => {
      socket.send(Buffer.from(new Uint8Array(ScriptedEngines.speech(400).buffer)))
      socket.send(Buffer.from(new Uint8Array(ScriptedEngines.silence(800).buffer)))
      send({ type: "user.text", text: "hello" })
    })
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) return
      hear(data.toString())
      if (!/"type":"(?:agent.speech_stopped|error|turn.unanswered)"/u.test(data.toString())) return
      turns++
      if (turns < 3) send({ type: "user.text", text: "again" })
      else if (turns === 3) send({ type: "session.end" })
    })
    socket.on("unexpected-response", (_, response) => {
      hear(`${response.statusCode} ${JSON.stringify(response.rawHeaders)}`)
      resume(Effect.void)
    })
    socket.on("close", (code, reason) => {
      hear(`${code} ${reason.toString()}`)
      resume(Effect.void)
    })
    socket.on("error", (error) => hear(error.message))
    return Effect.sync(() => socket.terminate())
  }).pipe(Effect.timeoutOption("2 seconds"))

/** Uses a whole server as strangers, users and operators do; whatever it answers is heard. */
const use = Effect.fnUntraced(function*(name: string, url: string, authorization: string) {
  const ask = (path: string, init: RequestInit = {}) =>
    Effect.promise(async (signal) => {
      const response = await fetch(`${url}${path}`, { ...init, signal })
      const text = await response.text()
      canaries.hear(
        `http: ${name} ${path}`,
        // the credential of the relay is for the user of a WebRTC session
        `${response.statusText} ${JSON.stringify([...response.headers])} ${text.replaceAll(held.relay, "")}`
      )
      return { status: response.status, text }
    })
  const as = { authorization }
  const post = (transport: string) =>
    ask("/v1/sessions", {
      method: "POST",
      headers: { ...as, ...json },
      body: JSON.stringify({ user_id: "ada", transport, metadata: { plan: "gold" } })
    })
  const created = yield* post("websocket")
  yield* post("webrtc")
  if (created.status === 201) {
    const { connection_url, id, token } = JSON.parse(created.text) as { readonly [key: string]: string }
    yield* talk(name, `${connection_url}?token=${token}`)
    yield* ask(`/v1/sessions/${id}`, { headers: as })
    yield* ask(`/v1/sessions/${id}/metadata`, { method: "PATCH", headers: { ...as, ...json }, body: "{\"seat\":3}" })
    yield* ask(`/v1/sessions/${id}`, { method: "DELETE", headers: as })
    return token
  }
  for (const path of ["/v1/sessions", "/v1/providers", "/metrics", "/nowhere"]) {
    yield* ask(path, { headers: as })
    yield* ask(path)
  }
  return undefined
}, (effect, name, url, authorization) =>
  Effect.tap(effect, () =>
    Effect.promise(async () => {
      // on loopback everybody is an operator
      const response = await fetch(`${url}/health/ready`, { headers: { authorization } })
      canaries.hear(`operator: ${name}`, await response.text())
    })))

/** Runs an application, uses it, and hears its spans, metrics and log; the token of the session that it made. */
const run = Effect.fnUntraced(function*(name: string, { engines = {}, ...app }: App) {
  const { providerConfig, rateLimits, session } = yield* config
  const recording = new Recording()
  const registry = new Map()
  const backend = VoiceBackend.layerSttTts({
    agent: Agent.fromCallback((words) => Effect.succeed(`You said ${words}.`)),
    ...app,
    config: {
      overload: neverOverloaded,
      timeout: Duration.seconds(1),
      maxRetries: 0,
      session,
      rateLimits,
      providerConfig
    }
  }).pipe(Layer.provide([
    Local.layer,
    engines.vad ?? ScriptedEngines.layerVad(),
    engines.stt ?? ScriptedEngines.layerStt(["good morning"]),
    engines.tts ?? ScriptedEngines.layerTts({ msPerCharacter: 2 })
  ]))
  const listen = { port: 0, apiKeys: [Redacted.make(held.apiKey)], providers: [Local.provider] }
  const server = Server.layer(app.auth === undefined ? listen : { ...listen, authentication: "hook" as const })
  const token = yield* Effect.flatMap(
    Server.VoiceServer,
    ({ url }) => use(name, url, `Bearer ${app.auth === undefined ? held.apiKey : "token-of-ada"}`)
  ).pipe(
    Effect.provide(Layer.provide(server, backend)),
    recording.provide,
    Effect.provide(logger(`log: ${name}`)),
    Effect.provideService(Metric.MetricRegistry, registry)
  )
  canaries.hear(`span: ${name}`, everything(recording))
  canaries.hear(
    `metric: ${name}`,
    yield* PrometheusMetrics.format().pipe(Effect.provideService(Metric.MetricRegistry, registry))
  )
  assert.isAbove(recording.spans.length, 0)
  if (token !== undefined) assert.notInclude(everything(recording), token)
})

/** Where the code of an application fails: all that it gives to a backend. */
const places: { readonly [place: string]: (fail: Failing) => App } = {
  "its agent": (fail) => ({ agent: Agent.fromCallback(fail, { name: "own" }) }),
  "its agent's stream": (fail) => ({
    agent: Agent.fromStream(() => Stream.concat(Stream.succeed("Well. "), Stream.unwrap(Effect.suspend(fail))))
  }),
  "its agent's background": (fail) => ({
    agent: Agent.fromCallback((_, { session }) =>
      Effect.as(session?.background(Effect.suspend(fail)) ?? Effect.void, "It is on its way.")
    )
  }),
  "the AuthHook's authenticate": (fail) => ({ auth: changed(hooks.auth, { authenticate: fail }) }),
  "the AuthHook's authorize": (fail) => ({ auth: changed(hooks.auth, { authorize: fail }) }),
  "the RateLimiter's allow": (fail) => ({ rateLimiter: changed(hooks.rateLimiter, { allow: fail }) }),
  ...Object.fromEntries(["shouldRetain", "getRetentionPeriod"].map((operation) => [
    `the DataRetentionHook's ${operation}`,
    (fail: Failing): App => ({ ...hooks, auth: hooks.auth, retention: changed(hooks.retention, { [operation]: fail }) })
  ])),
  ...Object.fromEntries(["begin", "append", "write", "finish"].map((operation) => [
    `the archive's ${operation}`,
    (fail: Failing): App => ({ retention: hooks.retention, archive: changed(hooks.archive, { [operation]: fail }) })
  ])),
  ...Object.fromEntries(["probe", "sweep"].map((operation) => [
    `the archive's ${operation}`,
    (fail: Failing): App => ({
      retention: hooks.retention,
      archive: changed(hooks.archive, { [operation]: Effect.suspend(fail) })
    })
  ])),
  ...Object.fromEntries(["create", "write", "remove"].map((operation) => [
    `the store's ${operation}`,
    (fail: Failing): App => ({ store: changed(MemoryStore.make(), { [operation]: fail }) })
  ])),
  ...Object.fromEntries(["probe", "renew", "releaseAll"].map((operation) => [
    `the store's ${operation}`,
    (fail: Failing): App => ({ store: changed(MemoryStore.make(), { [operation]: Effect.suspend(fail) }) })
  ])),
  "an audio processor": (fail) => ({ processors: [AudioProcessor.effect({ name: "gate", process: fail })] }),
  "an audio processor of frames": (fail) => ({
    processors: [
      AudioProcessor.sync({
        name: "gate",
        process: () => {
          throw Cause.squash(Effect.runSync(Effect.flip(Effect.sandbox(Effect.suspend(fail)))))
        }
      })
    ]
  }),
  "the recogniser": (fail) => ({
    engines: { stt: engine(SpeechToText, ScriptedEngines.layerStt([]), { open: () => Effect.suspend(fail) }) }
  }),
  "the voice": (fail) => ({
    engines: {
      tts: engine(TextToSpeech, ScriptedEngines.layerTts(), {
        open: () => Effect.succeed({ speak: () => Stream.unwrap(Effect.suspend(fail)) })
      })
    }
  }),
  "the detector of voices": (fail) => ({
    engines: { vad: engine(VoiceActivityDetector, ScriptedEngines.layerVad(), { open: () => Effect.suspend(fail) }) }
  }),
  "the detector of turns": (fail) => ({ turnDetector: TurnDetector.of({ name: "judge", endOfTurn: fail }) })
}

describe("an application's secrets and failures", () => {
  for (const [at, [place, app]] of Object.entries(places).entries()) {
    it.live(`come out at no client, span or metric: ${place}`, () => {
      // all ways at the first place, and at each of the others some
      const some = ways.filter((_, i) => at === 0 || i % 8 === at % 8)
      const names = some.map((way) => `${place} ${way.name}`)
      return Effect.forEach(some, (way, i) => {
        const name = names[i] ?? ""
        const said = canaries.said(name)
        return run(name, app(way.fail(`${said} of ${canaries.everyHeld}`)))
      }, { concurrency: 6, discard: true }).pipe(
        Effect.andThen(Effect.sync(() => {
          assert.deepStrictEqual(canaries.leaks().filter((leak) => leak.includes(place)), [])
          assert.deepStrictEqual(canaries.untold().filter((name) => name.includes(place)), [], "the log has the cause")
        }))
      )
    }, 60_000)
  }

  it.live("come out at no client, span, metric or model: tools and instructions", () =>
    Effect.gen(function*() {
      const requests: Array<ScriptedLanguageModel.Request> = []
      const words = "There is no table at eight."
      const own = ways.map((way, i) => ({ ...way, tool: `tool_${i}`, said: canaries.said(`a tool that ${way.name}`) }))
      const told = own.filter(({ name }) => name !== "fails with a text")
      const toolkit = Toolkit.make(
        ...told.map(({ tool }) => Tool.make(tool, { success: Schema.String, failure: Schema.Unknown })),
        Tool.make("chosen", { success: Schema.String, failure: Agent.ToolError }),
        Tool.make("knows", { success: Schema.String })
      )
      const handlers: { readonly [tool: string]: () => Effect.Effect<string, unknown> } = {
        ...Object.fromEntries(told.map(({ fail, said, tool }) => [tool, fail(`${said} of ${canaries.everyHeld}`)])),
        chosen: () => Effect.fail(new Agent.ToolError({ message: words })),
        // what a tool reads of its call stays where it is
        knows: () => Effect.map(CallContext, ({ metadata }) => metadata["plan"] === "gold" ? "yes" : "no")
      }
      const instructions = canaries.said("the instructions")
      const name = "tools"
      const model = ScriptedLanguageModel.layer(
        (_, i) => {
          const some = told.slice(i * 6, i * 6 + 6).map(({ tool }) => ({ call: tool }))
          return some.length > 0
            ? some
            : i === Math.ceil(told.length / 6)
            ? [{ call: "chosen" }, { call: "knows" }]
            : ["Sorry."]
        },
        requests
      )
      const agent = Agent.fromLanguageModel({ name: "concierge", toolkit })
      const context = yield* Layer.build(Layer.merge(model, toolkit.toLayer(handlers as never)))
      const bound = yield* Agent.withContext(agent).pipe(Effect.provideContext(context as never))
      yield* run(name, { agent: bound as Agent.Agent })
      const failing = yield* Agent.withContext(
        Agent.fromLanguageModel({
          name: "instructed",
          instructions: () =>
            Effect.fail(new Declined({ message: `${instructions} of ${canaries.everyHeld}`, apiKey: "" }))
        })
      ).pipe(Effect.provideContext(context as never))
      yield* run("the instructions", { agent: failing as Agent.Agent })
      const prompt = JSON.stringify(requests.map((request) => request.prompt.content))
      canaries.hear("model", prompt)
      assert.include(prompt, words)
      canaries.forget("a tool that fails with a text")
      const mine = (text: string) => /a tool that|the instructions/u.test(text)
      assert.deepStrictEqual(canaries.leaks().filter((leak) => leak.includes("tools") || mine(leak)), [])
      assert.deepStrictEqual(canaries.untold().filter(mine), [])
    }).pipe(Effect.scoped), 60_000)

  it("are looked for where they could come out, and would be found", () => {
    assert.deepStrictEqual(canaries.leaks(), [])
    assert.deepStrictEqual(canaries.outlets, ["http", "log", "metric", "model", "operator", "socket", "span"])
    for (
      const text of [
        held.apiKey,
        held.apiKey.slice(0, 32),
        held.apiKey.slice(20),
        btoa(`x:${held.apiKey}`),
        encodeURIComponent(`"${held.apiKey}"`)
      ]
    ) {
      const own = new Canaries()
      own.held("server.api_keys")
      own.hear("span: deliberate", `Bearer ${text}`)
      assert.strictEqual(own.leaks().length, 1, text)
    }
    const own = new Canaries()
    const said = own.said("x")
    own.hear("http: deliberate", said)
    assert.strictEqual(own.leaks().length, 1)
    assert.deepStrictEqual(own.untold(), ["said x"])
    own.hear("log: x", said)
    assert.deepStrictEqual(own.untold(), [])
  })
})
