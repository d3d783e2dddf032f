/**
 * What every hosted speech-to-speech engine does, held against a fake of its vendor: turns, replies, truncation, tools, and
 * the same under each fault.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Data, Duration, Effect, Layer, Queue, Schema, type Scope, Stream } from "effect"
import * as Agent from "../../../../src/agent/Agent.ts"
import * as Tool from "../../../../src/agent/Tool.ts"
import * as Pcm from "../../../../src/audio/Pcm.ts"
import * as BackendProvider from "../../../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../../../src/backend/VoiceBackend.ts"
import type { BackendError } from "../../../../src/BackendError.ts"
import type { EngineIncident } from "../../../../src/EngineIncident.ts"
import type { SessionEvent } from "../../../../src/session/SessionEvent.ts"
import * as SessionSpeech from "../../../../src/speech/SessionSpeech.ts"
import {
  SpeechToSpeech,
  type SpeechToSpeechEvent,
  type SpeechToSpeechOptions,
  type SpeechToSpeechStream
} from "../../../../src/speech/SpeechToSpeech.ts"
import { provider } from "../../../session/Harness.ts"
import type { FakeModel, FakeModelOptions, Told } from "../../../support/FakeModel.ts"

/** What the suite may change of an engine's options. */
export interface EngineSettings {
  readonly silenceTimeout?: Duration.Duration
  readonly rotateAfter?: Duration.Duration
  readonly maxRetries?: number
  /** The backend decides turns. */
  readonly own?: boolean
  readonly key?: string
}

export interface Vendor {
  readonly name: string
  readonly variable: string
  readonly start: (options: FakeModelOptions) => Effect.Effect<FakeModel, never, Scope.Scope>
  readonly layer: (url: string, settings: EngineSettings) => Layer.Layer<SpeechToSpeech, BackendError>
  readonly definition: { readonly layer: (options: unknown) => Layer.Layer<SpeechToSpeech, BackendError> }
  /** How many messages the server sends before it is ready. */
  readonly greeting: number
  /** The model can be cut at what was heard. */
  readonly truncates: boolean
  readonly agentAnswers: boolean
  /** It reports the start of the user's speech. */
  readonly tellsSpeech: boolean
  /** What a session may ask for, and where the vendor's setup message has it. */
  readonly speech: {
    readonly options: Pick<SpeechToSpeechOptions, "voice" | "language" | "keyterms">
    readonly expected: { readonly [path: string]: string }
  }
}

/** The value at a dotted path of a message. */
const valueAt = (message: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>(
    (value, key) => typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined,
    message
  )

class Unseen extends Data.TaggedError("Unseen")<{ readonly message: string }> {}

class Talk {
  readonly #stream: SpeechToSpeechStream
  readonly #events: Queue.Dequeue<SpeechToSpeechEvent, BackendError>
  readonly #rate: number
  readonly seen: Array<SpeechToSpeechEvent> = []
  readonly own: boolean
  #samples = 0

  constructor(
    stream: SpeechToSpeechStream,
    events: Queue.Dequeue<SpeechToSpeechEvent, BackendError>,
    rate: number,
    own: boolean
  ) {
    this.#stream = stream
    this.#events = events
    this.#rate = rate
    this.own = own
  }

  get stream() {
    return this.#stream
  }

  #push(ms: number, level: number): void {
    const frame = new Int16Array(this.#rate / 50).fill(level)
    for (let at = 0; at < ms; at += 20) {
      this.#stream.push(frame)
      this.#samples += 320
    }
  }

  /** The user says something, and is silent for long enough. */
  speak(ms = 400): void {
    this.starts(ms)
    this.stops()
  }

  starts(ms = 400): void {
    this.#push(100, 0)
    const at = this.#samples
    if (this.own) this.#stream.activity({ _tag: "SpeechStarted", atSample: at, decidedAtSample: at })
    this.#push(ms, 8_000)
  }

  stops(): void {
    const at = this.#samples
    this.#push(400, 0)
    if (!this.own) return
    this.#stream.activity({ _tag: "SpeechStopped", atSample: at, decidedAtSample: this.#samples })
    this.#stream.commit(this.#samples)
  }

  /** The next event of this kind; those before it are seen. */
  next<Tag extends SpeechToSpeechEvent["_tag"]>(
    tag: Tag
  ): Effect.Effect<Extract<SpeechToSpeechEvent, { readonly _tag: Tag }>, BackendError | Unseen> {
    const isIt = (event: SpeechToSpeechEvent): event is Extract<SpeechToSpeechEvent, { readonly _tag: Tag }> =>
      event._tag === tag
    return Effect.gen({ self: this }, function*() {
      while (true) {
        const event = yield* Queue.take(this.#events)
        this.seen.push(event)
        if (isIt(event)) return event
      }
    }).pipe(
      Effect.timeoutOrElse({
        duration: "2 minutes",
        orElse: () =>
          Effect.fail(
            new Unseen({ message: `no ${tag}; seen: ${JSON.stringify(this.seen.map((event) => event._tag))}` })
          )
      })
    )
  }

  /** A whole reply: its text, and how much audio there was. */
  readonly reply = Effect.gen({ self: this }, function*() {
    const { reply } = yield* this.next("ReplyStarted")
    return yield* this.rest(reply)
  })

  rest(reply: string) {
    return Effect.gen({ self: this }, function*() {
      yield* this.next("ReplyEnded")
      const audio = this.seen.flatMap((event) => event._tag === "ReplyAudio" && event.reply === reply ? [event] : [])
      return {
        reply,
        text: audio.map((event) => event.text).filter((text) => text !== "").join(" "),
        ms: audio.reduce((ms, event) => ms + event.pcm.length / 24, 0)
      }
    })
  }

  /** A reply is over, however it went. */
  readonly over = Effect.suspend(() => Queue.take(this.#events)).pipe(
    Effect.tap((event) => Effect.sync(() => this.seen.push(event))),
    Effect.repeat({ until: (event) => event._tag === "ReplyEnded" || event._tag === "ReplyFailed" })
  )

  /** How the talk ends. */
  readonly failure: Effect.Effect<BackendError> = Effect.suspend(() => Queue.take(this.#events)).pipe(
    Effect.tap((event) => Effect.sync(() => this.seen.push(event))),
    Effect.forever,
    Effect.flip
  )
}

const open = Effect.fnUntraced(function*(
  vendor: Vendor,
  fake: FakeModel,
  settings: EngineSettings = {},
  options: Partial<SpeechToSpeechOptions> = {}
) {
  const s2s = Context.get(yield* Layer.build(vendor.layer(fake.url, settings)), SpeechToSpeech)
  const stream = yield* s2s.open({ sessionId: "s", history: [], answers: true, tools: [], ...options })
  const events = yield* Queue.unbounded<SpeechToSpeechEvent, BackendError>()
  yield* Stream.runForEach(stream.events, (event) => Queue.offer(events, event)).pipe(
    Effect.catch((error) => Queue.fail(events, error)),
    Effect.forkScoped
  )
  return new Talk(stream, events, s2s.inputSampleRate, settings.own ?? false)
})

/** Waits until the fake has seen something. */
const told = (fake: FakeModel, what: string, count = 1): Effect.Effect<ReadonlyArray<Told>, Unseen> =>
  Effect.sync(() => fake.told.filter((entry) => entry.what === what)).pipe(
    Effect.delay("5 millis"),
    Effect.repeat({ until: (found) => found.length >= count }),
    Effect.timeoutOrElse({
      duration: "2 minutes",
      orElse: () => Effect.fail(new Unseen({ message: `the fake saw no ${what}: ${JSON.stringify(fake.told)}` }))
    })
  )

const speech = (ms: number) => Pcm.fromInt16(new Int16Array(16 * ms).fill(8_000))
const silence = (ms: number) => Pcm.fromInt16(new Int16Array(16 * ms))

/** A session over the engine, with a user whose audio comes as it is given. */
const inSession = Effect.fnUntraced(function*(
  vendor: Vendor,
  fake: FakeModel,
  options: Parameters<typeof VoiceBackend.layerS2s>[0]
) {
  const backend = Context.get(
    yield* Layer.build(
      VoiceBackend.layerS2s({
        agent: Agent.fromCallback((said) => Effect.succeed(`You said ${said}.`)),
        ...options
      }).pipe(Layer.provide([
        Layer.succeed(BackendProvider.BackendProvider, provider()),
        vendor.layer(fake.url, {})
      ]))
    ),
    VoiceBackend
  )
  const session = yield* backend.createSession({ userId: "u", transport: "websocket" })
  const input = yield* Queue.unbounded<Uint8Array>()
  const seen: Array<SessionEvent> = []
  yield* Stream.runForEach(
    session.pipeline(Stream.fromQueue(input)),
    (output) => Effect.sync(() => output._tag === "Event" ? seen.push(output.event) : undefined)
  ).pipe(Effect.forkScoped)
  return {
    session,
    hear: (...pieces: ReadonlyArray<Uint8Array>) => Queue.offerAll(input, pieces),
    outputs: (type: SessionEvent["type"], count = 1) =>
      Effect.sync(() => seen.filter((event) => event.type === type)).pipe(
        Effect.delay("5 millis"),
        Effect.repeat({ until: (found) => found.length >= count }),
        Effect.timeoutOrElse({
          duration: "2 minutes",
          orElse: () =>
            Effect.fail(new Unseen({ message: `no ${type}: ${JSON.stringify(seen)} ${JSON.stringify(fake.told)}` }))
        })
      )
  }
})

export const suite = (vendor: Vendor) =>
  describe(`${vendor.name} as a speech-to-speech engine`, () => {
    const live = (name: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) =>
      it.live(name, () => Effect.scoped(Effect.suspend(body)))

    for (const own of [false, true]) {
      const who = own ? "us" : "the model"
      live(`answers in turns decided by ${who}, with the words of both`, () =>
        Effect.gen(function*() {
          const fake = yield* vendor.start({
            answers: ["Good day to you.", "Second."],
            transcripts: ["hello there", "go on"]
          })
          const talk = yield* open(vendor, fake, { own })
          talk.speak()
          const first = yield* talk.reply
          assert.strictEqual(first.text, "Good day to you.")
          assert.isAtLeast(first.ms, 20 * first.text.length - 1)
          talk.speak()
          const second = yield* talk.reply
          assert.strictEqual(second.text, "Second.")
          assert.notStrictEqual(second.reply, first.reply)
          const words = () =>
            talk.seen.flatMap((event) => event._tag === "UserTranscript" && event.final ? [event.text] : [])
          // they may come after the reply
          while (words().length < 2) yield* talk.next("UserTranscript")
          assert.deepStrictEqual(words(), ["hello there", "go on"])
          if (!own) {
            assert.strictEqual(talk.seen.filter((event) => event._tag === "UserSpeechStarted").length, 2)
            assert.strictEqual(talk.seen.filter((event) => event._tag === "UserSpeechStopped").length, 2)
          }
        }))

      live(`says an utterance again on a new connection, when the old one is reset, with turns decided by ${who}`, () =>
        Effect.gen(function*() {
          const fake = yield* vendor.start({ answers: ["Heard."], transcripts: ["all of it"] })
          const incidents: Array<EngineIncident> = []
          const talk = yield* open(vendor, fake, { own }, {
            onIncident: (incident) =>
              incidents.push(incident)
          })
          talk.starts(600)
          if (own || !vendor.tellsSpeech) yield* Effect.sleep("50 millis")
          else yield* talk.next("UserSpeechStarted")
          fake.reset()
          yield* told(fake, "closed")
          talk.stops()
          assert.strictEqual((yield* talk.reply).text, "Heard.")
          const [turn] = yield* told(fake, "turn")
          assert.isAtLeast(Number(turn?.["ms"]), 600)
          assert.deepStrictEqual(incidents.map(({ what }) => what), ["failed", "recovered"])
        }))
    }

    live("opens every connection with the session's own voice and language", () =>
      Effect.gen(function*() {
        const { expected, options } = vendor.speech
        const fake = yield* vendor.start({ answers: [] })
        const s2s = Context.get(yield* Layer.build(vendor.layer(fake.url, {})), SpeechToSpeech)
        assert.isUndefined(SessionSpeech.check("test", options, { s2s }))
        const talk = yield* open(vendor, fake, {}, options)
        fake.reset()
        const sessions = yield* told(fake, "session", 2)
        for (const { session } of sessions) {
          for (const [path, value] of Object.entries(expected)) {
            assert.strictEqual(valueAt(session, path), value, path)
          }
        }
        assert.lengthOf(sessions, 2)
        assert.isFalse(talk.own)
        // another session of the same engine has the engine's own
        yield* open(vendor, fake)
        const [, , plain] = yield* told(fake, "session", 3)
        for (const [path, value] of Object.entries(expected)) {
          assert.notStrictEqual(valueAt(plain?.["session"], path), value, path)
        }
      }))

    for (const own of [false, true]) {
      live(`hears what is said while there is no connection, with turns decided by ${own ? "us" : "the model"}`, () =>
        Effect.gen(function*() {
          // the next connection takes its time
          const fake = yield* vendor.start({
            faults: [{}, { latencyMs: 200 }],
            answers: ["Heard."],
            transcripts: ["all"]
          })
          const talk = yield* open(vendor, fake, { own })
          fake.reset()
          yield* told(fake, "closed")
          yield* Effect.sleep("50 millis")
          talk.speak(600)
          assert.strictEqual((yield* talk.reply).text, "Heard.")
          const [turn] = yield* told(fake, "turn")
          assert.strictEqual(turn?.connection, 1)
          assert.isAtLeast(Number(turn?.["ms"]), 600)
        }))
    }

    for (const own of [false, true]) {
      live(`speaks a given text, between its answers, with turns decided by ${own ? "us" : "the model"}`, () =>
        Effect.gen(function*() {
          const fake = yield* vendor.start({ answers: ["An answer."], transcripts: ["hello"] })
          const talk = yield* open(vendor, fake, { own })
          talk.stream.say("This text, as it stands.")
          assert.strictEqual((yield* talk.reply).text, "This text, as it stands.")
          talk.speak()
          assert.strictEqual((yield* talk.reply).text, "An answer.")
          talk.stream.say("And this.")
          talk.stream.say("And that.")
          assert.strictEqual((yield* talk.reply).text, "And this.")
          assert.strictEqual((yield* talk.reply).text, "And that.")
        }))

      if (vendor.agentAnswers) {
        live(`only hears and speaks, with turns decided by ${own ? "us" : "the model"}`, () =>
          Effect.gen(function*() {
            const fake = yield* vendor.start({ answers: ["Never said."], transcripts: ["one", "two", "three"] })
            const talk = yield* open(vendor, fake, { own }, { answers: false })
            const words = () =>
              talk.seen.flatMap((event) =>
                event._tag === "UserTranscript" && event.final ? [event.text] : []
              )
            talk.speak()
            yield* talk.next("UserTurnTranscribed")
            assert.deepStrictEqual(words(), ["one"])
            talk.stream.say("You said one.")
            assert.strictEqual((yield* talk.reply).text, "You said one.")
            talk.speak()
            yield* talk.next("UserTurnTranscribed")
            assert.deepStrictEqual(words(), ["one", "two"])
            // what was said on a connection that is lost is heard on the next
            talk.starts()
            yield* Effect.sleep("50 millis")
            fake.reset()
            yield* told(fake, "closed")
            talk.stops()
            yield* talk.next("UserTurnTranscribed")
            assert.deepStrictEqual(words(), ["one", "two", "three"])
            assert.strictEqual(
              talk.seen.filter((event) =>
                event._tag === "ReplyStarted"
              ).length,
              1
            )
          }))
      }
    }

    live("answers what is typed, and remembers it on the next connection with the rest of the conversation", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({ answers: ["One.", "Two."], transcripts: [] })
        const talk = yield* open(vendor, fake, {}, { history: [{ role: "user", text: "before" }] })
        talk.stream.userText("typed")
        assert.strictEqual((yield* talk.reply).text, "One.")
        fake.reset()
        yield* told(fake, "ready", 2)
        talk.stream.userText("again")
        assert.strictEqual((yield* talk.reply).text, "Two.")
        const messages = fake.told.filter(({ connection, what }) =>
          connection === 1 && what === "message"
        )
        assert.deepStrictEqual(
          messages.map(({ role, text }) => [role === "assistant" || role === "model" ? "agent" : "user", text]),
          [["user", "before"], ["user", "typed"], ["agent", "One."], ["user", "again"]]
        )
      }))

    live("replaces a connection before the vendor ends it, in a pause, and tells the next one the conversation", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({ answers: ["One."], transcripts: ["hello"] })
        const incidents: Array<EngineIncident> = []
        const talk = yield* open(vendor, fake, { rotateAfter: Duration.seconds(1) }, {
          onIncident: (incident) =>
            incidents.push(incident)
        })
        talk.speak()
        yield* talk.reply
        yield* told(fake, "ready", 2)
        assert.deepStrictEqual(incidents, [])
        assert.deepStrictEqual(
          fake.told.filter(({ what }) =>
            what === "closed"
          ).map(({ code }) =>
            code
          ),
          [1000]
        )
        const messages = yield* told(fake, "message", 2)
        assert.deepStrictEqual(messages.map(({ connection, text }) => [connection, text]), [[1, "hello"], [1, "One."]])
      }))

    live("drops what comes late of a truncated reply, and has the model forget it", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({
          answers: [{ text: "A long answer that goes on and on and on.", paceMs: 30 }, "Yes?"],
          transcripts: ["go", "stop"]
        })
        const talk = yield* open(vendor, fake)
        talk.speak()
        const { reply } = yield* talk.next("ReplyStarted")
        yield* talk.next("ReplyAudio")
        yield* talk.next("ReplyAudio")
        talk.stream.truncate(reply, 120)
        const seen = talk.seen.length
        talk.speak()
        const next = yield* talk.reply
        assert.strictEqual(next.text, "Yes?")
        assert.isFalse(
          talk.seen.slice(seen).some((event) =>
            event._tag === "ReplyAudio" && event.reply === reply
          )
        )
        if (vendor.truncates) {
          assert.deepInclude((yield* told(fake, "truncated"))[0], { ms: 120 })
        }
      }))

    live("calls a tool within a reply, and goes on with what it gave", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({
          answers: [{ text: "", call: { name: "weather", input: { city: "Ulm" } } }, "It is sunny in Ulm."]
        })
        const weather = Tool.make({
          name: "weather",
          description: "weather",
          input: Schema.Struct({ city: Schema.String }),
          run: () => Effect.void
        })
        const talk = yield* open(vendor, fake, {}, {
          tools: [{ name: weather.name, description: weather.description, parameters: weather.parameters }]
        })
        talk.speak()
        const { reply } = yield* talk.next("ReplyStarted")
        const call = yield* talk.next("ToolCall")
        assert.deepInclude(call, { reply, name: "weather", input: { city: "Ulm" } })
        talk.stream.toolResult(call.id, `{"sky":"sunny"}`)
        assert.deepInclude(yield* talk.rest(reply), { reply, text: "It is sunny in Ulm." })
        assert.strictEqual(talk.seen.filter((event) => event._tag === "ReplyStarted").length, 1)
        assert.include(JSON.stringify((yield* told(fake, "tool"))[0]), "sunny")
      }))

    for (const malformed of ["base64", "odd"] as const) {
      live(`fails a reply whose audio is malformed (${malformed}), and goes on`, () =>
        Effect.gen(function*() {
          const fake = yield* vendor.start({ answers: [{ text: "Broken.", malformed }, "Whole."] })
          const talk = yield* open(vendor, fake)
          talk.speak()
          const { error } = yield* talk.next("ReplyFailed")
          assert.deepInclude(error, { code: "pipeline_error" })
          assert.deepInclude(error.details, { vendor: vendor.name })
          talk.speak()
          assert.strictEqual((yield* talk.reply).text, "Whole.")
        }))
    }

    live("asks again on a new connection when the model is silent", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({
          faults: [{ stallAfter: vendor.greeting }],
          answers: ["Lost.", "Found."],
          transcripts: []
        })
        const talk = yield* open(vendor, fake, { own: true, silenceTimeout: Duration.millis(500) })
        talk.speak()
        assert.match((yield* talk.reply).text, /^(Lost|Found)\.$/u)
        assert.strictEqual(fake.connections(), 2)
      }))

    live("takes a half-open connection for dead", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({ faults: [{ halfOpenAfter: vendor.greeting }], answers: ["Lost.", "Found."] })
        const talk = yield* open(vendor, fake, { own: true, silenceTimeout: Duration.millis(500) })
        talk.speak()
        assert.match((yield* talk.reply).text, /^(Lost|Found)\.$/u)
      }))

    live("is not disturbed by latency", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({ faults: [{ latencyMs: 150 }], answers: ["Late."] })
        const talk = yield* open(vendor, fake)
        talk.speak()
        assert.strictEqual((yield* talk.reply).text, "Late.")
      }))

    live("lives through garbage, half a message and messages in another order", () =>
      Effect.gen(function*() {
        for (
          const fault of [
            { garbage: { at: vendor.greeting + 1, text: "\u0000{]" } },
            { garbage: { at: vendor.greeting, text: "[]" } },
            { partialAt: vendor.greeting + 3 },
            { swapAt: vendor.greeting + 4 }
          ]
        ) {
          yield* Effect.scoped(Effect.gen(function*() {
            const fake = yield* vendor.start({ faults: [fault], answers: ["One.", "Two.", "Three."] })
            const talk = yield* open(vendor, fake, { silenceTimeout: Duration.millis(500) })
            // whatever becomes of the first, the talk goes on
            talk.speak()
            yield* talk.over
            talk.speak()
            yield* talk.next("ReplyStarted")
            yield* talk.next("ReplyAudio")
          }))
        }
      }))

    live("is refused with 401 once, and never tells the key", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({})
        const error = yield* Effect.flip(open(vendor, fake, { key: "wrong-key-0815" }))
        assert.deepInclude(error, { code: "authentication_failed" })
        assert.deepInclude((error as BackendError).details, { vendor: vendor.name, status: 401, requestId: "req_0" })
        assert.notInclude(JSON.stringify(error), "0815")
        assert.strictEqual(fake.connections(), 1)
      }))

    live("is told what a close means, without the key", () =>
      Effect.gen(function*() {
        const key = "secret-0815"
        const fake = yield* vendor.start({
          keys: [key],
          faults: [{ close: { after: 0, code: 1008, reason: `API key ${key} is not valid: invalid_api_key` } }]
        })
        const error = yield* Effect.flip(open(vendor, fake, { key }))
        assert.deepInclude(error, { code: "authentication_failed" })
        assert.notInclude(JSON.stringify(error), key)
        assert.include(JSON.stringify(error), "<redacted>")
        assert.strictEqual(fake.connections(), 1)
      }))

    live("tries again after 429, at the time it was told or after a while, and gives up in the end", () =>
      Effect.gen(function*() {
        const refused = { refuse: { status: 429, headers: { "retry-after": "1" } } }
        const fake = yield* vendor.start({ faults: [refused, { refuse: { status: 429 } }], answers: ["At last."] })
        const begun = performance.now()
        const talk = yield* open(vendor, fake)
        assert.isAtLeast(performance.now() - begun, 990)
        talk.speak()
        assert.strictEqual((yield* talk.reply).text, "At last.")
        const never = yield* vendor.start({ faults: Array.from({ length: 9 }, () => ({ refuse: { status: 429 } })) })
        const error = yield* Effect.flip(open(vendor, never, { maxRetries: 2 }))
        assert.deepInclude(error, { code: "rate_limit_exceeded" })
        assert.strictEqual(never.connections(), 3)
        const long = yield* vendor.start({ faults: [{ refuse: { status: 429, headers: { "retry-after": "3600" } } }] })
        assert.deepInclude(yield* Effect.flip(open(vendor, long)), { code: "rate_limit_exceeded" })
      }))

    live("replaces a connection that the vendor closes, and ends when there is no other", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({
          faults: [
            { close: { after: vendor.greeting, code: 1011, reason: "internal" } },
            {},
            { refuse: { status: 500 } },
            { refuse: { status: 500 } },
            { refuse: { status: 500 } }
          ],
          answers: ["Lost.", "Here."]
        })
        const talk = yield* open(vendor, fake, { own: true, maxRetries: 2 })
        talk.speak()
        assert.match((yield* talk.reply).text, /^(Lost|Here)\.$/u)
        fake.reset()
        const failure = yield* talk.failure
        assert.deepInclude(failure, { code: "connection_failed" })
      }))

    live("closes its connection with its scope", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({})
        yield* Effect.scoped(open(vendor, fake))
        assert.deepInclude((yield* told(fake, "closed"))[0], { code: 1000 })
      }))

    live("is a whole session: a turn, an interruption cut at what was heard, a goodbye", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({
          answers: [{ text: `One two${" three four five six".repeat(40)}.`, paceMs: 10 }, "Yes?"],
          transcripts: ["count", "stop"]
        })
        const { hear, outputs, session } = yield* inSession(vendor, fake, {})
        yield* hear(speech(400), silence(400))
        const [started] = yield* outputs("agent.speech_started")
        // "One two three" takes 240 ms; the whole answer takes 17 s
        yield* Effect.sleep("500 millis")
        yield* hear(speech(400), silence(400))
        const [stopped] = yield* outputs("agent.speech_stopped", 2)
        const said = (yield* session.history).map(({ interrupted, role, text }) => ({ interrupted, role, text }))
        assert.strictEqual(said[0]?.text, "count")
        assert.match(said[1]?.text ?? "", /^One two( \w+)*$/u)
        assert.deepInclude(said[1], { role: "agent", interrupted: true })
        assert.deepInclude(said.at(-1), { role: "agent", text: "Yes?", interrupted: false })
        if (!vendor.truncates) {
          return
        }
        const [cut] = yield* told(fake, "truncated")
        const spokeMs = (stopped?.atMs ?? 0) - (started?.atMs ?? 0)
        assert.isTrue(Number(cut?.["ms"]) > 200 && Number(cut?.["ms"]) <= spokeMs, JSON.stringify([cut, spokeMs]))
      }))

    live("lives as a session through a connection that is lost in the middle of an utterance", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({ answers: ["Still here.", "Not asked."], transcripts: ["are you there"] })
        const { hear, outputs, session } = yield* inSession(vendor, fake, {})
        yield* hear(speech(300))
        yield* Effect.sleep("100 millis")
        fake.reset()
        yield* outputs("engine.incident")
        yield* hear(speech(300), silence(400))
        const [stopped] = yield* outputs("agent.speech_stopped")
        assert.deepInclude(stopped, { text: "Still here.", reason: "completed" })
        const incidents = yield* outputs("engine.incident", 2)
        assert.deepStrictEqual(
          incidents.map((event) =>
            event.type === "engine.incident" && event.what
          ),
          [
            "failed",
            "recovered"
          ]
        )
        const [turn] = yield* told(fake, "turn")
        assert.isAtLeast(Number(turn?.["ms"]), 600)
        assert.strictEqual(yield* session.state.get, "listening")
        assert.deepStrictEqual(
          (yield* session.history).map(({ text }) =>
            text
          ),
          ["are you there", "Still here."]
        )
      }))

    live("has the session's agent as a tool", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({
          answers: [{ text: "", call: { name: "ask_agent", input: { question: "the time" } } }, "It is noon."],
          transcripts: ["what time is it"]
        })
        const { hear, outputs } = yield* inSession(vendor, fake, { agentInLoop: "tool" })
        yield* hear(speech(400), silence(400))
        const [stopped] = yield* outputs("agent.speech_stopped")
        assert.deepInclude(stopped, { text: "It is noon.", reason: "completed" })
        assert.deepInclude((yield* outputs("tool.finished"))[0], { name: "ask_agent", ok: true })
        assert.include(JSON.stringify((yield* told(fake, "tool"))[0]), "You said the time.")
      }))

    if (vendor.agentAnswers) {
      live("leaves its answers to the session's agent, and speaks them", () =>
        Effect.gen(function*() {
          const fake = yield* vendor.start({ answers: ["Never said."], transcripts: ["hello"] })
          const { hear, outputs, session } = yield* inSession(vendor, fake, { agentInLoop: "answer" })
          yield* hear(speech(400), silence(400))
          yield* outputs("agent.speech_stopped")
          assert.deepStrictEqual(
            (yield* session.history).map(({ text }) =>
              text
            ),
            ["hello", "You said hello."]
          )
        }))
    }

    it.effect("names the variable that holds the key, when there is none", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(vendor.definition.layer({}))))
        assert.deepInclude(error, { code: "invalid_config" })
        assert.strictEqual(error.details?.["missing"], vendor.variable)
        assert.include(error.message, vendor.variable)
      }))
  })
