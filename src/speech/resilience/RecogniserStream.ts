/**
 * One engine's stream behind a resilient recogniser, and how a dead one is recognised that has not failed by itself.
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
import * as Resampler from "../../audio/resampling/Resampler.ts"
import { type BackendError, describe, type InvalidConfig, PipelineError, Timeout } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as EngineFailure from "../EngineFailure.ts"
import { rateFor } from "../RecogniserRate.ts"
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
  /** How long `finalize` may stay unanswered; `undefined`: as long as the engine says. */
  readonly finalizeMs: number | undefined
  /** How much speech may pass without a transcript. */
  readonly silentMs: number
}

/** Most answers come within this: only then is the stream watched for them, which costs a race. */
const GRACE_MS = 20
/** For an engine that does not say how long its answers take. */
const FINALIZE_MS = 3_000

/**
 * How long an engine may leave `finalize` unanswered, in ms.
 *
 * @category accessors
 * @since 0.1.0
 */
export const finalizeMs = (engine: SpeechToText["Service"], limits: Limits): number =>
  limits.finalizeMs ??
    (engine.finalizeTimeout === undefined ? FINALIZE_MS : Duration.toMillis(engine.finalizeTimeout))

/**
 * A stream in use. Its positions count from `base`, where its timeline begins on the session's.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecogniserStream extends Listener {
  /** Begins with a replay of the utterance in flight. */
  readonly listen: (replay: UtteranceReplay) => void
  readonly events: Stream.Stream<TranscriptEvent, BackendError>
  /** The unanswered `finalize` requests, and when their answer is due, in ms. */
  readonly due: Map<number, number>
  readonly interim: boolean
  /** Changes its language where it is, if the engine can. */
  readonly setLanguage: ((language: string) => void) | undefined
  base: number
  /** Since when, and from which sample on, it has returned no transcript. */
  quietSince: number
  quietFrom: number
  /** It has returned something. */
  proved: boolean
  silent: boolean
  /** It has sent more than a stream may. */
  flooded: boolean
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
  const given = session.sampleRate ?? TIMELINE_RATE
  const taken = rateFor(engine, given)
  const options = session.sampleRate === undefined ? session : { ...session, sampleRate: taken }
  const opened = yield* EngineFailure.asked("SpeechToText.open", engine.name, () => engine.open(options)).pipe(
    deadline("SpeechToText.open", `opening ${engine.name}`, Duration.millis(Math.max(1, waitMs)))
  )
  const resampler = given === taken ? undefined : yield* Resampler.scoped(given, taken)
  // the methods must not throw; an engine that does has failed
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
    setLanguage: opened.setLanguage === undefined
      ? undefined
      : (language) => guarding(() => opened.setLanguage?.(language)),
    quietSince: MonotonicTime.nowMs(clock),
    quietFrom: 0,
    proved: false,
    silent: false,
    flooded: false,
    broken: undefined,
    over: undefined,
    events: opened.events,
    listen: (replay) => {
      stream.base = replay.start
      stream.quietSince = MonotonicTime.nowMs(clock)
      stream.quietFrom = replay.position
      replay.replayTo(stream)
    },
    push: (pcm) => guarding(() => opened.push(resampler === undefined ? pcm : resampler.process(pcm))),
    activity: (activity) => guarding(() => opened.activity(activity)),
    finalize: (id, untilSample) => {
      stream.due.set(id, MonotonicTime.nowMs(clock) + answerMs)
      wake.openUnsafe()
      guarding(() => opened.finalize(id, untilSample))
    }
  }
  return stream
})

/**
 * Fails when the stream has ended, leaves `finalize` unanswered, returns no transcript for speech, or has thrown. Ends when
 * `until` holds, which is looked at when `wake` is opened.
 *
 * @category combinators
 * @since 0.1.0
 */
export const watch = Effect.fnUntraced(function*(
  stream: RecogniserStream,
  engine: SpeechToText["Service"],
  limits: Limits,
  wake: Latch.Latch,
  until: () => boolean = () => false
): Effect.fn.Return<void, BackendError> {
  const clock = yield* Clock.Clock
  let racing = false
  while (true) {
    wake.closeUnsafe()
    if (stream.broken !== undefined) return yield* stream.broken
    if (stream.over !== undefined) return yield* stream.over
    if (stream.silent) {
      return yield* new Timeout({
        op: "SpeechToText.events",
        message: `${engine.name} returned no transcript for ${limits.silentMs} ms of speech`
      })
    }
    if (until()) return
    const left = Math.min(...stream.due.values()) - MonotonicTime.nowMs(clock)
    if (left <= 0) {
      return yield* new Timeout({
        op: "SpeechToText.finalize",
        message: `${engine.name} did not answer finalize within ${finalizeMs(engine, limits)} ms`
      })
    }
    if (!Number.isFinite(left)) yield* wake.await
    // most answers come at once, and a race would cost more than the wait for them
    else if (racing) yield* Effect.timeoutOption(wake.await, left)
    else yield* Effect.sleep(Math.min(left, GRACE_MS))
    racing = Number.isFinite(left) && !racing
  }
})
