import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Resampler from "../../../src/audio/resampling/Resampler.ts"
import * as Hibari from "../../../src/engines/hibari/index.ts"
import * as Moonshine from "../../../src/engines/moonshine/index.ts"
import * as Silero from "../../../src/engines/silero/index.ts"
import * as ResilientTextToSpeech from "../../../src/speech/resilience/ResilientTextToSpeech.ts"
import type { SpeechChunk } from "../../../src/speech/TextToSpeech.ts"
import { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import * as SlowClock from "../../support/SlowClock.ts"
import { wer } from "../../support/Wer.ts"
import { finals, inRoom, transcribe } from "../Recordings.ts"

const Engines = Layer.mergeAll(Hibari.layer(), Moonshine.definition.layer({}), Silero.definition.layer({})).pipe(
  Layer.provideMerge(SlowClock.layer(20))
)

const speak = (text: string, sessionId = "s") =>
  Effect.gen(function*() {
    const voice = yield* (yield* TextToSpeech).open({ sessionId })
    return yield* voice.speak(Stream.make(text)).pipe(Stream.runCollect)
  }).pipe(Effect.scoped)

const pcmOf = (chunks: ReadonlyArray<SpeechChunk>): Int16Array => Pcm.concat(chunks.map(({ pcm }) => pcm))

const at16k = (pcm: Int16Array) =>
  Effect.gen(function*() {
    const resampler = yield* Resampler.scoped(24_000, 16_000)
    const parts: Array<Int16Array> = []
    for (let at = 0; at < pcm.length; at += 480) parts.push(resampler.process(pcm.subarray(at, at + 480)).slice())
    return Pcm.concat(parts)
  }).pipe(Effect.scoped)

describe("hibari", () => {
  it.layer(Engines, { excludeTestServices: true })((it) => {
    it.effect("is understood by the recogniser", () =>
      Effect.gen(function*() {
        const sentences = [
          "Hello, how can I help you today?",
          "The weather will be warm and sunny in the afternoon.",
          "There are two rooms left, both on the third floor.",
          "Please hold the line, someone will be with you shortly."
        ]
        const pairs = yield* Effect.forEach(sentences, (sentence) =>
          Effect.gen(function*() {
            const pcm = pcmOf(yield* speak(sentence))
            return [sentence, finals(yield* transcribe(inRoom(yield* at16k(pcm))))] as const
          }))
        assert.isAtMost(wer(pairs), 0.05, JSON.stringify(pairs))
      }))

    it.effect("gives 200 ms at a time, the text once, and the time of each word", () =>
      Effect.gen(function*() {
        const text = "Dr. Smith paid $12.50, at 9:30 am. He left."
        const chunks = yield* speak(text)
        assert.isTrue(chunks.slice(0, -1).every(({ pcm }) => pcm.length > 0 && pcm.length <= 4_800))
        assert.deepEqual(chunks.map((chunk) => chunk.text).filter((each) => each !== ""), [text])
        assert.strictEqual(chunks[0]!.text, text)
        const words = chunks.flatMap(({ words }) => words ?? [])
        assert.deepEqual(words.map((word) => word.text), text.split(" "))
        const lengthMs = pcmOf(chunks).length / 24
        words.forEach(({ endMs, startMs }, i) => {
          assert.isAtLeast(endMs, startMs)
          assert.isAtMost(endMs, lengthMs)
          assert.isAtLeast(startMs, words[i - 1]?.endMs ?? 0)
        })
        // "twelve dollars and fifty cents" takes longer than "paid"
        const spoken = (word: string) => words.find(({ text }) => text.startsWith(word))!
        assert.isAbove(
          spoken("$12.50").endMs - spoken("$12.50").startMs,
          2 * (spoken("paid").endMs - spoken("paid").startMs)
        )
        // each word sounds where its time says
        const pcm = pcmOf(chunks)
        for (const { endMs, startMs } of words) {
          assert.isAbove(Pcm.rmsDbfs(pcm.subarray(Math.round(startMs * 24), Math.round(endMs * 24))), -45)
        }
      }))

    it.effect("tells the time of the words as they are written, though it is given others", () =>
      Effect.gen(function*() {
        const text = "Your code is 4821, Dr. Smith: pay $12.50 by 9:30 am, or call (555) 867-5309."
        const tts = yield* ResilientTextToSpeech.make([yield* TextToSpeech])
        const voice = yield* tts.open({ sessionId: "s" })
        const chunks = yield* voice.speak(Stream.make(text)).pipe(Stream.runCollect)
        const words = chunks.flatMap(({ words }) => words ?? [])
        assert.deepEqual(words.map((word) => word.text), text.split(" "))
        const pcm = pcmOf(chunks)
        words.forEach(({ endMs, startMs }, i) => {
          assert.isAtLeast(startMs, words[i - 1]?.endMs ?? 0)
          assert.isAbove(Pcm.rmsDbfs(pcm.subarray(Math.round(startMs * 24), Math.round(endMs * 24))), -45)
        })
        // four digits, and seven
        const lengths = new Map(words.map(({ endMs, startMs, text }) => [text, endMs - startMs]))
        assert.isAbove(lengths.get("4821,") ?? 0, 800)
        assert.isAbove(lengths.get("867-5309.") ?? 0, 1_500)
      }).pipe(Effect.scoped))

    it.effect("begins and ends with little silence, at the level of other voices", () =>
      Effect.gen(function*() {
        const pcm = pcmOf(yield* speak("Good morning, and thank you for calling the harbour office."))
        const loud = (at: number) => Pcm.rmsDbfs(pcm.subarray(at, at + 240)) > -50
        let first = 0
        while (!loud(first)) first += 240
        let last = pcm.length - 240
        while (!loud(last)) last -= 240
        assert.isAtMost(first / 24, 60)
        // the pause before the next sentence
        assert.isAtLeast((pcm.length - last) / 24, 150)
        assert.isAtMost((pcm.length - last) / 24, 300)
        const level = Pcm.rmsDbfs(pcm)
        assert.isAbove(level, -23)
        assert.isBelow(level, -17)
      }))

    it.effect("says the same text the same way every time", () =>
      Effect.gen(function*() {
        const [one, other] = yield* Effect.all([speak("Same again.", "a"), speak("Same again.", "b")], {
          concurrency: "unbounded"
        })
        assert.deepEqual(pcmOf(one), pcmOf(other))
      }))

    it.effect("makes nothing of text without sound, and something of any other", () =>
      Effect.gen(function*() {
        for (const text of ["", "  \n\t", "😀🎉", "你好", "\u0000\u0007", "\ud800"]) {
          assert.deepEqual(yield* speak(text), [], JSON.stringify(text))
        }
        for (
          const text of [
            "constructor __proto__",
            "a".repeat(300),
            "1".repeat(80),
            "(".repeat(2_000) + "a",
            "A.".repeat(400)
          ]
        ) {
          const voice = yield* (yield* TextToSpeech).open({ sessionId: "hostile" })
          const chunks = yield* voice.speak(Stream.make(text)).pipe(Stream.take(1), Stream.runCollect)
          assert.lengthOf(chunks, 1, text.slice(0, 20))
        }
      }).pipe(Effect.scoped))

    it.effect("stops when it is interrupted, and is free for the next", () =>
      Effect.gen(function*() {
        const long = "This sentence is said again and again, until nobody listens any more. ".repeat(200)
        const tts = yield* TextToSpeech
        const voice = yield* tts.open({ sessionId: "long" })
        const heard: Array<number> = []
        const fiber = yield* Effect.forkChild(
          voice.speak(Stream.make(long)).pipe(
            Stream.tap(({ pcm }) => Effect.sync(() => heard.push(pcm.length))),
            Stream.take(3),
            Stream.runDrain
          )
        )
        // another session does not wait for the long text
        assert.isAbove((yield* speak("Hello.", "other")).length, 0)
        yield* Fiber.join(fiber)
        assert.lengthOf(heard, 3)
        assert.isAbove((yield* speak("Hello again.", "long")).length, 0)
        yield* tts.probe ?? Effect.void
      }).pipe(Effect.scoped))

    it.effect("takes English and its own voice, and refuses others", () =>
      Effect.gen(function*() {
        const tts = yield* TextToSpeech
        assert.strictEqual(tts.sampleRate, 24_000)
        assert.isFalse(tts.capabilities.normalisesText)
        yield* tts.open({ sessionId: "s", voice: "heart", language: "en-GB" })
        assert.strictEqual((yield* Effect.flip(tts.open({ sessionId: "s", language: "de" }))).code, "invalid_config")
        assert.strictEqual((yield* Effect.flip(tts.open({ sessionId: "s", voice: "emma" }))).code, "invalid_config")
      }).pipe(Effect.scoped))
  })

  it.effect("names the file that another voice needs", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Hibari.layer({ voice: "emma" }))))
      assert.strictEqual(error.code, "invalid_config")
      assert.match(error.message, /voice emma is not part of the package.*bf_emma\.int8\.onnx.*f709f048/u)
      const absent = yield* Effect.flip(
        Effect.scoped(Layer.build(Hibari.layer({ voice: "emma", model: "/no/such.onnx" })))
      )
      assert.match(absent.message, /there is no file \/no\/such\.onnx/u)
    }))

  it.live("refuses a file that is not the voice, before the runtime sees it", () =>
    Effect.gen(function*() {
      const directory = mkdtempSync(join(tmpdir(), "hibari-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(directory, { recursive: true })))
      const file = join(directory, "emma.onnx")
      writeFileSync(file, "not a network")
      const error = yield* Effect.flip(Layer.build(Hibari.layer({ voice: "emma", model: file })))
      assert.strictEqual(error.code, "invalid_config")
      assert.match(error.message, /is not the expected file: 13 bytes/u)
    }).pipe(Effect.scoped))
})
