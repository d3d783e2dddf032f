/**
 * One engine's stream in the use of a dependable recogniser, and the ways in which it can be dead without saying so.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Resampler from "../../audio/Resampler.ts"
import { type BackendError, describe, type InvalidConfig, PipelineError, Timeout } from "../../BackendError.ts"
import type { SpeechToText, SpeechToTextOptions, TranscriptEvent } from "../SpeechToText.ts"
import { TIMELINE_RATE } from "../VoiceActivityDetector.ts"
import type { Settings } from "./Resilience.ts"
import type { Listener, UtteranceReplay } from "./UtteranceReplay.ts"

/**
 * When silence is a failure, in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits extends Settings {
  /** How long a question may stay unanswered; `undefined` leaves it to the engine. */
  readonly finalizeMs: number | undefined
  /** How much speech may pass without a word. */
  readonly silentMs: number
}

/** An answer is waited for so long before there is an alarm for it; what ends the stream meanwhile is seen as late. */
const GRACE_MS = 20
/** An engine that does not say how long its answers take. */
const FINALIZE_MS = 3_000

/**
 * How long an engine may leave a question unanswered.
 *
 * @category accessors
 * @since 0.1.0
 */
export const finalizeMs = (engine: SpeechToText["Service"], limits: Limits): number =>
  limits.finalizeMs ??
    (engine.finalizeTimeout === undefined ? FINALIZE_MS : Duration.toMillis(engine.finalizeTimeout))

/**
 * A stream in use. What is told to it counts from `base`, where its timeline begins on the session's.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecogniserStream extends Listener {
  /** Begins: the stream is told the utterance in flight. */
  readonly listen: (replay: UtteranceReplay) => void
  readonly events: Stream.Stream<TranscriptEvent, BackendError>
  /** Questions by the time their answer is due. */
  readonly due: Map<number, number>
  readonly interim: boolean
  base: number
  /** Since when and where it has heard no word. */
  quietSince: number
  quietFrom: number
  /** It has recognised something. */
  proved: boolean
  silent: boolean
  broken: BackendError | undefined
  /** How its events ended. */
  over: Exit.Exit<never, BackendError> | undefined
}

/**
 * Opens a stream of an engine within the time, with a converter when it needs one. `wake` is opened when `watch` must
 * look again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function*(
  engine: SpeechToText["Service"],
  session: SpeechToTextOptions,
  limits: Limits,
  wake: Latch.Latch,
  waitMs: number
): Effect.fn.Return<RecogniserStream, BackendError | InvalidConfig, Scope.Scope> {
  const clock = yield* Clock.Clock
  const answerMs = finalizeMs(engine, limits)
  const opened = yield* engine.open(session).pipe(
    Effect.timeoutOrElse({
      duration: Duration.millis(Math.max(1, waitMs)),
      orElse: () => Effect.fail(new Timeout({ op: "SpeechToText.open", message: `${engine.name} did not open` }))
    })
  )
  const resampler = engine.sampleRate === TIMELINE_RATE
    ? undefined
    : yield* Resampler.scoped(TIMELINE_RATE, engine.sampleRate)
  // an engine that throws where it must not has failed
  const guarding = (call: () => void) => {
    try {
      call()
    } catch (cause) {
      stream.broken ??= new PipelineError({
        op: "SpeechToText.push",
        message: `${engine.name} failed: ${describe(cause)}`,
        cause,
        retryable: true
      })
      wake.openUnsafe()
    }
  }
  const stream: RecogniserStream = {
    base: 0,
    due: new Map(),
    interim: engine.capabilities.interim,
    quietSince: clock.currentTimeMillisUnsafe(),
    quietFrom: 0,
    proved: false,
    silent: false,
    broken: undefined,
    over: undefined,
    events: opened.events,
    listen: (replay) => {
      stream.base = replay.start
      stream.quietSince = clock.currentTimeMillisUnsafe()
      stream.quietFrom = replay.position
      replay.replayTo(stream)
    },
    push: (pcm) => guarding(() => opened.push(resampler === undefined ? pcm : resampler.process(pcm))),
    activity: (activity) => guarding(() => opened.activity(activity)),
    finalize: (id, untilSample) => {
      stream.due.set(id, clock.currentTimeMillisUnsafe() + answerMs)
      wake.openUnsafe()
      guarding(() => opened.finalize(id, untilSample))
    }
  }
  return stream
})

/**
 * Fails when the stream has ended, leaves a question unanswered, is found silent, or has thrown.
 *
 * @category combinators
 * @since 0.1.0
 */
export const watch = Effect.fnUntraced(function*(
  stream: RecogniserStream,
  engine: SpeechToText["Service"],
  limits: Limits,
  wake: Latch.Latch
): Effect.fn.Return<never, BackendError> {
  const clock = yield* Clock.Clock
  let alarmed = false
  while (true) {
    wake.closeUnsafe()
    if (stream.broken !== undefined) return yield* Effect.fail(stream.broken)
    if (stream.over !== undefined) return yield* stream.over
    if (stream.silent) {
      return yield* new Timeout({
        op: "SpeechToText.events",
        message: `${engine.name} has heard no word in ${limits.silentMs} ms of speech`
      })
    }
    const left = Math.min(...stream.due.values()) - clock.currentTimeMillisUnsafe()
    if (left <= 0) {
      return yield* new Timeout({
        op: "SpeechToText.finalize",
        message: `${engine.name} did not answer within ${finalizeMs(engine, limits)} ms`
      })
    }
    if (!Number.isFinite(left)) yield* wake.await
    // most answers come at once: the alarm must not cost them the time that it takes to set
    else if (alarmed) yield* Effect.timeoutOption(wake.await, left)
    else yield* Effect.sleep(Math.min(left, GRACE_MS))
    alarmed = Number.isFinite(left) && !alarmed
  }
})
