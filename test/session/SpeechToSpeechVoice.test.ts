import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Stream } from "effect"
import * as BackendProvider from "../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { PipelineError } from "../../src/BackendError.ts"
import { SpeechToSpeech, type SpeechToSpeechEvent } from "../../src/speech/SpeechToSpeech.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import type { S2sCall } from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { call, echo, layerS2s, pass, provider, running, type User } from "./Harness.ts"

const failed = new PipelineError({ op: "TextToSpeech.speak", message: "no voice", retryable: false })

const agentLines = (user: User) => Effect.map(user.said, (lines) => lines.filter((line) => line.startsWith("agent")))
const errors = (user: User) => user.connection.of("error").map(({ message }) => message)

describe("A speech-to-speech model with a voice beside it", () => {
  for (const turnAuthority of ["own", "remote"] as const) {
    it.effect(`has the voice speak what it wrote instead of speaking it (turns: ${turnAuthority})`, () =>
      running(
        layerS2s(["**First** answer. It costs $5.", "Second answer."], {
          turnAuthority,
          faultAt: { 0: "text" },
          voice: {}
        }),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.speaks(400)
          yield* user.hears(4_000)
          yield* user.speaks(400)
          yield* user.hears(4_000)
          // prepared for the voice as an agent's text is
          assert.deepStrictEqual(yield* agentLines(user), [
            "agent: First answer. It costs $5.",
            "agent: Second answer."
          ])
          assert.deepStrictEqual(errors(user), [])
          assert.strictEqual(user.connection.of("turn.latency").length, 2)
        })
      ))
  }

  it.effect("tells the model that a written answer was interrupted", () => {
    const calls: Array<S2sCall> = []
    return running(
      layerS2s(["One two three four five six seven.", "Yes?"], {
        turnAuthority: "own",
        faultAt: { 0: "text" },
        voice: {},
        calls
      }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(1_300)
        yield* user.speaks(600)
        yield* user.hears(2_000)
        assert.match((yield* agentLines(user))[0] ?? "", /^agent: One two( three)?( four)? …$/u)
        const cut = calls.find((done) => done._tag === "truncate")
        assert.isTrue(cut?._tag === "truncate" && cut.playedMs > 300 && cut.playedMs < 1_500, JSON.stringify(cut))
        assert.strictEqual((yield* agentLines(user)).at(-1), "agent: Yes?")
      })
    )
  })

  it.effect("greets and says given texts with the voice when the model cannot", () => {
    const calls: Array<S2sCall> = []
    return running(
      layerS2s(["An answer."], {
        turnAuthority: "own",
        say: false,
        voice: {},
        calls,
        faultAt: { 0: "empty" },
        setup: { policy: { greeting: "Hello." } }
      }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* pass("2 seconds")
        yield* user.session.say("One moment.")
        yield* pass("2 seconds")
        yield* user.session.sendText("typed")
        yield* pass("3 seconds")
        assert.deepStrictEqual(yield* user.said, [
          "agent: Hello.",
          "agent: One moment.",
          "user: typed",
          "agent: Sorry."
        ])
        assert.isFalse(calls.some(({ _tag }) => _tag === "say"))
      })
    )
  })

  it.effect("says a text with the voice when the model does not say it", () =>
    running(
      layerS2s(["never", "An answer."], {
        turnAuthority: "own",
        voice: {},
        faultAt: { 0: "lost", 1: "refused", 2: "empty", 3: "mute" }
      }),
      Effect.gen(function*() {
        const user = yield* call()
        for (const text of ["One.", "Two.", "Three.", "Four.", "Five."]) {
          yield* user.session.say(text)
          yield* pass("40 seconds")
        }
        const said = ["One.", "Two.", "Three.", "Four.", "Five."]
        assert.deepStrictEqual(yield* user.said, said.map((text) => `agent: ${text}`))
        assert.deepStrictEqual(errors(user), [])
        assert.deepStrictEqual(user.connection.of("engine.incident").map(({ engine, what }) => `${engine} ${what}`), [
          "scripted-s2s failed",
          "scripted-s2s failed",
          "scripted-s2s failed",
          "scripted-s2s failed"
        ])
      })
    ))

  it.effect("speaks an agent's answers with the voice when the model cannot", () =>
    running(
      layerS2s([], {
        turnAuthority: "own",
        agentInLoop: true,
        say: false,
        voice: {},
        transcripts: ["hello"],
        setup: { agent: echo },
        backend: { agentInLoop: "answer" }
      }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, ["user: hello", "agent: You said hello."])
      })
    ))

  it.effect("without a voice, refuses an agent in the loop whose answers nobody can speak", () =>
    Effect.gen(function*() {
      const backend = layerS2s([], { agentInLoop: true, say: false, backend: { agentInLoop: "answer" } })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(backend)))
      assert.strictEqual(error.code, "invalid_config")
      assert.strictEqual(error.details?.["missing"], "say")
    }))

  it.effect("fails the reply when the voice fails", () =>
    running(
      layerS2s(["One.", "Two."], {
        turnAuthority: "own",
        faultAt: { 0: "text" },
        voice: { failAt: { 0: failed } },
        setup: { config: { maxRetries: 0 } }
      }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("a")
        yield* pass("30 seconds")
        yield* user.session.sendText("b")
        yield* pass("30 seconds")
        assert.deepStrictEqual(yield* agentLines(user), ["agent: Sorry.", "agent: Two."])
      })
    ))

  it.effect("plays speech and text in the order in which they came, at different rates", () => {
    const truncated: Array<readonly [string, number]> = []
    const model = Layer.succeed(SpeechToSpeech, {
      name: "mixed",
      inputSampleRate: 16_000,
      outputSampleRate: 16_000,
      capabilities: {
        turnAuthority: "own",
        agentInLoop: false,
        answers: true,
        tools: false,
        interims: false,
        say: true
      },
      open: ({ speaksText }) =>
        Effect.gen(function*() {
          assert.isTrue(speaksText)
          const events = yield* Queue.unbounded<SpeechToSpeechEvent>()
          const emit = (event: SpeechToSpeechEvent) => void Queue.offerUnsafe(events, event)
          let reply = ""
          const speech = (text: string) =>
            emit({ _tag: "ReplyAudio", reply, pcm: new Int16Array(16_000).fill(900), text })
          return {
            push: () => {},
            activity: () => {},
            commit: () => {},
            userText: (text, request) => {
              reply = `reply ${text}`
              emit({ _tag: "ReplyStarted", reply, request })
              speech("First second.")
              emit({ _tag: "ReplyText", reply, text: "Now wri" })
              emit({ _tag: "ReplyText", reply, text: "tten words." })
              speech("Third part.")
              emit({ _tag: "ReplyEnded", reply })
            },
            say: () => {},
            truncate: (reply, playedMs) => void truncated.push([reply, playedMs]),
            toolResult: () => {},
            events: Stream.fromQueue(events)
          }
        })
    })
    return running(
      VoiceBackend.layerS2s().pipe(Layer.provide([
        Layer.succeed(BackendProvider.BackendProvider, provider()),
        model,
        Scripted.layerTts({ sampleRate: 22_050 }),
        Scripted.layerVad()
      ])),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("a")
        yield* pass("10 seconds")
        assert.deepStrictEqual(yield* agentLines(user), ["agent: First second. Now written words. Third part."])
        assert.deepStrictEqual(truncated, [])
        // 1 s, then 18 characters of 50 ms, then 1 s
        const ms = user.connection.frames.length * 20
        assert.isTrue(ms >= 2_900 && ms <= 2_920, `${ms} ms`)
        yield* user.session.sendText("b")
        yield* pass("2600 millis")
        yield* user.session.interrupt()
        yield* pass("1 second")
        // of its own audio, 1 s and what was played of the third part
        const [reply, playedMs] = truncated[0]!
        assert.strictEqual(reply, "reply b")
        assert.isTrue(playedMs > 1_500 && playedMs < 1_800, `${playedMs}`)
      })
    )
  })
})
