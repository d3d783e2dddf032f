import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Stream } from "effect"
import * as BackendProvider from "../../src/backend/provider/BackendProvider.ts"
import { type S2sLayerOptions, VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { SpeechToSpeech, type SpeechToSpeechEvent, type SpeechToSpeechStream } from "../../src/speech/SpeechToSpeech.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import type { S2sCall, S2sFault } from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { call, layerS2s, pass, provider, running, User } from "./Harness.ts"
import { TestConnection } from "./TestConnection.ts"

const agentLines = (user: User) => Effect.map(user.said, (lines) => lines.filter((line) => line.startsWith("agent")))
const errors = (user: User) => user.connection.of("error").map(({ message }) => message)
const unanswered = (user: User) => user.connection.of("turn.unanswered").map(({ reason, turn }) => `${turn} ${reason}`)

/** A model that answers as the test says, and names no request unless the test does. */
const layerModel = (
  answer: (emit: (event: SpeechToSpeechEvent) => void, request: string, nth: number) => void,
  options: {
    readonly truncated?: Array<readonly [string, number]>
    readonly results?: Array<string>
    readonly turnAuthority?: "own" | "remote"
    readonly say?: boolean
    readonly onOpen?: (emit: (event: SpeechToSpeechEvent) => void) => void
    readonly onResult?: (emit: (event: SpeechToSpeechEvent) => void, id: string) => void
    readonly tools?: boolean
  } = {}
) =>
  Layer.succeed(SpeechToSpeech, {
    name: "model",
    inputSampleRate: 16_000,
    outputSampleRate: 24_000,
    capabilities: {
      turnAuthority: options.turnAuthority ?? "own",
      agentInLoop: false,
      answers: true,
      tools: options.tools ?? false,
      interims: false,
      say: options.say ?? true
    },
    open: () =>
      Effect.gen(function*() {
        const events = yield* Queue.unbounded<SpeechToSpeechEvent>()
        const emit = (event: SpeechToSpeechEvent) => void Queue.offerUnsafe(events, event)
        options.onOpen?.(emit)
        let nth = 0
        const asked = (request: string) => answer(emit, request, nth++)
        const stream: SpeechToSpeechStream = {
          push: () => {},
          activity: () => {},
          commit: (_, request) => asked(request),
          userText: (_, request) => asked(request),
          say: (_, request) => asked(request),
          truncate: (reply, playedMs) => void options.truncated?.push([reply, playedMs]),
          toolResult: (id, output) => {
            options.results?.push(output)
            options.onResult?.(emit, id)
          },
          events: Stream.fromQueue(events)
        }
        return stream
      })
  })

const sound = (ms: number) => new Int16Array(24 * ms).fill(500)

const backend = (model: Layer.Layer<SpeechToSpeech>, options: S2sLayerOptions = {}) =>
  VoiceBackend.layerS2s(options).pipe(Layer.provide([
    Layer.succeed(BackendProvider.BackendProvider, provider()),
    model,
    Scripted.layerVad()
  ]))

/** Types a turn and lets it be answered. */
const turn = (user: User, text: string) => Effect.andThen(user.session.sendText(text), pass("90 seconds"))

describe("A speech-to-speech model that goes wrong", () => {
  for (const namesRequests of [true, false]) {
    describe(namesRequests ? "and names requests" : "and names no request", () => {
      const faults: ReadonlyArray<readonly [S2sFault, ReadonlyArray<string>, ReadonlyArray<string>]> = [
        ["lost", ["agent: Sorry.", "agent: Two.", "agent: Three."], ["1 failed"]],
        ["refused", ["agent: Sorry.", "agent: Two.", "agent: Three."], ["1 failed"]],
        ["empty", ["agent: Sorry.", "agent: Two.", "agent: Three."], ["1 failed"]],
        ["text", ["agent: Sorry.", "agent: Two.", "agent: Three."], ["1 failed"]],
        ["twice", ["agent: One.", "agent: Two.", "agent: Three."], []]
      ]
      for (const [fault, said, without] of faults) {
        it.effect(`has a ${fault} answer cost its turn, and not the next`, () =>
          running(
            layerS2s(["One.", "Two.", "Three."], { turnAuthority: "own", faultAt: { 0: fault }, namesRequests }),
            Effect.gen(function*() {
              const user = yield* call()
              for (const text of ["a", "b", "c"]) yield* turn(user, text)
              assert.deepStrictEqual(yield* agentLines(user), said)
              assert.deepStrictEqual(unanswered(user), without)
              assert.strictEqual(errors(user).length, without.length)
              assert.strictEqual(yield* user.session.state.get, "listening")
            })
          ))
      }

      it.effect("truncates the late answer of a turn that was given up on, and does not take it for another's", () => {
        const calls: Array<S2sCall> = []
        return running(
          layerS2s(["One.", "Two.", "Three."], {
            turnAuthority: "own",
            faultAt: { 0: "late" },
            namesRequests,
            calls,
            setup: { policy: { apology: "" } }
          }),
          Effect.gen(function*() {
            const user = yield* call()
            yield* user.session.sendText("a")
            yield* pass("20 seconds")
            yield* user.session.sendText("b")
            yield* pass("90 seconds")
            yield* turn(user, "c")
            const said = yield* agentLines(user)
            if (namesRequests) {
              assert.deepStrictEqual(said, ["agent: Two.", "agent: Three."])
              assert.deepInclude(calls, { _tag: "truncate", reply: "reply-0", playedMs: 0 })
            } else assert.strictEqual(said.at(-1), "agent: Three.")
          })
        )
      })
    })
  }

  it.effect("fails a reply of nothing but silence", () =>
    running(
      layerS2s(["One.", "Two."], { turnAuthority: "own", faultAt: { 0: "mute" } }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* turn(user, "a")
        yield* turn(user, "b")
        assert.deepStrictEqual(yield* agentLines(user), ["agent: Sorry.", "agent: Two."])
        assert.deepStrictEqual(errors(user), ["internal error"])
      })
    ))

  it.effect("plays what was made of a reply that stalls, and truncates it", () => {
    const calls: Array<S2sCall> = []
    return running(
      layerS2s(["One two three four.", "Two."], { turnAuthority: "own", faultAt: { 0: "stalls" }, calls }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* turn(user, "a")
        yield* turn(user, "b")
        const said = yield* agentLines(user)
        assert.match(said[0] ?? "", /^agent: One( two)? …$/u)
        assert.deepStrictEqual(said.slice(1), ["agent: Sorry.", "agent: Two."])
        const truncated = calls.filter((done) => done._tag === "truncate")
        assert.deepStrictEqual(truncated.map(({ reply }) => reply), ["reply-0"])
        // of 475 ms, at most the frame that is not full
        assert.isTrue(truncated[0]!.playedMs > 455 && truncated[0]!.playedMs <= 475, `${truncated[0]!.playedMs}`)
      })
    )
  })

  it.effect("plays a long answer that is made faster than time to its end", () => {
    const truncated: Array<readonly [string, number]> = []
    const model = layerModel((emit) => {
      emit({ _tag: "ReplyStarted", reply: "r" })
      // 4 minutes in pieces of 40 ms
      for (let i = 0; i < 6_000; i++) emit({ _tag: "ReplyAudio", reply: "r", pcm: sound(40), text: "" })
      emit({ _tag: "ReplyEnded", reply: "r" })
    }, { truncated })
    return running(
      backend(model),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("a story")
        yield* pass("5 minutes")
        assert.deepStrictEqual(errors(user), [])
        assert.deepStrictEqual(truncated, [])
        assert.strictEqual(user.connection.frames.length / 50, 240)
      })
    )
  })

  it.effect("fails an answer of 20 minutes after 15, and plays those to their end", () => {
    const truncated: Array<readonly [string, number]> = []
    const model = layerModel((emit, request, nth) => {
      const reply = `r${nth}`
      emit({ _tag: "ReplyStarted", reply, request })
      for (let s = 0; s < (nth === 0 ? 20 * 60 : 1); s++) {
        emit({ _tag: "ReplyAudio", reply, pcm: sound(1_000), text: "" })
      }
      emit({ _tag: "ReplyEnded", reply })
    }, { truncated })
    return running(
      backend(model),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("a story")
        yield* pass("16 minutes")
        const ends = user.connection.of("agent.speech_stopped").map(({ reason }) => reason)
        assert.deepStrictEqual(ends, ["failed", "completed"])
        assert.deepStrictEqual(truncated, [["r0", 15 * 60_000]])
        // and a second of apology
        assert.strictEqual(user.connection.frames.length / 50, 15 * 60 + 1)
        yield* user.session.sendText("more")
        yield* pass("10 seconds")
        assert.strictEqual(user.connection.frames.length / 50, 15 * 60 + 2)
      })
    )
  })

  it.effect("tells the model what was heard of an answer that was minutes ahead when it was interrupted", () => {
    const truncated: Array<readonly [string, number]> = []
    const model = layerModel((emit, request, nth) => {
      const reply = `r${nth}`
      emit({ _tag: "ReplyStarted", reply, request })
      for (let s = 0; s < (nth === 0 ? 20 * 60 : 1); s++) {
        emit({ _tag: "ReplyAudio", reply, pcm: sound(1_000), text: "" })
      }
      emit({ _tag: "ReplyEnded", reply })
    }, { truncated })
    return running(
      backend(model),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("a story")
        yield* user.hears(61_000)
        yield* user.session.sendText("stop")
        yield* user.hears(5_000)
        assert.strictEqual(truncated.length, 2)
        const [, [reply, playedMs]] = truncated as [readonly [string, number], readonly [string, number]]
        assert.strictEqual(reply, "r0")
        assert.isTrue(playedMs > 60_500 && playedMs < 61_500, `${playedMs}`)
      })
    )
  })

  it.effect("runs a tool call when it comes, not when the audio before it has been played", () => {
    const results: Array<string> = []
    const model = layerModel((emit, request) => {
      emit({ _tag: "ReplyStarted", reply: "r", request })
      for (let s = 0; s < 120; s++) emit({ _tag: "ReplyAudio", reply: "r", pcm: sound(1_000), text: "" })
      emit({ _tag: "ToolCall", reply: "r", id: "t", name: "unknown", input: {} })
    }, {
      results,
      tools: true,
      onResult: (emit) => {
        emit({ _tag: "ReplyAudio", reply: "r", pcm: sound(1_000), text: "" })
        emit({ _tag: "ReplyEnded", reply: "r" })
      }
    })
    return running(
      backend(model),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("a story")
        yield* pass("1 second")
        assert.deepStrictEqual(results, [`{"error":"unknown tool unknown"}`])
        yield* pass("130 seconds")
        assert.strictEqual(user.connection.frames.length / 50, 121)
        assert.deepStrictEqual(errors(user), [])
      })
    )
  })

  it.effect("fails a reply that only called a tool and does not go on after its result", () =>
    running(
      backend(
        layerModel((emit, request, nth) => {
          const reply = `r${nth}`
          emit({ _tag: "ReplyStarted", reply, request })
          if (nth === 0) return emit({ _tag: "ToolCall", reply, id: "t", name: "unknown", input: {} })
          emit({ _tag: "ReplyAudio", reply, pcm: sound(1_000), text: "Two." })
          emit({ _tag: "ReplyEnded", reply })
        }, { tools: true })
      ),
      Effect.gen(function*() {
        const user = yield* call()
        yield* turn(user, "a")
        assert.deepStrictEqual(errors(user), ["a part of the server did not answer in time"])
        assert.strictEqual(yield* user.session.state.get, "listening")
        yield* turn(user, "b")
        assert.deepStrictEqual(yield* agentLines(user), ["agent: Two.", "agent: Two."])
      })
    ))

  it.effect("truncates an answer that begins in the moment in which it is interrupted", () => {
    const truncated: Array<readonly [string, number]> = []
    let begin = () => {}
    const model = layerModel((emit, request, nth) => {
      if (nth === 0) begin = () => emit({ _tag: "ReplyStarted", reply: "r0", request })
    }, { truncated })
    return running(
      backend(model),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("a")
        yield* pass("1 second")
        begin()
        yield* user.session.interrupt()
        yield* pass("1 second")
        assert.deepStrictEqual(truncated, [["r0", 0]])
      })
    )
  })
})

describe("A model that decides turns and does not answer", () => {
  it.effect("leaves the session listening when it says so, and the next turn is answered", () =>
    running(
      layerS2s(["One.", "Two."], { faultAt: { 0: "refused" }, transcripts: ["a", "b"] }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(1_000)
        assert.deepStrictEqual(unanswered(user), ["1 empty"])
        assert.strictEqual(yield* user.session.state.get, "listening")
        yield* user.speaks(400)
        yield* user.hears(2_000)
        assert.deepStrictEqual(yield* user.said, ["user: a", "user: b", "agent: Two."])
        assert.deepStrictEqual(user.connection.of("agent.speech_stopped").map((event) => event.turn), [2])
      })
    ))

  it.effect("leaves the session listening when it says nothing at all", () =>
    running(
      layerS2s(["One.", "Two."], { faultAt: { 0: "lost" }, transcripts: ["a", "b"] }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(6_000)
        assert.strictEqual(yield* user.session.state.get, "listening")
        yield* user.hears(30_000)
        assert.deepStrictEqual(unanswered(user), ["1 no_reply"])
        yield* user.speaks(400)
        yield* user.hears(2_000)
        assert.deepStrictEqual(yield* user.said, ["user: a", "user: b", "agent: Two."])
      })
    ))
})

describe("Replies that a model begins by itself", () => {
  const greeting = (emit: (event: SpeechToSpeechEvent) => void, reply: string, ms: number) => {
    emit({ _tag: "ReplyStarted", reply })
    emit({ _tag: "ReplyAudio", reply, pcm: sound(ms), text: `I am ${reply}.` })
    emit({ _tag: "ReplyEnded", reply })
  }

  it.effect("are played when the user attaches, if they came before", () =>
    running(
      backend(layerModel(() => {}, { turnAuthority: "remote", onOpen: (emit) => greeting(emit, "early", 500) })),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const session = yield* backend.createSession({ userId: "u", transport: "websocket" })
        yield* pass("40 seconds")
        const user = new User(session, new TestConnection())
        yield* session.attach(user.connection)
        yield* pass("2 seconds")
        assert.deepStrictEqual(yield* user.said, ["agent: I am early."])
        assert.strictEqual(user.connection.frames.length, 25)
      })
    ))

  it.effect("are truncated unless they are the last that waits for the agent to be silent", () => {
    const truncated: Array<readonly [string, number]> = []
    let tell: (event: SpeechToSpeechEvent) => void = () => {}
    const model = layerModel((emit, request) => {
      emit({ _tag: "ReplyStarted", reply: "protected", request })
      emit({ _tag: "ReplyAudio", reply: "protected", pcm: sound(2_000), text: "Protected." })
      emit({ _tag: "ReplyEnded", reply: "protected" })
    }, { turnAuthority: "remote", truncated, onOpen: (emit) => void (tell = emit) })
    return running(
      backend(model),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.say("Protected.", { interruptible: false })
        yield* pass("200 millis")
        for (const name of ["one", "two", "three"]) greeting(tell, name, 500)
        yield* pass("5 seconds")
        assert.deepStrictEqual(yield* user.said, ["agent: Protected.", "agent: I am three."])
        assert.deepStrictEqual(truncated, [["one", 0], ["two", 0]])
      })
    )
  })
})
