/**
 * Makes one dependable recogniser out of several speech-to-text engines.
 *
 * One engine listens at a time. When its stream fails, ends, leaves a question unanswered or hears nothing in speech,
 * another stream is opened (of the same engine while that may help, else of the next) and is told the utterance in
 * flight again; words that were delivered are cut off it, and unanswered questions are asked again. The caller sees an
 * ordinary engine at 16 kHz, whose stream fails when all engines have. Breakers are shared by all sessions of the result.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Resampler from "../../audio/Resampler.ts"
import { type BackendError, ConnectionFailed, type InvalidConfig, normalize } from "../../BackendError.ts"
import * as SessionSpeech from "../SessionSpeech.ts"
import type { SpeechToText, SpeechToTextOptions, SpeechToTextStream, TranscriptEvent } from "../SpeechToText.ts"
import { TIMELINE_RATE } from "../VoiceActivityDetector.ts"
import type { Admission } from "./CircuitBreaker.ts"
import * as RecogniserStream from "./RecogniserStream.ts"
import * as Resilience from "./Resilience.ts"
import { shift, UtteranceReplay } from "./UtteranceReplay.ts"

type Engine = SpeechToText["Service"]

/** Events that wait for the reader; the engine's wait behind them. */
const MAX_WAITING = 256
/** Between two rounds over engines that are not to be asked. */
const MIN_PAUSE_MS = 100
/** A stream that has lived so long has worked, though nobody spoke: recognisers close what is idle. */
const LASTING_MS = 5_000
/** How long a failed stream may take to close before the next is opened beside it. */
const CLOSE_TIMEOUT = "1 second"

const made = new WeakSet<Engine>()

/**
 * Whether an engine is one that `make` has made. Made dependable once more it would ask again what has been given up.
 *
 * @category guards
 * @since 0.1.0
 */
export const isResilient = (engine: Engine): boolean => made.has(engine)

/**
 * How a recogniser's failures are met and its silence is judged.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResilientSpeechToTextOptions extends Resilience.ResilienceOptions {
  /** How long an engine may leave `finalize` unanswered. Default: what the engine says, else 3 s. */
  readonly finalizeTimeout?: Duration.Input | undefined
  /**
   * How much speech an engine with interim results may hear, and how long, without a word. Default 8 s. It is no proof
   * against an engine, since noise may pass for speech: breakers do not count it, and when each engine has heard nothing
   * they are left in peace until there is a word.
   */
  readonly silentLimit?: Duration.Input | undefined
}

/**
 * Makes a recogniser of these engines, the most wanted first. `timeout` bounds the opening and each recovery, all engines
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
  // each session gets those of its time
  const limits = (): RecogniserStream.Limits => ({
    ...Resilience.settings(options),
    finalizeMs: options.finalizeTimeout === undefined
      ? undefined
      : Duration.toMillis(Duration.fromInputUnsafe(options.finalizeTimeout)),
    silentMs: Duration.toMillis(Duration.fromInputUnsafe(options.silentLimit ?? "8 seconds"))
  })
  const guarded = yield* Resilience.guard(engines, options)
  if (engines.some(({ sampleRate }) => sampleRate !== TIMELINE_RATE)) yield* Resampler.load
  const timeouts = engines.map((engine) => RecogniserStream.finalizeMs(engine, limits()))
  const engine: Engine = {
    name: first.name,
    members: Resilience.members(guarded),
    sampleRate: TIMELINE_RATE,
    capabilities: {
      interim: engines.every(({ capabilities }) => capabilities.interim),
      endOfTurn: engines.every(({ capabilities }) => capabilities.endOfTurn),
      languages: first.capabilities.languages,
      keyterms: first.capabilities.keyterms
    },
    finalizeTimeout: Duration.millis(Math.max(...timeouts)),
    open: (session) => open(guarded, limits(), options, session)
  }
  made.add(engine)
  return engine
})

/** A probe keeps the other sessions out: it must not last until this session's user speaks. */
const probe = Effect.fnUntraced(function*(
  stream: RecogniserStream.RecogniserStream,
  engine: Engine,
  limits: RecogniserStream.Limits,
  proved: Effect.Effect<void>
) {
  do {
    yield* Effect.sleep(RecogniserStream.finalizeMs(engine, limits))
  } while (stream.due.size > 0)
  yield* proved
  return yield* Effect.never
})

const close = Effect.fnUntraced(function*(scope: Scope.Closeable, parent: Scope.Scope) {
  const closing = yield* Effect.forkIn(Scope.close(scope, Exit.void), parent)
  yield* Effect.timeoutOption(Fiber.await(closing), CLOSE_TIMEOUT)
})

const open = Effect.fnUntraced(function*(
  engines: ReadonlyArray<Resilience.Guarded<Engine>>,
  limits: RecogniserStream.Limits,
  { onIncident }: Resilience.ResilienceOptions,
  session: SpeechToTextOptions
): Effect.fn.Return<SpeechToTextStream, BackendError, Scope.Scope> {
  const parent = yield* Effect.scope
  const clock = yield* Clock.Clock
  const { onIncident: onSessionIncident, ...wanted } = session
  const report = new Resilience.IncidentReporter("stt", engines, session.sessionId, [onIncident, onSessionIncident])
  const count = engines.length
  const replay = new UtteranceReplay()
  const out = yield* Queue.bounded<TranscriptEvent, BackendError>(MAX_WAITING)
  const ready = yield* Deferred.make<void, BackendError>()
  // the watch looks again
  const wake = Latch.makeUnsafe()
  let live: RecogniserStream.RecogniserStream | undefined
  let last: BackendError | undefined
  // streams in a row that were given up because they heard nothing
  let silences = 0

  const deliver = Effect.fnUntraced(function*(stream: RecogniserStream.RecogniserStream, event: TranscriptEvent) {
    if (event._tag === "Finalized") {
      stream.due.delete(event.id)
      // answered before, or never asked
      if (!replay.pending.includes(event.id)) return
    }
    const words = event._tag === "Final" && event.words !== undefined && stream.base > 0
      ? event.words.map((word) => ({
        ...word,
        startSample: word.startSample + stream.base,
        endSample: word.endSample + stream.base
      }))
      : undefined
    const moved = event._tag === "Final" && words !== undefined ? { ...event, words } : event
    // delivered and cut in one step, so that an interruption finds both or neither
    while (!Queue.offerUnsafe(out, moved)) yield* Effect.sleep(10)
    if (moved._tag === "Final") replay.final(moved.words)
    if (moved._tag === "Finalized") replay.finalized(moved.id)
    if (moved._tag === "EndOfTurn") replay.endOfTurn()
  })

  const proved = (index: number, permit: Admission) =>
    Effect.map(permit.succeed, (closed) => report.succeeded(index, closed))

  const hear = (
    stream: RecogniserStream.RecogniserStream,
    { name }: Engine,
    index: number,
    permit: Admission
  ) =>
    Stream.runForEach(stream.events, (event) => {
      stream.quietSince = clock.currentTimeMillisUnsafe()
      stream.quietFrom = replay.position
      if (event._tag !== "Finalized") silences = 0
      const delivered = deliver(stream, event)
      if (stream.proved) return delivered
      stream.proved = true
      return Effect.andThen(
        delivered,
        proved(index, permit)
      )
    }).pipe(
      Effect.andThen(Effect.suspend(() =>
        Effect.fail(new ConnectionFailed({ op: "SpeechToText.events", message: `${name} ended its stream` }))
      )),
      normalize("SpeechToText.events")
    )

  /** Nobody listens meanwhile. */
  const pauseFor = (ms: number, index: number, error: BackendError) =>
    Effect.suspend(() => {
      if (ms > 0 && Deferred.isDoneUnsafe(ready)) report.unavailable(index, error)
      return Effect.sleep(ms)
    })

  const run = Effect.gen(function*() {
    let index = 0
    // failures in a row of this engine, engines given up in this recovery, and until when it may last
    let retries = 0
    let tried = 0
    let refused = false
    let deadline = clock.currentTimeMillisUnsafe() + limits.timeoutMs
    let until = clock.currentTimeMillisUnsafe() + limits.timeoutMs / count

    while (true) {
      const guarded = engines[index]
      if (guarded === undefined) return yield* Effect.die(new RangeError(`no engine ${index}`))
      const { breaker, engine } = guarded
      const scope = yield* Scope.fork(parent)
      const permit = yield* Scope.provide(breaker.admit, scope)
      let again: number | undefined
      let error: BackendError
      if (permit === undefined) {
        refused = true
        error = last ?? Resilience.circuitOpen("SpeechToText.open", guarded)
        yield* close(scope, parent)
      } else {
        const startedAt = clock.currentTimeMillisUnsafe()
        let ended: RecogniserStream.RecogniserStream | undefined
        const options = index === 0 ? wanted : SessionSpeech.supportedBy(engine, wanted)
        error = yield* RecogniserStream.open(engine, options, limits, wake, until - startedAt).pipe(
          Effect.flatMap((stream) => {
            // told and in use in one step: nothing that is pushed falls between
            stream.listen(replay)
            ended = live = stream
            report.using(index, last)
            report.available(index)
            Deferred.doneUnsafe(ready, Effect.void)
            return Effect.flatMap(Effect.forkScoped(hear(stream, engine, index, permit)), (hearing) => {
              hearing.addObserver((exit) => {
                stream.over = exit
                // it is told nothing more
                if (live === stream) live = undefined
                wake.openUnsafe()
              })
              const watching = RecogniserStream.watch(stream, engine, limits, wake)
              return Effect.ensuring(
                permit.probe
                  ? Effect.raceFirst(watching, probe(stream, engine, limits, proved(index, permit)))
                  : watching,
                Fiber.interrupt(hearing)
              )
            })
          }),
          Scope.provide(scope),
          normalize("SpeechToText.events"),
          Effect.flip
        )
        live = undefined
        const now = clock.currentTimeMillisUnsafe()
        // what has worked begins a new count
        const lasted = now - startedAt >= Math.min(limits.timeoutMs, LASTING_MS)
        if (ended !== undefined && (ended.proved || ended.silent || lasted)) {
          if (lasted) yield* permit.succeed
          retries = 0
          tried = 0
          deadline = now + limits.timeoutMs
          until = now + limits.timeoutMs / count
        }
        if (ended?.silent === true) {
          silences++
          report.failed(index, error, false)
          // once more the same, then each of the others
          if (silences === 1) again = 0
        } else {
          const opened = yield* permit.fail(error)
          report.failed(index, error, opened)
          refused = refused || opened
          // the first time at once, unless it has too much to do already
          const atOnce = retries === 0 && ended !== undefined && error.details?.["reason"] !== "overloaded"
          const delay = atOnce ? 0 : yield* Resilience.backoff(limits, retries, error)
          // there is no other to ask: what has worked may work again, whatever it says
          const hopeless = !error.retryable && (count > 1 || ended === undefined)
          if (!hopeless && !opened && retries < limits.maxRetries && now + delay < until) again = delay
        }
        yield* close(scope, parent)
      }
      last = error
      if (again !== undefined) {
        retries++
        report.retrying(index, error)
        yield* pauseFor(again, index, error)
        continue
      }
      if (++tried >= count) {
        // circuits that other sessions opened are no end of this one: one of them may let it in in time
        const pause = Math.max(MIN_PAUSE_MS, limits.retryDelayMs)
        const waits = refused && Deferred.isDoneUnsafe(ready) && clock.currentTimeMillisUnsafe() + pause < deadline
        if (!waits) return yield* Effect.fail(error)
        yield* pauseFor(pause, index, error)
        tried = 0
        refused = false
      }
      index = (index + 1) % count
      retries = 0
      const now = clock.currentTimeMillisUnsafe()
      until = now + Math.max(0, deadline - now) / (count - tried)
    }
  })

  yield* run.pipe(
    Effect.catch((error: BackendError) => Effect.andThen(Deferred.fail(ready, error), Queue.fail(out, error))),
    Effect.forkScoped
  )
  yield* Deferred.await(ready)

  // a call into an engine may end its stream before it returns
  return {
    push: (pcm) => {
      replay.push(pcm)
      const stream = live
      if (stream === undefined) return
      stream.push(pcm)
      if (!stream.interim || stream.silent || !replay.speaking || silences >= count) return
      const quiet = replay.position - stream.quietFrom
      if (quiet * 1000 < limits.silentMs * TIMELINE_RATE) return
      if (clock.currentTimeMillisUnsafe() - stream.quietSince < limits.silentMs) return
      stream.silent = true
      wake.openUnsafe()
    },
    activity: (activity) => {
      replay.activity(activity)
      const stream = live
      if (stream === undefined) return
      if (activity._tag === "SpeechStarted") {
        stream.quietFrom = replay.position
        stream.quietSince = clock.currentTimeMillisUnsafe()
      }
      stream.activity(shift(activity, stream.base))
    },
    finalize: (id, untilSample) => {
      replay.finalize(id, untilSample)
      live?.finalize(id, Math.max(0, untilSample - live.base))
    },
    events: Stream.fromQueue(out)
  }
})
