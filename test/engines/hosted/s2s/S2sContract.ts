/**
 * The contract of hosted speech-to-speech engines, tested with a fake of each vendor: turns, replies, truncation, tools, and
 * the same under each fault.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Data, Duration, Effect, Layer, Queue, Schema, type Scope, Stream } from "effect"
import { Tool } from "effect/ai"
import * as Agent from "../../../../src/agent/Agent.ts"
import * as Pcm from "../../../../src/audio/Pcm.ts"
import * as BackendProvider from "../../../../src/backend/provider/BackendProvider.ts"
import { type S2sLayerOptions, VoiceBackend } from "../../../../src/backend/VoiceBackend.ts"
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
import { type FakeModel, type FakeModelOptions, HOW, type Told } from "../../../support/FakeModel.ts"

/** The options of an engine that the suite changes. */
export interface EngineSettings {
  readonly silenceTimeout?: Duration.Duration
  readonly rotateAfter?: Duration.Duration
  readonly maxRetries?: number
  /** Whether the backend is the turn authority. */
  readonly own?: boolean
  readonly key?: string
}

export interface Vendor {
  readonly name: string
  readonly variable: string
  readonly start: (options: FakeModelOptions) => Effect.Effect<FakeModel, never, Scope.Scope>
  readonly layer: (url: string, settings: EngineSettings) => Layer.Layer<SpeechToSpeech, BackendError>
  readonly definition: { readonly layer: (options: unknown) => Layer.Layer<SpeechToSpeech, BackendError> }
  /** A message with which the server announces that the connection ends. */
  readonly announcesEnd: string
  /** How many messages the server sends until it is ready. */
  readonly openMessages: number
  /** Whether the model's context can be truncated to what was played. */
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

class NotSeen extends Data.TaggedError("NotSeen")<{ readonly message: string }> {}

class Conversation {
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

  /** The user speaks and is then silent long enough for the end of the turn. */
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
    this.#stream.commit(this.#samples, `turn-${this.#samples}`)
  }

  /** Waits for the next event of this kind; earlier events are collected in `seen`. */
  next<Tag extends SpeechToSpeechEvent["_tag"]>(
    tag: Tag
  ): Effect.Effect<Extract<SpeechToSpeechEvent, { readonly _tag: Tag }>, BackendError | NotSeen> {
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
            new NotSeen({ message: `no ${tag}; seen: ${JSON.stringify(this.seen.map((event) => event._tag))}` })
          )
      })
    )
  }

  /** Waits for a whole reply; returns its text and the duration of its audio. */
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

  /** Waits until a turn is over: a reply has ended or failed, or there is none. */
  readonly over = Effect.suspend(() => Queue.take(this.#events)).pipe(
    Effect.tap((event) => Effect.sync(() => this.seen.push(event))),
    Effect.repeat({
      until: ({ _tag }) => ["ReplyEnded", "ReplyFailed", "RequestFailed", "UserTurnUnanswered"].includes(_tag)
    })
  )

  /** Waits for the error that ends the conversation. */
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
  return new Conversation(stream, events, s2s.inputSampleRate, settings.own ?? false)
})

/** Waits until the fake server has recorded this. */
const told = (fake: FakeModel, what: string, count = 1): Effect.Effect<ReadonlyArray<Told>, NotSeen> =>
  Effect.sync(() => fake.told.filter((entry) => entry.what === what)).pipe(
    Effect.delay("5 millis"),
    Effect.repeat({ until: (found) => found.length >= count }),
    Effect.timeoutOrElse({
      duration: "2 minutes",
      orElse: () =>
        Effect.fail(new NotSeen({ message: `the fake server recorded no ${what}: ${JSON.stringify(fake.told)}` }))
    })
  )

const speech = (ms: number) => Pcm.fromInt16(new Int16Array(16 * ms).fill(8_000))
const silence = (ms: number) => Pcm.fromInt16(new Int16Array(16 * ms))

/** A session with the engine, and a user whose audio the test provides. */
const inSession = Effect.fnUntraced(function*(
  vendor: Vendor,
  fake: FakeModel,
  options: S2sLayerOptions | undefined,
  settings: EngineSettings = {}
) {
  const backend = Context.get(
    yield* Layer.build(
      VoiceBackend.layerS2s({
        agent: Agent.fromCallback((said) => Effect.succeed(`You said ${said}.`)),
        ...options
      }).pipe(Layer.provide([
        Layer.succeed(BackendProvider.BackendProvider, provider()),
        vendor.layer(fake.url, settings)
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
    seen,
    hear: (...pieces: ReadonlyArray<Uint8Array>) => Queue.offerAll(input, pieces),
    outputs: (type: SessionEvent["type"], count = 1) =>
      Effect.sync(() => seen.filter((event) => event.type === type)).pipe(
        Effect.delay("5 millis"),
        Effect.repeat({ until: (found) => found.length >= count }),
        Effect.timeoutOrElse({
          duration: "2 minutes",
          orElse: () =>
            Effect.fail(new NotSeen({ message: `no ${type}: ${JSON.stringify(seen)} ${JSON.stringify(fake.told)}` }))
        })
      )
  }
})

export const suite = (vendor: Vendor) =>
  describe(`${vendor.name} as a speech-to-speech engine`, () => {
    const live = (name: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) =>
      it.live(name, () => Effect.scoped(Effect.suspend(body)))

    for (const own of [false, true]) {
      const who = own ? "the backend" : "the model"
      live(`answers in turns decided by ${who}, with transcripts of both`, () =>
        Effect.gen(function*() {
          const fake = yield* vendor.start({
            answers: ["Good day to you.", "Second."],
            transcripts: ["hello there", "go on"]
          })
          const conversation = yield* open(vendor, fake, { own })
          conversation.speak()
          const first = yield* conversation.reply
          assert.strictEqual(first.text, "Good day to you.")
          assert.isAtLeast(first.ms, 20 * first.text.length - 1)
          conversation.speak()
          const second = yield* conversation.reply
          assert.strictEqual(second.text, "Second.")
          assert.notStrictEqual(second.reply, first.reply)
          const words = () =>
            conversation.seen.flatMap((event) => event._tag === "UserTranscript" && event.final ? [event.text] : [])
          // transcripts may arrive after the reply
          while (words().length < 2) yield* conversation.next("UserTranscript")
          assert.deepStrictEqual(words(), ["hello there", "go on"])
          if (!own) {
            assert.strictEqual(conversation.seen.filter((event) => event._tag === "UserSpeechStarted").length, 2)
            assert.strictEqual(conversation.seen.filter((event) => event._tag === "UserSpeechStopped").length, 2)
          }
        }))

      live(`sends an utterance again on a new connection after a reset, with turns decided by ${who}`, () =>
        Effect.gen(function*() {
          const fake = yield* vendor.start({ answers: ["Heard."], transcripts: ["all of it"] })
          const incidents: Array<EngineIncident> = []
          const conversation = yield* open(vendor, fake, { own }, {
            onIncident: (incident) =>
              incidents.push(incident)
          })
          conversation.starts(600)
          if (own || !vendor.tellsSpeech) yield* Effect.sleep("50 millis")
          else yield* conversation.next("UserSpeechStarted")
          fake.reset()
          yield* told(fake, "closed")
          conversation.stops()
          assert.strictEqual((yield* conversation.reply).text, "Heard.")
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
        const conversation = yield* open(vendor, fake, {}, options)
        fake.reset()
        const sessions = yield* told(fake, "session", 2)
        for (const { session } of sessions) {
          for (const [path, value] of Object.entries(expected)) {
            assert.strictEqual(valueAt(session, path), value, path)
          }
        }
        assert.lengthOf(sessions, 2)
        assert.isFalse(conversation.own)
        // another session uses the engine's own
        yield* open(vendor, fake)
        const [, , plain] = yield* told(fake, "session", 3)
        for (const [path, value] of Object.entries(expected)) {
          assert.notStrictEqual(valueAt(plain?.["session"], path), value, path)
        }
      }))

    for (const own of [false, true]) {
      live(
        `sends audio from the time without a connection, with turns decided by ${own ? "the backend" : "the model"}`,
        () =>
          Effect.gen(function*() {
            // the next connection is slow
            const fake = yield* vendor.start({
              faults: [{}, { latencyMs: 200 }],
              answers: ["Heard."],
              transcripts: ["all"]
            })
            const conversation = yield* open(vendor, fake, { own })
            fake.reset()
            yield* told(fake, "closed")
            yield* Effect.sleep("50 millis")
            conversation.speak(600)
            assert.strictEqual((yield* conversation.reply).text, "Heard.")
            const [turn] = yield* told(fake, "turn")
            assert.strictEqual(turn?.connection, 1)
            assert.isAtLeast(Number(turn?.["ms"]), 600)
          })
      )
    }

    for (const own of [false, true]) {
      live(`speaks a given text between its answers, with turns decided by ${own ? "the backend" : "the model"}`, () =>
        Effect.gen(function*() {
          const fake = yield* vendor.start({ answers: ["An answer."], transcripts: ["hello"] })
          const conversation = yield* open(vendor, fake, { own })
          conversation.stream.say("This text, as it stands.", "a")
          assert.strictEqual((yield* conversation.reply).text, "This text, as it stands.")
          conversation.speak()
          assert.strictEqual((yield* conversation.reply).text, "An answer.")
          conversation.stream.say("And this.", "b")
          conversation.stream.say("And that.", "c")
          assert.strictEqual((yield* conversation.reply).text, "And this.")
          assert.strictEqual((yield* conversation.reply).text, "And that.")
        }))

      if (vendor.agentAnswers) {
        live(
          `transcribes and speaks without answering, with turns decided by ${own ? "the backend" : "the model"}`,
          () =>
            Effect.gen(function*() {
              const fake = yield* vendor.start({ answers: ["Never said."], transcripts: ["one", "two", "three"] })
              const conversation = yield* open(vendor, fake, { own }, { answers: false })
              const words = () =>
                conversation.seen.flatMap((event) =>
                  event._tag === "UserTranscript" && event.final ? [event.text] : []
                )
              conversation.speak()
              yield* conversation.next("UserTurnTranscribed")
              assert.deepStrictEqual(words(), ["one"])
              conversation.stream.say("You said one.", "a")
              assert.strictEqual((yield* conversation.reply).text, "You said one.")
              conversation.speak()
              yield* conversation.next("UserTurnTranscribed")
              assert.deepStrictEqual(words(), ["one", "two"])
              // speech on a lost connection is transcribed on the next
              conversation.starts()
              yield* Effect.sleep("50 millis")
              fake.reset()
              yield* told(fake, "closed")
              conversation.stops()
              yield* conversation.next("UserTurnTranscribed")
              assert.deepStrictEqual(words(), ["one", "two", "three"])
              assert.strictEqual(
                conversation.seen.filter((event) =>
                  event._tag === "ReplyStarted"
                ).length,
                1
              )
            })
        )
      }
    }

    live("answers typed text, and replays it with the rest of the conversation on the next connection", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({ answers: ["One.", "Two."], transcripts: [] })
        const conversation = yield* open(vendor, fake, {}, { history: [{ role: "user", text: "before" }] })
        conversation.stream.userText("typed", "a")
        assert.strictEqual((yield* conversation.reply).text, "One.")
        fake.reset()
        yield* told(fake, "ready", 2)
        conversation.stream.userText("again", "b")
        assert.strictEqual((yield* conversation.reply).text, "Two.")
        const messages = fake.told.filter(({ connection, what }) =>
          connection === 1 && what === "message"
        )
        assert.deepStrictEqual(
          messages.map(({ role, text }) => [role === "assistant" || role === "model" ? "agent" : "user", text]),
          [["user", "before"], ["user", "typed"], ["agent", "One."], ["user", "again"]]
        )
      }))

    live("replaces a connection in a pause before its lifetime ends, and replays the conversation on the next", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({ answers: ["One."], transcripts: ["hello"] })
        const incidents: Array<EngineIncident> = []
        const conversation = yield* open(vendor, fake, { rotateAfter: Duration.seconds(1) }, {
          onIncident: (incident) =>
            incidents.push(incident)
        })
        conversation.speak()
        yield* conversation.reply
        yield* told(fake, "ready", 2)
        assert.deepStrictEqual(incidents, [])
        assert.deepStrictEqual(
          fake.told.filter(({ what }) =>
            what === "closed"
          ).map(({ code }) => code),
          [1000]
        )
        const messages = yield* told(fake, "message", 2)
        assert.deepStrictEqual(messages.map(({ connection, text }) => [connection, text]), [[1, "hello"], [1, "One."]])
      }))

    live("drops late audio of a truncated reply, and truncates the model's context", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({
          answers: [{ text: "A long answer that goes on and on and on.", paceMs: 30 }, "Yes?"],
          transcripts: ["go", "stop"]
        })
        const conversation = yield* open(vendor, fake)
        conversation.speak()
        const { reply } = yield* conversation.next("ReplyStarted")
        yield* conversation.next("ReplyAudio")
        yield* conversation.next("ReplyAudio")
        conversation.stream.truncate(reply, 120)
        const seen = conversation.seen.length
        conversation.speak()
        const next = yield* conversation.reply
        assert.strictEqual(next.text, "Yes?")
        assert.isFalse(
          conversation.seen.slice(seen).some((event) =>
            event._tag === "ReplyAudio" && event.reply === reply
          )
        )
        if (vendor.truncates) {
          assert.deepInclude((yield* told(fake, "truncated"))[0], { ms: 120 })
        }
      }))

    live("calls a tool within a reply, and continues with its result", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({
          answers: [{ text: "", call: { name: "weather", input: { city: "Ulm" } } }, "It is sunny in Ulm."]
        })
        const weather = Tool.make("weather", {
          description: "weather",
          parameters: Schema.Struct({ city: Schema.String })
        })
        const conversation = yield* open(vendor, fake, {}, {
          tools: [{ name: weather.name, description: "weather", parameters: Tool.getJsonSchema(weather) }]
        })
        conversation.speak()
        const { reply } = yield* conversation.next("ReplyStarted")
        const call = yield* conversation.next("ToolCall")
        assert.deepInclude(call, { reply, name: "weather", input: { city: "Ulm" } })
        conversation.stream.toolResult(call.id, `{"sky":"sunny"}`)
        assert.deepInclude(yield* conversation.rest(reply), { reply, text: "It is sunny in Ulm." })
        assert.strictEqual(conversation.seen.filter((event) => event._tag === "ReplyStarted").length, 1)
        assert.include(JSON.stringify((yield* told(fake, "tool"))[0]), "sunny")
      }))

    for (const malformed of ["base64", "odd"] as const) {
      live(`passes over audio that is malformed (${malformed}), and that alone`, () =>
        Effect.gen(function*() {
          const fake = yield* vendor.start({ answers: [{ text: "Broken, then whole.", malformed }, "Whole."] })
          const conversation = yield* open(vendor, fake)
          conversation.speak()
          // the first of four pieces is lost; its words are told with the next one
          const reply = yield* conversation.reply
          assert.strictEqual(reply.text, "Broken, then whole.")
          assert.isBelow(reply.ms, 20 * "Broken, then whole.".length)
          conversation.speak()
          assert.strictEqual((yield* conversation.reply).text, "Whole.")
        }))
    }

    live("repeats the request on a new connection when the model sends nothing", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({
          faults: [{ stallAfter: vendor.openMessages }],
          answers: ["Lost.", "Found."],
          transcripts: []
        })
        const conversation = yield* open(vendor, fake, { own: true, silenceTimeout: Duration.millis(500) })
        conversation.speak()
        assert.match((yield* conversation.reply).text, /^(Lost|Found)\.$/u)
        assert.strictEqual(fake.connections(), 2)
      }))

    for (const how of HOW) {
      for (const own of [false, true]) {
        const who = own ? "the backend" : "the model"
        live(`loses one turn at most to a model that goes wrong (${how}), with turns decided by ${who}`, () =>
          Effect.gen(function*() {
            const fake = yield* vendor.start({
              answers: [{ text: "A whole sentence.", how }, "Again.", "Next."],
              transcripts: ["one", "two", "three"]
            })
            const conversation = yield* open(vendor, fake, { own, silenceTimeout: Duration.millis(500) })
            conversation.speak()
            yield* conversation.over
            conversation.speak()
            assert.match((yield* conversation.reply).text, /^(Again|Next)\.$/u)
          }))
      }

      live(`goes on with a session whose model goes wrong (${how})`, () =>
        Effect.gen(function*() {
          const fake = yield* vendor.start({
            answers: [{ text: "A whole sentence.", how }, "Again.", "Next."],
            transcripts: ["one", "two", "three"]
          })
          const settings = { silenceTimeout: Duration.millis(500) }
          const { hear, outputs, seen, session } = yield* inSession(vendor, fake, {}, settings)
          const listening = session.state.get.pipe(
            Effect.delay("5 millis"),
            Effect.repeat({
              until: (state) =>
                state === "listening"
            })
          )
          yield* hear(speech(400), silence(400))
          yield* Effect.raceFirst(
            outputs("agent.speech_stopped"),
            Effect.raceFirst(outputs("error"), outputs("turn.unanswered"))
          )
          yield* listening
          const spoken = () =>
            seen.filter((event) => event.type === "agent.speech_started").length
          const before = spoken()
          yield* hear(speech(400), silence(400))
          yield* outputs("agent.speech_started", before + 1)
          yield* outputs("agent.speech_stopped", before + 1)
          const last = seen.findLast((event) => event.type === "agent.speech_stopped")
          assert.match(last?.type === "agent.speech_stopped" ? last.text : "", /^(Again|Next)\.$/u)
        }))
    }

    live("gives text to a session that speaks it", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({ answers: [{ text: "Written instead.", how: "writes" }] })
        const conversation = yield* open(vendor, fake, {}, { speaksText: true })
        conversation.speak()
        yield* conversation.over
        const texts = conversation.seen.flatMap((event) => event._tag === "ReplyText" ? [event.text] : [])
        assert.strictEqual(texts.join(""), "Written instead.")
      }))

    live("treats a half-open connection as dead", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({
          faults: [{ halfOpenAfter: vendor.openMessages }],
          answers: ["Lost.", "Found."]
        })
        const conversation = yield* open(vendor, fake, { own: true, silenceTimeout: Duration.millis(500) })
        conversation.speak()
        assert.match((yield* conversation.reply).text, /^(Lost|Found)\.$/u)
      }))

    live("works with latency", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({ faults: [{ latencyMs: 150 }], answers: ["Late."] })
        const conversation = yield* open(vendor, fake)
        conversation.speak()
        assert.strictEqual((yield* conversation.reply).text, "Late.")
      }))

    live("survives malformed, partial and reordered messages", () =>
      Effect.gen(function*() {
        for (
          const fault of [
            { garbage: { at: vendor.openMessages + 1, text: "\u0000{]" } },
            { garbage: { at: vendor.openMessages, text: "[]" } },
            { partialAt: vendor.openMessages + 3 },
            { swapAt: vendor.openMessages + 4 }
          ]
        ) {
          yield* Effect.scoped(Effect.gen(function*() {
            const fake = yield* vendor.start({ faults: [fault], answers: ["One.", "Two.", "Three."] })
            const conversation = yield* open(vendor, fake, { silenceTimeout: Duration.millis(500) })
            // whether or not the first reply fails, the conversation continues
            conversation.speak()
            yield* conversation.over
            conversation.speak()
            yield* conversation.next("ReplyStarted")
            yield* conversation.next("ReplyAudio")
          }))
        }
      }))

    live("fails after one attempt on 401, and does not reveal the key", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({})
        const error = yield* Effect.flip(open(vendor, fake, { key: "wrong-key-0815" }))
        assert.deepInclude(error, { code: "authentication_failed" })
        assert.deepInclude((error as BackendError).details, { vendor: vendor.name, status: 401, requestId: "req_0" })
        assert.notInclude(JSON.stringify(error), "0815")
        assert.strictEqual(fake.connections(), 1)
      }))

    live("maps a close to an error, without the key", () =>
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

    live("retries after 429, after retry-after or the retry delay, and fails in the end", () =>
      Effect.gen(function*() {
        const refused = { refuse: { status: 429, headers: { "retry-after": "1" } } }
        const fake = yield* vendor.start({ faults: [refused, { refuse: { status: 429 } }], answers: ["At last."] })
        const begun = performance.now()
        const conversation = yield* open(vendor, fake)
        assert.isAtLeast(performance.now() - begun, 990)
        conversation.speak()
        assert.strictEqual((yield* conversation.reply).text, "At last.")
        const never = yield* vendor.start({ faults: Array.from({ length: 9 }, () => ({ refuse: { status: 429 } })) })
        const error = yield* Effect.flip(open(vendor, never, { maxRetries: 2 }))
        assert.deepInclude(error, { code: "rate_limit_exceeded" })
        assert.strictEqual(never.connections(), 3)
        const long = yield* vendor.start({ faults: [{ refuse: { status: 429, headers: { "retry-after": "3600" } } }] })
        assert.deepInclude(yield* Effect.flip(open(vendor, long)), { code: "rate_limit_exceeded" })
      }))

    live("reconnects when the vendor closes the connection, and fails when it cannot", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({
          faults: [
            { close: { after: vendor.openMessages, code: 1011, reason: "internal" } },
            {},
            { refuse: { status: 500 } },
            { refuse: { status: 500 } },
            { refuse: { status: 500 } }
          ],
          answers: ["Lost.", "Here."]
        })
        const conversation = yield* open(vendor, fake, { own: true, maxRetries: 2 })
        conversation.speak()
        assert.match((yield* conversation.reply).text, /^(Lost|Here)\.$/u)
        fake.reset()
        const failure = yield* conversation.failure
        assert.deepInclude(failure, { code: "connection_failed" })
      }))

    live("reconnects whatever the code is that closes a connection which worked", () =>
      Effect.gen(function*() {
        for (const code of [1000, 1007, 1008, 1011, 3000]) {
          yield* Effect.scoped(Effect.gen(function*() {
            const close = { after: vendor.openMessages + 1, code, reason: "invalid_request_error: not supported" }
            const fake = yield* vendor.start({ faults: [{ close }], answers: ["Lost.", "Here.", "There."] })
            const conversation = yield* open(vendor, fake, { own: true, silenceTimeout: Duration.millis(500) })
            conversation.speak()
            yield* conversation.over
            conversation.speak()
            yield* conversation.next("ReplyStarted")
            assert.strictEqual(fake.connections(), 2)
          }))
        }
        const closes = Array.from({ length: 9 }, () => ({
          close: { after: vendor.openMessages, code: 1007, reason: "invalid" }
        }))
        const fake = yield* vendor.start({ faults: closes, answers: Array.from(closes, () => "Lost.") })
        const conversation = yield* open(vendor, fake, { own: true, maxRetries: 2 })
        for (let n = 0; n < 3; n++) conversation.stream.userText("hi", `text-${n}`)
        yield* conversation.failure
        assert.isAtMost(fake.connections(), 4)
      }))

    live("does not replace a connection without a pause whose end is announced as soon as it begins", () =>
      Effect.gen(function*() {
        const ends = Array.from({ length: 99 }, () => ({
          garbage: { at: vendor.openMessages, text: vendor.announcesEnd }
        }))
        const fake = yield* vendor.start({ faults: ends, answers: ["One."] })
        const conversation = yield* open(vendor, fake, { own: true })
        for (let n = 0; n < 20; n++) {
          conversation.stream.userText("hi", `text-${n}`)
          yield* Effect.sleep("20 millis")
        }
        assert.isAtMost(fake.connections(), 6)
      }))

    live("closes its connection with its scope", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start({})
        yield* Effect.scoped(open(vendor, fake))
        assert.deepInclude((yield* told(fake, "closed"))[0], { code: 1000 })
      }))

    live("runs a whole session: a turn, an interruption truncated at what was played, a goodbye", () =>
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

    live("continues a session over a connection that is lost in the middle of an utterance", () =>
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

    live("offers the session's agent as a tool", () =>
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
      live("speaks the answers of the session's agent", () =>
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

    it.effect("names the environment variable when the API key is missing", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(vendor.definition.layer({}))))
        assert.deepInclude(error, { code: "invalid_config" })
        assert.strictEqual(error.details?.["missing"], vendor.variable)
        assert.include(error.message, vendor.variable)
      }))
  })
