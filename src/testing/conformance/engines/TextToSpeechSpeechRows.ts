/**
 * Rows of text-to-speech engines about speech: texts, audio, word times, odd texts.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Pcm from "../../../audio/Pcm.ts"
import { assertCompletesWithin, assertEqual, assertThat, fail } from "../Assertions.ts"
import * as Case from "../Case.ts"
import { assertDescribed, assertRate } from "./EngineChecks.ts"
import { audioOf, byText, msOf, speak, type TtsRow } from "./SpokenTexts.ts"
import { errorRate } from "./Words.ts"

/** Nobody speaks slower or faster; audio at another rate than it says is often outside of it. */
const SLOWEST_MS = 400
const FASTEST_MS = 15
/** A sentence of two or three breaths. */
const LONG = 400
/** What a recogniser may mishear of a voice. */
const MISHEARD = 0.34
/** A pause before or after a sentence that a user would take for the end, or for a fault. */
const PAUSE_MS = 2_000
/** Times of words come from models that know them to a frame or two. */
const TOLERANCE_MS = 100

const odd: ReadonlyArray<string> = ["", "   ", "\n", "…", "-", "🙂", "?!", "\u0000", "𝄞 ☂", "a"]

/**
 * The rows about speech.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<TtsRow> = [
  {
    id: "tts.Describe",
    title: "has a name, a rate and languages that are BCP 47 tags",
    check: ({ engine }) =>
      Effect.andThen(assertDescribed(engine.name, engine.capabilities), assertRate("sampleRate", engine.sampleRate))
  },
  {
    id: "tts.Text",
    title: "gives each text exactly as it was given with the first chunk of its audio, and none with the others",
    check: ({ engine, sentences }) =>
      Effect.gen(function*() {
        const texts = [...sentences, sentences[0]]
        const chunks = yield* speak(engine, texts)
        yield* assertEqual(byText(chunks).map(([first]) => first?.text), texts, "the texts of the chunks")
      })
  },
  {
    id: "tts.Audio",
    title: "gives audible speech for each text, of a length that fits the text at the rate that it declares",
    check: ({ engine, sentences }) =>
      Effect.gen(function*() {
        for (const chunks of byText(yield* speak(engine, sentences))) {
          const pcm = audioOf(chunks)
          const text = chunks[0]?.text ?? ""
          const perCharacter = msOf(pcm, engine) / Math.max(1, text.length)
          yield* assertThat(
            perCharacter >= FASTEST_MS && perCharacter <= SLOWEST_MS,
            `"${text}" takes from ${FASTEST_MS} to ${SLOWEST_MS} ms a character, and not ${Math.round(perCharacter)}`
          )
          yield* assertThat(Pcm.peak(pcm) > 300, `"${text}" can be heard: its loudest sample is ${Pcm.peak(pcm)}`)
          const isLoud = (sample: number) => Math.abs(sample) > 300
          const beforeMs = pcm.findIndex(isLoud) * 1000 / engine.sampleRate
          const afterMs = (pcm.length - 1 - pcm.findLastIndex(isLoud)) * 1000 / engine.sampleRate
          yield* assertThat(
            beforeMs <= PAUSE_MS && afterMs <= PAUSE_MS,
            `"${text}" is at most ${PAUSE_MS} ms of silence before and after its speech, and not ${
              Math.round(beforeMs)
            } and ` +
              `${Math.round(afterMs)}`
          )
        }
      })
  },
  {
    id: "tts.Words",
    title: "says the words that it is given",
    check: ({ engine, sentences, transcribe }) =>
      Effect.gen(function*() {
        if (transcribe === undefined) return yield* Case.skip("the harness has nobody who listens")
        for (const text of sentences) {
          const heard = yield* transcribe(audioOf(yield* speak(engine, [text])), engine.sampleRate)
          yield* assertThat(errorRate(text, heard) <= MISHEARD, `"${text}" is understood, and not heard as "${heard}"`)
        }
      })
  },
  {
    id: "tts.Incremental",
    title: "speaks the first text before it is given the second",
    check: ({ engine, sentences: [first, second] }) =>
      Effect.gen(function*() {
        const heard = yield* Deferred.make<void>()
        const voice = yield* engine.open({ sessionId: "conformance" })
        const texts = Stream.concat(
          Stream.make(first),
          Stream.fromEffect(Effect.as(Deferred.await(heard), second))
        )
        let samples = 0
        const chunks = yield* voice.speak(texts).pipe(
          Stream.tap(({ pcm }) => {
            samples += pcm.length
            return samples > 0 ? Deferred.succeed(heard, undefined) : Effect.void
          }),
          Stream.runCollect,
          Effect.timeoutOrElse({
            duration: "1 minute",
            orElse: () => fail("the first text was not spoken while the second was still to come")
          })
        )
        yield* assertEqual(byText(chunks).map(([chunk]) => chunk?.text), [first, second], "the texts of the chunks")
      })
  },
  {
    id: "tts.Ownership",
    title: "gives its audio to the receiver: it neither reads nor writes a chunk again",
    check: ({ engine, sentences: [text] }) =>
      Effect.gen(function*() {
        const voice = yield* engine.open({ sessionId: "conformance" })
        const kept: Array<readonly [given: Int16Array, copy: Int16Array]> = []
        const once = Effect.map(
          Stream.runCollect(Stream.tap(voice.speak(Stream.make(text)), ({ pcm }) =>
            Effect.sync(() =>
              void kept.push([pcm, Int16Array.from(pcm)])
            ))),
          audioOf
        )
        yield* once
        yield* once
        const changed = kept.some(([given, copy]) =>
          copy.some((sample, i) => sample !== given[i])
        )
        yield* assertThat(!changed, "chunks stay as they were while the next are made")
        for (const [given] of kept) given.fill(0)
        yield* assertThat(Pcm.peak(yield* once) > 300, "the text is heard again after its former audio was overwritten")
      })
  },
  {
    id: "tts.WordTimes",
    title: "times words in the order in which they are said, within the audio of their text",
    check: ({ engine, sentences }) =>
      Effect.gen(function*() {
        let timed = 0
        for (const chunks of byText(yield* speak(engine, sentences))) {
          const lengthMs = msOf(audioOf(chunks), engine)
          let last = 0
          for (const { endMs, startMs, text } of chunks.flatMap(({ words = [] }) => words)) {
            timed++
            if (!(startMs >= last && endMs >= startMs && endMs <= lengthMs + TOLERANCE_MS)) {
              return yield* fail(
                `the times of words: "${text}" is at ${startMs} to ${endMs} ms, the word before it at ${last}, and the audio ` +
                  `of its text takes ${lengthMs} ms`
              )
            }
            last = startMs
          }
          const said = chunks.flatMap(({ words = [] }) => words.map(({ text }) => text)).join(" ")
          const text = chunks[0]?.text ?? ""
          yield* assertThat(
            said === "" || errorRate(text, said) <= MISHEARD,
            `the timed words are those of "${text}", and not "${said}"`
          )
        }
        return timed === 0 ? yield* Case.skip("the engine does not time words") : undefined
      })
  },
  {
    id: "tts.OddTexts",
    title: "ends with texts that have nothing to say, or nothing that it can, and speaks the next",
    check: ({ engine, sentences: [text] }) =>
      Effect.gen(function*() {
        for (const nothing of odd) {
          const chunks = yield* assertCompletesWithin(
            "1 minute",
            `speaking ${JSON.stringify(nothing)} and a sentence after it`,
            speak(engine, [nothing, text])
          )
          const spoken = byText(chunks).findLast(([first]) => first?.text === text) ?? []
          yield* assertThat(
            Pcm.peak(audioOf(spoken)) > 300,
            `the sentence after ${JSON.stringify(nothing)} can be heard, and comes as it was given`
          )
          for (const [first] of byText(chunks)) {
            yield* assertThat(
              first?.text === "" || first?.text === nothing || first?.text === text,
              `the texts of the chunks are those given: ${JSON.stringify(first?.text)} is none`
            )
          }
        }
      })
  },
  {
    id: "tts.LongText",
    title: `speaks a text of ${LONG} characters to its end`,
    check: ({ engine, sentences: [text] }) =>
      Effect.gen(function*() {
        const plain = text.replaceAll(/[.!?]+$/gu, "")
        const long = `${Array.from({ length: Math.ceil(LONG / plain.length) }, () => plain).join(", ")}.`
        const chunks = yield* speak(engine, [long])
        yield* assertEqual(byText(chunks).map(([first]) => first?.text), [long], "the texts of the chunks")
        const one = msOf(audioOf(yield* speak(engine, [text])), engine)
        const all = msOf(audioOf(chunks), engine)
        const times = long.length / text.length
        yield* assertThat(
          all > one * times / 2,
          `${times.toFixed(1)} times the text takes ${all} ms, and once ${one} ms`
        )
      })
  }
]
