/**
 * What every hosted recogniser does, against its fake: transcribes with times, answers each `finalize`, maps refusals to
 * errors, and behind `ResilientSpeechToText` loses no word of an utterance, whatever happens to its socket.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, type Redacted, type Scope, Stream } from "effect"
import { inspect } from "node:util"
import * as Resampler from "../../../../src/audio/resampling/Resampler.ts"
import type { BackendError } from "../../../../src/BackendError.ts"
import type { EngineIncident } from "../../../../src/EngineIncident.ts"
import * as ResilientSpeechToText from "../../../../src/speech/resilience/ResilientSpeechToText.ts"
import { SpeechToText, type SpeechToTextStream, type TranscriptEvent } from "../../../../src/speech/SpeechToText.ts"
import * as SpokenAudio from "../../../../src/testing/scenario/SpokenAudio.ts"
import type { FakeModel, FakeModelOptions, Fault } from "../../../support/FakeModel.ts"
import { KEY } from "../../../support/FakeRecognisers.ts"
import { some } from "../../../support/Full.ts"

export interface Subject {
  readonly name: string
  readonly vendor: string
  readonly fake: (options: FakeModelOptions) => Effect.Effect<FakeModel, never, Scope.Scope>
  readonly layer: (options: {
    readonly url: string
    readonly apiKey?: Redacted.Redacted<string>
  }) => Layer.Layer<SpeechToText, BackendError>
  readonly key: Redacted.Redacted<string>
  readonly variable: string
  /** What the fake records for a `finalize`. */
  readonly asks: string
  /** It tells the times of words. Default: true. */
  readonly timesWords?: boolean
  /** What the fake records for the close message, where there is one. */
  readonly farewell?: string
}

const pause = (ms: number) => Effect.promise(() => new Promise((resolve) => setTimeout(resolve, ms)))

/** A user who speaks words as spelt audio into a stream, and records its events. */
const talker = Effect.fnUntraced(function*(engine: SpeechToText["Service"]) {
  const stream: SpeechToTextStream = yield* engine.open({ sessionId: "test" })
  const events: Array<TranscriptEvent> = []
  let failure: BackendError | undefined
  const listening = yield* stream.events.pipe(
    Stream.runForEach((event) => Effect.sync(() => void events.push(event))),
    Effect.catch((error) =>
      Effect.sync(() => {
        failure = error
      })
    ),
    Effect.forkChild
  )
  let position = 0
  const push = Effect.fnUntraced(function*(pcm: Int16Array) {
    for (let at = 0; at < pcm.length; at += engine.sampleRate / 50) {
      stream.push(pcm.subarray(at, at + engine.sampleRate / 50))
      // sockets get their turn
      if (at % (engine.sampleRate / 5) === 0) yield* pause(1)
    }
    position += Math.round(pcm.length * 16_000 / engine.sampleRate)
  })
  const until = Effect.fnUntraced(function*<A>(what: string, look: () => A | undefined | false, ms = 120_000) {
    for (let waited = 0; waited < ms; waited += 10) {
      const found = look()
      if (found !== undefined && found !== false) return found
      yield* pause(10)
    }
    throw new Error(`waited ${ms} ms in vain: ${what}; events: ${inspect(events)}; failure: ${String(failure)}`)
  })
  const activity = (_tag: "SpeechStarted" | "SpeechStopped") =>
    stream.activity({ _tag, atSample: position, decidedAtSample: position })
  let asked = 0
  return {
    stream,
    events,
    until,
    listening,
    failure: () => failure,
    silence: (ms: number) => push(new Int16Array(Math.round(engine.sampleRate * ms / 1_000))),
    say: (text: string) =>
      Effect.suspend(() => {
        activity("SpeechStarted")
        // a word is over when something else is heard
        const pcm = SpokenAudio.encode(text, { sampleRate: engine.sampleRate, msPerCharacter: 40 })
        return Effect.andThen(push(pcm), push(new Int16Array(engine.sampleRate / 20)))
      }).pipe(Effect.andThen(Effect.sync(() => activity("SpeechStopped")))),
    finalize: Effect.suspend(() => {
      const id = ++asked
      stream.finalize(id, position)
      return until(
        `the answer to question ${id}`,
        () => events.some((event) => event._tag === "Finalized" && event.id === id)
      )
    }),
    finals: () => events.flatMap((event) => event._tag === "Final" ? [event] : []),
    position: () => position
  }
})

type Talker = Effect.Success<ReturnType<typeof talker>>

export const run = (subject: Subject): void => {
  const { asks, farewell, fake, key, layer, name, variable, vendor } = subject

  const withEngine = <A, E>(
    options: FakeModelOptions,
    use: (engine: SpeechToText["Service"], model: FakeModel) => Effect.Effect<A, E, Scope.Scope>
  ) =>
    Effect.gen(function*() {
      const model = yield* fake(options)
      const context = yield* Layer.build(layer({ url: model.url, apiKey: key }))
      return yield* use(yield* Effect.provide(SpeechToText, context), model)
    }).pipe(Effect.scoped)

  /** The same behind `ResilientSpeechToText`, as a backend has it. */
  const dependable = <A, E>(
    faults: ReadonlyArray<Fault>,
    use: (user: Talker, model: FakeModel, incidents: ReadonlyArray<EngineIncident>) => Effect.Effect<A, E, Scope.Scope>
  ) =>
    withEngine(
      { faults, transcripts: Array.from({ length: 9 }, () => "book a flight to Paris please") },
      (engine, model) =>
        Effect.gen(function*() {
          yield* Resampler.load
          const incidents: Array<EngineIncident> = []
          const resilient = yield* ResilientSpeechToText.make([engine], {
            retryDelay: "20 millis",
            onIncident: (incident) => void incidents.push(incident)
          })
          return yield* use(yield* talker(resilient), model, incidents)
        })
    )

  describe(name, () => {
    it.live(
      "transcribes words with their times, and answers finalize requests in their order",
      () =>
        withEngine({}, (engine, model) =>
          Effect.gen(function*() {
            const user = yield* talker(engine)
            yield* user.silence(400)
            const first = user.position()
            yield* user.say("book a flight")
            yield* user.finalize
            const second = user.position()
            yield* user.say("to Paris")
            yield* user.finalize
            const finals = user.finals()
            assert.deepStrictEqual(finals.map(({ text }) => text), ["book a flight", "to Paris"])
            if (subject.timesWords !== false) {
              const words = finals.map(({ words = [] }) => words)
              assert.deepStrictEqual(words.map((each) => each.map(({ text }) => text)), [["book", "a", "flight"], [
                "to",
                "Paris"
              ]])
              for (const [index, from] of [first, second].entries()) {
                assert.closeTo(words[index]?.[0]?.startSample ?? -1, from, 160)
              }
            }
            if (engine.capabilities.interim) {
              const interims = user.events.flatMap((event) => event._tag === "Interim" ? [event.text] : [])
              assert.include(interims.map((text) => text.toLowerCase()), "book a flight")
            }
            const order = user.events.flatMap((event): ReadonlyArray<string> =>
              event._tag === "Final" ? [event.text] : event._tag === "Finalized" ? [`answer ${event.id}`] : []
            )
            assert.deepStrictEqual(order, ["book a flight", "answer 1", "to Paris", "answer 2"])
            assert.strictEqual(model.told.filter(({ what }) => what === asks).length, 2)
          }))
    )

    it.live("answers finalize after silence, without words", () =>
      withEngine({}, (engine) =>
        Effect.gen(function*() {
          const user = yield* talker(engine)
          yield* user.silence(500)
          yield* user.finalize
          assert.deepStrictEqual(user.finals(), [])
        })))

    it.live("sends the close message, and closes its socket with its scope", () =>
      Effect.gen(function*() {
        const model = yield* fake({})
        yield* Effect.scoped(Effect.gen(function*() {
          const context = yield* Layer.build(layer({ url: model.url, apiKey: key }))
          const user = yield* talker(yield* Effect.provide(SpeechToText, context))
          yield* user.say("hello")
          yield* user.finalize
          yield* Fiber.interrupt(user.listening)
        }))
        for (let i = 0; i < 10_000 && !model.told.some(({ what }) => what === "closed"); i++) yield* pause(10)
        assert.isTrue(model.told.some(({ what }) => what === "closed"))
        if (farewell !== undefined) assert.isTrue(model.told.some(({ what }) => what === farewell))
      }).pipe(Effect.scoped))

    it.live("names the environment variable of a missing API key", () =>
      Effect.gen(function*() {
        const former = process.env[variable]
        delete process.env[variable]
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer({ url: "ws://127.0.0.1:9" }))))
        if (former !== undefined) process.env[variable] = former
        assert.deepStrictEqual([error.code, error.details?.["missing"]], ["invalid_config", variable])
        assert.include(error.message, variable)
      }))

    const refusals: ReadonlyArray<readonly [Fault["refuse"], BackendError["code"], object]> = [
      [{ status: 401 }, "authentication_failed", { status: 401 }],
      [{ status: 402 }, "authorization_failed", { status: 402, reason: "quota" }],
      [{ status: 429, headers: { "retry-after": "7" } }, "rate_limit_exceeded", { status: 429, retryAfterMs: 7_000 }],
      [{ status: 429 }, "rate_limit_exceeded", { status: 429 }],
      [{ status: 503 }, "connection_failed", { status: 503 }]
    ]
    for (const [refuse, code, details] of refusals) {
      it.live(
        `is refused with ${refuse?.status}${refuse?.headers === undefined ? "" : " and a time"}: ${code}`,
        () =>
          withEngine({ faults: [{ refuse }] }, (engine) =>
            Effect.gen(function*() {
              const error = yield* Effect.flip(Effect.scoped(engine.open({ sessionId: "test" })))
              assert.strictEqual(error.code, code)
              assert.deepInclude(error.details, { vendor, requestId: "req_0", ...details })
              for (const text of [JSON.stringify(error), inspect(error, { depth: 10 })]) assert.notInclude(text, KEY)
            }))
      )
    }

    it.live(
      "ignores malformed messages",
      () =>
        withEngine({ faults: [{ garbage: { at: 1, text: "{\"type\":[{]" } }] }, (engine) =>
          Effect.gen(function*() {
            const user = yield* talker(engine)
            yield* user.say("still here")
            yield* user.finalize
            assert.deepStrictEqual(user.finals().map(({ text }) => text), ["still here"])
          }))
    )

    const deaths: ReadonlyArray<readonly [string, Fault]> = [
      ["is reset", { resetAfter: 2 }],
      ["falls silent", { stallAfter: 2 }],
      ["is half open", { halfOpenAfter: 2 }],
      ["is closed with 1011", { close: { after: 2, code: 1011, reason: "internal error" } }],
      ["is closed with 1000", { close: { after: 2, code: 1000, reason: "" } }]
    ]
    // side by side: most of their time is spent waiting
    describe("in the middle", { concurrent: true }, () => {
      // what is behind the adapters is the same for all: in CI the first of them meets each death, the others one
      for (const [what, fault] of name === "deepgram" ? deaths : some(deaths, 1)) {
        it.live(
          `loses no word when its socket ${what}`,
          () =>
            dependable([fault], (user, model) =>
              Effect.gen(function*() {
                yield* user.say("book a flight")
                yield* user.say("to Paris please")
                yield* user.until("another connection, or the words", () => {
                  user.stream.finalize(99, user.position())
                  return true
                })
                const heard = yield* user.until("the words", () => {
                  const text = user.finals().map(({ text }) => text).join(" ")
                  return /paris please$/iu.test(text) ? text : undefined
                })
                assert.strictEqual(heard.toLowerCase(), "book a flight to paris please")
                assert.isAtLeast(model.connections(), 2)
              }))
        )
      }
    })
  })
}
