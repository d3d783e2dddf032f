/**
 * One session's recognition: feeds stretches of its audio to the shared recogniser and delivers their words in order.
 *
 * `push`, `activity` and `finalize` are synchronous; decodes run in fibers of the stream's scope and one fiber delivers
 * their results. The whole utterance is decoded as soon as its speech stops, so that the answer to `finalize` is ready.
 * Time is counted in samples: interims depend on the audio and not on the clock.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type BackendError, PipelineError } from "../../BackendError.ts"
import type { SpeechToTextStream, TranscriptEvent } from "../../speech/SpeechToText.ts"
import type { DecodeQueue } from "./DecodeQueue.ts"
import { LONGEST, MEMORY, Segmenter, type Stretch } from "./Segmenter.ts"

/**
 * What a stream needs of a recogniser: the words in 16 kHz samples in [-1, 1).
 *
 * @category models
 * @since 0.1.0
 */
export interface Recognizer {
  readonly decode: (samples: Float32Array) => Effect.Effect<string, BackendError>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface MoonshineStreamOptions {
  readonly recognizer: Recognizer
  readonly queue: DecodeQueue
  /** Samples between two interims; `undefined` for none. */
  readonly interimInterval: number | undefined
  /** There is too much to do for interims. */
  readonly busy?: (() => boolean) | undefined
}

/**
 * Zeros around a stretch, 100 ms: without them tiny mishears the ends of a recording ("cloves" for "clubs"). More, up to
 * 500 ms, changed the errors on the recordings and on flite's speech, but not their number.
 */
const PADDING = 1_600
/** Long utterances take long to decode, so their interims come less often: after this part of their length. */
const INTERIM_SHARE = 1 / 8
/** The first interim wants so much audio, 0.5 s: before that it is guesswork. */
const INTERIM_MIN = 8_000
const PIECE = 16_000
const MAX_WAITING = 64
const MAX_EVENTS = 256

type Text = Deferred.Deferred<string, BackendError>

type Entry =
  | { readonly _tag: "Text"; readonly text: Text; readonly samples: number }
  | { readonly _tag: "Finalized"; readonly id: number }

/** The decode of an utterance that seems to be over. */
interface Speculation extends Stretch {
  readonly text: Text
  readonly fiber: Fiber.Fiber<unknown, unknown>
}

/**
 * Opens a stream that lives as long as its scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: MoonshineStreamOptions
): Effect.fn.Return<SpeechToTextStream, never, Scope.Scope> {
  const { interimInterval, queue, recognizer } = options
  const segmenter = new Segmenter()
  const owner = {}
  const events = yield* Queue.bounded<TranscriptEvent, BackendError | Cause.Done>(MAX_EVENTS)
  yield* Effect.addFinalizer(() => Queue.shutdown(events))
  const outbox = yield* Queue.bounded<Entry>(MAX_WAITING)
  const fork = yield* FiberSet.makeRuntime<never>()
  let dead = false
  /** Entries, and samples in them, that are not delivered yet. */
  let waiting = 0
  let waitingSamples = 0
  let speculation: Speculation | undefined
  let interimRunning = false
  let interimAt = 0
  let shown: { readonly from: number; readonly text: string } | undefined

  const fail = (error: BackendError): void => {
    dead = true
    Queue.failCauseUnsafe(events, Cause.fail(error))
  }

  const decode = (stretch: Stretch): { readonly text: Text; readonly fiber: Fiber.Fiber<unknown, unknown> } => {
    const samples = segmenter.floats(stretch, PADDING)
    const text = Deferred.makeUnsafe<string, BackendError>()
    const once = queue.final(recognizer.decode(samples))
    // A failed decode may be a passing one; a timeout or an overload must not be made worse.
    const twice = Effect.catchTag(
      once,
      "PipelineError",
      (error) => error.details?.["reason"] === "overloaded" ? Effect.fail(error) : once
    )
    return { text, fiber: fork(Effect.exit(Deferred.into(twice, text))) }
  }

  const enqueue = (entry: Entry): void => {
    if (dead) return
    const samples = entry._tag === "Text" ? entry.samples : 0
    if (waitingSamples + samples > MEMORY + LONGEST || !Queue.offerUnsafe(outbox, entry)) {
      return fail(
        new PipelineError({
          op: "SpeechToText.push",
          message: "the speech recogniser cannot keep up with the audio",
          details: { engine: "moonshine", reason: "overloaded" },
          retryable: true
        })
      )
    }
    waiting++
    waitingSamples += samples
  }

  const withdraw = (): void => {
    speculation?.fiber.interruptUnsafe()
    speculation = undefined
  }

  /** Puts a complete stretch in line, with the speculative decode when it is of the same speech. */
  const complete = (stretch: Stretch): void => {
    const ready = speculation !== undefined && speculation.from === stretch.from && stretch.to >= speculation.to
      ? speculation.text
      : undefined
    if (ready === undefined) withdraw()
    speculation = undefined
    enqueue({ _tag: "Text", text: ready ?? decode(stretch).text, samples: stretch.to - stretch.from })
  }

  /** Shows words of the open utterance, unless it is not the open one any more or older words are on their way. */
  const show = (from: number, text: string): void => {
    if (dead || waiting > 0 || text === "" || segmenter.current?.from !== from) return
    if (shown?.from === from && shown.text === text) return
    shown = { from, text }
    Queue.offerUnsafe(events, { _tag: "Interim", text })
  }

  const speculate = (stretch: Stretch): void => {
    withdraw()
    const started = decode(stretch)
    speculation = { ...stretch, ...started }
    if (interimInterval === undefined) return
    fork(
      Deferred.await(started.text).pipe(
        Effect.tap((text) => Effect.sync(() => speculation?.text === started.text && show(stretch.from, text))),
        Effect.ignore
      )
    )
  }

  const interim = (): void => {
    const current = segmenter.current
    if (interimInterval === undefined || interimRunning || current === undefined || !segmenter.speaking) return
    const length = current.to - current.from
    const since = segmenter.end - Math.max(interimAt, current.from)
    if (length < INTERIM_MIN || since < Math.max(interimInterval, length * INTERIM_SHARE)) return
    if (queue.load().finals > 0 || options.busy?.() === true) return
    interimAt = segmenter.end
    interimRunning = true
    const samples = segmenter.floats(current, PADDING)
    fork(
      queue.interim(owner, recognizer.decode(samples)).pipe(
        Effect.tap((text) =>
          // Once speech has stopped, the words of the whole utterance are shown.
          Effect.sync(() => speculation === undefined && show(current.from, Option.getOrElse(text, () => "")))
        ),
        Effect.ignore, // the final decode will tell
        Effect.ensuring(Effect.sync(() => {
          interimRunning = false
        }))
      )
    )
  }

  const deliver = Effect.gen(function*() {
    while (true) {
      const entry = yield* Queue.take(outbox)
      if (entry._tag === "Finalized") {
        yield* Queue.offer(events, entry)
      } else {
        const text = yield* Deferred.await(entry.text)
        waitingSamples -= entry.samples
        if (text !== "") yield* Queue.offer(events, { _tag: "Final", text, language: "en" })
      }
      waiting--
    }
  })
  yield* deliver.pipe(
    Effect.catch((error) => Effect.sync(() => fail(error))),
    Effect.forkScoped
  )

  return {
    push: (pcm) => {
      for (let at = 0; !dead && at < pcm.length; at += PIECE) {
        for (const stretch of segmenter.push(pcm.subarray(at, at + PIECE))) complete(stretch)
        segmenter.trim()
      }
      if (!dead) interim()
    },
    activity: (activity) => {
      if (dead) return
      const spoke = segmenter.speaking
      segmenter.activity(activity)
      if (activity._tag === "SpeechStarted") withdraw()
      else if (spoke && segmenter.current !== undefined) speculate(segmenter.current)
      segmenter.trim()
    },
    finalize: (id, untilSample) => {
      if (dead) return
      for (const stretch of segmenter.finalize(untilSample)) complete(stretch)
      segmenter.trim()
      enqueue({ _tag: "Finalized", id })
    },
    events: Stream.fromQueue(events)
  }
})
