import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Agent from "../../../src/agent/Agent.ts"
import { AgentRegistry } from "../../../src/agent/AgentRegistry.ts"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as BackendConfig from "../../../src/backend/config/BackendConfig.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import * as Builtin from "../../../src/builtin/index.ts"
import * as Cascade from "../../../src/engines/cascade/index.ts"
import type { SpeechToText, SpeechToTextOptions, TranscriptEvent } from "../../../src/speech/SpeechToText.ts"
import type { TextToSpeech, TextToSpeechOptions } from "../../../src/speech/TextToSpeech.ts"
import * as SlowClock from "../../support/SlowClock.ts"
import { wer } from "../../support/Wer.ts"
import { load, references, room } from "../Recordings.ts"

const backend = (options: { readonly [name: string]: unknown }, more: { readonly [key: string]: unknown } = {}) =>
  BackendConfig.decode({
    provider: "local",
    pipeline_type: "s2s",
    s2s_provider: "cascade",
    agent: "echo",
    engines: { cascade: options },
    ...more
  }).pipe(
    Effect.map((config) => VoiceBackend.layerConfig(config)),
    Layer.unwrap,
    Layer.provide([
      Builtin.layer,
      AgentRegistry.layer({ echo: Agent.fromCallback((said) => Effect.succeed(`You said ${said}`)) })
    ])
  )

describe("cascade", () => {
  it.live("transcribes, asks the agent and speaks with the embedded engines, without a key", () =>
    Effect.gen(function*() {
      const voice = yield* VoiceBackend
      const session = yield* voice.createSession({ userId: "u", transport: "websocket" })
      const input = Stream.make(Pcm.fromInt16(Pcm.concat([room(0.5), load("ill-disposed"), room(1)])))
      const outputs = yield* Stream.runCollect(session.pipeline(input))
      const history = yield* session.history
      assert.isAtMost(wer([[references["ill-disposed"], history[0]?.text ?? ""]]), 0.15)
      assert.strictEqual(history[1]?.text, `You said ${history[0]?.text}`)
      const ms = outputs.reduce((sum, output) => output._tag === "Audio" ? sum + output.pcm.length / 48 : sum, 0)
      assert.isAbove(ms, 1_000)
    }).pipe(Effect.scoped, Effect.provide(backend({}).pipe(Layer.provideMerge(SlowClock.layer(4))))))

  it.effect("opens its engines with the session's own voice, language and key terms", () =>
    Effect.gen(function*() {
      const opened: Array<SpeechToTextOptions | TextToSpeechOptions> = []
      const stt: SpeechToText["Service"] = {
        name: "recorder",
        sampleRate: 16_000,
        capabilities: { interim: false, endOfTurn: false, languages: ["en", "de"], keyterms: true },
        open: (options) =>
          Effect.sync(() => {
            opened.push(options)
            return { push: () => {}, activity: () => {}, finalize: () => {}, events: Stream.never }
          })
      }
      const tts: TextToSpeech["Service"] = {
        name: "player",
        sampleRate: 24_000,
        capabilities: { languages: ["en-GB", "fr"], voices: ["a", "b"] },
        open: (options) =>
          Effect.sync(() => {
            opened.push(options)
            return { speak: (texts) => Stream.map(texts, (text) => ({ pcm: new Int16Array(480), text })) }
          })
      }
      const s2s = yield* Cascade.make({ stt, tts })
      const { keyterms, languages, voices } = s2s.capabilities
      assert.deepStrictEqual({ keyterms, languages, voices }, {
        keyterms: true,
        languages: ["en-GB"],
        voices: ["a", "b"]
      })
      const session = { voice: "b", language: "en-GB", keyterms: ["Effect"] }
      const stream = yield* s2s.open({ sessionId: "s", history: [], answers: false, tools: [], ...session })
      stream.say("Hello.", "a")
      yield* Stream.runDrain(Stream.takeUntil(stream.events, ({ _tag }) => _tag === "ReplyEnded"))
      assert.lengthOf(opened, 2)
      assert.deepInclude(opened[0], { language: "en-GB", keyterms: ["Effect"] })
      assert.deepInclude(opened[1], { language: "en-GB", voice: "b" })

      const capabilitiesOf = (one: ReadonlyArray<string> | undefined, other: ReadonlyArray<string> | undefined) =>
        Effect.map(
          Cascade.make({
            stt: { ...stt, capabilities: { ...stt.capabilities, languages: one } },
            tts: { ...tts, capabilities: { languages: other } }
          }),
          (made) => made.capabilities.languages
        )
      assert.deepStrictEqual(yield* capabilitiesOf([], ["fr"]), ["fr"])
      assert.deepStrictEqual(yield* capabilitiesOf(["fr"], []), ["fr"])
      assert.deepStrictEqual(yield* capabilitiesOf([], []), [])
      // an empty list would mean any language
      assert.isUndefined(yield* capabilitiesOf(["de"], ["fr"]))
      assert.isUndefined(yield* capabilitiesOf(undefined, []))
    }).pipe(Effect.scoped))

  it.live(
    "names the request of each answer, drops a cancelled one, and fails a text without audio",
    () =>
      Effect.gen(function*() {
        const finalize: Array<number> = []
        const transcripts = yield* Queue.unbounded<TranscriptEvent>()
        const stt: SpeechToText["Service"] = {
          name: "recorder",
          sampleRate: 16_000,
          capabilities: { interim: false, endOfTurn: false },
          open: () =>
            Effect.succeed({
              push: () => {},
              activity: () => {},
              finalize: (id) => finalize.push(id),
              events: Stream.fromQueue(transcripts)
            })
        }
        const tts: TextToSpeech["Service"] = {
          name: "player",
          sampleRate: 24_000,
          capabilities: {},
          open: () =>
            Effect.succeed({
              speak: (texts) =>
                Stream.map(texts, (text) => ({ pcm: new Int16Array(/[a-z]/u.test(text) ? 480 : 0), text }))
            })
        }
        const s2s = yield* Cascade.make({ stt, tts }, { maxRetries: 0 })
        const stream = yield* s2s.open({ sessionId: "s", history: [], answers: false, tools: [] })
        stream.say("one", "a")
        stream.say("two", "b")
        stream.cancel?.("b")
        // a voice that knows no digits
        stream.say("3", "c")
        stream.say("🙂", "d")
        stream.userText("typed", "e")
        stream.commit(0, "f")
        yield* Effect.sync(() => finalize.length).pipe(Effect.repeat({ until: (length) => length === 1 }))
        yield* Queue.offer(transcripts, { _tag: "Finalized", id: finalize[0] ?? 0 })
        let over = 0
        const events = yield* stream.events.pipe(
          Stream.filter(({ _tag }) => _tag !== "ReplyAudio"),
          Stream.takeUntil(({ _tag }) => ["ReplyEnded", "ReplyFailed"].includes(_tag) && ++over === 3),
          Stream.runCollect
        )
        const told = (tag: string) =>
          events.filter(({ _tag }) => _tag === tag).flatMap((event) => "request" in event ? [event.request] : [])
        assert.deepStrictEqual(told("ReplyStarted"), ["a", "c", "d"])
        assert.deepStrictEqual(told("RequestFailed"), ["e"])
        assert.deepStrictEqual(told("UserTurnTranscribed"), ["f"])
        assert.deepStrictEqual(
          events.map(({ _tag }) => _tag).filter((tag) => tag === "ReplyEnded" || tag === "ReplyFailed"),
          ["ReplyEnded", "ReplyFailed", "ReplyEnded"]
        )
      }).pipe(Effect.scoped),
    30_000
  )

  it.effect("requires the models of its engines", () =>
    Effect.gen(function*() {
      const models = (cascade: { readonly [name: string]: unknown }, more: { readonly [key: string]: unknown } = {}) =>
        Effect.map(
          BackendConfig.decode({
            provider: "local",
            pipeline_type: "s2s",
            s2s_provider: "cascade",
            engines: { cascade },
            ...more
          }),
          Builtin.modelsOf
        )
      assert.deepStrictEqual(yield* models({}), ["moonshine-tiny-en", "silero-vad"])
      assert.deepStrictEqual(yield* models({ stt_options: { model: "base" } }, { vad_provider: "energy" }), [
        "moonshine-base-en"
      ])
      assert.deepStrictEqual(yield* models({ stt: "elsewhere" }), ["silero-vad"])
      assert.deepStrictEqual(yield* models({}, { s2s_provider: "openai" }), [])
    }))

  it.effect("reports invalid options of its engines", () =>
    Effect.gen(function*() {
      const failureOf = (options: { readonly [name: string]: unknown }, more?: { readonly [key: string]: unknown }) =>
        Effect.map(Effect.flip(Effect.scoped(Layer.build(backend(options, more)))), ({ code, details, message }) => ({
          code,
          missing: details?.["missing"],
          message
        }))
      assert.deepInclude(yield* failureOf({ stt: "nobody" }), { code: "invalid_config", missing: "nobody" })
      assert.match(
        (yield* failureOf({ stt_options: { threads: 0 } })).message,
        /engines\.cascade\.stt_options\.threads/u
      )
      for (const [name, key] of [["openai", "OPENAI_API_KEY"], ["gemini", "GEMINI_API_KEY"]]) {
        const error = yield* failureOf({}, { s2s_provider: name })
        assert.deepInclude(error, { code: "invalid_config", missing: key })
      }
      assert.deepInclude(yield* failureOf({}, { agent_in_loop: "tool" }), {
        code: "invalid_config",
        missing: "answers"
      })
      assert.deepInclude(yield* failureOf({}, { agent_in_loop: "off" }), { code: "invalid_config", missing: "answers" })
    }))
})
