import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Duration, Effect, Fiber, Layer, Redacted, Schedule, Stream } from "effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type { BackendError } from "../../../src/BackendError.ts"
import type { EngineIncident } from "../../../src/EngineIncident.ts"
import * as Engine from "../../../src/engines/pipecat/index.ts"
import * as SessionSpeech from "../../../src/speech/SessionSpeech.ts"
import { SpeechToSpeech, type SpeechToSpeechEvent } from "../../../src/speech/SpeechToSpeech.ts"
import * as FakeBot from "../../support/pipecat/FakeBot.ts"

type Options = Parameters<typeof Engine.layer>[0]

const open = Effect.fnUntraced(function*(options: Options) {
  const events: Array<SpeechToSpeechEvent> = []
  const incidents: Array<EngineIncident> = []
  const engine = yield* Layer.build(Engine.layer(options).pipe(Layer.provide(FetchHttpClient.layer)))
  const stream = yield* Effect.flatMap(SpeechToSpeech, (engine) =>
    engine.open({
      sessionId: "s",
      answers: true,
      tools: [],
      history: [],
      onIncident: (incident) => incidents.push(incident)
    })).pipe(Effect.provide(engine))
  const end = yield* Stream.runForEach(stream.events, (event) => Effect.sync(() => void events.push(event))).pipe(
    Effect.forkScoped
  )
  return { stream, events, incidents, end: Fiber.join(end) }
})

const until = (good: () => boolean) =>
  Effect.suspend(() => good() ? Effect.void : Effect.fail("not yet" as const)).pipe(
    Effect.retry(Schedule.spaced("5 millis").pipe(Schedule.upTo({ duration: "2 minutes" }))),
    Effect.orDie
  )

const fails = (effect: Effect.Effect<unknown, BackendError>) => Effect.flip(effect)
const tagsOf = (events: ReadonlyArray<SpeechToSpeechEvent>) => events.map(({ _tag }) => _tag)

describe("the engine pipecat", () => {
  const refusals: ReadonlyArray<readonly [says: string, bot: FakeBot.FakeBotOptions, error: object]> = [
    ["already has a client", { greet: (line) => line.socket.close(1013) }, {
      code: "session_limit_exceeded",
      retryable: true
    }],
    ["rejects the token", { greet: (line) => line.socket.close(4003) }, { code: "authentication_failed" }],
    ["closes the connection before it is ready", { greet: (line) => line.socket.close(1000) }, {
      code: "connection_failed"
    }],
    ["breaks the connection", { greet: (line) => line.socket.terminate() }, { code: "connection_failed" }],
    ["sends nothing", { greet: () => {} }, { code: "connection_timeout" }],
    ["sends malformed frames", { greet: (line) => line.socket.send(Uint8Array.of(0xff, 0xff)) }, {
      code: "pipeline_error",
      retryable: false
    }],
    ["reports a fatal error", { greet: (line) => line.tell("error", { error: "no", fatal: true }) }, {
      code: "pipeline_error"
    }],
    ["rejects the handshake with 403", { refuse: 403 }, { code: "authorization_failed" }],
    ["rejects the handshake with 429", { refuse: 429 }, { code: "rate_limit_exceeded" }],
    ["rejects the handshake with 503", { refuse: 503 }, { code: "connection_failed" }]
  ]
  for (const [says, bot, error] of refusals) {
    it.live(`fails with a typed error when a bot ${says}`, () =>
      Effect.gen(function*() {
        const { url } = yield* FakeBot.make(bot)
        const failure = yield* fails(Effect.scoped(
          open({
            url,
            token: Redacted.make("a-secret"),
            readyTimeout: says === "sends nothing" ? Duration.millis(200) : Duration.minutes(1)
          })
        ))
        assert.deepInclude(failure, error)
        assert.strictEqual(failure.details?.["vendor"], "pipecat")
        assert.notInclude(JSON.stringify(failure), "a-secret")
      }))
  }

  it.live("sends client-ready, audio in frames of 20 ms, and typed text", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* FakeBot.make()
      const { stream } = yield* open({ url, token: Redacted.make("a-secret") })
      stream.push(new Int16Array(1_000).fill(3))
      stream.userText("hello", "a")
      const [line] = lines
      if (line === undefined) return assert.fail("no connection")
      yield* until(() => line.messages.some(({ type }) => type === "send-text"))
      assert.strictEqual(line.request.headers.authorization, "Bearer a-secret")
      assert.deepStrictEqual(line.messages.map(({ type }) => type), ["client-ready", "send-text"])
      assert.deepInclude(line.messages[1]?.data, { content: "hello" })
      const audio = line.frames.filter(({ _tag }) => _tag === "Audio")
      assert.strictEqual(audio.length, 3)
      for (const frame of audio) {
        assert.deepInclude(frame, { sampleRate: 16_000, channels: 1 })
        assert.strictEqual("audio" in frame && frame.audio.length, 640)
      }
    }))

  it.live("sends one interruption frame when the session truncates a reply", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* FakeBot.make()
      const { events, stream } = yield* open({ url })
      lines[0]?.speak()
      yield* until(() => events.length === 2)
      assert.deepStrictEqual(tagsOf(events), ["ReplyStarted", "ReplyAudio"])
      stream.truncate("reply-1", 20)
      stream.truncate("reply-1", 20)
      stream.userText("next", "b")
      yield* until(() => lines[0]?.messages.at(-1)?.type === "send-text")
      assert.strictEqual(lines[0]?.frames.filter(({ _tag }) => _tag === "Interruption").length, 1)
    }))

  it.live("passes over malformed frames of a bot that is ready, and those alone", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* FakeBot.make()
      const { events } = yield* open({ url })
      lines[0]?.socket.send(Uint8Array.of(0xff, 0xff))
      lines[0]?.speak()
      yield* until(() => events.length === 2)
      assert.deepStrictEqual(tagsOf(events), ["ReplyStarted", "ReplyAudio"])
      assert.lengthOf(lines, 1)
    }))

  it.live("reconnects after a lost connection, and fails the reply in progress", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* FakeBot.make()
      const { events, incidents, stream } = yield* open({ url })
      lines[0]?.speak()
      yield* until(() => events.length === 2)
      lines[0]?.socket.terminate()
      yield* until(() => lines.length === 2 && incidents.some(({ what }) => what === "recovered"))
      assert.deepStrictEqual(incidents.map(({ what }) => what), ["failed", "recovered"])
      assert.deepStrictEqual(tagsOf(events), ["ReplyStarted", "ReplyAudio", "ReplyFailed"])
      lines[1]?.speak()
      yield* until(() => events.length === 5)
      assert.deepInclude(events[3], { _tag: "ReplyStarted", reply: "reply-2" })
      stream.push(new Int16Array(320))
      yield* until(() => lines[1]?.frames.at(-1)?._tag === "Audio")
    }))

  it.live("fails after maxRetries attempts to reconnect", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* FakeBot.make({
        greet: (line, count) => count === 0 ? FakeBot.ready(line) : line.socket.close(1013)
      })
      const { end, incidents } = yield* open({ url, maxRetries: 1 })
      lines[0]?.socket.terminate()
      assert.deepInclude(yield* fails(end), { code: "session_limit_exceeded" })
      assert.deepStrictEqual(incidents.map(({ what }) => what), ["failed", "retrying", "retrying"])
    }))

  it.live("fails at once when the bot's server asks for a longer wait than readyTimeout", () =>
    Effect.gen(function*() {
      let requests = 0
      let address = ""
      const bot = yield* FakeBot.make({
        start: () =>
          requests++ === 0
            ? { status: 200, body: JSON.stringify({ wsUrl: address }) }
            : { status: 429, body: "{}", headers: { "retry-after": "3600" } }
      })
      address = bot.url
      const { end } = yield* open({ startUrl: bot.startUrl, apiKey: Redacted.make("pk_1") })
      bot.lines[0]?.socket.terminate()
      assert.deepInclude(yield* fails(end), { code: "rate_limit_exceeded" })
      assert.strictEqual(requests, 2)
    }))

  it.live("fails when connections keep breaking soon after they are ready", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* FakeBot.make({
        greet: (line) => {
          FakeBot.ready(line)
          setImmediate(() => line.socket.terminate())
        }
      })
      const { end } = yield* open({ url, maxRetries: 2 })
      assert.deepInclude(yield* fails(end), { code: "connection_failed" })
      assert.strictEqual(lines.length, 3)
    }))

  it.live("ends when the bot closes the connection normally", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* FakeBot.make()
      const { end, incidents } = yield* open({ url })
      lines[0]?.socket.close(1001)
      yield* end
      assert.deepStrictEqual(incidents, [])
    }))

  it.live("fails on audio of another sample rate, naming the option to set", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* FakeBot.make()
      const { end } = yield* open({ url })
      lines[0]?.audio(40, 16_000)
      const failure = yield* fails(end)
      assert.deepInclude(failure, { code: "pipeline_error", retryable: false })
      assert.include(failure.message, "output_sample_rate")
    }))

  it.live("starts a bot with the API key, and connects with the token of the response", () =>
    Effect.gen(function*() {
      let asked: { readonly authorization: string | undefined; readonly body: unknown } | undefined
      let address = ""
      const bot = yield* FakeBot.make({
        start: ({ headers }, body) => {
          asked = { authorization: headers.authorization, body: JSON.parse(body) }
          return { status: 200, body: JSON.stringify({ wsUrl: address, token: "of-this-bot" }) }
        }
      })
      // as Pipecat's runner responds, although it has no TLS
      address = bot.url.replace("ws:", "wss:")
      yield* open({ startUrl: bot.startUrl, apiKey: Redacted.make("pk_1"), startBody: { tenant: "acme" } })
      assert.deepStrictEqual(asked, {
        authorization: "Bearer pk_1",
        body: { transport: "websocket", body: { tenant: "acme" } }
      })
      assert.strictEqual(bot.lines[0]?.request.headers.authorization, "Bearer of-this-bot")
    }))

  const starts: ReadonlyArray<readonly [says: string, answer: FakeBot.StartAnswer, error: object]> = [
    ["429", { status: 429, body: "{}", headers: { "retry-after": "7", "x-request-id": "r-1" } }, {
      code: "rate_limit_exceeded"
    }],
    ["401", { status: 401, body: "" }, { code: "authentication_failed" }],
    ["404", { status: 404, body: "" }, { code: "invalid_config" }],
    ["500", { status: 500, body: "oops" }, { code: "connection_failed" }],
    ["a body that is not JSON", { status: 200, body: "<html>" }, { code: "pipeline_error" }],
    ["a Daily room", { status: 200, body: "{\"dailyRoom\":\"https://x.daily.co/y\"}" }, {
      code: "pipeline_error"
    }],
    ["a URL with a fragment", { status: 200, body: "{\"wsUrl\":\"ws://127.0.0.1/#here\"}" }, {
      code: "invalid_config"
    }],
    ["a relative URL", { status: 200, body: "{\"wsUrl\":\"here\"}" }, { code: "pipeline_error" }],
    ["too many bytes", { status: 200, body: `{"wsUrl":"${"x".repeat(100_000)}"}` }, { code: "pipeline_error" }]
  ]
  for (const [says, answer, error] of starts) {
    it.live(`fails with a typed error when the start request returns ${says}`, () =>
      Effect.gen(function*() {
        const { startUrl } = yield* FakeBot.make({ start: () => answer })
        const failure = yield* fails(Effect.scoped(open({ startUrl, apiKey: Redacted.make("pk_1") })))
        assert.deepInclude(failure, error)
        assert.notInclude(JSON.stringify(failure), "pk_1")
        if (answer.status !== 429) return
        assert.deepStrictEqual(failure.details, {
          vendor: "pipecat",
          status: 429,
          requestId: "r-1",
          retryAfterMs: 7_000
        })
      }))
  }

  it.live("lets no session choose its language, voice or key terms", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(
        Engine.layer({ url: "ws://127.0.0.1:1" }).pipe(Layer.provide(FetchHttpClient.layer))
      )
      const s2s = Context.get(context, SpeechToSpeech)
      for (const wanted of [{ language: "en" }, { voice: "a" }, { keyterms: ["Effect"] }]) {
        const fault = SessionSpeech.check("test", wanted, { s2s })
        assert.deepInclude(fault?.details, { engine: "pipecat", field: Object.keys(wanted)[0] })
      }
      assert.isUndefined(SessionSpeech.check("test", {}, { s2s }))
    }).pipe(Effect.scoped))

  it.effect("requires a bot in the config or in the environment", () =>
    Effect.gen(function*() {
      const build = (environment: Record<string, string>) =>
        Effect.scoped(Layer.build(Engine.layer().pipe(Layer.provide(FetchHttpClient.layer)))).pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(environment))
        )
      const failure = yield* fails(build({}))
      assert.deepInclude(failure, { code: "invalid_config" })
      assert.strictEqual(failure.details?.["missing"], "PIPECAT_URL")
      assert.deepInclude(yield* fails(build({ PIPECAT_URL: "http://bot" })), { code: "invalid_config" })
      yield* build({ PIPECAT_URL: "ws://127.0.0.1:1" })
      yield* Engine.definition.validate({ start_url: "http://127.0.0.1:7860/start", start_body: { a: 1 } })
      assert.deepInclude(yield* fails(Engine.definition.validate({ url: "http://127.0.0.1" })), {
        code: "invalid_config"
      })
    }))
})
