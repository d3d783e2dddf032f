/**
 * Makes one resilient recogniser of several speech-to-text engines.
 *
 * One engine is in use at a time. When its stream fails, ends, leaves a `finalize` unanswered or returns no transcript for
 * speech, another stream is opened (of the same engine while that may help, else of the next; `SttRecovery`) and the
 * utterance in flight is replayed to it, without the words that were delivered; unanswered `finalize` requests are made
 * again. The caller sees an ordinary engine at 16 kHz (or at the other rates of the first one, which the others are converted
 * from), whose stream fails when all engines have. Circuit breakers are shared by all sessions of the result.
 *
 * A session may change its language (`setLanguage`): the utterance in progress ends in the former one, the next is heard in the
 * new one by another stream of the same engine (`SttSuccession`), or by the same where that can change it.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Resampler from "../../audio/resampling/Resampler.ts"
import type { BackendError, InvalidConfig } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { SpeechToText, SpeechToTextOptions, SpeechToTextStream, TranscriptEvent } from "../SpeechToText.ts"
import { TIMELINE_RATE } from "../VoiceActivityDetector.ts"
import { RecogniserLanguage } from "./RecogniserLanguage.ts"
import * as RecogniserStream from "./RecogniserStream.ts"
import * as Resilience from "./Resilience.ts"
import * as SttRecovery from "./SttRecovery.ts"
import type { SttSession } from "./SttSession.ts"
import { shift, UtteranceReplay } from "./UtteranceReplay.ts"

type Engine = SpeechToText["Service"]

/** Events that wait for the reader; an engine that has more waits, too. */
const MAX_WAITING = 256

/** What is replayed is found by its place on the timeline, so that only whole parts of its rate can be kept. */
const otherRates = ({ sampleRate, sampleRates = [] }: Engine): ReadonlyArray<number> =>
  [sampleRate, ...sampleRates].filter((rate) => rate < TIMELINE_RATE && TIMELINE_RATE % rate === 0)

const made = new WeakSet<Engine>()

/**
 * Whether an engine was made by `make`. Made resilient once more it would retry what has been given up.
 *
 * @category guards
 * @since 0.1.0
 */
export const isResilient = (engine: Engine): boolean => made.has(engine)

/**
 * How a recogniser's failures and its silence are handled.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResilientSpeechToTextOptions extends Resilience.ResilienceOptions {
  /** How long an engine may leave `finalize` unanswered. Default: what the engine says, else 3 s. */
  readonly finalizeTimeout?: Duration.Input | undefined
  /**
   * For how much speech, and how long, an engine with interim transcripts may return none. Default 8 s. Noise may pass for
   * speech, so circuit breakers do not count it, and once each engine has returned nothing no engine is replaced for it
   * until there is a transcript.
   */
  readonly silentLimit?: Duration.Input | undefined
}

/**
 * Makes a recogniser of these engines, the preferred one first. `timeout` bounds the opening and each recovery, all engines
 * and retries together.
 *
 * Fails `invalid_config` when an engine's rate is not 16 kHz and the converter is missing. `open` fails when no engine
 * can be opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  engines: Arr.NonEmptyReadonlyArray<Engine>,
  options: ResilientSpeechToTextOptions = {}
): Effect.fn.Return<Engine, InvalidConfig> {
  const [first] = engines
  // read for each session, because the options of a running backend may change
  const limits = (): RecogniserStream.Limits => ({
    ...Resilience.settings(options),
    finalizeMs: options.finalizeTimeout === undefined
      ? undefined
      : Duration.toMillis(Duration.fromInputUnsafe(options.finalizeTimeout)),
    silentMs: Duration.toMillis(Duration.fromInputUnsafe(options.silentLimit ?? "8 seconds"))
  })
  const guarded = yield* Resilience.guard(engines, options)
  const sampleRates = otherRates(first)
  if (sampleRates.length > 0 || engines.some(({ sampleRate }) => sampleRate !== TIMELINE_RATE)) yield* Resampler.load
  const timeouts = engines.map((engine) => RecogniserStream.finalizeMs(engine, limits()))
  const engine: Engine = {
    name: first.name,
    members: Resilience.members(guarded),
    sampleRate: TIMELINE_RATE,
    sampleRates,
    capabilities: {
      interim: engines.every(({ capabilities }) => capabilities.interim),
      endOfTurn: engines.every(({ capabilities }) => capabilities.endOfTurn),
      languages: first.capabilities.languages,
      language: first.capabilities.language,
      keyterms: first.capabilities.keyterms
    },
    finalizeTimeout: Duration.millis(Math.max(...timeouts)),
    open: (session) => open(guarded, limits(), options, session)
  }
  made.add(engine)
  return engine
})

const open = Effect.fnUntraced(function*(
  engines: ReadonlyArray<Resilience.Guarded<Engine>>,
  limits: RecogniserStream.Limits,
  options: Resilience.ResilienceOptions,
  session: SpeechToTextOptions
): Effect.fn.Return<SpeechToTextStream, BackendError, Scope.Scope> {
  const clock = yield* Clock.Clock
  const { onIncident: _, ...wanted } = session
  const replay = new UtteranceReplay(wanted.sampleRate)
  const room = Latch.makeUnsafe()
  const state: SttSession = {
    engines,
    limits,
    wanted,
    language: new RecogniserLanguage(engines.map(({ engine }) => engine), wanted.language),
    report: yield* Resilience.reporter("stt", engines, session, options),
    replay,
    out: yield* Queue.bounded<TranscriptEvent, BackendError>(MAX_WAITING),
    room,
    ready: yield* Deferred.make<void, BackendError>(),
    wake: Latch.makeUnsafe(),
    inUse: undefined,
    silentStreams: 0,
    unanswered: undefined
  }

  yield* SttRecovery.run(state).pipe(
    Effect.catch((error: BackendError) =>
      Effect.andThen(Deferred.fail(state.ready, error), Queue.fail(state.out, error))
    ),
    Effect.forkScoped
  )
  yield* Deferred.await(state.ready)

  // a call into an engine may end its stream before it returns, so `inUse` is read once
  return {
    push: (pcm) => {
      replay.push(pcm)
      const stream = state.inUse
      if (stream === undefined) return
      stream.push(pcm)
      if (!stream.interim || stream.silent || !replay.speaking || state.silentStreams >= engines.length) return
      const quiet = replay.position - stream.quietFrom
      if (quiet * 1000 < limits.silentMs * TIMELINE_RATE) return
      if (MonotonicTime.nowMs(clock) - stream.quietSince < limits.silentMs) return
      stream.silent = true
      state.wake.openUnsafe()
    },
    activity: (activity) => {
      replay.activity(activity)
      const stream = state.inUse
      if (stream === undefined) return
      if (activity._tag === "SpeechStarted") {
        stream.quietFrom = replay.position
        stream.quietSince = MonotonicTime.nowMs(clock)
      }
      stream.activity(shift(activity, stream.base))
    },
    finalize: (id, untilSample) => {
      replay.finalize(id, untilSample)
      const stream = state.inUse
      stream?.finalize(id, Math.max(0, untilSample - stream.base))
    },
    abandon: (id) => replay.abandon(id),
    setLanguage: (language) => {
      state.language.set(language)
      state.wake.openUnsafe()
    },
    events: Stream.map(Stream.fromQueue(state.out), (event) => {
      room.openUnsafe()
      return event
    })
  }
})
