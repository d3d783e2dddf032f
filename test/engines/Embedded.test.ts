import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Flite from "../../src/engines/flite/index.ts"
import * as Sherpa from "../../src/engines/local/Sherpa.ts"
import * as Moonshine from "../../src/engines/moonshine/index.ts"
import * as Silero from "../../src/engines/silero/index.ts"
import { SpeechToText } from "../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { some } from "../support/Full.ts"
import * as SlowClock from "../support/SlowClock.ts"
import { edits, wer, words } from "../support/Wer.ts"
import { finals, inRoom, load, recordings, references, room, transcribe, until } from "./Recordings.ts"

const Engines = Layer.mergeAll(
  Moonshine.definition.layer({}),
  Flite.definition.layer({}),
  Silero.definition.layer({})
).pipe(Layer.provideMerge(SlowClock.layer(20)))

describe("embedded engines", () => {
  it.layer(Engines, { excludeTestServices: true })((it) => {
    it.effect("transcribe the recordings with a word error rate of at most 10 %", () =>
      Effect.gen(function*() {
        const pairs = yield* Effect.forEach(recordings, (name) =>
          Effect.map(transcribe(inRoom(load(name))), (events) => [references[name], finals(events)] as const))
        assert.isAtMost(wer(pairs), 0.1, JSON.stringify(pairs))
      }))

    it.effect("lose no word of 40 s of speech, with and without pauses", () =>
      Effect.gen(function*() {
        const text = [...recordings, ...recordings].map((name) => references[name]).join(" ")
        for (const gap of some([0, 0.3], 1)) {
          const parts = recordings.flatMap((name) => [load(name), room(gap)])
          const long = Pcm.concat([...parts, ...parts])
          assert.isAtLeast(long.length, 40 * 16_000)
          const heard = finals(yield* transcribe(inRoom(long)))
          assert.isAtMost(wer([[text, heard]]), 0.1, heard)
          // "ill disposed" may come as one word; nothing else may be fewer.
          assert.isAtLeast(words(heard).length, words(text).length - 4, heard)
        }
      }))

    it.effect("transcribe their own synthesised speech", () =>
      Effect.gen(function*() {
        const sentences = [
          "Hello, how can I help you today?",
          "The weather will be warm and sunny in the afternoon.",
          "I will send you a message when the package arrives."
        ]
        const voice = yield* (yield* TextToSpeech).open({ sessionId: "s" })
        const pairs = yield* Effect.forEach(sentences, (sentence) =>
          Effect.gen(function*() {
            const chunks = yield* voice.speak(Stream.make(sentence)).pipe(Stream.runCollect)
            const events = yield* transcribe(inRoom(Pcm.concat(chunks.map((chunk) => chunk.pcm))))
            return [sentence, finals(events)] as const
          }))
        assert.isAtMost(wer(pairs), 0.15, JSON.stringify(pairs))
      }).pipe(Effect.scoped))

    it.effect("keep simultaneous sessions apart", () =>
      Effect.gen(function*() {
        const heard = yield* Effect.forEach(
          recordings,
          (name) => Effect.map(transcribe(inRoom(load(name))), finals),
          { concurrency: "unbounded" }
        )
        heard.forEach((text, i) => {
          const reference = words(references[recordings[i]!])
          assert.isAtMost(edits(reference, words(text)), 2, text)
        })
      }))

    it.effect("transcribe nothing from silence and from clips that are too short for a word", () =>
      Effect.gen(function*() {
        const stt = yield* SpeechToText
        for (const length of [0, 1, 160, 800, 1_599, 48_000]) {
          const stream = yield* stt.open({ sessionId: "s" })
          stream.push(new Int16Array(length).fill(length < 1_600 ? 5_000 : 0))
          stream.finalize(1, length)
          assert.deepEqual(yield* until(stream, 1), [{ _tag: "Finalized", id: 1 }])
        }
      }).pipe(Effect.scoped))

    it.effect("continue after a session was closed during a decode", () =>
      Effect.gen(function*() {
        const stt = yield* SpeechToText
        const pcm = load("prudently")
        yield* Effect.scoped(Effect.gen(function*() {
          const stream = yield* stt.open({ sessionId: "gone" })
          stream.push(pcm)
          stream.finalize(1, pcm.length)
          yield* Effect.yieldNow
        }))
        const stream = yield* stt.open({ sessionId: "next", language: "en-GB" })
        const clubs = load("queen-of-clubs")
        stream.push(clubs)
        stream.finalize(1, clubs.length)
        assert.isAtMost(wer([[references["queen-of-clubs"], finals(yield* until(stream, 1))]]), 0.25)
      }).pipe(Effect.scoped))

    it.effect("reject languages other than English", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip((yield* SpeechToText).open({ sessionId: "s", language: "de" }))
        assert.strictEqual(error.code, "invalid_config")
        assert.deepInclude(error.details, { engine: "moonshine", field: "language", supported: ["en"] })
      }).pipe(Effect.scoped))
  })

  it.effect("name a missing package", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Sherpa.load("moonshine", "a-package-that-is-not-there"))
      assert.strictEqual(error.code, "invalid_config")
      assert.deepEqual(error.details!["missing"], ["a-package-that-is-not-there"])
      assert.include(error.message, "npm install a-package-that-is-not-there")
    }))

  it.effect("report all invalid options of moonshine at once", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Moonshine.definition.validate({ model: "huge", threads: 0, max_parallel: 1.5, interim_interval: "1ms" })
      )
      assert.deepEqual(
        (error.details!["faults"] as ReadonlyArray<{ path: string }>).map((fault) => fault.path).toSorted(),
        ["interim_interval", "max_parallel", "model", "threads"].map((name) => `engines.moonshine.${name}`)
      )
    }))
})
