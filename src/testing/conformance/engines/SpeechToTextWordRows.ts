/**
 * Rows of speech-to-text engines about words: which are heard, in which order, when, and of whom.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { TranscriptEvent } from "../../../speech/SpeechToText.ts"
import { TIMELINE_RATE } from "../../../speech/VoiceActivityDetector.ts"
import { assertCompletesWithin, assertEqual, assertThat, fail, waitUntil } from "../Assertions.ts"
import * as Case from "../Case.ts"
import { assertDescribed, assertRate } from "./EngineChecks.ts"
import { assertWords, open, PAUSE_MS, type SttPart, type SttRow, textOf } from "./Recognition.ts"
import { noise, ODD_SIZES, silence } from "./TestAudio.ts"
import { edits, wordsOf } from "./Words.ts"

const nth = ({ speech }: SttPart, index: number) =>
  speech[index % speech.length] ?? { pcm: new Int16Array(0), text: "" }

/** Events without those that an engine may send at any time. */
const order = (events: ReadonlyArray<TranscriptEvent>): ReadonlyArray<string> =>
  events.flatMap((event) =>
    event._tag === "Finalized"
      ? [`answer ${event.id}`]
      : event._tag === "Final" && event.text.trim() !== ""
      ? ["final"]
      : []
  ).filter((each, i, all) => each !== "final" || all[i - 1] !== "final")

/**
 * The rows about words.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<SttRow> = [
  {
    id: "stt.Describe",
    title: "has a name, a rate and languages that are BCP 47 tags",
    check: ({ engine, finalizeTimeout }) =>
      Effect.gen(function*() {
        yield* assertDescribed(engine.name, engine.capabilities)
        yield* assertRate("sampleRate", engine.sampleRate)
        yield* assertThat(Duration.toMillis(finalizeTimeout) > 0, "finalizeTimeout is longer than nothing")
      })
  },
  {
    id: "stt.Words",
    title: "transcribes what is said, at the rate that it declares",
    check: (part) =>
      Effect.gen(function*() {
        for (const { pcm, text } of part.speech) {
          const heard = yield* Effect.scoped(Effect.gen(function*() {
            const session = yield* open(part.engine)
            yield* session.say(pcm)
            yield* session.finalize
            return session.text()
          }))
          yield* assertWords(part, heard, text, "an utterance in frames of 20 ms")
        }
      })
  },
  {
    id: "stt.Frames",
    title: "takes frames of any length, and keeps none of the buffers that it is given",
    check: (part) =>
      Effect.gen(function*() {
        const { pcm, text } = nth(part, 0)
        const session = yield* open(part.engine)
        yield* session.push(new Int16Array(0))
        yield* session.say(pcm, ODD_SIZES)
        yield* session.finalize
        yield* assertWords(
          part,
          session.text(),
          text,
          "an utterance in frames of 1 to 8,000 samples, each overwritten afterwards"
        )
      })
  },
  {
    id: "stt.Finalize",
    title: "gives the final words of the audio before each finalize before its answer, in the order of the questions",
    check: (part) =>
      Effect.gen(function*() {
        const session = yield* open(part.engine)
        const ends: Array<number> = []
        for (const index of [0, 1]) {
          yield* session.say(nth(part, index).pcm)
          yield* session.finalize
          ends.push(session.events.findIndex((event) => event._tag === "Finalized" && event.id === index + 1))
        }
        yield* assertEqual(
          order(session.events),
          ["final", "answer 1", "final", "answer 2"],
          "the order of final words and answers"
        )
        const first = textOf(session.events.slice(0, ends[0]))
        yield* assertWords(part, first, nth(part, 0).text, "the final words before the first answer")
        const second = textOf(session.events.slice(ends[0], ends[1]))
        yield* assertWords(part, second, nth(part, 1).text, "the final words between the answers")
      })
  },
  {
    id: "stt.FinalizeTimeout",
    title: "answers each finalize within finalizeTimeout: after words, after none, twice at once, and before any audio",
    check: (part) =>
      Effect.gen(function*() {
        const { finalizeTimeout } = part
        const session = yield* open(part.engine)
        const within = (what: string) =>
          assertCompletesWithin(finalizeTimeout, `the answer to finalize ${what}`, session.finalize)
        yield* within("before any audio")
        yield* session.say(nth(part, 0).pcm)
        yield* within("after an utterance")
        yield* within("without new audio")
        yield* session.push(silence(1_000, part.engine.sampleRate))
        const both = [session.ask(), session.ask()]
        yield* assertCompletesWithin(
          finalizeTimeout,
          "the answers to two finalize at once",
          Effect.forEach(both, session.answer, { discard: true })
        )
        const answers = session.events.flatMap((event) => event._tag === "Finalized" ? [event.id] : [])
        yield* assertEqual(answers, [1, 2, 3, 4, 5], "the ids of the answers")
      })
  },
  {
    id: "stt.Overlap",
    title: "hears on while it makes a final transcript",
    check: (part) =>
      Effect.gen(function*() {
        const session = yield* open(part.engine)
        const said = [nth(part, 0), nth(part, 1)]
        yield* session.say(nth(part, 0).pcm)
        const first = session.ask()
        yield* session.say(nth(part, 1).pcm)
        const second = session.ask()
        yield* session.answer(first)
        yield* session.answer(second)
        yield* assertWords(
          part,
          session.text(),
          said.map(({ text }) => text).join(" "),
          "two utterances, the second of which came before the answer to the first"
        )
      })
  },
  {
    id: "stt.Hint",
    title: "takes voice activity as a hint: hears what it was not told of",
    check: (part) =>
      Effect.gen(function*() {
        const { pcm, text } = nth(part, 0)
        const session = yield* open(part.engine)
        const quiet = silence(PAUSE_MS, part.engine.sampleRate)
        yield* session.push(quiet)
        yield* session.push(pcm)
        yield* session.push(quiet)
        yield* session.finalize
        yield* assertWords(part, session.text(), text, "an utterance without voice activity around it")
      })
  },
  {
    id: "stt.Silence",
    title: "hears no words in silence and in a quiet room",
    check: ({ engine }) =>
      Effect.gen(function*() {
        const session = yield* open(engine)
        for (const pcm of [silence(2_000, engine.sampleRate), noise(2_000, engine.sampleRate, 18)]) {
          yield* session.push(pcm)
          yield* session.finalize
        }
        const said = session.events.flatMap((event) => "text" in event && event.text.trim() !== "" ? [event.text] : [])
        yield* assertEqual(said, [], "the words of silence")
      })
  },
  {
    id: "stt.Interim",
    title: "sends interim transcripts if it says so, before the final words that replace them",
    check: (part) =>
      Effect.gen(function*() {
        const { engine } = part
        const session = yield* open(engine)
        yield* session.say(nth(part, 0).pcm)
        const interims = () => session.events.filter(({ _tag }) => _tag === "Interim").length
        if (!engine.capabilities.interim) {
          yield* session.finalize
          yield* assertEqual(
            interims(),
            0,
            "interim transcripts of an engine whose capabilities say that it sends none"
          )
          return
        }
        // some send them only when they are asked for the final words
        yield* Effect.ignore(waitUntil("an interim transcript arrives", () => interims() > 0, "5 seconds"))
        yield* session.finalize
        yield* assertThat(interims() > 0, "an interim transcript arrives")
        const first = session.events.findIndex((event) => event._tag === "Interim" && event.text.trim() !== "")
        yield* assertThat(first >= 0, "an interim transcript has words")
        const last = session.events.findLastIndex(({ _tag }) => _tag === "Final")
        yield* assertThat(first < last, "an interim transcript comes before the final words")
        const after = session.events.slice(last).some((event) => event._tag === "Interim" && event.text.trim() !== "")
        yield* assertThat(!after, "no interim transcript repeats words that were final")
        const [former, { pcm, text }] = [nth(part, 0).text, nth(part, 1)]
        const end = session.events.length
        yield* session.say(pcm)
        yield* session.finalize
        const interim = session.events.slice(end).findLast(({ _tag }) => _tag === "Interim")
        const words = wordsOf(interim?._tag === "Interim" ? interim.text : "")
        yield* assertThat(
          edits(wordsOf(text), words) <= edits(wordsOf(`${former} ${text}`), words),
          `an interim transcript has the words since the last Final, and not "${words.join(" ")}"`
        )
      })
  },
  {
    id: "stt.WordTimes",
    title: "times words in the order in which they are said, within the audio that was pushed",
    check: (part) =>
      Effect.gen(function*() {
        const session = yield* open(part.engine)
        let told = 0
        for (const index of [0, 1]) {
          const begin = session.position()
          yield* session.say(nth(part, index).pcm)
          yield* session.finalize
          const ownWords = session.events.slice(told).flatMap((event) =>
            event._tag === "Final" ? event.words ?? [] : []
          )
          told = session.events.length
          const [first, last] = [ownWords[0], ownWords.at(-1)]
          const middle = begin + PAUSE_MS * 16 +
            nth(part, index).pcm.length * TIMELINE_RATE / part.engine.sampleRate / 2
          if (first === undefined || last === undefined) continue
          yield* assertThat(
            first.startSample >= begin && first.startSample <= middle && last.endSample >= middle,
            `the times of words are samples of the timeline (16 kHz) since the first that was pushed: an utterance whose middle ` +
              `is at ${Math.round(middle)} was heard from ${first.startSample} to ${last.endSample}`
          )
        }
        const words = session.events.flatMap((event) => event._tag === "Final" ? event.words ?? [] : [])
        if (words.length === 0) return yield* Case.skip("the engine does not time words")
        let last = 0
        for (const { confidence = 1, endSample, startSample, text } of words) {
          if (startSample < last || endSample < startSample || endSample > session.position()) {
            return yield* fail(
              `the times of words: "${text}" is at ${startSample} to ${endSample}, the word before it at ${last}, and ` +
                `${session.position()} samples were pushed`
            )
          }
          yield* assertThat(confidence >= 0 && confidence <= 1, `the confidence of "${text}" is from 0 to 1`)
          last = startSample
        }
        const said = session.events.flatMap((event) =>
          event._tag === "Final" && event.words !== undefined ? [event.text] : []
        )
        yield* assertWords(
          { wordErrors: 0 },
          words.map(({ text }) => text).join(" "),
          said.join(" "),
          "the timed words"
        )
      })
  },
  {
    id: "stt.EndOfTurn",
    title: "sends the end of a turn after its final words, if it says that it detects it, and none otherwise",
    check: (part) =>
      Effect.gen(function*() {
        const { engine } = part
        const session = yield* open(engine)
        yield* session.say(nth(part, 0).pcm)
        yield* session.push(silence(4_000, engine.sampleRate))
        const ends = () => session.events.filter(({ _tag }) => _tag === "EndOfTurn").length
        if (!engine.capabilities.endOfTurn) {
          yield* session.finalize
          return yield* assertEqual(ends(), 0, "ends of turns of an engine that detects none")
        }
        yield* waitUntil("the end of a turn arrives after 4 s of silence", () => ends() > 0)
        const at = session.events.findIndex(({ _tag }) => _tag === "EndOfTurn")
        yield* assertWords(
          part,
          textOf(session.events.slice(0, at)),
          nth(part, 0).text,
          "the final words before the end of the turn"
        )
        yield* session.finalize
        yield* assertEqual(ends(), 1, "ends of one turn")
      })
  },
  {
    id: "stt.Sessions",
    title: "keeps two sessions apart that speak at once",
    check: (part) =>
      Effect.gen(function*() {
        const both = yield* Effect.forEach([0, 1], (index) =>
          Effect.map(
            open(part.engine, { sessionId: `conformance-${index}` }),
            (session) => ({ session, said: nth(part, index) })
          ))
        yield* Effect.forEach(both, ({ said, session }) => session.say(said.pcm), { concurrency: 2, discard: true })
        yield* Effect.forEach(both, ({ session }) => session.finalize, { concurrency: 2, discard: true })
        for (const { said, session } of both) yield* assertWords(part, session.text(), said.text, "one of two sessions")
      })
  }
]
