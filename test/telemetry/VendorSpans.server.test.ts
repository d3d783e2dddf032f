/** Requests to vendors, over real sockets: who was asked, how it went, under which id, and no key and no word. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, type Layer, Redacted, Stream, Tracer } from "effect"
import * as Agent from "../../src/agent/index.ts"
import * as Cartesia from "../../src/engines/cartesia/TextToSpeech.ts"
import * as OpenAiCompatible from "../../src/engines/openai-compatible/index.ts"
import * as OpenAi from "../../src/engines/openai/TextToSpeech.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import * as RedactingTracer from "../../src/telemetry/RedactingTracer.ts"
import * as FakeChat from "../support/FakeChat.ts"
import * as FakeOpenAiSpeech from "../support/FakeOpenAiSpeech.ts"
import * as Fakes from "../support/FakeVoices.ts"
import { everything, Recording } from "./RecordingTracer.ts"

const SAID = "Sentinel words, spoken."

/** Runs below a span of this name, as in a session. */
const below = <A, E, R>(name: string, body: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const recording = new Recording()
    yield* Effect.exit(Effect.withSpan(body, name)).pipe(
      Effect.provideService(Tracer.Tracer, RedactingTracer.make(recording.tracer, { speech: false }))
    )
    assert.strictEqual(recording.open.size, 0)
    assert.notInclude(everything(recording), "Sentinel")
    assert.notInclude(everything(recording), Fakes.KEY)
    return recording
  })

const speaks = (voice: Layer.Layer<TextToSpeech, unknown>) =>
  Effect.scoped(Effect.gen(function*() {
    const engine = yield* TextToSpeech
    const stream = yield* engine.open({ sessionId: "s" })
    yield* Stream.runDrain(stream.speak(Stream.succeed(SAID)))
  })).pipe(Effect.provide(voice))

describe("a request to a vendor", () => {
  it.live("has a span: for the handshake of a socket, and for each text on it", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* Fakes.cartesia()
      const voice = Cartesia.layer({ url: fake.url, apiKey: Redacted.make(Fakes.KEY) })
      const recording = yield* below("voice.speak", speaks(voice))
      const requests = recording.named("voice.vendor cartesia")
      assert.strictEqual(requests.length, 2)
      const speak = recording.one("voice.speak")
      assert.deepStrictEqual(requests.map(({ kind, parent }) => [kind, parent]), [
        ["client", speak.spanId],
        ["client", speak.spanId]
      ])
      assert.deepInclude(requests[0]?.attributes, {
        "voice.vendor": "cartesia",
        "http.response.status_code": 101
      })
      assert.isTrue(requests.every(({ exit }) => Exit.isSuccess(exit)))
    })))

  it.live("records the status and request id of a refusal", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* Fakes.cartesia()
      const voice = Cartesia.layer({ url: fake.url, apiKey: Redacted.make(`${Fakes.KEY}-that-is-wrong`) })
      const recording = yield* below("voice.speak", speaks(voice))
      const [refused] = recording.named("voice.vendor cartesia")
      assert.deepInclude(refused?.attributes, {
        "http.response.status_code": 401,
        "error.type": "authentication_failed"
      })
      assert.isTrue(Exit.isFailure(refused?.exit ?? Exit.void))
    })))

  it.live("of an HTTP voice lasts as long as its response, and has one span", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* FakeOpenAiSpeech.start()
      const url = fake.url.replace(/^ws/u, "http")
      const recording = yield* below(
        "voice.speak",
        speaks(OpenAi.layer({ url, apiKey: Redacted.make(Fakes.KEY) }))
      )
      const request = recording.one("voice.vendor openai")
      assert.strictEqual(request.attributes["http.response.status_code"], 200)
      assert.strictEqual(recording.spans.length, 2, "no span of the HTTP client, with its URL")
    })))

  it.live("of a language model has the model and its tokens on the span of the chat", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* FakeChat.make([FakeChat.text("Sentinel answer.")])
      const ask = (url: string) =>
        Effect.flatMap(Agent.withContext(Agent.fromLanguageModel()), (agent) =>
          Stream.runDrain(agent.respond({
            transcript: "Sentinel question",
            history: [],
            sessionId: "s",
            userId: "u",
            turn: 1,
            metadata: {},
            provider: "local",
            transport: "memory",
            facts: {},
            committed: Effect.void
          }))).pipe(
            Effect.provide(OpenAiCompatible.layer({ url, model: "fake", apiKey: Redacted.make(Fakes.KEY) }))
          )
      const recording = yield* below("voice.think", ask(fake.url))
      const request = recording.one("voice.vendor openai-compatible")
      assert.deepInclude(request.attributes, {
        "http.response.status_code": 200,
        "voice.vendor.request_id": "req_1"
      })
      assert.deepInclude(recording.one("LanguageModel.streamText").attributes, {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai-compatible",
        "gen_ai.request.model": "fake"
      })
      assert.deepStrictEqual(recording.one("voice.think").attributes["gen_ai.response.finish_reasons"], ["stop"])

      const refusing = yield* FakeChat.make([{ refuse: { status: 429, body: { error: { message: "Sentinel" } } } }])
      const refused = yield* below("voice.think", ask(refusing.url))
      assert.deepInclude(refused.one("voice.vendor openai-compatible").attributes, {
        "http.response.status_code": 429,
        "voice.vendor.request_id": "req_refused",
        "error.type": "RateLimitError"
      })
    })))

  it.live("has no span without tracing", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* Fakes.cartesia()
      const recording = new Recording()
      yield* recording.provide(speaks(Cartesia.layer({ url: fake.url, apiKey: Redacted.make(Fakes.KEY) })))
      assert.strictEqual(recording.made, 0)
    })))
})
