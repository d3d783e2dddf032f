import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Queue, Schema, Stream } from "effect"
import { Tool, Toolkit } from "effect/ai"
import * as Agent from "../../src/agent/Agent.ts"
import * as BackendProvider from "../../src/backend/provider/BackendProvider.ts"
import { type S2sLayerOptions, VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import * as ResilientSpeechToText from "../../src/speech/resilience/ResilientSpeechToText.ts"
import { SpeechToSpeech, type SpeechToSpeechEvent } from "../../src/speech/SpeechToSpeech.ts"
import { SpeechToText, type TranscriptEvent } from "../../src/speech/SpeechToText.ts"
import { type SpeechChunk, TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import { call, echo, layer, pass, provider, running, type User } from "./Harness.ts"

const codes = (user: User) => user.connection.of("error").map(({ code }) => code)
const stops = (user: User) => user.connection.of("agent.speech_stopped").map(({ reason }) => reason)

/** The events of a session, without those that come with each turn. */
const ended = (user: User) => user.connection.of("session.ended").map(({ reason }) => reason)

describe("A recogniser that sends without end", () => {
  const stt = (events: Stream.Stream<TranscriptEvent>, opened: { count: number } = { count: 0 }) =>
    Layer.succeed(SpeechToText, {
      name: "endless",
      sampleRate: 16_000,
      capabilities: { interim: true, endOfTurn: false },
      open: () =>
        Effect.sync(() => {
          opened.count++
          return { push: () => {}, activity: () => {}, finalize: () => {}, events }
        })
    })
  let count = 0
  const kinds: Record<string, Stream.Stream<TranscriptEvent>> = {
    "the same final": Stream.forever(Stream.succeed({ _tag: "Final", text: "again and again" })),
    "new finals": Stream.forever(Stream.sync(() => ({ _tag: "Final", text: `word${count++}` }))),
    interims: Stream.forever(Stream.succeed({ _tag: "Interim", text: "again and again" })),
    "empty interims": Stream.forever(Stream.succeed({ _tag: "Interim", text: "" })),
    "ends of turns": Stream.forever(Stream.succeed({ _tag: "EndOfTurn" })),
    answers: Stream.forever(Stream.succeed({ _tag: "Finalized", id: 1 })),
    "a final of 1 MB": Stream.concat(Stream.succeed({ _tag: "Final", text: "x".repeat(1_000_000) }), Stream.never),
    "a million words": Stream.concat(
      Stream.sync((): TranscriptEvent => ({
        _tag: "Final",
        text: "x",
        words: Array.from({ length: 1_000_000 }, () => ({ text: "x", startSample: 0, endSample: 1 }))
      })),
      Stream.never
    ),
    "a word of 1 MB": Stream.concat(
      Stream.sync((): TranscriptEvent => ({
        _tag: "Final",
        text: "x",
        words: [{ text: "x".repeat(1_000_000), startSample: 0, endSample: 1 }]
      })),
      Stream.never
    )
  }
  for (const [kind, events] of Object.entries(kinds)) {
    it.effect(`(${kind}) is given up, and ends its session alone`, () => {
      const opened = { count: 0 }
      return running(
        layer({ layerStt: stt(events, opened) }),
        Effect.gen(function*() {
          const user = yield* call()
          yield* pass("2 minutes")
          assert.deepStrictEqual(ended(user), ["failed"])
          assert.isAtMost(opened.count, 8)
          assert.isBelow(user.connection.events.length, 1_000)
          assert.include(codes(user), "pipeline_error")
          assert.isAtMost(JSON.stringify(yield* user.session.history).length, 100_000)
          const another = yield* call()
          assert.notDeepEqual(another.connection.types, [])
        })
      )
    })
  }

  it.effect("does not reach the client with each interim transcript, but with the last", () =>
    Effect.gen(function*() {
      const numbered = Array.from({ length: 1_500 }, (_, i): TranscriptEvent => ({ _tag: "Interim", text: `word${i}` }))
      const same = Array.from({ length: 1_500 }, (): TranscriptEvent => ({ _tag: "Interim", text: "the same" }))
      const send = (events: ReadonlyArray<TranscriptEvent>, check: (texts: ReadonlyArray<string>) => void) =>
        running(
          layer({ layerStt: stt(Stream.concat(Stream.fromIterable(events), Stream.never)) }),
          Effect.gen(function*() {
            const user = yield* call()
            yield* pass("2 seconds")
            assert.deepStrictEqual(ended(user), [])
            check(user.connection.of("user.transcript").map(({ text }) => text))
          })
        )
      yield* send(numbered, (texts) => {
        assert.isBelow(texts.length, 100)
        assert.strictEqual(texts.at(-1), "word1499")
      })
      yield* send(same, (texts) => assert.deepStrictEqual(texts, ["the same"]))
    }))

  it.effect("is replaced by the next engine", () =>
    running(
      layer({
        layerStt: Layer.effect(
          SpeechToText,
          Effect.gen(function*() {
            const engine = (each: Layer.Layer<SpeechToText>) =>
              Effect.map(Layer.build(each), (context) => Context.get(context, SpeechToText))
            const engines = [
              yield* engine(stt(kinds["the same final"]!)),
              yield* engine(Scripted.layerStt(["hello there"], { interims: true }))
            ] as const
            return yield* Effect.orDie(ResilientSpeechToText.make(engines))
          })
        )
      }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* pass("10 seconds")
        yield* user.speaks(1_000)
        yield* user.hears(5_000)
        assert.match((yield* user.said).join("\n"), /hello there/)
        assert.deepStrictEqual(ended(user), [])
        const incidents = user.connection.of("engine.incident").map(({ engine, what }) => `${engine} ${what}`)
        assert.include(incidents, "endless failed")
      })
    ))

  it.effect("may send what a fast recogniser sends", () => {
    const interims = Stream.fromIterable(Array.from({ length: 300 }, (_, i): TranscriptEvent => ({
      _tag: "Interim",
      text: "word ".repeat(1 + i)
    })))
    return running(
      layer({ layerStt: stt(Stream.concat(interims, Stream.never)) }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* pass("5 seconds")
        assert.deepStrictEqual(ended(user), [])
      })
    )
  })
})

describe("A voice that speaks without end", () => {
  const tone = () => new Int16Array(480).fill(1_000)
  const tts = (speak: (text: string) => Stream.Stream<SpeechChunk>) =>
    Layer.succeed(TextToSpeech, {
      name: "endless",
      sampleRate: 24_000,
      capabilities: {},
      open: () => Effect.succeed({ speak: (sentences) => Stream.flatMap(sentences, speak) })
    })
  const voice = (speak: (text: string) => Stream.Stream<SpeechChunk>) =>
    VoiceBackend.layerSttTts({ agent: echo, config: { conversation: { ...defaultPolicy, apology: "" } } }).pipe(
      Layer.provide([
        Layer.succeed(BackendProvider.BackendProvider, provider()),
        Scripted.layerStt(["one"]),
        tts(speak),
        Scripted.layerVad()
      ])
    )
  const of = (chunk: () => SpeechChunk) => () => Stream.forever(Stream.sync(chunk))
  const first = (text: string, more: () => SpeechChunk) => {
    let isFirst = true
    return Stream.forever(Stream.sync(() => {
      const chunk = isFirst ? { pcm: tone(), text } : more()
      isFirst = false
      return chunk
    }))
  }
  const empty = new Int16Array(0)
  const kinds: Record<string, (text: string) => Stream.Stream<SpeechChunk>> = {
    audio: of(() => ({ pcm: tone(), text: "" })),
    "audio and texts": of(() => ({ pcm: tone(), text: "more words" })),
    "pieces of one sample": of(() => ({ pcm: new Int16Array(1).fill(1_000), text: "" })),
    nothing: of(() => ({ pcm: empty, text: "" })),
    "nothing, after a first word": (text) => first(text, () => ({ pcm: empty, text: "" })),
    "words without audio": (text) =>
      first(text, () => ({ pcm: empty, text: "", words: [{ text: "a", startMs: 0, endMs: 1 }] })),
    "a word of 1 MB": (text) =>
      Stream.sync(() => ({ pcm: tone(), text, words: [{ text: "a".repeat(1_000_000), startMs: 0, endMs: 1 }] })),
    "the text again and again": (text) =>
      Stream.fromIterable(Array.from({ length: 500 }, () => ({ pcm: tone(), text }))),
    "an hour in one piece": (text) => Stream.sync(() => ({ pcm: new Int16Array(24_000 * 3_600).fill(700), text }))
  }
  for (const [kind, speak] of Object.entries(kinds)) {
    it.effect(`(${kind}) fails its reply, and the session goes on`, () =>
      running(
        voice(speak),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.sendText("go on")
          yield* pass("4 minutes")
          assert.deepStrictEqual(ended(user), [])
          assert.strictEqual(yield* user.session.state.get, "listening")
          assert.notInclude(stops(user), "completed")
          assert.isAtLeast(user.connection.of("error").length, 1)
          assert.isBelow(user.connection.frames.length, 50 * 120)
          assert.isBelow(user.connection.events.length, 1_000)
        })
      ))
  }

  it.effect("may take as long as a slow reader takes", () =>
    running(
      voice((text) =>
        Stream.fromIterable(Array.from({ length: 50 * 50 }, (_, i) => ({ pcm: tone(), text: i === 0 ? text : "" })))
      ),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("go on")
        yield* pass("2 minutes")
        assert.deepStrictEqual(stops(user), ["completed"])
      })
    ))
})

describe("An agent that writes without end", () => {
  const kinds: Record<string, Agent.Agent> = {
    sentences: Agent.fromStream(() => Stream.forever(Stream.succeed("and so on and on. "))),
    "one word": Agent.fromStream(() => Stream.forever(Stream.succeed("aaaaaaaaaaaaaaaa"))),
    "a block of code": Agent.fromStream(() =>
      Stream.concat(Stream.succeed("```"), Stream.forever(Stream.succeed("code in a block that never ends ")))
    ),
    nothing: Agent.fromStream(() => Stream.forever(Stream.succeed(""))),
    "white space": Agent.fromStream(() => Stream.forever(Stream.succeed("\n"))),
    letters: Agent.fromStream(() => Stream.forever(Stream.fromIterable("and so on. "))),
    "10 MB at once": Agent.fromStream(() => Stream.succeed("word ".repeat(2_000_000)))
  }
  for (const [kind, agent] of Object.entries(kinds)) {
    it.effect(`(${kind}) fails its reply, and the session goes on`, () =>
      running(
        // a fast voice: the text is read to its bound
        layer({ agent, tts: { msPerCharacter: 1 }, policy: { apology: "" } }),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.sendText("go on")
          yield* pass("5 minutes")
          assert.deepStrictEqual(ended(user), [])
          assert.strictEqual(yield* user.session.state.get, "listening")
          assert.notInclude(stops(user), "completed")
          assert.isAtLeast(user.connection.of("error").length, 1)
          assert.isAtMost(JSON.stringify(yield* user.session.history).length, 100_000)
        })
      ))
  }
})

describe("A speech-to-speech model that sends without end", () => {
  const toolkit = Toolkit.make(Tool.make("known", {
    description: "Takes anything.",
    parameters: Schema.Record(Schema.String, Schema.Unknown),
    success: Schema.String
  }))
  const sound = (ms: number) => new Int16Array(24 * ms).fill(500)
  const model = (
    answer: (request: string) => Stream.Stream<SpeechToSpeechEvent>,
    results: Array<string> = []
  ) =>
    Layer.succeed(SpeechToSpeech, {
      name: "endless",
      inputSampleRate: 16_000,
      outputSampleRate: 24_000,
      capabilities: {
        turnAuthority: "own",
        agentInLoop: false,
        answers: true,
        tools: true,
        interims: true,
        say: true
      },
      open: () =>
        Effect.gen(function*() {
          const asked = yield* Queue.unbounded<string>()
          const ask = (request: string) => void Queue.offerUnsafe(asked, request)
          return {
            push: () => {},
            activity: () => {},
            commit: (_: number, request: string) => ask(request),
            userText: (_: string, request: string) => ask(request),
            say: (_: string, request: string) => ask(request),
            truncate: () => {},
            toolResult: (_: string, output: string) => void results.push(output),
            events: Stream.flatMap(Stream.fromQueue(asked), answer)
          }
        })
    })
  const backend = <Tools extends Record<string, Tool.Any> = {}, Handlers = never>(
    layerModel: Layer.Layer<SpeechToSpeech>,
    options: S2sLayerOptions<never, Tools, Handlers> = {}
  ) =>
    VoiceBackend.layerS2s<never, Tools, Handlers>({
      config: { conversation: { ...defaultPolicy, apology: "" } },
      ...options
    }).pipe(
      Layer.provide([Layer.succeed(BackendProvider.BackendProvider, provider()), layerModel, Scripted.layerVad()])
    )
  const begun = (request: string, more: Stream.Stream<SpeechToSpeechEvent>) =>
    Stream.concat(Stream.succeed<SpeechToSpeechEvent>({ _tag: "ReplyStarted", reply: "r", request }), more)

  const failing: Record<string, (request: string) => Stream.Stream<SpeechToSpeechEvent>> = {
    transcripts: () => Stream.forever(Stream.succeed({ _tag: "UserTranscript", text: "more", final: true })),
    "interim transcripts": () => Stream.forever(Stream.succeed({ _tag: "UserTranscript", text: "more", final: false })),
    "a transcript of 1 MB": () =>
      Stream.concat(
        Stream.succeed({ _tag: "UserTranscript", text: "x".repeat(1_000_000), final: true }),
        Stream.never
      ),
    replies: () => {
      let count = 0
      return Stream.forever(Stream.sync(() => ({ _tag: "ReplyStarted", reply: `r${count++}` })))
    },
    "tool calls": (request) => {
      let count = 0
      return begun(
        request,
        Stream.forever(Stream.sync(() => ({ _tag: "ToolCall", reply: "r", id: `${count++}`, name: "none", input: {} })))
      )
    },
    "audio of a reply that has ended": (request) =>
      begun(
        request,
        Stream.concat(
          Stream.fromIterable<SpeechToSpeechEvent>([
            { _tag: "ReplyAudio", reply: "r", pcm: sound(100), text: "One." },
            { _tag: "ReplyEnded", reply: "r" }
          ]),
          Stream.forever(Stream.sync(() => ({ _tag: "ReplyAudio", reply: "r", pcm: sound(1), text: "" })))
        )
      ),
    "audio in pieces of one sample": (request) =>
      begun(
        request,
        Stream.forever(Stream.sync(() => ({ _tag: "ReplyAudio", reply: "r", pcm: new Int16Array(1), text: "" })))
      )
  }
  for (const [kind, answer] of Object.entries(failing)) {
    it.effect(`(${kind}) has failed, and ends its session alone`, () =>
      running(
        backend(model(answer)),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.sendText("go on")
          yield* pass("1 minute")
          assert.deepStrictEqual(ended(user), ["failed"])
          assert.include(codes(user), "pipeline_error")
          assert.isBelow(user.connection.events.length, 10_000)
          yield* call()
        })
      ))
  }

  it.effect("(audio) fails its reply where it becomes too long, and what was made is heard", () =>
    running(
      backend(model((request) =>
        begun(
          request,
          Stream.concat(
            Stream.fromIterable(Array.from({ length: 1_000 }, (_, i): SpeechToSpeechEvent => ({
              _tag: "ReplyAudio",
              reply: "r",
              pcm: sound(1_000),
              text: `word${i}`
            }))),
            Stream.never
          )
        )
      )),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("go on")
        yield* pass("16 minutes")
        assert.closeTo(user.connection.frames.length * 20, 15 * 60_000, 2_000)
        assert.deepStrictEqual(stops(user), ["failed"])
        assert.deepStrictEqual(codes(user), ["pipeline_error"])
        const agent = (yield* user.session.history).filter(({ role }) => role === "agent")
        assert.deepStrictEqual(agent.map(({ interrupted }) => interrupted), [true])
        assert.match(agent[0]?.text ?? "", /^word0 .* word89[89]$/)
        assert.deepStrictEqual(ended(user), [])
        assert.strictEqual(yield* user.session.state.get, "listening")
      })
    ))

  it.effect("(the name, the id and the input of a tool call) gets an error for that call alone", () => {
    const results: Array<string> = []
    const long = "x".repeat(1_000_000)
    const ran: Array<unknown> = []
    const handlers = toolkit.toLayer({
      known: (input) => Effect.sync(() => (ran.push(input), "ran"))
    })
    return running(
      backend(
        model(
          (request) =>
            begun(
              request,
              Stream.fromIterable<SpeechToSpeechEvent>([
                { _tag: "ToolCall", reply: "r", id: long, name: long, input: {} },
                { _tag: "ToolCall", reply: "r", id: "second", name: "known", input: { long } }
              ]).pipe(
                Stream.concat(Stream.fromEffectDrain(Effect.sleep("1 second"))),
                Stream.concat(Stream.fromIterable<SpeechToSpeechEvent>([
                  { _tag: "ReplyAudio", reply: "r", pcm: sound(500), text: "Done." },
                  { _tag: "ReplyEnded", reply: "r" }
                ]))
              )
            ),
          results
        ),
        { toolkit }
      ).pipe(Layer.provide(handlers)),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("go on")
        yield* pass("30 seconds")
        assert.deepStrictEqual(ran, [])
        assert.strictEqual(results.length, 2)
        for (const result of results) assert.match(result, /error/)
        for (const event of user.connection.events) assert.isBelow(JSON.stringify(event).length, 2_000)
        assert.deepStrictEqual(ended(user), [])
      })
    )
  })

  it.effect("(an input that is no JSON) gets an error for that call alone", () => {
    const results: Array<string> = []
    const circle: Record<string, unknown> = {}
    circle["self"] = circle
    const inputs = [circle, {
      at: {
        toJSON: () => {
          throw new Error("none")
        }
      }
    }, { count: 1n }]
    const handlers = toolkit.toLayer({ known: () => Effect.succeed("ran") })
    return running(
      backend(
        model(
          (request) =>
            begun(
              request,
              Stream.fromIterable(inputs.map((input, i): SpeechToSpeechEvent => ({
                _tag: "ToolCall",
                reply: "r",
                id: `${i}`,
                name: "known",
                input
              }))).pipe(
                Stream.concat(Stream.fromEffectDrain(Effect.sleep("1 second"))),
                Stream.concat(Stream.fromIterable<SpeechToSpeechEvent>([
                  { _tag: "ReplyAudio", reply: "r", pcm: sound(500), text: "Done." },
                  { _tag: "ReplyEnded", reply: "r" }
                ]))
              )
            ),
          results
        ),
        { toolkit }
      ).pipe(Layer.provide(handlers)),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("go on")
        yield* pass("30 seconds")
        const error = JSON.stringify({ error: "the input of tool known is no JSON" })
        assert.deepStrictEqual(results, inputs.map(() => error))
        assert.deepStrictEqual(stops(user), ["completed"])
        assert.deepStrictEqual(ended(user), [])
      })
    )
  })
})
