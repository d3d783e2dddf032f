/**
 * The engine with the native library: Moonshine's files as a model of the user's own on a real recording, and small models made
 * here, which hear continuously and speak in tones.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { BackendError } from "../../../src/BackendError.ts"
import * as Sherpa from "../../../src/engines/sherpa/index.ts"
import * as Silero from "../../../src/engines/silero/index.ts"
import { ModelStore } from "../../../src/models/ModelStore.ts"
import { SpeechToText, type TranscriptEvent } from "../../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import { wer } from "../../support/Wer.ts"
import { finals, inRoom, load, recordings, references, transcribe, until } from "../Recordings.ts"
import * as Onnx from "./OnnxWriter.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-sherpa-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

/** A square wave, or silence at 0. */
const sound = (seconds: number, amplitude: number): Int16Array =>
  Int16Array.from({ length: seconds * 16_000 }, (_, i) => (Math.floor(i / 40) % 2 === 0 ? amplitude : -amplitude))

const HELLO = 1_500
const tags = (events: ReadonlyArray<TranscriptEvent>) =>
  events.map((event) =>
    event._tag === "Finalized" ? `#${event.id}` : event._tag === "EndOfTurn" ? "end" : `${event._tag} ${event.text}`
  )

const toneFiles = { "model.onnx": Onnx.tone(), "tokens.txt": Onnx.tokens(Onnx.words) }

const StreamingStt = Layer.unwrap(
  Effect.map(
    temporary,
    (folder) =>
      Sherpa.speechToText.layer({ model: Onnx.folder(folder, toneFiles), language: "de", endpoint_silence: "800ms" })
  )
)

const Voice = Layer.unwrap(Effect.map(temporary, (folder) =>
  Sherpa.textToSpeech.layer({
    model: Onnx.folder(folder, { "model.onnx": Onnx.voice(), "tokens.txt": Onnx.tokens(Onnx.letters) }),
    language: "de"
  })))

const Moonshine = Layer.unwrap(Effect.gen(function*() {
  const { dir } = yield* (yield* ModelStore).ensure("moonshine-tiny-en")
  return Sherpa.speechToText.layer({ model: dir, language: "en" })
})).pipe(Layer.provide(ModelStore.layer))

/** The processes that this one has started for models. */
const children = (): ReadonlyArray<number> =>
  execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)], { encoding: "utf8" }).split("\n").flatMap((
    line
  ) => line.includes("SherpaChild") ? [Number.parseInt(line, 10)] : [])

describe("sherpa, speech-to-text", () => {
  it.layer(Layer.merge(Moonshine, Silero.definition.layer({})), { excludeTestServices: true })((it) => {
    it.effect(
      "transcribes the recordings with Moonshine's files, as the engine moonshine does",
      () =>
        Effect.gen(function*() {
          const { capabilities, probe } = yield* SpeechToText
          assert.deepEqual(capabilities, { interim: true, endOfTurn: false, languages: ["en"], language: "en" })
          const pairs = yield* Effect.forEach(
            recordings,
            (name) =>
              Effect.map(transcribe(inRoom(load(name))), (events) => [references[name], finals(events)] as const)
          )
          assert.isAtMost(wer(pairs), 0.1, JSON.stringify(pairs))
          yield* probe!
        }),
      60_000
    )
  })

  it.layer(StreamingStt, { excludeTestServices: true })((it) => {
    it.effect("gives interim words while somebody speaks, and finals with the end of the turn at a pause", () =>
      Effect.gen(function*() {
        const stt = yield* SpeechToText
        assert.isTrue(stt.capabilities.endOfTurn)
        yield* stt.probe!
        const stream = yield* stt.open({ sessionId: "s" })
        for (const part of [sound(0.5, 0), sound(1, HELLO), sound(1, 8_000), sound(3, 0), sound(1, HELLO)]) {
          stream.push(part)
        }
        stream.finalize(7, 104_000)
        const said = tags(yield* until(stream, 7))
        assert.deepEqual(said.slice(0, 2), ["Interim hello", "Interim hello world"])
        const end = said.indexOf("end")
        assert.match(said[end - 1]!, /^Final hello world/)
        // the rest after the pause is an utterance of its own
        assert.deepEqual(said.slice(end + 1), ["Interim hello", "Final hello", "#7"])
      }).pipe(Effect.scoped))

    it.effect("ends an utterance where it is asked to, however soon, and answers when there was none", () =>
      Effect.gen(function*() {
        const stream = yield* (yield* SpeechToText).open({ sessionId: "s" })
        stream.finalize(1, 0)
        assert.deepEqual(tags(yield* until(stream, 1)), ["#1"])
        stream.push(sound(0.4, HELLO))
        stream.finalize(2, 6_400)
        assert.deepEqual(tags(yield* until(stream, 2)).filter((tag) => !tag.startsWith("Interim")), [
          "Final hello",
          "#2"
        ])
        stream.push(sound(0.6, 0))
        stream.push(sound(0.4, 8_000))
        stream.finalize(3, 22_400)
        assert.match(tags(yield* until(stream, 3)).at(-2)!, /^Final .*world/)
      }).pipe(Effect.scoped))

    it.effect("keeps 20 sessions apart that speak at once", () =>
      Effect.gen(function*() {
        const stt = yield* SpeechToText
        const heard = yield* Effect.forEach(
          Array.from({ length: 20 }, (_, i) => i),
          (i) =>
            Effect.gen(function*() {
              const stream = yield* stt.open({ sessionId: String(i) })
              for (let n = 0; n < 30; n++) {
                stream.push(sound(0.1, i % 2 === 0 ? HELLO : 8_000))
                yield* Effect.yieldNow
              }
              stream.finalize(1, 48_000)
              return finals(yield* until(stream, 1))
            }).pipe(Effect.scoped),
          { concurrency: "unbounded" }
        )
        assert.deepEqual([...new Set(heard.filter((_, i) => i % 2 === 0))], ["hello"])
        assert.isTrue(heard.every((text, i) => i % 2 === 0 || text.includes("world")), heard.join())
      }), 60_000)

    it.effect(
      "fails what is open when its process is killed, and works again for who opens a stream later",
      () =>
        Effect.gen(function*() {
          const stt = yield* SpeechToText
          const stream = yield* stt.open({ sessionId: "s" })
          stream.push(sound(1, HELLO))
          const dies = yield* Effect.forkChild(Effect.flip(Stream.runDrain(stream.events)))
          // a process is not started anew within 5 s of its start
          yield* Effect.sleep(5_000)
          for (const pid of children()) process.kill(pid, "SIGKILL")
          const error = yield* Fiber.join(dies)
          assert.strictEqual(error._tag, "PipelineError")
          assert.isTrue(error.retryable)
          const next = yield* stt.open({ sessionId: "s" })
          next.push(sound(0.6, HELLO))
          next.finalize(1, 9_600)
          assert.strictEqual(finals(yield* until(next, 1)), "hello")
        }).pipe(Effect.scoped),
      60_000
    )
  })

  it.live(
    "refuses a model that the library ends its process on, and names what is wrong; this process lives",
    () =>
      Effect.gen(function*() {
        const refuse = Effect.fnUntraced(function*(files: Readonly<Record<string, string | Uint8Array>>, options = {}) {
          const model = Onnx.folder(Path.join(yield* temporary, "m"), files)
          const error: BackendError = yield* Effect.flip(
            Effect.scoped(Layer.build(Sherpa.speechToText.layer({ model, language: "de", ...options })))
          )
          assert.strictEqual(error._tag, "InvalidConfig", error.message)
          assert.strictEqual(error.details?.["reason"], "model")
          return error.message
        })
        // what can be seen beforehand
        assert.match(
          yield* refuse({ ...toneFiles, "model.onnx": Onnx.tone().subarray(0, 300) }),
          /model\.onnx is no ONNX file/
        )
        assert.match(yield* refuse({ ...toneFiles, "tokens.txt": "a b c\n" }), /tokens\.txt is no table/)
        assert.match(
          yield* refuse({ "model.onnx": Onnx.voice(), "tokens.txt": Onnx.tokens(Onnx.letters) }),
          /holds a voice, and no model that recognises speech/
        )
        // what only the library sees: inputs of other names and number, a graph that does not fit its own metadata
        const table = Onnx.tokens(["<blk>", "a", "b", "c"])
        const broken = { "model.onnx": Onnx.identity(Onnx.toneMetadata), "tokens.txt": table }
        assert.match(yield* refuse(broken), /the library/)
        assert.match(
          yield* refuse({ ...broken, "model.onnx": Onnx.identity({ model_type: "zipformer2_ctc" }) }),
          /the library/
        )
        const moonshine = { "encoder_model.onnx": Onnx.identity({}), "decoder_model_merged.onnx": Onnx.identity({}) }
        const base64 = Onnx.tokens(["<blk>", "a", "b", "c"].map((token) => Buffer.from(token).toString("base64")))
        assert.match(yield* refuse({ ...moonshine, "tokens.txt": base64 }), /has no input input_ids/)
        assert.deepEqual(children().length, 0)
      }),
    120_000
  )

  it.live("names a folder that is missing, in check too", () =>
    Effect.gen(function*() {
      const decoded = yield* Sherpa.speechToText.decode({ model: "/nonexistent/model", language: "de" })
      const error = yield* Effect.flip(decoded.check!)
      assert.match(error.message, /there is no folder \/nonexistent\/model/)
      const folder = Onnx.folder(yield* temporary, { ...toneFiles, "tokens.txt": "x" })
      const wrong = yield* Sherpa.speechToText.decode({ model: folder, language: "de" })
      assert.match((yield* Effect.flip(wrong.check!)).message, /engines\.sherpa\.stt\.model: tokens\.txt/)
      const right = yield* Sherpa.speechToText.decode({ model: Onnx.folder(folder, toneFiles), language: "de" })
      yield* right.check!
      for (
        const options of [{}, { model: folder }, { model: folder, language: "german!" }, {
          model: { url: "http://x.example/m", sha256: "0" },
          language: "de"
        }]
      ) {
        assert.strictEqual((yield* Effect.flip(Sherpa.speechToText.decode(options)))._tag, "InvalidConfig")
      }
    }))
})

describe("sherpa, text-to-speech", () => {
  it.layer(Voice, { excludeTestServices: true })((it) => {
    it.effect("speaks each text with its sound, at the model's rate", () =>
      Effect.gen(function*() {
        const tts = yield* TextToSpeech
        assert.strictEqual(tts.sampleRate, 8_000)
        assert.deepEqual(tts.capabilities, { voices: ["0"], languages: ["de"], language: "de" })
        yield* tts.probe!
        const voice = yield* tts.open({ sessionId: "s", voice: "0" })
        const chunks = yield* voice.speak(Stream.make("hallo.", "bis bald, und danke")).pipe(Stream.runCollect)
        assert.deepEqual(chunks.flatMap(({ text }) => text === "" ? [] : [text]), ["hallo.", "bis bald, und danke"])
        assert.isTrue(chunks.every(({ pcm }) => pcm.length <= 1_600))
        // 100 ms for each character that the voice knows; it has no blank
        assert.strictEqual(
          chunks.reduce((sum, { pcm }) => sum + pcm.length, 0),
          800 * ("hallo.".length + "bisbald,unddanke".length)
        )
      }).pipe(Effect.scoped))

    it.effect("says nothing of what it cannot say, and goes on", () =>
      Effect.gen(function*() {
        const voice = yield* (yield* TextToSpeech).open({ sessionId: "s" })
        const chunks = yield* voice.speak(Stream.make("...", "\u{1F600}", "\u4F60\u597D", "\u0000", "danke")).pipe(
          Stream.runCollect
        )
        assert.deepEqual(chunks.flatMap(({ text }) => text === "" ? [] : [text]).at(-1), "danke")
      }).pipe(Effect.scoped))

    it.effect("stops when it is cancelled, so that others are served at once", () =>
      Effect.gen(function*() {
        const tts = yield* TextToSpeech
        const long = "nun denn sei es so. ".repeat(300)
        const begun = yield* Deferred.make<void>()
        const voice = yield* tts.open({ sessionId: "a" })
        const fiber = yield* Effect.forkChild(
          voice.speak(Stream.make(long)).pipe(
            Stream.runForEach(() => Effect.andThen(Deferred.succeed(begun, undefined), Effect.never))
          )
        )
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(fiber)
        const other = yield* tts.open({ sessionId: "b" })
        const chunks = yield* other.speak(Stream.make("hallo")).pipe(Stream.runCollect)
        assert.strictEqual(chunks[0]!.text, "hallo")
      }).pipe(Effect.scoped))

    it.effect("refuses a voice or language that it does not have", () =>
      Effect.gen(function*() {
        const tts = yield* TextToSpeech
        for (const options of [{ voice: "1" }, { voice: "anna" }, { language: "fr" }]) {
          const error = yield* Effect.flip(Effect.scoped(tts.open({ sessionId: "s", ...options })))
          assert.strictEqual(error._tag, "InvalidConfig")
        }
      }))
  })

  it.live(
    "refuses a folder of a recogniser, a broken voice, and a speaker that it lacks",
    () =>
      Effect.gen(function*() {
        const voiceFiles = { "model.onnx": Onnx.voice(), "tokens.txt": Onnx.tokens(Onnx.letters) }
        const refuse = Effect.fnUntraced(function*(files: Readonly<Record<string, string | Uint8Array>>, options = {}) {
          const model = Onnx.folder(Path.join(yield* temporary, "m"), files)
          const error: BackendError = yield* Effect.flip(
            Effect.scoped(Layer.build(Sherpa.textToSpeech.layer({ model, language: "de", ...options })))
          )
          assert.strictEqual(error._tag, "InvalidConfig", error.message)
          return error.message
        })
        assert.match(yield* refuse(toneFiles), /holds no voice/)
        assert.match(yield* refuse(voiceFiles, { voice: 3 }), /1 speakers/)
        // two characters for one token: the library ends its process
        assert.match(
          yield* refuse({ ...voiceFiles, "tokens.txt": "ab 0\n" }),
          /the library ends its process on this model/
        )
        const { frontend: _, ...metadata } = Onnx.voiceMetadata
        assert.match(
          yield* refuse({ ...voiceFiles, "model.onnx": Onnx.voice(metadata) }),
          /neither espeak-ng-data nor a lexicon/
        )
      }),
    60_000
  )
})
