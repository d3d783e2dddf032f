/**
 * The suite of turn detectors: what `TurnDetector` promises.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { BackendError } from "../../../BackendError.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"
import { TurnDetector, type TurnDetectorInput } from "../../../speech/TurnDetector.ts"
import { assertCompletesWithin, assertEqual, assertThat, type Failure } from "../Assertions.ts"
import * as Case from "../Case.ts"
import * as PartSuite from "../PartSuite.ts"
import { assertDescribed, assertPrompt, assertReleases, failureRow, probeRow } from "./EngineChecks.ts"
import { atRate, noise, silence, type Spoken } from "./TestAudio.ts"

/**
 * The turn detector under test.
 *
 * - `layer`: the detector; it is built for each case.
 * - `finished`, `unfinished`: what a user has said when a turn is over, and when it goes on. Default: English examples. On
 *   average the first must be more probable ends than the second.
 * - `failing`: the detector where it cannot work: asking it must fail. Default: how it fails is not checked.
 * - `heard`: the same as speech, for a detector that listens: both with the pause after it.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnDetectorHarness extends PartSuite.PartHarness {
  readonly layer: Layer.Layer<TurnDetector, BackendError>
  readonly finished?: ReadonlyArray<string> | undefined
  readonly unfinished?: ReadonlyArray<string> | undefined
  /** The detector where it cannot work. Default: how it fails is not checked. */
  readonly failing?: Layer.Layer<TurnDetector, BackendError> | undefined
  /** Speech with the pause after it: a turn that is over, and one that goes on. */
  readonly heard?: {
    readonly finished: Pick<Spoken, "pcm" | "sampleRate">
    readonly unfinished: Pick<Spoken, "pcm" | "sampleRate">
  } | undefined
}

interface TurnPart {
  readonly engine: TurnDetector["Service"]
  readonly finished: ReadonlyArray<string>
  readonly unfinished: ReadonlyArray<string>
  readonly heard: { readonly finished: Int16Array; readonly unfinished: Int16Array } | undefined
  readonly failing: Layer.Layer<TurnDetector, BackendError> | undefined
}

/** What a session waits for a verdict; silence has decided then. */
const LATEST_MS = 2_000

const RATE = 16_000

const finishedTexts = ["What time do you open on Sunday?", "Yes, that would be great.", "All right, thanks."]
const unfinishedTexts = ["What time do you open on", "Yes, but I would like to", "So I was thinking that, um"]

const strange: ReadonlyArray<TurnDetectorInput> = [
  { transcript: "", agentSaid: "" },
  { transcript: " ", agentSaid: "", heard: 1 },
  { transcript: "…", agentSaid: "?", heard: 0 },
  { transcript: "🙂 𝄞 \u0000", agentSaid: "☂" },
  { transcript: "Wann machen Sie auf?", agentSaid: "Guten Tag", language: "de" },
  { transcript: "何時に開きますか", agentSaid: "", language: "ja" },
  { transcript: "yes", agentSaid: "Is that right?", language: "none-such", heard: 0.5 },
  { transcript: "and on and on ".repeat(2_000), agentSaid: "word ".repeat(5_000) }
]

const isProbability = (value: unknown): boolean => typeof value === "number" && value >= 0 && value <= 1

const ask = ({ engine }: TurnPart, input: TurnDetectorInput): Effect.Effect<number, Failure> =>
  assertCompletesWithin("30 seconds", "a verdict", engine.endOfTurn(input))

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

const words = (transcript: string): TurnDetectorInput => ({
  transcript,
  agentSaid: "How can I help you?",
  language: "en"
})

const rows: ReadonlyArray<PartSuite.PartRow<TurnPart>> = [
  {
    id: "turn.Describe",
    title: "has a name",
    check: ({ engine }) => assertDescribed(engine.name)
  },
  {
    id: "turn.Probability",
    title: "gives a probability from 0 to 1, whatever was said",
    check: (part) =>
      Effect.forEach(
        [...strange, ...part.finished.map(words), ...part.unfinished.map(words)],
        (input) =>
          Effect.flatMap(ask(part, input), (verdict) =>
            assertThat(
              isProbability(verdict),
              `the verdict on "${input.transcript.slice(0, 40)}" is from 0 to 1, and not ${verdict}`
            )),
        { discard: true }
      )
  },
  {
    id: "turn.Verdict",
    title: "finds turns that are over more probably over than those that go on",
    check: (part) =>
      Effect.gen(function*() {
        const [over, on] = yield* Effect.forEach(
          [part.finished, part.unfinished],
          (texts) => Effect.map(Effect.forEach(texts, (text) => ask(part, words(text))), mean)
        )
        yield* assertThat(
          (over ?? 0) > (on ?? 0),
          `on average what is finished (${over?.toFixed(2)}) is more probable than what is not (${on?.toFixed(2)})`
        )
      })
  },
  {
    id: "turn.Independent",
    title: "judges each input by itself: the same again, and beside others",
    check: (part) =>
      Effect.gen(function*() {
        const inputs = [...part.finished, ...part.unfinished].map(words)
        const alone = yield* Effect.forEach(inputs, (input) => ask(part, input))
        const together = yield* Effect.forEach(inputs, (input) => ask(part, input), { concurrency: "unbounded" })
        const reverse = yield* Effect.forEach(inputs.toReversed(), (input) => ask(part, input))
        yield* assertEqual(together, alone, "the verdicts when all are asked for at once")
        yield* assertEqual(reverse.toReversed(), alone, "the verdicts in the reverse order")
      })
  },
  {
    id: "turn.Listen",
    title: "gives a probability from 0 to 1, however much it hears: nothing, a sample, 8 s",
    check: ({ engine }) =>
      Effect.gen(function*() {
        const { listen } = engine
        if (listen === undefined) return yield* Case.skip("the detector does not listen")
        const audio = [
          new Int16Array(0),
          new Int16Array(1),
          silence(500, RATE),
          noise(1_000, RATE, 3_000),
          noise(8_000, RATE, 32_000)
        ]
        for (const pcm of audio) {
          const verdict = yield* assertCompletesWithin("30 seconds", "a verdict", listen(pcm))
          yield* assertThat(
            isProbability(verdict),
            `the verdict on ${pcm.length} samples is from 0 to 1, and not ${verdict}`
          )
        }
      })
  },
  {
    id: "turn.Heard",
    title: "hears whether a turn is over",
    check: ({ engine: { listen }, heard }) =>
      Effect.gen(function*() {
        if (listen === undefined) return yield* Case.skip("the detector does not listen")
        if (heard === undefined) return yield* Case.skip("the harness has no speech")
        const verdict = (pcm: Int16Array) =>
          assertCompletesWithin("30 seconds", "a verdict on speech", listen(Int16Array.from(pcm)))
        const over = yield* verdict(heard.finished)
        const on = yield* verdict(heard.unfinished)
        yield* assertThat(
          over > on,
          `a turn that is over (${over.toFixed(2)}) sounds more like it than one that goes on (${on.toFixed(2)})`
        )
      })
  },
  {
    id: "turn.Prompt",
    title: `answers within ${LATEST_MS} ms: a session waits no longer for it`,
    check: (part) =>
      Effect.gen(function*() {
        const { listen } = part.engine
        const questions = {
          "a question about words": ask(part, words("what time do you open")),
          ...(listen === undefined ? {} : {
            "8 s of audio": assertCompletesWithin("30 seconds", "a verdict", listen(noise(8_000, RATE, 3_000)))
          })
        }
        for (const [what, question] of Object.entries(questions)) {
          let fastest = Number.POSITIVE_INFINITY
          // the first may load something, and a busy machine be late once
          for (let i = 0; i < 5 && fastest > LATEST_MS; i++) {
            const before = yield* MonotonicTime.currentMs
            yield* question
            fastest = Math.min(fastest, (yield* MonotonicTime.currentMs) - before)
          }
          yield* assertThat(
            fastest <= LATEST_MS,
            `the verdict on ${what} takes at most ${LATEST_MS} ms, and not ${Math.round(fastest)}`
          )
        }
      })
  },
  probeRow("turn"),
  failureRow("turn", (failing: NonNullable<TurnPart["failing"]>) =>
    Effect.gen(function*() {
      const { endOfTurn, listen } = Context.get(yield* Layer.build(failing), TurnDetector)
      yield* endOfTurn(words("what time is it"))
      if (listen !== undefined) yield* listen(noise(500, RATE, 3_000))
    })),
  {
    id: "turn.Release",
    title: "is interrupted at once, keeps nothing of it, and answers the next",
    check: (part) =>
      Effect.gen(function*() {
        const { endOfTurn, listen } = part.engine
        const verdicts = () => [
          endOfTurn(words("what time is it")),
          ...(listen === undefined ? [] : [listen(noise(8_000, RATE, 3_000))])
        ]
        yield* assertReleases(() =>
          // until they have begun
          Effect.andThen(
            Effect.forEach(verdicts(), (verdict) => Effect.forkScoped(verdict), { discard: true }),
            Effect.sleep("5 millis")
          )
        )
        for (const verdict of verdicts()) {
          yield* assertPrompt("interrupting a verdict", Effect.timeoutOption(verdict, "1 millis"))
        }
        yield* ask(part, words("what time is it"))
      })
  }
]

/**
 * Makes the cases for a turn detector.
 *
 * @category constructors
 * @since 0.1.0
 */
export const turnDetector = (harness: TurnDetectorHarness): ReadonlyArray<Case.Case> =>
  PartSuite.cases(
    harness,
    rows,
    Effect.gen(function*() {
      const { heard } = harness
      return {
        engine: Context.get(yield* Layer.build(harness.layer), TurnDetector),
        finished: harness.finished ?? finishedTexts,
        unfinished: harness.unfinished ?? unfinishedTexts,
        failing: harness.failing,
        heard: heard === undefined ? undefined : {
          finished: yield* atRate(heard.finished, RATE),
          unfinished: yield* atRate(heard.unfinished, RATE)
        }
      }
    })
  )
