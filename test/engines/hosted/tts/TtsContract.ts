/** What every hosted voice promises, also when its vendor stalls, resets or sends garbage. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Exit, Layer, type Scope, Stream } from "effect"
import { concat } from "../../../../src/audio/Pcm.ts"
import type { BackendError } from "../../../../src/BackendError.ts"
import * as ResilientTextToSpeech from "../../../../src/speech/resilience/ResilientTextToSpeech.ts"
import * as SessionSpeech from "../../../../src/speech/SessionSpeech.ts"
import { type SpeechChunk, TextToSpeech } from "../../../../src/speech/TextToSpeech.ts"
import * as FakeModel from "../../../support/FakeModel.ts"
import type { FakeVoiceOptions } from "../../../support/FakeVoices.ts"

export interface Vendor {
  readonly name: string
  readonly variable: string
  readonly sampleRate: number
  readonly words: boolean
  readonly start: (options?: FakeVoiceOptions) => Effect.Effect<FakeModel.FakeModel, never, Scope.Scope>
  readonly layer: (options: {
    readonly url: string
    readonly key: string | undefined
    readonly rotateAfter?: string
    readonly voices?: { readonly [language: string]: string } | undefined
  }) => Layer.Layer<TextToSpeech, BackendError>
  /** A voice of theirs, what it is asked in French for, and what the fake was asked for last. */
  readonly voice: {
    readonly name: string
    readonly language: string | undefined
    readonly asked: (fake: FakeModel.FakeModel) => readonly [voice: unknown, language: unknown]
  }
  /** It keeps a socket; else each sentence is a request. */
  readonly socket: boolean
  /** Messages of a connection before the first audio. */
  readonly greetings: number
  /** A message that asks to stop speaking, if there is one. */
  readonly cancels?: (told: FakeModel.Told) => boolean
}

const first = "Hello there, this is the first sentence."
const second = "And here comes the second one."

const samplesOf = (chunks: ReadonlyArray<SpeechChunk>) => concat(chunks.map(({ pcm }) => pcm))
const expected = (text: string, sampleRate: number) => concat(FakeModel.speech(text, sampleRate).map(({ pcm }) => pcm))
const textsOf = (chunks: ReadonlyArray<SpeechChunk>) => chunks.map(({ text }) => text).filter((text) => text !== "")

export const suite = (vendor: Vendor): void => {
  /** The engine by itself, which makes one attempt. */
  const single = Effect.fnUntraced(function*(
    options: FakeVoiceOptions = {},
    { key = "secret-key", rotateAfter, voices }: {
      readonly key?: string
      readonly rotateAfter?: string
      readonly voices?: { readonly [language: string]: string }
    } = {}
  ) {
    const fake = yield* vendor.start(options)
    const built = yield* Layer.build(
      vendor.layer({ url: fake.url, key, voices, ...(rotateAfter === undefined ? {} : { rotateAfter }) })
    )
    const engine = Context.get(built, TextToSpeech)
    const speak = (...texts: ReadonlyArray<string>) =>
      Effect.flatMap(
        engine.open({ sessionId: "s" }),
        (stream) => Stream.runCollect(stream.speak(Stream.fromIterable(texts)))
      )
    return { fake, engine, speak }
  })
  /** The engine as a backend has it. */
  const voice = Effect.fnUntraced(function*(
    options: FakeVoiceOptions = {},
    settings: { readonly rotateAfter?: string } = {}
  ) {
    const { engine, fake } = yield* single(options, settings)
    const resilient = yield* ResilientTextToSpeech.make([engine], { retryDelay: "20 millis" })
    const stream = yield* resilient.open({ sessionId: "s" })
    const speak = (...texts: ReadonlyArray<string>) => Stream.runCollect(stream.speak(Stream.fromIterable(texts)))
    return { fake, stream, speak }
  })
  const failure = <A>(effect: Effect.Effect<A, BackendError>) => Effect.flip(effect)
  const same = (chunks: ReadonlyArray<SpeechChunk>, text: string) =>
    assert.deepStrictEqual(samplesOf(chunks), expected(text, vendor.sampleRate))

  describe(vendor.name, () => {
    it.live("speaks in the session's own voice and language", () =>
      Effect.scoped(Effect.gen(function*() {
        const { engine, fake } = yield* single()
        const { language, name } = vendor.voice
        assert.isUndefined(SessionSpeech.check("test", { voice: name, language: "fr-CA" }, { tts: engine }))
        const stream = yield* engine.open({ sessionId: "s", voice: name, language: "fr-CA" })
        yield* Stream.runDrain(stream.speak(Stream.make(first)))
        assert.deepStrictEqual(vendor.voice.asked(fake), [name, language])
      })))

    it.live("speaks another language from the next sentence on, in the voice that the options have for it", () =>
      Effect.scoped(Effect.gen(function*() {
        const { language, name } = vendor.voice
        const { engine, fake } = yield* single({}, { voices: { fr: name } })
        const resilient = yield* ResilientTextToSpeech.make([engine])
        let current: string | undefined
        const stream = yield* resilient.open({ sessionId: "s", currentLanguage: () => current })
        yield* Stream.runDrain(stream.speak(Stream.make(first)))
        assert.notStrictEqual(vendor.voice.asked(fake)[0], name)
        current = "fr-CA"
        const chunks = yield* Stream.runCollect(stream.speak(Stream.make(second)))
        assert.deepStrictEqual(vendor.voice.asked(fake), [name, language])
        same(chunks, second)
      })))

    it.live("makes one attempt, and gives what it had", () =>
      Effect.scoped(Effect.gen(function*() {
        const { engine, fake } = yield* single({ faults: [{ resetAfter: vendor.greetings + 2 }], paceMs: 5 })
        const stream = yield* engine.open({ sessionId: "s" })
        const chunks: Array<SpeechChunk> = []
        const error = yield* stream.speak(Stream.make(first)).pipe(
          Stream.runForEach((chunk) => Effect.sync(() => void chunks.push(chunk))),
          Effect.flip
        )
        assert.strictEqual(error._tag, "ConnectionFailed")
        const given = samplesOf(chunks)
        assert.isAbove(given.length, 0)
        assert.deepStrictEqual(given, expected(first, vendor.sampleRate).subarray(0, given.length))
        assert.strictEqual(fake.connections(), 1)
      })))

    it.live("speaks sentences in order, whole, on one connection", () =>
      Effect.scoped(Effect.gen(function*() {
        const { fake, speak } = yield* voice()
        const chunks = yield* speak(first, second)
        assert.deepStrictEqual(textsOf(chunks), [first, second])
        assert.deepStrictEqual(
          samplesOf(chunks),
          concat([expected(first, vendor.sampleRate), expected(second, vendor.sampleRate)])
        )
        same(yield* speak(second), second)
        assert.strictEqual(fake.connections(), vendor.socket ? 1 : 3)
      })))

    it.live(
      "speaks letters of any script and long texts, and sends nothing for empty ones",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const { fake, speak } = yield* voice()
          const before = fake.told.length
          assert.deepStrictEqual(yield* speak("", "  "), [])
          assert.strictEqual(samplesOf(yield* speak("…")).length, 0)
          assert.strictEqual(fake.told.length, before)
          const script = "Größe 语音 नमस्ते 👋🏽 done."
          assert.deepStrictEqual(textsOf(yield* speak(script)), [script])
          const long = "A sentence that goes on and on. ".repeat(200).trim()
          const chunks = yield* speak(long)
          assert.deepStrictEqual(textsOf(chunks), [long])
          assert.isAbove(samplesOf(chunks).length, 0.95 * expected(long, vendor.sampleRate).length)
        }))
    )

    if (vendor.words) {
      it.live("reports when each word is spoken", () =>
        Effect.scoped(Effect.gen(function*() {
          const { speak } = yield* voice()
          const words = (yield* speak(first)).flatMap(({ words = [] }) => words)
          assert.deepStrictEqual(words.map(({ text }) => text), first.split(" "))
          const starts = [...first.matchAll(/\S+/gu)].map(({ index }) => index * 20)
          for (const [i, word] of words.entries()) {
            const at = starts[i] ?? -1
            assert.closeTo(word.startMs, at, 2)
            assert.closeTo(word.endMs, at + word.text.length * 20, 2)
          }
        })))
    }

    it.live("stops when it is interrupted, and keeps its audio out of the next reply", () =>
      Effect.scoped(Effect.gen(function*() {
        const { fake, speak, stream } = yield* voice({ paceMs: 10, late: 3 })
        for (let i = 0; i < 3; i++) {
          yield* Stream.runDrain(Stream.take(stream.speak(Stream.succeed(first)), 1))
        }
        same(yield* speak(second), second)
        if (vendor.cancels !== undefined) assert.strictEqual(fake.told.filter(vendor.cancels).length, 3)
        if (vendor.socket) assert.strictEqual(fake.connections(), 1)
      })))

    const at = vendor.greetings + 2
    const faults: { readonly [name: string]: FakeModel.Fault } = {
      "a reset before the first audio": { resetAfter: vendor.greetings },
      "a reset in the middle": { resetAfter: at },
      "a stall before the first audio": { stallAfter: vendor.greetings },
      "a stall in the middle": { stallAfter: at },
      "a half-open connection": { halfOpenAfter: at },
      "a close with 1000": { close: { after: at, code: 1000, reason: "" } },
      "a close with 1011": { close: { after: at, code: 1011, reason: "internal" } },
      "garbage": { garbage: { at, text: "}{" } }
    }
    for (const [name, fault] of Object.entries(faults)) {
      if (!vendor.socket && fault.resetAfter === undefined && fault.stallAfter === undefined) continue
      it.live(`finishes the sentence after ${name}`, () =>
        Effect.scoped(Effect.gen(function*() {
          const { fake, speak } = yield* voice({ faults: [fault] })
          const chunks = yield* speak(first)
          same(chunks, first)
          assert.deepStrictEqual(textsOf(chunks), [first])
          if (vendor.words) {
            assert.deepStrictEqual(
              chunks.flatMap(({ words = [] }) => words.map(({ text }) => text)),
              first.split(" ")
            )
          }
          same(yield* speak(second), second)
          assert.strictEqual(fake.connections(), vendor.socket ? 2 : 3)
        })))
    }

    if (vendor.words) {
      it.live("finishes the sentence after half a message", () =>
        Effect.scoped(Effect.gen(function*() {
          const { fake, speak } = yield* voice({ faults: [{ partialAt: at }] })
          same(yield* speak(first), first)
          assert.strictEqual(fake.connections(), 2)
        })))
    }
    if (vendor.socket) {
      it.live("loses nothing when messages are out of order", () =>
        Effect.scoped(Effect.gen(function*() {
          const { speak } = yield* voice({ faults: [{ swapAt: at }] })
          const chunks = yield* speak(first)
          assert.deepStrictEqual(textsOf(chunks), [first])
          assert.strictEqual(samplesOf(chunks).length, expected(first, vendor.sampleRate).length)
          same(yield* speak(second), second)
        })))
    }

    it.live("loses nothing while its vendor is unavailable for a while", () =>
      Effect.scoped(Effect.gen(function*() {
        const reset = { resetAfter: vendor.greetings }
        const fake = yield* vendor.start({ faults: [reset, reset, { refuse: { status: 503 } }] })
        const built = yield* Layer.build(vendor.layer({ url: fake.url, key: "secret-key" }))
        const alone = yield* ResilientTextToSpeech.make([Context.get(built, TextToSpeech)], { retryDelay: "50 millis" })
        const stream = yield* alone.open({ sessionId: "s" })
        const chunks = yield* Stream.runCollect(stream.speak(Stream.make(first, second)))
        assert.deepStrictEqual(textsOf(chunks), [first, second])
        assert.deepStrictEqual(
          samplesOf(chunks),
          concat([expected(first, vendor.sampleRate), expected(second, vendor.sampleRate)])
        )
      })))

    it.live("keeps several replies at a time apart", () =>
      Effect.scoped(Effect.gen(function*() {
        const { speak } = yield* voice({ paceMs: 2 })
        const texts = Array.from({ length: 4 }, (_, i) => `This is reply ${"number ".repeat(i + 1)}${i}.`)
        const all = yield* Effect.forEach(texts, (text) => speak(text), { concurrency: "unbounded" })
        for (const [i, chunks] of all.entries()) same(chunks, texts[i] ?? "")
      })))

    it.live("tolerates latency", () =>
      Effect.scoped(Effect.gen(function*() {
        // a request may be answered later than audio may pause
        const { fake, speak } = yield* voice({ faults: [{ latencyMs: vendor.socket ? 100 : 800 }] })
        same(yield* speak(first), first)
        assert.strictEqual(fake.connections(), 1)
      })))

    it.live("finishes the sentence after the vendor was unavailable once", () =>
      Effect.scoped(Effect.gen(function*() {
        const { speak } = yield* voice({
          faults: vendor.socket ? [{ resetAfter: at }, { refuse: { status: 503 } }] : [{ refuse: { status: 503 } }]
        })
        same(yield* speak(first), first)
      })))

    it.live("asks for a sentence at most four times when no connection brings anything", () =>
      Effect.scoped(Effect.gen(function*() {
        const { fake, speak } = yield* voice({
          faults: Array.from({ length: 9 }, () => ({ resetAfter: vendor.greetings }))
        })
        const error = yield* failure(speak(first))
        assert.strictEqual(error._tag, "ConnectionFailed")
        assert.strictEqual(error.details?.["vendor"], vendor.name)
        // the first attempt and three retries, and no others behind them
        assert.strictEqual(fake.connections(), 4)
      })))

    if (vendor.socket) {
      it.live("reconnects between two replies, before the connection is needed", () =>
        Effect.scoped(Effect.gen(function*() {
          const { fake, speak } = yield* voice()
          yield* speak(first)
          fake.reset()
          yield* Effect.sync(() => fake.connections()).pipe(
            Effect.delay("20 millis"),
            Effect.repeat({ until: (count) => count === 2 }),
            Effect.timeout("2 minutes")
          )
          same(yield* speak(second), second)
          assert.strictEqual(fake.connections(), 2)
        })))
    }

    if (vendor.socket) {
      it.live("replaces a connection at its maximum age", () =>
        Effect.scoped(Effect.gen(function*() {
          const { fake, speak } = yield* voice({}, { rotateAfter: "1 second" })
          yield* speak(first)
          yield* Effect.sync(() => fake.told.filter(({ what }) => what === "closed").length).pipe(
            Effect.delay("50 millis"),
            Effect.repeat({ until: (count) => count > 0 }),
            Effect.timeout("2 minutes")
          )
          same(yield* speak(second), second)
          assert.isAtLeast(fake.connections(), 2)
        })))
    }

    const refusals = [
      { status: 401, tag: "AuthenticationFailed", details: {} },
      { status: 402, tag: "AuthorizationFailed", details: { reason: "quota" } },
      { status: 403, tag: "AuthorizationFailed", details: {} },
      { status: 429, tag: "RateLimitExceeded", details: { retryAfterMs: 7_000 }, headers: { "retry-after": "7" } },
      { status: 429, tag: "RateLimitExceeded", details: {} },
      { status: 503, tag: "ConnectionFailed", details: {} }
    ] as const
    for (const refusal of refusals) {
      const { details, status, tag } = refusal
      const headers = "headers" in refusal ? refusal.headers : {}
      it.live(`tells ${status} ${"headers" in refusal ? "with Retry-After " : ""}as what it is`, () =>
        Effect.scoped(Effect.gen(function*() {
          const error = yield* single({ faults: [{ refuse: { status, headers } }] }).pipe(
            Effect.flatMap(({ speak }) => speak(first)),
            Effect.flip
          )
          assert.strictEqual(error._tag, tag)
          assert.containSubset(error.details, { vendor: vendor.name, status, requestId: "req_0", ...details })
          if (!("retryAfterMs" in details)) assert.notProperty(error.details, "retryAfterMs")
        })))
    }

    it.live("never quotes a wrong API key", () =>
      Effect.scoped(Effect.gen(function*() {
        const error = yield* single({}, { key: "wrong-key" }).pipe(
          Effect.flatMap(({ speak }) => speak(first)),
          Effect.flip
        )
        assert.strictEqual(error._tag, "AuthenticationFailed")
        assert.notInclude(JSON.stringify(error), "wrong-key")
      })))

    it.effect("names the environment variable of a missing API key", () =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(
          Layer.build(vendor.layer({ url: "ws://127.0.0.1:1", key: undefined })).pipe(
            Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({})))
          )
        )
        assert.isTrue(Exit.isFailure(exit))
        const error = yield* Effect.flip(exit)
        assert.strictEqual(error._tag, "InvalidConfig")
        assert.strictEqual(error.details?.["missing"], vendor.variable)
        assert.include(error.message, vendor.variable)
      }).pipe(Effect.scoped))
  })
}
