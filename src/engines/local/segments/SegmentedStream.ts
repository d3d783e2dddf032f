/**
 * One session's recognition: sends segments of its audio to the shared recogniser and delivers the transcripts in order.
 *
 * `push`, `activity` and `finalize` are synchronous; decodes run in fibers of the stream's scope and one fiber delivers
 * their results. An utterance is decoded as soon as its speech stops, so that the transcript is usually ready when
 * `finalize` is called; and 100 ms sooner, when it has become quiet, where the recogniser has nothing else to do. Time is counted in samples: interims depend on the audio, not on the clock.
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
import { type BackendError, PipelineError } from "../../../BackendError.ts"
import type { SpeechToTextStream, TranscriptEvent } from "../../../speech/SpeechToText.ts"
import type { DecodeQueue } from "./DecodeQueue.ts"
import { QuietTail } from "./QuietTail.ts"
import { MAX_BUFFERED, MAX_SEGMENT, type Segment, Segmenter } from "./Segmenter.ts"

/**
 * Transcribes 16 kHz samples in [-1, 1).
 *
 * @category models
 * @since 0.1.0
 */
export interface Recognizer {
  readonly decode: (samples: Float32Array) => Effect.Effect<string, BackendError>
}

/**
 * What a stream shares with others, and its own settings.
 *
 * @category models
 * @since 0.1.0
 */
export interface SegmentedStreamOptions {
  /** The engine's name, for errors. */
  readonly engine: string
  /** The language of its transcripts, BCP 47, where it is known. */
  readonly language: string | undefined
  readonly recognizer: Recognizer
  readonly queue: DecodeQueue
  /** Samples between two interim transcripts; `undefined` for none. */
  readonly interimInterval: number | undefined
  /** Returns true while the process is too busy for interim transcripts. */
  readonly busy?: (() => boolean) | undefined
}

/**
 * Zeros around a segment, 100 ms: without them the tiny model misrecognises the edges of a recording ("cloves" for
 * "clubs"). Up to 500 ms, more padding changed the errors on the recordings and on flite's speech, but not their number.
 */
const PADDING = 1_600
/**
 * Further zeros behind an utterance that has just become quiet, 300 ms: it has less of the silence that follows. Of 30 cuts of
 * the recordings the model then had 4 words wrong and no comma at the end; without them 7 and 6, and with the silence 3 and 5.
 */
const QUIET_PADDING = 4_800
/**
 * A detector may hear speech in the quiet for 200 ms: the breath of a last vowel. The decode of what was there before counts;
 * another one would begin when that is done, 0.3 s later.
 */
const QUIET_REST = 3_200
/** The interval of interims is at least this part of the utterance, because long utterances take longer to decode. */
const INTERIM_SHARE = 1 / 8
/** The first interim needs this much audio, 0.5 s: less is too unreliable. */
const INTERIM_MIN = 8_000
/** `push` takes audio in pieces of at most 1 s. */
const PIECE = 16_000
const MAX_UNDELIVERED = 64
const MAX_EVENTS = 256

type Text = Deferred.Deferred<string, BackendError>

type Entry =
  | { readonly _tag: "Text"; readonly text: Text; readonly samples: number }
  | { readonly _tag: "Finalized"; readonly id: number }

/**
 * The early decode of an utterance whose speech has stopped, before `finalize`, or, with `isOpen`, that has become quiet: that
 * one holds as long as it stays quiet.
 */
interface Speculation extends Segment {
  readonly isOpen: boolean
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
  options: SegmentedStreamOptions
): Effect.fn.Return<SpeechToTextStream, never, Scope.Scope> {
  const { engine, interimInterval, language, queue, recognizer } = options
  const segmenter = new Segmenter()
  const tail = new QuietTail()
  const owner = {}
  const events = yield* Queue.bounded<TranscriptEvent, BackendError | Cause.Done>(MAX_EVENTS)
  yield* Effect.addFinalizer(() => Queue.shutdown(events))
  const outbox = yield* Queue.bounded<Entry>(MAX_UNDELIVERED)
  const fork = yield* FiberSet.makeRuntime<never>()
  let dead = false
  /** Entries that are not delivered yet, and the samples they stand for. */
  let undelivered = 0
  let undeliveredSamples = 0
  let speculation: Speculation | undefined
  let interimRunning = false
  let interimAt = 0
  let lastInterim: { readonly from: number; readonly text: string } | undefined

  const fail = (error: BackendError): void => {
    dead = true
    Queue.failCauseUnsafe(events, Cause.fail(error))
  }

  const decode = (
    segment: Segment,
    behind = 0
  ): { readonly text: Text; readonly fiber: Fiber.Fiber<unknown, unknown> } => {
    const samples = segmenter.floats(segment, PADDING, behind)
    const text = Deferred.makeUnsafe<string, BackendError>()
    const once = queue.final(recognizer.decode(samples))
    // A failed decode is retried once, except after a timeout or an overload: more load would make those worse.
    const twice = Effect.catchTag(
      once,
      "PipelineError",
      (error) => error.details?.["reason"] === "overloaded" ? Effect.fail(error) : once
    )
    return { text, fiber: fork(Effect.exit(Deferred.into(twice, text))) }
  }

  const deliverLater = (entry: Entry): void => {
    if (dead) return
    const samples = entry._tag === "Text" ? entry.samples : 0
    if (undeliveredSamples + samples > MAX_BUFFERED + MAX_SEGMENT || !Queue.offerUnsafe(outbox, entry)) {
      return fail(
        new PipelineError({
          op: "SpeechToText.push",
          message: `${engine} cannot keep up with the audio`,
          details: { engine, reason: "overloaded" },
          retryable: true
        })
      )
    }
    undelivered++
    undeliveredSamples += samples
  }

  const cancelSpeculation = (): void => {
    speculation?.fiber.interruptUnsafe()
    speculation = undefined
  }

  /** Queues a complete segment for delivery; reuses the early decode when it covers the same speech. */
  const complete = (segment: Segment): void => {
    const ready = speculation !== undefined && speculation.from === segment.from && segment.to >= speculation.to
      ? speculation.text
      : undefined
    if (ready === undefined) cancelSpeculation()
    speculation = undefined
    deliverLater({ _tag: "Text", text: ready ?? decode(segment).text, samples: segment.to - segment.from })
  }

  /** Emits an interim of the open utterance, unless the utterance has ended or an earlier transcript is undelivered. */
  const emitInterim = (from: number, text: string): void => {
    if (dead || undelivered > 0 || text === "" || segmenter.current?.from !== from) return
    if (lastInterim?.from === from && lastInterim.text === text) return
    lastInterim = { from, text }
    Queue.offerUnsafe(events, { _tag: "Interim", text })
  }

  const speculate = (segment: Segment, isOpen: boolean): void => {
    cancelSpeculation()
    const started = decode(segment, isOpen ? QUIET_PADDING : 0)
    speculation = { ...segment, ...started, isOpen }
    if (interimInterval === undefined) return
    fork(
      Deferred.await(started.text).pipe(
        Effect.tap((text) => Effect.sync(() => speculation?.text === started.text && emitInterim(segment.from, text))),
        Effect.ignore
      )
    )
  }

  /** Whether the recogniser has nothing to do but this stream's interim. */
  const isIdle = (): boolean => {
    const { finals, interims, running } = queue.load()
    return finals + interims === 0 && running <= (interimRunning ? 1 : 0) && options.busy?.() !== true
  }

  /** Decodes an utterance that has become quiet, and drops the decode when it goes on. */
  const followTail = (pcm: Int16Array): void => {
    const current = segmenter.current
    if (current === undefined || !segmenter.speaking) return
    const wasQuiet = tail.isQuiet
    tail.push(pcm)
    if (!tail.isQuiet && speculation?.isOpen === true) cancelSpeculation()
    if (wasQuiet || !tail.isQuiet || current.to - current.from < INTERIM_MIN || !isIdle()) return
    speculate(current, true)
    // it stands for the next interim too
    interimAt = segmenter.end
  }

  /** Whether the utterance has been decoded to its end already, but for what was quiet since. */
  const isDecoded = ({ from }: Segment, stoppedAt: number): boolean =>
    speculation !== undefined && speculation.from === from && speculation.to + QUIET_REST >= stoppedAt

  const decodeInterim = (): void => {
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
          // After speech has stopped, the early decode of the whole utterance supersedes this one.
          Effect.sync(() => speculation === undefined && emitInterim(current.from, Option.getOrElse(text, () => "")))
        ),
        Effect.ignore, // if the recogniser is broken, the decode of the final reports it
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
        undeliveredSamples -= entry.samples
        if (text !== "") {
          yield* Queue.offer(events, {
            _tag: "Final",
            text,
            ...(language === undefined ? {} : { language })
          })
        }
      }
      undelivered--
    }
  })
  yield* deliver.pipe(
    Effect.catch((error) => Effect.sync(() => fail(error))),
    Effect.forkScoped
  )

  return {
    push: (pcm) => {
      for (let at = 0; !dead && at < pcm.length; at += PIECE) {
        const piece = pcm.subarray(at, at + PIECE)
        for (const segment of segmenter.push(piece)) complete(segment)
        followTail(piece)
        segmenter.trim()
      }
      if (!dead) decodeInterim()
    },
    activity: (activity) => {
      if (dead) return
      const spoke = segmenter.speaking
      segmenter.activity(activity)
      const { current } = segmenter
      if (activity._tag === "SpeechStarted") {
        cancelSpeculation()
        if (!spoke) tail.reset()
      } else if (spoke && current !== undefined && !isDecoded(current, activity.atSample)) speculate(current, false)
      segmenter.trim()
    },
    finalize: (id, untilSample) => {
      if (dead) return
      for (const segment of segmenter.finalize(untilSample)) complete(segment)
      segmenter.trim()
      deliverLater({ _tag: "Finalized", id })
    },
    events: Stream.fromQueue(events)
  }
})
