import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Fiber, Layer, Redacted, Schedule, Stream } from "effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type { BackendError } from "../../../src/BackendError.ts"
import type { EngineIncident } from "../../../src/EngineIncident.ts"
import * as Engine from "../../../src/engines/pipecat/index.ts"
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
    ["has a client already", { greet: (line) => line.socket.close(1013) }, {
      code: "session_limit_exceeded",
      retryable: true
    }],
    ["does not like our token", { greet: (line) => line.socket.close(4003) }, { code: "authentication_failed" }],
    ["hangs up before it is ready", { greet: (line) => line.socket.close(1000) }, { code: "connection_failed" }],
    ["breaks the connection", { greet: (line) => line.socket.terminate() }, { code: "connection_failed" }],
    ["is silent", { greet: () => {} }, { code: "connection_timeout" }],
    ["talks garbage", { greet: (line) => line.socket.send(Uint8Array.of(0xff, 0xff)) }, {
      code: "pipeline_error",
      retryable: false
    }],
    ["fails for good", { greet: (line) => line.tell("error", { error: "no", fatal: true }) }, {
      code: "pipeline_error"
    }],
    ["refuses with 403", { refuse: 403 }, { code: "authentication_failed" }],
    ["refuses with 429", { refuse: 429 }, { code: "rate_limit_exceeded" }],
    ["refuses with 503", { refuse: 503 }, { code: "connection_failed" }]
  ]
  for (const [says, bot, error] of refusals) {
    it.live(`says so when a bot ${says}`, () =>
      Effect.gen(function*() {
        const { url } = yield* FakeBot.make(bot)
        const failure = yield* fails(Effect.scoped(
          open({
            url,
            token: Redacted.make("a-secret"),
            readyTimeout: says === "is silent" ? Duration.millis(200) : Duration.minutes(1)
          })
        ))
        assert.deepInclude(failure, error)
        assert.strictEqual(failure.details?.["vendor"], "pipecat")
        assert.notInclude(JSON.stringify(failure), "a-secret")
      }))
  }

  it.live("introduces itself, sends 20 ms at a time, and types what was typed", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* FakeBot.make()
      const { stream } = yield* open({ url, token: Redacted.make("a-secret") })
      stream.push(new Int16Array(1_000).fill(3))
      stream.userText("hello")
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

  it.live("tells the bot to stop what the session stops, once", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* FakeBot.make()
      const { events, stream } = yield* open({ url })
      lines[0]?.speak()
      yield* until(() => events.length === 2)
      assert.deepStrictEqual(tagsOf(events), ["ReplyStarted", "ReplyAudio"])
      stream.truncate("reply-1", 20)
      stream.truncate("reply-1", 20)
      stream.userText("next")
      yield* until(() => lines[0]?.messages.at(-1)?.type === "send-text")
      assert.strictEqual(lines[0]?.frames.filter(({ _tag }) => _tag === "Interruption").length, 1)
    }))

  it.live("finds a bot again that was lost, and fails what it was saying", () =>
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

  it.live("gives up when no bot comes back, and says why", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* FakeBot.make({
        greet: (line, count) => count === 0 ? FakeBot.ready(line) : line.socket.close(1013)
      })
      const { end, incidents } = yield* open({ url, maxRetries: 1 })
      lines[0]?.socket.terminate()
      assert.deepInclude(yield* fails(end), { code: "session_limit_exceeded" })
      assert.deepStrictEqual(incidents.map(({ what }) => what), ["failed", "retrying", "retrying"])
    }))

  it.live("gives up on a bot that comes and goes", () =>
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

  it.live("ends when the bot hangs up", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* FakeBot.make()
      const { end, incidents } = yield* open({ url })
      lines[0]?.socket.close(1001)
      yield* end
      assert.deepStrictEqual(incidents, [])
    }))

  it.live("fails at once on audio of another rate, with what to set", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* FakeBot.make()
      const { end } = yield* open({ url })
      lines[0]?.audio(40, 16_000)
      const failure = yield* fails(end)
      assert.deepInclude(failure, { code: "pipeline_error", retryable: false })
      assert.include(failure.message, "output_sample_rate")
    }))

  it.live("starts a bot, with the key, and connects with the token it is given", () =>
    Effect.gen(function*() {
      let asked: { readonly authorization: string | undefined; readonly body: unknown } | undefined
      let address = ""
      const bot = yield* FakeBot.make({
        start: ({ headers }, body) => {
          asked = { authorization: headers.authorization, body: JSON.parse(body) }
          return { status: 200, body: JSON.stringify({ wsUrl: address, token: "of-this-bot" }) }
        }
      })
      // as Pipecat's runner says it, which speaks plainly
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
    ["500", { status: 500, body: "oops" }, { code: "connection_failed" }],
    ["something that is no JSON", { status: 200, body: "<html>" }, { code: "pipeline_error" }],
    ["a room of Daily's", { status: 200, body: "{\"dailyRoom\":\"https://x.daily.co/y\"}" }, {
      code: "pipeline_error"
    }],
    ["a URL that cannot be called", { status: 200, body: "{\"wsUrl\":\"ws://127.0.0.1/#here\"}" }, {
      code: "invalid_config"
    }],
    ["a URL that is none", { status: 200, body: "{\"wsUrl\":\"here\"}" }, { code: "pipeline_error" }],
    ["more than it should", { status: 200, body: `{"wsUrl":"${"x".repeat(100_000)}"}` }, { code: "pipeline_error" }]
  ]
  for (const [says, answer, error] of starts) {
    it.live(`says what is wrong when a start is answered with ${says}`, () =>
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

  it.effect("needs to know of a bot, in the config or in the environment", () =>
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
