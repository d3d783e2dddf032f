/**
 * A session of the suite with a speech-to-text engine: pushes audio as a session does, and records what the engine says.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { BackendError } from "../../../BackendError.ts"
import type {
  SpeechToText,
  SpeechToTextOptions,
  SpeechToTextStream,
  TranscriptEvent
} from "../../../speech/SpeechToText.ts"
import { TIMELINE_RATE } from "../../../speech/VoiceActivityDetector.ts"
import { assertCompletesWithin, type ConformanceError, fail, type Failure, waitUntil } from "../Assertions.ts"
import type { PartRow } from "../PartSuite.ts"
import { failureOf, isTag } from "./EngineChecks.ts"
import { cut, pushThenOverwrite } from "./TestAudio.ts"
import { errorRate } from "./Words.ts"

/**
 * What the check of a row has.
 *
 * @category models
 * @since 0.1.0
 */
export interface SttPart {
  readonly engine: SpeechToText["Service"]
  /** Utterances at the engine's rate. */
  readonly speech: ReadonlyArray<{ readonly pcm: Int16Array; readonly text: string }>
  readonly wordErrors: number
  readonly failing: Layer.Layer<SpeechToText, BackendError> | undefined
  readonly hour: boolean
  readonly finalizeTimeout: Duration.Duration
}

/**
 * A row of the suite.
 *
 * @category models
 * @since 0.1.0
 */
export type SttRow = PartRow<SttPart>

/**
 * A session with the engine.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recognition {
  readonly stream: SpeechToTextStream
  readonly events: ReadonlyArray<TranscriptEvent>
  /** Pushes PCM in frames of 20 ms, or of these sizes, each in a buffer that is overwritten afterwards. */
  readonly push: (pcm: Int16Array, sizes?: ReadonlyArray<number>) => Effect.Effect<void>
  /** Half a second of silence, an utterance with the activity around it, and half a second of silence. */
  readonly say: (pcm: Int16Array, sizes?: ReadonlyArray<number>) => Effect.Effect<void>
  /** Asks for the final transcript of all that was pushed; completes with the answer. */
  readonly finalize: Effect.Effect<void, Failure>
  /** Asks without waiting; returns the id. */
  readonly ask: () => number
  /** Waits for the answer to a question. */
  readonly answer: (id: number) => Effect.Effect<void, Failure>
  /** The final words so far. */
  readonly text: () => string
  /** How many samples of the timeline (16 kHz) were pushed. */
  readonly position: () => number
}

/** What is wrong with an event by itself; `undefined`: nothing. */
const faultOf = (event: TranscriptEvent): string | undefined => {
  switch (event._tag) {
    case "Interim":
      return typeof event.text === "string" ? undefined : `expected that an Interim has a text, and not ${event.text}`
    case "Final": {
      const { confidence, language, text } = event
      if (typeof text !== "string") return `expected that a Final has a text, and not ${text}`
      if (language !== undefined && !isTag(language)) {
        return `expected that the language of a Final is a BCP 47 tag, and not "${language}"`
      }
      return isShare(confidence)
        ? undefined
        : `expected that the confidence of a Final is from 0 to 1, and not ${confidence}`
    }
    case "EndOfTurn":
      return isShare(event.confidence)
        ? undefined
        : `expected that the confidence of an EndOfTurn is from 0 to 1, and not ${event.confidence}`
    case "Finalized":
      return Number.isInteger(event.id)
        ? undefined
        : `expected that a Finalized has the id of a finalize, and not ${event.id}`
    default:
      return `expected Interim, Final, Finalized or EndOfTurn, and not the event ${JSON.stringify(event)}`
  }
}

const isShare = (value: number | undefined): boolean => value === undefined || (value >= 0 && value <= 1)

/**
 * The pause before and after an utterance, in ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const PAUSE_MS = 500
/** Frames after which others get their turn, as between real frames. */
const BATCH = 5

/**
 * Opens a session.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function*(
  engine: SpeechToText["Service"],
  options: Partial<SpeechToTextOptions> = {}
): Effect.fn.Return<Recognition, Failure, Scope.Scope> {
  const stream = yield* assertCompletesWithin(
    "1 minute",
    "opening a stream",
    engine.open({ sessionId: "conformance", ...options })
  )
  const events: Array<TranscriptEvent> = []
  let failure: BackendError | ConformanceError | undefined
  let samples = 0
  let questions = 0
  yield* stream.events.pipe(
    Stream.runForEach((event) => {
      events.push(event)
      const fault = faultOf(event)
      return fault === undefined ? Effect.void : fail(fault)
    }),
    Effect.andThen(fail("the events of a stream ended before its scope")),
    Effect.catchCause((cause) =>
      Effect.sync(() => {
        failure = failureOf("the events of a stream", cause)
      })
    ),
    Effect.forkScoped
  )
  const position = () => Math.round(samples * TIMELINE_RATE / engine.sampleRate)
  const push: Recognition["push"] = (pcm, sizes) =>
    Effect.forEach(cut(pcm, engine.sampleRate, sizes), (frame, i) => {
      pushThenOverwrite((pcm) => stream.push(pcm), frame)
      samples += frame.length
      return i % BATCH === BATCH - 1 ? Effect.yieldNow : Effect.void
    }, { discard: true })
  const quiet = new Int16Array(engine.sampleRate * PAUSE_MS / 1000)
  const activity = (_tag: "SpeechStarted" | "SpeechStopped") =>
    Effect.sync(() => stream.activity({ _tag, atSample: position(), decidedAtSample: position() }))
  const ask = () => {
    questions++
    stream.finalize(questions, position())
    return questions
  }
  const answer = (id: number): Effect.Effect<void, Failure> =>
    waitUntil(
      `the engine answers finalize ${id} with Finalized`,
      (): Effect.Effect<boolean, Failure> =>
        events.some((event) => event._tag === "Finalized" && event.id === id)
          ? Effect.succeed(true)
          : failure === undefined
          ? Effect.succeed(false)
          : Effect.fail(failure)
    )
  return {
    stream,
    events,
    push,
    position,
    ask,
    answer,
    say: (pcm, sizes) =>
      push(quiet).pipe(
        Effect.andThen(activity("SpeechStarted")),
        Effect.andThen(push(pcm, sizes)),
        Effect.andThen(push(quiet)),
        Effect.andThen(activity("SpeechStopped"))
      ),
    finalize: Effect.suspend(() => answer(ask())),
    text: () => textOf(events)
  }
})

/**
 * The final words of events.
 *
 * @category conversions
 * @since 0.1.0
 */
export const textOf = (events: ReadonlyArray<TranscriptEvent>): string =>
  events.flatMap((event) => event._tag === "Final" ? [event.text] : []).join(" ")

/**
 * Fails unless the words are those of the text, but for the share that may be wrong.
 *
 * @category checks
 * @since 0.1.0
 */
export const assertWords = (
  { wordErrors }: Pick<SttPart, "wordErrors">,
  heard: string,
  text: string,
  what: string
): Effect.Effect<void, ConformanceError> =>
  errorRate(text, heard) <= wordErrors
    ? Effect.void
    : fail(`${what}: expected the words "${text}", found "${heard}"`)
