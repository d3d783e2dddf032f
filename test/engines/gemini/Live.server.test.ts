import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Queue, Redacted, type Scope, Stream } from "effect"
import * as Gemini from "../../../src/engines/gemini/index.ts"
import { SpeechToSpeech, type SpeechToSpeechEvent } from "../../../src/speech/SpeechToSpeech.ts"
import * as Fake from "../../support/FakeGeminiLive.ts"
import { suite, type Vendor } from "../hosted/s2s/S2sContract.ts"

const path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"

const vendor: Vendor = {
  name: "gemini",
  variable: "GEMINI_API_KEY",
  start: Fake.start,
  layer: (url, { key, own, ...settings }) =>
    Gemini.layer({
      url: `${url}${path}`,
      apiKey: Redacted.make(key ?? Fake.KEY),
      turnDetection: own === true ? "none" : "server",
      retryDelay: Duration.millis(50),
      ...settings
    }),
  definition: Gemini.definition,
  announcesEnd: JSON.stringify({ goAway: { timeLeft: "0s" } }),
  openMessages: 1,
  truncates: false,
  agentAnswers: false,
  tellsSpeech: false,
  speech: {
    options: { voice: "Kore", language: "de-AT" },
    expected: {
      "generationConfig.speechConfig.voiceConfig.prebuiltVoiceConfig.voiceName": "Kore",
      "generationConfig.speechConfig.languageCode": "de-AT"
    }
  }
}

suite(vendor)

describe("gemini's connections", () => {
  const open = Effect.fnUntraced(function*(options: Fake.FakeGeminiOptions, rotateAfter = Duration.minutes(9)) {
    const fake = yield* Fake.start(options)
    const s2s = Context.get(yield* Layer.build(vendor.layer(fake.url, { rotateAfter })), SpeechToSpeech)
    const stream = yield* s2s.open({ sessionId: "s", history: [], answers: true, tools: [] })
    const events = yield* Queue.unbounded<SpeechToSpeechEvent>()
    yield* Stream.runForEach(stream.events, (event) => Queue.offer(events, event)).pipe(Effect.forkScoped)
    const until = (tag: SpeechToSpeechEvent["_tag"]) =>
      Queue.take(events).pipe(Effect.repeat({ until: (event) => event._tag === tag }), Effect.timeout("5 seconds"))
    const told = (what: string, count = 1) =>
      Effect.sync(() => fake.told.filter((entry) => entry.what === what)).pipe(
        Effect.delay("5 millis"),
        Effect.repeat({ until: (found) => found.length >= count }),
        Effect.timeout("5 seconds")
      )
    return { fake, stream, until, told }
  })
  const live = (name: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
    it.live(name, () => Effect.scoped(body), 15_000)

  live(
    "are resumed with their handle, in a pause",
    Effect.gen(function*() {
      const { fake, stream, told, until } = yield* open(
        { answers: ["One.", "Two."], resumption: "accept" },
        Duration.seconds(1)
      )
      stream.userText("first", "a")
      yield* until("ReplyEnded")
      assert.deepInclude((yield* told("resume"))[0], { connection: 1, handle: "handle-0-1" })
      yield* told("ready", 2)
      // the server has the conversation already
      assert.deepStrictEqual(fake.told.filter(({ connection, what }) => connection === 1 && what === "message"), [])
      stream.userText("second", "b")
      yield* until("ReplyEnded")
    })
  )

  live(
    "get the conversation replayed when their handle is refused",
    Effect.gen(function*() {
      const { fake, stream, told, until } = yield* open(
        { answers: ["One.", "Two."], resumption: "refuse" },
        Duration.seconds(1)
      )
      stream.userText("first", "a")
      yield* until("ReplyEnded")
      yield* told("ready", 2)
      assert.deepInclude((yield* told("closed", 2))[1], { connection: 1, code: 1007 })
      const messages = fake.told.filter(({ connection, what }) => connection === 2 && what === "message")
      assert.deepStrictEqual(messages.map(({ role, text }) => [role, text]), [["user", "first"], ["model", "One."]])
      stream.userText("second", "b")
      yield* until("ReplyEnded")
    })
  )

  live(
    "are replaced after goAway, when the reply in progress has ended",
    Effect.gen(function*() {
      const { fake, stream, told, until } = yield* open({
        answers: [{ text: "A reply of some length.", paceMs: 50 }],
        goAwayAfterMs: 100
      })
      stream.userText("first", "a")
      yield* until("ReplyStarted")
      yield* Effect.sleep("150 millis")
      assert.strictEqual(fake.connections(), 1)
      yield* until("ReplyEnded")
      yield* told("ready", 2)
      assert.strictEqual(fake.connections(), 2)
    })
  )

  live(
    "report voice activity where the server does",
    Effect.gen(function*() {
      const fake = yield* Fake.start({ answers: ["Yes."], signals: true, transcripts: ["hello"] })
      const s2s = Context.get(yield* Layer.build(vendor.layer(fake.url, {})), SpeechToSpeech)
      const stream = yield* s2s.open({ sessionId: "s", history: [], answers: true, tools: [] })
      stream.push(new Int16Array(6_400).fill(8_000))
      stream.push(new Int16Array(6_400))
      const events = yield* stream.events.pipe(
        Stream.takeUntil(({ _tag }) => _tag === "ReplyEnded"),
        Stream.map(({ _tag }) => _tag),
        Stream.filter((tag) => tag !== "ReplyAudio"),
        Stream.changes,
        Stream.runCollect
      )
      assert.deepStrictEqual(events, [
        "UserSpeechStarted",
        "UserSpeechStopped",
        "UserTranscript",
        "ReplyStarted",
        "ReplyEnded"
      ])
    })
  )
})
