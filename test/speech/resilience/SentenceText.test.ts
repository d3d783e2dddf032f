/**
 * Each voice gets its own form of a sentence, and what was spoken is told in written words.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { ConnectionFailed } from "../../../src/BackendError.ts"
import * as ResilientTextToSpeech from "../../../src/speech/resilience/ResilientTextToSpeech.ts"
import * as SentenceText from "../../../src/speech/resilience/SentenceText.ts"
import { WrittenSpeech } from "../../../src/speech/resilience/WrittenSpeech.ts"
import type { TextSettings } from "../../../src/speech/TextSettings.ts"
import type { SpeechChunk, TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import type { VoiceText } from "../../../src/text/VoiceText.ts"

type Engine = TextToSpeech["Service"]

/** A voice that remembers what it was asked for. */
const voice = (
  name: string,
  capabilities: Engine["capabilities"],
  options: { readonly fails?: boolean; readonly timed?: boolean } = {}
) => {
  const asked: Array<string> = []
  const languages: Array<string | undefined> = []
  const engine: Engine = {
    name,
    sampleRate: 16_000,
    capabilities,
    open: ({ language }) =>
      Effect.sync(() => {
        languages.push(language)
        return {
          speak: (sentences) =>
            Stream.mapEffect(sentences, (text) =>
              Effect.suspend(() => {
                asked.push(text)
                if (options.fails === true) {
                  return Effect.fail(new ConnectionFailed({ op: "test", message: "lost" }))
                }
                const words = text.split(" ").map((word, i) => ({ text: word, startMs: i * 100, endMs: i * 100 + 100 }))
                return Effect.succeed({
                  pcm: new Int16Array(1_600),
                  text,
                  ...(options.timed === true ? { words } : {})
                })
              }))
        }
      })
  }
  return { asked, engine, languages }
}

const speak = Effect.fnUntraced(function*(
  engines: readonly [Engine, ...Array<Engine>],
  sentences: ReadonlyArray<string>,
  textSettings: () => TextSettings = () => ({}),
  currentLanguage?: () => string | undefined
) {
  const engine = yield* ResilientTextToSpeech.make(engines, { maxRetries: 0 })
  const stream = yield* engine.open({ sessionId: "s", textSettings, currentLanguage })
  const chunks: ReadonlyArray<SpeechChunk> = yield* Stream.runCollect(stream.speak(Stream.fromIterable(sentences)))
  return chunks
})

describe("SentenceText", () => {
  it.effect("gives a fallback its own form, and the transcript what was written", () =>
    Effect.gen(function*() {
      const one = voice("one", { tags: ["spell", "break"] }, { fails: true })
      const other = voice("other", { language: "en", normalisesText: false, tags: ["[laughs]"] })
      const sentence = "Code <spell>A7</spell>: €1,234.56 <break time=\"1s\"/> [laughs] & 5 %."
      const chunks = yield* speak([one.engine, other.engine], [sentence])
      assert.deepStrictEqual(one.asked, [sentence.replace(" [laughs]", "")])
      assert.deepStrictEqual(other.asked, [
        "Code A7: one thousand two hundred thirty-four euros and fifty-six cents [laughs] and five percent."
      ])
      assert.deepStrictEqual(chunks.flatMap(({ text }) => text === "" ? [] : [text]), ["Code A7: €1,234.56 & 5 %."])
    }).pipe(Effect.scoped))

  it.effect("changes nothing when text is off, nor for a voice of an unknown language", () =>
    Effect.gen(function*() {
      const sentence = "5 % & <b>20</b> €."
      const off = voice("a", { language: "en", normalisesText: false })
      assert.strictEqual((yield* speak([off.engine], [sentence], () => ({ off: true })))[0]?.text, sentence)
      const unknown = voice("b", { normalisesText: false })
      yield* speak([unknown.engine], [sentence])
      assert.deepStrictEqual([off.asked, unknown.asked], [[sentence], [sentence]])
    }).pipe(Effect.scoped))

  it.effect("follows the language of the session, and opens the voice anew where it takes it", () =>
    Effect.gen(function*() {
      const { asked, engine, languages } = voice("a", {
        language: "en",
        languages: ["en", "de"],
        normalisesText: false
      })
      let language: string | undefined
      const none: TextSettings = {}
      const german: TextSettings = { language: "de" }
      const resilient = yield* ResilientTextToSpeech.make([engine])
      const stream = yield* resilient.open({
        sessionId: "s",
        textSettings: () => language === undefined ? none : german,
        currentLanguage: () => language
      })
      yield* Stream.runDrain(stream.speak(Stream.make("5 cats.")))
      language = "de"
      yield* Stream.runDrain(stream.speak(Stream.make("5 Katzen.")))
      language = "fr"
      yield* Stream.runDrain(stream.speak(Stream.make("So.")))
      assert.deepStrictEqual(asked, ["five cats.", "fünf Katzen.", "So."])
      // it goes on in the last one that it takes
      assert.deepStrictEqual(languages, [undefined, "de"])
    }).pipe(Effect.scoped))

  it.effect("tells the time of written words, from those of the spoken ones", () =>
    Effect.gen(function*() {
      const { asked, engine } = voice("a", { language: "en", normalisesText: false }, { timed: true })
      const [chunk] = yield* speak(
        [engine],
        ["It costs $21 now, SQL."],
        () => ({ pronunciations: { SQL: "sequel lite" } })
      )
      assert.deepStrictEqual(asked, ["It costs twenty-one dollars now, sequel lite."])
      assert.strictEqual(chunk?.text, "It costs $21 now, SQL.")
      assert.deepStrictEqual(
        chunk?.words?.map(({ endMs, startMs, text }) => [text, startMs, endMs]),
        [["It", 0, 100], ["costs", 100, 200], ["$21", 200, 400], ["now,", 400, 500], ["SQL.", 500, 700]]
      )
      assert.deepStrictEqual(chunk?.lengths, [2, 6, 19, 5, 13])
    }).pipe(Effect.scoped))

  it("is the union of what the voices understand", () => {
    assert.deepStrictEqual(
      SentenceText.tagsOf([voice("a", { tags: ["break"] }).engine, voice("b", { tags: ["break", "spell"] }).engine]),
      ["break", "spell"]
    )
  })
})

describe("WrittenSpeech", () => {
  const text: VoiceText = {
    written: "I have $21 left.",
    spoken: "I have <break/> twenty-one dollars left.",
    plain: "I have twenty-one dollars left.",
    ends: [1, 6, 25, 31]
  }

  it.prop("tells every written word once, in order, however the voice cuts its words into chunks and pieces", [
    Schema.Array(Schema.Literals([1, 2, 3])).check(Schema.isMinLength(1)),
    Schema.Boolean
  ], ([sizes, hyphens]) => {
    const spoken = ["I", "have", "<break/>", ...(hyphens ? ["twenty", "one"] : ["twenty-one"]), "dollars", "left."]
    const words = spoken.map((word, i) => ({ text: word, startMs: i * 10, endMs: i * 10 + 10 }))
    const speech = new WrittenSpeech(text)
    const said: Array<string> = []
    for (let at = 0, n = 0; at < words.length; n++) {
      const size = sizes[n % sizes.length] ?? 1
      const { words: out = [] } = speech.take({ pcm: new Int16Array(1), text: "", words: words.slice(at, at + size) })
      said.push(...out.map((word) => word.text))
      at += size
    }
    assert.deepStrictEqual(said, ["I", "have", "$21", "left."])
  })

  it("goes on with words that are not what was asked for", () => {
    const speech = new WrittenSpeech(text)
    const words = ["I", "have", "21", "bucks", "left."].map((word, i) => ({ text: word, startMs: i, endMs: i + 1 }))
    const { words: out = [] } = speech.take({ pcm: new Int16Array(1), text: text.spoken, words })
    assert.isAtLeast(out.length, 2)
  })
})
