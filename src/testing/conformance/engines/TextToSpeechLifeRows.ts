/**
 * Rows of text-to-speech engines about their lives: interruption, what closing releases, who pulls, how they fail.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Pcm from "../../../audio/Pcm.ts"
import { TextToSpeech } from "../../../speech/TextToSpeech.ts"
import { assertCompletesWithin, assertEqual, assertThat, fail } from "../Assertions.ts"
import * as Case from "../Case.ts"
import { assertPrompt, assertReleases, failureRow, probeRow } from "./EngineChecks.ts"
import { audioOf, byText, speak, type TtsPart, type TtsRow } from "./SpokenTexts.ts"

/** How many texts an engine may have taken while nobody takes their audio. */
const AHEAD = 8

/** The texts of an application that fail. */
class TextFailure extends Schema.TaggedError<TextFailure>()("TextFailure", { text: Schema.String }) {}

/**
 * The rows about the life of an engine.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<TtsRow> = [
  {
    id: "tts.Interrupt",
    title: "stops at once when it is interrupted, lets go of the texts, and speaks the next with the same voice",
    check: ({ engine, sentences: [text] }) =>
      Effect.gen(function*() {
        const voice = yield* engine.open({ sessionId: "conformance" })
        const begun = yield* Deferred.make<void>()
        let released = false
        const texts = Stream.ensuring(
          Stream.forever(Stream.make(text)),
          Effect.sync(() => {
            released = true
          })
        )
        const speaking = yield* voice.speak(texts).pipe(
          Stream.runForEach(({ pcm }) => pcm.length > 0 ? Deferred.succeed(begun, undefined) : Effect.void),
          Effect.forkChild
        )
        yield* assertCompletesWithin(
          "1 minute",
          "the first audio of an endless text",
          Effect.raceFirst(Deferred.await(begun), Fiber.join(speaking))
        )
        yield* assertPrompt("stopping in the middle of a sentence", Fiber.interrupt(speaking))
        yield* assertThat(released, "the stream of texts is released when speech is interrupted")
        const chunks = yield* assertCompletesWithin(
          "1 minute",
          "speaking after an interruption",
          Stream.runCollect(voice.speak(Stream.make(text)))
        )
        yield* assertEqual(byText(chunks).map(([first]) => first?.text), [text], "the texts after an interruption")
        yield* assertThat(Pcm.peak(audioOf(chunks)) > 300, "the text after an interruption can be heard")
      })
  },
  {
    id: "tts.Backpressure",
    title: `takes no more than ${AHEAD} texts while nobody takes their audio`,
    check: ({ engine, sentences: [text] }) =>
      Effect.gen(function*() {
        const voice = yield* engine.open({ sessionId: "conformance" })
        let taken = 0
        const texts = Stream.rechunk(
          Stream.forever(Stream.sync(() => {
            taken++
            return text
          })),
          1
        )
        yield* voice.speak(texts).pipe(
          Stream.runForEach(() => Effect.never),
          Effect.timeoutOption("2 seconds")
        )
        yield* assertThat(taken >= 1 && taken <= AHEAD, `1 to ${AHEAD} texts are taken, and not ${taken}`)
      })
  },
  {
    id: "tts.Release",
    title: "releases a session that is closed in the middle of a sentence, and works on",
    check: ({ engine, sentences: [text] }) =>
      Effect.gen(function*() {
        yield* assertReleases((session) =>
          Effect.gen(function*() {
            const voice = yield* engine.open({ sessionId: `conformance-${session}` })
            const begun = yield* Deferred.make<void>()
            yield* voice.speak(Stream.forever(Stream.make(text))).pipe(
              Stream.runForEach(() => Deferred.succeed(begun, undefined)),
              Effect.forkScoped
            )
            yield* assertCompletesWithin("1 minute", "the first chunk of a session", Deferred.await(begun))
          })
        )
        yield* assertThat(
          Pcm.peak(audioOf(yield* speak(engine, [text]))) > 300,
          "a session after others were closed can be heard"
        )
      })
  },
  {
    id: "tts.Sessions",
    title: "speaks two sessions at once, each its own texts to their end",
    check: ({ engine, sentences }) =>
      Effect.gen(function*() {
        const alone = yield* Effect.forEach(sentences, (text) => Effect.map(speak(engine, [text]), audioOf))
        const together = yield* Effect.forEach(
          sentences,
          (text, i) => speak(engine, [text], { sessionId: `conformance-${i}` }),
          { concurrency: 2 }
        )
        for (const [i, chunks] of together.entries()) {
          yield* assertEqual(
            byText(chunks).map(([first]) => first?.text),
            [sentences[i]],
            "the texts of one of two sessions"
          )
          const [length, own] = [audioOf(chunks).length, alone[i]?.length ?? 0]
          yield* assertThat(
            length > own / 2 && length < own * 2,
            `a session that speaks beside another is about as long as alone: ${length} samples, and ${own}`
          )
        }
      })
  },
  {
    id: "tts.TextFailure",
    title: "passes the failure of the texts on as it is, after the audio of those before it",
    check: ({ engine, sentences: [text] }) =>
      Effect.gen(function*() {
        const voice = yield* engine.open({ sessionId: "conformance" })
        let samples = 0
        const texts = Stream.concat(Stream.make(text), Stream.fail(new TextFailure({ text: "no more" })))
        const error = yield* voice.speak(texts).pipe(
          Stream.runForEach(({ pcm }) =>
            Effect.sync(() => {
              samples += pcm.length
            })
          ),
          Effect.flip,
          Effect.catch(() => fail("expected the failure of the texts, but speaking succeeded"))
        )
        yield* assertThat(error instanceof TextFailure, "the failure of the texts is passed on as it is")
        yield* assertThat(samples > 0, "the text before the failure is spoken")
      })
  },
  probeRow("tts"),
  failureRow("tts", (failing: NonNullable<TtsPart["failing"]>) =>
    Effect.flatMap(
      Layer.build(failing),
      (context) => speak(Context.get(context, TextToSpeech), ["The library opens at nine."])
    )),
  {
    id: "tts.Choices",
    title: "opens with each voice and each language of its capabilities, and is heard in them",
    check: ({ engine, sentences: [text] }) =>
      Effect.gen(function*() {
        const { languages = [], voices = [] } = engine.capabilities
        const choices = [
          ...voices.slice(0, 4).map((voice) => ({ voice })),
          ...languages.slice(0, 4).map((language) => ({ language }))
        ].filter((choice) => engine.refuse?.(choice) === undefined)
        if (choices.length === 0) return yield* Case.skip("the engine's capabilities name neither voices nor languages")
        for (const choice of choices) {
          const pcm = audioOf(yield* Effect.scoped(speak(engine, [text], choice)))
          yield* assertThat(Pcm.peak(pcm) > 300, `${JSON.stringify(choice)} can be heard`)
        }
      })
  }
]
