/** Continuous readings, as a session hears them: Silero, Smart Turn, the words and the conversation, in virtual time. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Wav from "../../../src/audio/Wav.ts"
import * as Silero from "../../../src/engines/silero/index.ts"
import * as SmartTurn from "../../../src/engines/smart-turn/index.ts"
import { ModelStore } from "../../../src/models/ModelStore.ts"
import { TurnDetector } from "../../../src/speech/TurnDetector.ts"
import * as VirtualTurn from "../../support/VirtualTurn.ts"
import { detect, load, room } from "../Recordings.ts"

/** A text, and until when it is being said, in ms. */
type Said = readonly [untilMs: number, text: string]

const fixture = (name: string): Int16Array =>
  Result.getOrThrow(Wav.parse(readFileSync(new URL(`../../fixtures/${name}.wav`, import.meta.url)))).samples

/** How far the end of a text may be from where the voice activity detector finds the pause. */
const LATE_MS = 400

/** A real verdict takes 50 ms, and a transcript of some seconds 100. */
const latencies = { verdictMs: 50, transcriptMs: 100 }

/** When the agent would answer, in ms of the audio. */
const answers = Effect.fnUntraced(function*(
  pcm: Int16Array,
  said: ReadonlyArray<Said>,
  options?: { readonly agentSaid?: string; readonly silence?: boolean }
) {
  const detector = options?.silence === true ? undefined : yield* TurnDetector
  return yield* VirtualTurn.run({
    pcm,
    activity: yield* detect(pcm),
    transcript: (fromMs, untilMs) =>
      said.flatMap(([until, text]) => until > fromMs && until < untilMs + LATE_MS ? [text] : []).join(" "),
    language: "en",
    detector,
    agentSaid: options?.agentSaid,
    ...latencies
  })
})

// "A Tale of Two Cities"; a recogniser ends any fragment with a full stop
const dickens: ReadonlyArray<Said> = [
  [1_720, "It was the best of times,"],
  [3_450, "it was the worst of times."],
  [5_100, "It was the age of wisdom."],
  [7_100, "It was the age of foolishness."],
  [9_200, "It was the epoch of belief."],
  [11_680, "It was the epoch of incredulity."],
  [13_670, "It was the season of light."],
  [15_580, "It was the season of darkness."],
  [17_620, "It was the spring of hope."],
  [19_360, "It was the winter of despair."],
  [22_900, "We had everything before us. We had nothing before us."],
  [24_920, "We were all going direct to heaven."],
  [27_170, "We were all going direct the other way."],
  [28_500, "In short,"],
  [31_160, "the period was so far like the present period."],
  [35_470, "That some of its noisiest authorities insisted on its being received."],
  [36_350, "For good"],
  [37_240, "or for evil."],
  [40_530, "In the superlative degree of comparison only."]
]
/** The only end of a main clause that is not followed by a comma: "…the other way; in short…" */
const SEMICOLON_MS = 27_170
const END_MS = 40_530

const digits: ReadonlyArray<readonly [from: number, to: number, text: string]> = [
  [200, 430, "two"],
  [430, 670, "nine"],
  [670, 920, "three"],
  [920, 1_250, "four"],
  [1_250, 1_700, "zero"]
]

describe("A reader", () => {
  it.layer(Layer.mergeAll(SmartTurn.layer(), Layer.provide(Silero.layer(), ModelStore.layer)), {
    excludeTestServices: true
  })((it) => {
    it.effect(
      "is not cut off at a pause for breath inside a sentence, and is answered at its end",
      () =>
        Effect.gen(function*() {
          // one sentence of the book: "He was not an ill-disposed young man, unless to be rather cold-hearted and …"
          for (const pause of [350, 600, 900]) {
            const [before, after] = [load("ill-disposed"), load("cold-hearted")]
            const pcm = Pcm.concat([room(0.7), before, room(pause / 1_000), after, room(2.8)])
            const middle = 700 + before.length / 16
            const end = middle + pause + after.length / 16
            const found = yield* answers(pcm, [
              [middle, "He was not an ill-disposed young man."],
              [end, "Unless to be rather cold-hearted and rather selfish is to be ill-disposed."]
            ])
            assert.lengthOf(found, 1, `a pause of ${pause} ms`)
            assert.isAbove(found[0] ?? 0, end, `a pause of ${pause} ms`)
            assert.isBelow(found[0] ?? 0, end + 400, `the end, after a pause of ${pause} ms`)
          }
        }),
      180_000
    )

    it.effect("is answered at the end of each whole recording", () =>
      Effect.gen(function*() {
        for (const name of ["cold-hearted", "prudently", "queen-of-clubs", "eight-of-spades"] as const) {
          const pcm = load(name)
          const end = 700 + pcm.length / 16
          const found = yield* answers(Pcm.concat([room(0.7), pcm, room(2.8)]), [[end, "This is how it ends."]])
          assert.lengthOf(found, 1, name)
          assert.isBelow(found[0] ?? 0, end + 400, name)
        }
      }), 180_000)

    it.effect(
      "of 40 s of Dickens is heard to the end, where silence cuts in at nearly every comma",
      () =>
        Effect.gen(function*() {
          const pcm = Pcm.concat([fixture("two-cities"), room(2.8)])
          const isInside = (at: number) => at < END_MS && !(at > SEMICOLON_MS && at < SEMICOLON_MS + 830)
          const bySilence = yield* answers(pcm, dickens, { silence: true })
          assert.isAtLeast(bySilence.filter(isInside).length, 10)
          const found = yield* answers(pcm, dickens)
          assert.isAtMost(found.filter(isInside).length, 1)
          assert.isAbove(found.at(-1) ?? 0, END_MS)
          assert.isBelow(found.at(-1) ?? 0, END_MS + 400)
        }),
      180_000
    )

    it.effect("of digits is given the time for the next one, however final each sounds", () =>
      Effect.gen(function*() {
        const whole = fixture("two-nine-three-four-zero")
        for (const pause of [400, 900, 1_400]) {
          const pieces = [room(0.7)]
          const said: Array<Said> = []
          let at = 700
          for (const [from, to, text] of digits) {
            pieces.push(whole.subarray(from * 16, to * 16), room(pause / 1_000))
            at += to - from
            said.push([at, text])
            at += pause
          }
          const pcm = Pcm.concat([...pieces, room(2.8)])
          const found = yield* answers(pcm, said, { agentSaid: "What is your telephone number?" })
          assert.lengthOf(found, 1, `a pause of ${pause} ms`)
          assert.isAbove(found[0] ?? 0, at - pause, `a pause of ${pause} ms`)
        }
      }), 180_000)
  })
})
