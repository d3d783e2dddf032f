/**
 * A recogniser whose session changes its language: each word is heard once, in the language of its utterance.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type BackendError, ConnectionFailed, InvalidConfig } from "../../../src/BackendError.ts"
import * as ResilientSpeechToText from "../../../src/speech/resilience/ResilientSpeechToText.ts"
import type { SpeechToText, SpeechToTextStream } from "../../../src/speech/SpeechToText.ts"
import * as Faulty from "../Faulty.ts"

interface Options {
  readonly languages?: ReadonlyArray<string>
  /** How long a stream takes to open, in ms. */
  readonly openMs?: number
  /** What comes of opening a stream in a language. */
  readonly refuse?: (language: string | undefined, stream: number) => BackendError | undefined
  /** The error of a stream that is asked for words. */
  readonly failAt?: (language: string | undefined, stream: number) => BackendError | undefined
  /** It changes its language where it is. */
  readonly inPlace?: boolean
  readonly words?: boolean
}

/** A recogniser whose words have the language that they were heard in: `w2000@de`. */
const recogniser = (name: string, options: Options = {}) => {
  const faulty = Faulty.stt(name, Faulty.inTurn("ok"), { words: options.words ?? false })
  const opened: Array<string | undefined> = []
  const changed: Array<string> = []
  const engine: SpeechToText["Service"] = {
    ...faulty.engine,
    capabilities: { ...faulty.engine.capabilities, languages: options.languages ?? [] },
    open: (session) =>
      Effect.gen(function*() {
        const count = opened.push(session.language) - 1
        if (options.openMs !== undefined && count > 0) yield* Effect.sleep(options.openMs)
        const refused = options.refuse?.(session.language, count)
        if (refused !== undefined) return yield* Effect.fail(refused)
        const stream = yield* faulty.engine.open(session)
        let language = session.language
        const of = language
        const words = (text: string) => text.split(" ").map((word) => `${word}@${language ?? "-"}`).join(" ")
        return {
          ...stream,
          finalize: (id, untilSample) => {
            const failure = options.failAt?.(of, count)
            if (failure !== undefined) return faulty.kill(failure)
            stream.finalize(id, untilSample)
          },
          ...(options.inPlace === true
            ? {
              setLanguage: (next: string) => {
                changed.push(next)
                language = next
              }
            }
            : {}),
          events: Stream.map(stream.events, (event) => "text" in event ? { ...event, text: words(event.text) } : event)
        } satisfies SpeechToTextStream
      })
  }
  return { ...faulty, engine, opened, changed }
}

type Recogniser = ReturnType<typeof recogniser>

const noSuchLanguage = new InvalidConfig({ op: "test", message: "no such language" })
const lost = new ConnectionFailed({ op: "test", message: "lost" })

/** Lets 100 ms pass, and each fiber have its turns. */
const pass = Effect.andThen(TestClock.adjust(100), Effect.repeat(TestClock.adjust(0), { times: 3 }))

const begin = Effect.fnUntraced(function*(
  [first, ...rest]: readonly [Recogniser, ...Array<Recogniser>],
  language?: string
) {
  const recorder = Faulty.recorder()
  const engine = yield* ResilientSpeechToText.make([first.engine, ...rest.map(({ engine }) => engine)], {
    onIncident: recorder.onIncident,
    maxRetries: 2,
    retryDelay: "200 millis"
  })
  const said: Array<string> = []
  const answers: Array<number> = []
  const stream = yield* engine.open({ sessionId: "s", ...(language === undefined ? {} : { language }) })
  const listening = yield* stream.events.pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        if (event._tag === "Final") said.push(...event.text.split(" "))
        if (event._tag === "Finalized") answers.push(event.id)
      })
    ),
    Effect.exit,
    Effect.forkScoped
  )
  yield* Faulty.pass(0)
  let position = 0
  let words = 2_000
  let turn = 0
  const hear = Effect.fnUntraced(function*(ms: number, level = 0) {
    for (let at = 0; at < ms; at += 20) {
      stream.push(new Int16Array(320).fill(level))
      position += 320
      if (at % 100 === 0) yield* pass
    }
  })
  const activity = (_tag: "SpeechStarted" | "SpeechStopped") =>
    stream.activity({ _tag, atSample: position, decidedAtSample: position })
  const starts = () => activity("SpeechStarted")
  const word = Effect.suspend(() => hear(200, ++words))
  const ends = Effect.gen(function*() {
    // a detector is sure of the end some time after it, and the turn ends later still
    yield* hear(200)
    stream.activity({ _tag: "SpeechStopped", atSample: position - 3_200, decidedAtSample: position })
    yield* hear(100)
    stream.finalize(++turn, position - 4_000)
    yield* hear(400)
  })
  return {
    ...recorder,
    engine,
    stream,
    said,
    answers,
    listening,
    hear,
    starts: Effect.sync(starts),
    word,
    ends,
    /** A turn of one word. */
    turn: Effect.gen(function*() {
      starts()
      yield* word
      yield* ends
    }),
    setLanguage: (tag: string) => Effect.sync(() => stream.setLanguage?.(tag))
  }
})

describe("the language of a recogniser", () => {
  it.effect("changes between two utterances, on a new stream of the same engine", () =>
    Effect.gen(function*() {
      const a = recogniser("a", { openMs: 300 })
      const user = yield* begin([a], "en")
      yield* user.turn
      yield* user.setLanguage("de")
      yield* user.hear(1_000)
      yield* user.turn
      assert.deepStrictEqual(user.said, ["w2001@en", "w2002@de"])
      assert.deepStrictEqual(a.opened, ["en", "de"])
      assert.deepStrictEqual([a.counts.opened, a.counts.closed], [2, 1])
      assert.deepStrictEqual(user.incidents, [])
    }).pipe(Effect.scoped))

  it.effect("ends an utterance in the language in which it began, pauses and all", () =>
    Effect.gen(function*() {
      const a = recogniser("a")
      const user = yield* begin([a], "en")
      yield* user.starts
      yield* user.word
      yield* user.setLanguage("de")
      yield* user.hear(100)
      yield* user.word
      // a pause within the turn: nobody has asked for its words yet
      yield* Effect.sync(() =>
        user.stream.activity({ _tag: "SpeechStopped", atSample: 16_000, decidedAtSample: 16_000 })
      )
      yield* user.hear(700)
      assert.deepStrictEqual(a.opened, ["en"])
      yield* user.starts
      yield* user.word
      yield* user.ends
      yield* user.turn
      assert.deepStrictEqual(user.said, ["w2001@en", "w2002@en", "w2003@en", "w2004@de"])
      assert.deepStrictEqual(a.opened, ["en", "de"])
    }).pipe(Effect.scoped))

  it.effect("hears in the new language what the user begins to say while its stream opens", () =>
    Effect.gen(function*() {
      const a = recogniser("a", { openMs: 300, words: true })
      const user = yield* begin([a], "en")
      yield* user.setLanguage("de")
      yield* user.starts
      yield* user.word
      yield* user.word
      yield* user.word
      yield* user.ends
      assert.deepStrictEqual(user.said, ["w2001@de", "w2002@de", "w2003@de"])
      assert.deepStrictEqual(user.answers, [1])
    }).pipe(Effect.scoped))

  it.effect("takes the last of two quick changes, and nothing happens for the present one", () =>
    Effect.gen(function*() {
      const a = recogniser("a", { openMs: 300 })
      const user = yield* begin([a], "en")
      yield* user.setLanguage("en")
      yield* user.hear(500)
      assert.deepStrictEqual(a.opened, ["en"])
      yield* user.setLanguage("de")
      yield* user.hear(100)
      yield* user.setLanguage("fr")
      yield* user.hear(1_000)
      yield* user.turn
      assert.deepStrictEqual(user.said, ["w2001@fr"])
      // back before the next stream is open
      yield* user.setLanguage("de")
      yield* user.hear(100)
      yield* user.setLanguage("fr")
      yield* user.hear(1_000)
      yield* user.turn
      assert.deepStrictEqual(user.said, ["w2001@fr", "w2002@fr"])
      assert.deepStrictEqual(a.opened, ["en", "de", "fr", "de"])
      assert.strictEqual(a.counts.opened - a.counts.closed, 1)
    }).pipe(Effect.scoped))

  it.effect("is changed where it is by an engine that can", () =>
    Effect.gen(function*() {
      const a = recogniser("a", { inPlace: true })
      const user = yield* begin([a], "en")
      yield* user.starts
      yield* user.word
      yield* user.setLanguage("de")
      yield* user.hear(200)
      assert.deepStrictEqual(a.changed, [])
      yield* user.ends
      yield* user.turn
      assert.deepStrictEqual(user.said, ["w2001@en", "w2002@de"])
      assert.deepStrictEqual([a.opened, a.changed], [["en"], ["de"]])
    }).pipe(Effect.scoped))

  it.effect("is kept by an engine that does not have the other; a fallback that has it gets it", () =>
    Effect.gen(function*() {
      const a = recogniser("a", { languages: ["en"] })
      const b = recogniser("b", { languages: ["en", "de"] })
      const user = yield* begin([a, b], "en")
      yield* user.setLanguage("de")
      yield* user.hear(500)
      yield* user.turn
      assert.deepStrictEqual([a.opened, b.opened], [["en"], []])
      yield* Effect.sync(() => a.kill(Faulty.fatal))
      yield* user.hear(1_000)
      yield* user.turn
      assert.deepStrictEqual(user.said, ["w2001@en", "w2002@de"])
      assert.deepStrictEqual([a.opened, b.opened], [["en"], ["de"]])
    }).pipe(Effect.scoped))

  it.effect("is kept when the vendor refuses the other", () =>
    Effect.gen(function*() {
      const a = recogniser("a", { refuse: (language) => language === "de" ? noSuchLanguage : undefined })
      const user = yield* begin([a], "en")
      yield* user.setLanguage("de")
      yield* user.hear(3_000)
      yield* user.turn
      assert.deepStrictEqual(user.said, ["w2001@en"])
      assert.deepStrictEqual(a.opened, ["en", "de"])
      assert.deepStrictEqual(user.incidents.map(({ what }) => what), ["failed", "recovered"])
      // and it may be changed to one that the vendor takes
      yield* user.setLanguage("fr")
      yield* user.hear(1_000)
      yield* user.turn
      assert.deepStrictEqual(user.said, ["w2001@en", "w2002@fr"])
    }).pipe(Effect.scoped))

  it.effect("is gone back to when the vendor refuses the other after its stream was open, and nothing is lost", () =>
    Effect.gen(function*() {
      for (const error of [noSuchLanguage, lost]) {
        const a = recogniser("a", { failAt: (language) => language === "de" ? error : undefined })
        const scope = yield* Scope.make()
        const user = yield* Scope.provide(begin([a], "en"), scope)
        yield* user.turn
        yield* user.setLanguage("de")
        yield* user.hear(500)
        yield* user.turn
        yield* user.hear(5_000)
        yield* user.turn
        assert.deepStrictEqual(user.said, ["w2001@en", "w2002@en", "w2003@en"])
        assert.deepStrictEqual(user.answers, [1, 2, 3])
        yield* Scope.close(scope, Exit.void)
      }
    }).pipe(Effect.scoped))

  it.effect("is tried again when the connection in the other is lost", () =>
    Effect.gen(function*() {
      const a = recogniser("a", { refuse: (_, stream) => stream === 1 ? lost : undefined })
      const user = yield* begin([a], "en")
      yield* user.setLanguage("de")
      yield* user.hear(2_000)
      yield* user.turn
      assert.deepStrictEqual(user.said, ["w2001@de"])
      assert.deepStrictEqual(a.opened, ["en", "de", "de"])
      assert.deepStrictEqual(user.incidents.map(({ what }) => what), ["failed", "retrying", "recovered"])
    }).pipe(Effect.scoped))

  it.effect("changes while the recogniser reconnects, without the utterance in flight", () =>
    Effect.gen(function*() {
      const a = recogniser("a", { openMs: 500 })
      const user = yield* begin([a], "en")
      yield* user.starts
      yield* user.word
      yield* Effect.sync(() => a.kill(lost))
      yield* user.setLanguage("de")
      yield* user.word
      yield* user.ends
      yield* user.hear(1_500)
      yield* user.turn
      assert.deepStrictEqual(user.said, ["w2001@en", "w2002@en", "w2003@de"])
      assert.deepStrictEqual(a.opened, ["en", "en", "de"])
    }).pipe(Effect.scoped))

  const step = Schema.Literals(["turn", "turn", "pause", "kill", "en", "de", "fr", "xx", "en within", "fr within"])
  it.effect.prop(
    "loses no word and repeats none, each utterance in one language, and ends up in the last",
    [
      Schema.Array(step).check(Schema.isMaxLength(10)),
      Schema.Literals([0, 100, 700, 1_500]),
      Schema.Boolean,
      Schema.Boolean
    ],
    ([steps, openMs, words, inPlace]) =>
      Effect.gen(function*() {
        const a = recogniser("a", { languages: ["en", "de", "fr"], openMs, words, inPlace })
        const user = yield* begin([a], "en")
        const turns: Array<number> = []
        const turn = (within: string | undefined) =>
          Effect.gen(function*() {
            yield* user.starts
            yield* user.word
            if (within !== undefined) yield* user.setLanguage(within)
            yield* user.word
            yield* user.word
            yield* user.ends
            turns.push(3)
          })
        let last = "en"
        for (const step of [...steps, "pause" as const, "turn" as const]) {
          const [language, within] = step.split(" ")
          if (step === "turn") yield* turn(undefined)
          else if (step === "pause") yield* user.hear(4_000)
          else if (step === "kill") yield* Effect.sync(() => a.kill(lost))
          else {
            if (within === undefined) yield* user.setLanguage(language ?? "")
            else yield* turn(language)
            if (language !== "xx") last = language ?? ""
          }
        }
        yield* user.hear(4_000)
        const spoken = turns.flatMap((_, turn) => [1, 2, 3].map((word) => `w${2_000 + 3 * turn + word}`))
        assert.deepStrictEqual(user.said.map((word) => word.split("@")[0]), spoken)
        assert.deepStrictEqual(user.answers, turns.map((_, turn) => turn + 1))
        const languages = user.said.map((word) => word.split("@")[1])
        for (const [turn] of turns.entries()) {
          assert.strictEqual(new Set(languages.slice(3 * turn, 3 * turn + 3)).size, 1, user.said.join(" "))
        }
        assert.strictEqual(languages.at(-1), last)
        // one that hears, and one that opens
        assert.isAtMost(a.counts.most, 2)
        assert.strictEqual(a.counts.opened - a.counts.closed, 1)
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 50 } }
  )
})
