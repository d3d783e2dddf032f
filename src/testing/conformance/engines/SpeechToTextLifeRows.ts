/**
 * Rows of speech-to-text engines about their lives: what closing releases, how they fail, long sessions, languages.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { SpeechToText, type SpeechToTextStream } from "../../../speech/SpeechToText.ts"
import { assertEqual, assertThat, ConformanceError } from "../Assertions.ts"
import * as Case from "../Case.ts"
import { assertPrompt, assertReleases, failureRow, probeRow } from "./EngineChecks.ts"
import { heldBytes, MAX_HELD } from "./HeldMemory.ts"
import { assertWords, open, type SttPart, type SttRow, textOf } from "./Recognition.ts"
import { silence } from "./TestAudio.ts"

const first = ({ speech }: SttPart) => speech[0] ?? { pcm: new Int16Array(0), text: "" }

const MINUTES = 60

/**
 * The rows about the life of an engine.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<SttRow> = [
  {
    id: "stt.Release",
    title: "releases a session that is closed in the middle of an utterance, and works on",
    check: (part) =>
      Effect.gen(function*() {
        const { pcm, text } = first(part)
        yield* assertReleases((session) =>
          Effect.gen(function*() {
            const { ask, push } = yield* open(part.engine, { sessionId: `conformance-${session}` })
            yield* push(pcm.subarray(0, pcm.length >> 1))
            ask()
          })
        )
        const next = yield* open(part.engine)
        yield* next.say(pcm)
        yield* next.finalize
        yield* assertWords(part, next.text(), text, "a session after others were closed")
      })
  },
  {
    id: "stt.Interrupt",
    title: "lets the reader of its events be interrupted at once",
    check: (part) =>
      Effect.gen(function*() {
        const stream = yield* part.engine.open({ sessionId: "conformance" })
        yield* assertPrompt(
          "interrupting who reads the events",
          Effect.timeoutOption(Stream.runDrain(stream.events), "100 millis")
        )
      })
  },
  {
    id: "stt.NeverThrows",
    title: "never throws in the methods of a stream, whatever they are called with, not even after it was closed",
    check: (part) =>
      Effect.gen(function*() {
        const { engine } = part
        const use = (stream: SpeechToTextStream) =>
          Effect.try({
            try: () => {
              stream.push(new Int16Array(0))
              stream.activity({ _tag: "SpeechStopped", atSample: 0, decidedAtSample: 0 })
              stream.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
              stream.finalize(101, 0)
              stream.finalize(102, 16_000_000)
              stream.abandon?.(101)
              stream.abandon?.(4_711)
              stream.push(first(part).pcm)
            },
            catch: (cause) => new ConformanceError({ message: `a method of a stream threw: ${String(cause)}` })
          })
        const stream = yield* Effect.scoped(Effect.tap(engine.open({ sessionId: "conformance" }), use))
        yield* use(stream)
      })
  },
  probeRow("stt"),
  {
    id: "stt.Options",
    title: "opens with all that a session may ask for, and hears",
    check: (part) =>
      Effect.gen(function*() {
        const { engine } = part
        const { pcm, text } = first(part)
        const { keyterms = false, languages = [] } = engine.capabilities
        const [tag] = languages
        const session = yield* open(engine, {
          busy: () => true,
          onIncident: () => {},
          // `en` of the capabilities covers `en-GB`
          ...(tag === undefined || tag.includes("-") ? {} : { language: `${tag}-001` }),
          ...(keyterms ? { keyterms: ["Žižkov", "O'Neil & Sons"] } : {})
        })
        yield* session.say(pcm)
        yield* session.finalize
        yield* assertWords(part, session.text(), text, "an utterance with all options")
      })
  },
  failureRow("stt", (failing: NonNullable<SttPart["failing"]>) =>
    Effect.gen(function*() {
      const engine = Context.get(yield* Layer.build(failing), SpeechToText)
      const stream = yield* engine.open({ sessionId: "conformance" })
      stream.push(silence(1_000, engine.sampleRate))
      stream.finalize(1, 16_000)
      yield* Stream.runDrain(stream.events)
    })),
  {
    id: "stt.Languages",
    title: "opens in each language of its capabilities, and hears on when a stream changes to it",
    check: (part) =>
      Effect.gen(function*() {
        const { engine } = part
        const { pcm, text } = first(part)
        const { language, languages } = engine.capabilities
        if (languages === undefined) return yield* Case.skip("the engine's capabilities have no languages")
        const asked = languages.length > 0 ? languages.slice(0, 8) : ["en", "de", "pt-BR"]
        for (const tag of asked) yield* Effect.scoped(engine.open({ sessionId: "conformance", language: tag }))
        const own = language ?? asked[0]
        if (own === undefined) return
        const session = yield* open(engine)
        session.stream.setLanguage?.(own)
        yield* session.say(pcm)
        yield* session.finalize
        yield* assertWords(part, session.text(), text, `an utterance after a change to ${own}`)
      })
  },
  {
    id: "stt.Hour",
    title: "takes an hour of audio without keeping it",
    check: (part) =>
      Effect.gen(function*() {
        const { engine, hour } = part
        const { pcm, text } = first(part)
        if (!hour) return yield* Case.skip("an hour of audio may take long: set hour in the harness")
        const session = yield* open(engine)
        const quiet = silence(1_000, engine.sampleRate)
        let before = 0
        for (let minute = 0; minute < MINUTES; minute++) {
          if (minute === 10) before = heldBytes()
          yield* session.say(pcm)
          yield* session.finalize
          for (let second = 0; second < 60; second++) yield* session.push(quiet, [engine.sampleRate / 10])
        }
        const after = heldBytes()
        const answers = session.events.filter(({ _tag }) => _tag === "Finalized").length
        yield* assertEqual(answers, MINUTES, "answers within an hour")
        const last = session.events.findLastIndex(({ _tag }) => _tag === "Finalized")
        const former = session.events.findLastIndex(({ _tag }, i) => _tag === "Finalized" && i < last)
        yield* assertWords(part, textOf(session.events.slice(former, last)), text, "the utterance of the last minute")
        yield* assertThat(
          after - before < MAX_HELD,
          `an hour of audio is not kept: ${Math.round((after - before) / 1e6)} MB more are held after it`
        )
      })
  }
]
