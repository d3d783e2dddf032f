/**
 * Keeps one session's recogniser running: opens a stream, watches it, and replaces it when it fails.
 *
 * A stream that fails is replaced by another of the same engine while retries may help, else of the next engine. Each is
 * replayed the utterance in flight. An engine that has worked begins a new count of retries and a new time budget.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { type BackendError, normalize } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as RetryPolicy from "../../RetryPolicy.ts"
import type { SpeechToText } from "../SpeechToText.ts"
import type { Admission } from "./CircuitBreaker.ts"
import { FailoverBudget } from "./FailoverBudget.ts"
import * as RecogniserStream from "./RecogniserStream.ts"
import * as Resilience from "./Resilience.ts"
import * as SttDelivery from "./SttDelivery.ts"
import { optionsFor, type SttSession } from "./SttSession.ts"
import * as SttSuccession from "./SttSuccession.ts"

type Engine = SpeechToText["Service"]

/** Between two rounds over engines whose circuits are open. */
const MIN_PAUSE_MS = 100
/** A stream that lasted so long counts as working, even if the user was silent: recognisers close idle streams. */
const LASTING_MS = 5_000

/** A probe keeps the engine from all other sessions, so it must not last until this session's user speaks. */
const probe = Effect.fnUntraced(function*(
  stream: RecogniserStream.RecogniserStream,
  engine: Engine,
  limits: RecogniserStream.Limits,
  succeeded: Effect.Effect<void>
) {
  do {
    yield* Effect.sleep(RecogniserStream.finalizeMs(engine, limits))
  } while (stream.due.size > 0)
  yield* succeeded
  return yield* Effect.never
})

/**
 * Gives up `finalize` requests that a failed stream leaves, instead of replaying them for ever: those that the session has
 * gone on without, and those that the same engine twice and each other once left unanswered. They count as answered, so the
 * utterance costs one turn, and is never heard as another one.
 */
const giveUp = Effect.fnUntraced(
  function*(session: SttSession, stream: RecogniserStream.RecogniserStream, atMs: number) {
    const { engines, replay } = session
    // most sessions need none
    const unanswered = session.unanswered ??= new Map<number, number>()
    for (const id of replay.pending) {
      const due = stream.due.get(id)
      const times = (unanswered.get(id) ?? 0) + (due !== undefined && due <= atMs ? 1 : 0)
      unanswered.set(id, times)
      if (!replay.isAbandoned(id) && times <= engines.length) continue
      replay.skipAbandoned(id)
      yield* SttDelivery.deliver(session, stream, { _tag: "Finalized", id })
    }
    for (const id of unanswered.keys()) if (!replay.pending.includes(id)) unanswered.delete(id)
  }
)

/** One engine's streams, one after another, from the first one's opening to the failure of one, which is the result. */
const use = Effect.fnUntraced(
  function*(
    session: SttSession,
    index: number,
    engine: Engine,
    admission: Admission,
    waitMs: number,
    opened: (stream: RecogniserStream.RecogniserStream) => void
  ) {
    const { language, limits, replay, report, wake } = session
    const clock = yield* Clock.Clock
    const parent = yield* Effect.scope
    if (replay.isBetweenUtterances) language.adopt(index)
    /** The stream before the present one, while it closes. */
    let former: Fiber.Fiber<void> | undefined
    let scope = yield* Scope.fork(parent)
    let stream = yield* RecogniserStream.open(
      engine,
      optionsFor(session, index, language.active(index)),
      limits,
      wake,
      waitMs
    ).pipe(Scope.provide(scope))
    const succeeded = Effect.map(admission.succeed, (closed) => report.succeeded(index, closed))
    while (true) {
      // replayed and in use in one synchronous step: no audio that is pushed falls between
      stream.listen(replay)
      session.inUse = stream
      opened(stream)
      const nowMs = () => MonotonicTime.nowMs(clock)
      const next = yield* untilNext(session, index, engine, { stream, former }, succeeded, nowMs).pipe(
        (running) => admission.probe ? Effect.raceFirst(running, probe(stream, engine, limits, succeeded)) : running
      )
      language.adopt(index, next.language)
      former = yield* Effect.forkIn(SttSuccession.close(scope, parent), parent)
      scope = next.scope
      stream = next.stream
    }
  }
)

/** A stream in use, until another takes over because of its language. */
const untilNext = Effect.fnUntraced(function*(
  session: SttSession,
  index: number,
  engine: Engine,
  { former, stream }: {
    readonly stream: RecogniserStream.RecogniserStream
    readonly former: Fiber.Fiber<void> | undefined
  },
  succeeded: Effect.Effect<void>,
  now: () => number
) {
  const { language, limits, wake } = session
  const receiving = yield* Effect.forkScoped(SttDelivery.receive(session, index, stream, engine, succeeded, now))
  receiving.addObserver((exit) => {
    stream.over = exit
    // a stream that has ended gets no more audio
    if (session.inUse === stream) session.inUse = undefined
    wake.openUnsafe()
  })
  const watch = (until?: () => boolean) => RecogniserStream.watch(stream, engine, limits, wake, until)
  const running = Effect.gen(function*() {
    while (true) {
      yield* watch(() => language.isDue(index))
      const next = yield* Effect.raceFirst(
        Effect.andThen(watch(), Effect.never),
        // at most one stream is open beside this one
        Effect.andThen(
          former === undefined ? Effect.void : Fiber.await(former),
          SttSuccession.next(session, index, engine, stream)
        )
      )
      if (next !== undefined) return next
    }
  })
  return yield* Effect.ensuring(running, Fiber.interrupt(receiving))
})

/**
 * Runs until every engine has been given up; fails with the last failure.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(
  function*(session: SttSession): Effect.fn.Return<never, BackendError, Scope.Scope> {
    const { engines, language, limits, ready, report } = session
    const parent = yield* Effect.scope
    const clock = yield* Clock.Clock
    const now = () => MonotonicTime.nowMs(clock)
    const count = engines.length
    const budget = new FailoverBudget(limits.timeoutMs, count, now())
    let index = 0
    // of this engine, since it last worked
    let pauses: RetryPolicy.Pauses | undefined
    // a circuit kept an engine out of this recovery
    let circuitWasOpen = false
    let last: BackendError | undefined

    /** The session has no recogniser meanwhile. */
    const pauseFor = (ms: number, error: BackendError) =>
      Effect.suspend(() => {
        if (ms > 0 && Deferred.isDoneUnsafe(ready)) report.unavailable(index, error)
        return Effect.sleep(ms)
      })

    while (true) {
      const guarded = engines[index]
      if (guarded === undefined) return yield* Effect.die(new RangeError(`no engine ${index}`))
      const { breaker, engine } = guarded
      const scope = yield* Scope.fork(parent)
      const admission = yield* Scope.provide(breaker.admit, scope)
      let retryAfterMs: number | undefined
      let error: BackendError
      if (admission === undefined) {
        circuitWasOpen = true
        error = last ?? Resilience.circuitOpen("SpeechToText.open", guarded)
      } else {
        const startedAt = now()
        let used: RecogniserStream.RecogniserStream | undefined
        error = yield* use(session, index, engine, admission, budget.until - startedAt, (stream) => {
          used = stream
          report.using(index, last)
          report.available(index)
          Deferred.doneUnsafe(ready, Effect.void)
        }).pipe(Scope.provide(scope), normalize("SpeechToText.events"), Effect.flip)
        session.inUse = undefined
        const stream = used as RecogniserStream.RecogniserStream | undefined
        const endedAt = now()
        if (stream !== undefined) yield* giveUp(session, stream, endedAt)
        const lasted = endedAt - startedAt >= Math.min(limits.timeoutMs, LASTING_MS)
        if (stream !== undefined && !stream.flooded && (stream.proved || stream.silent || lasted)) {
          if (lasted) yield* admission.succeed
          pauses = undefined
          budget.restart(endedAt)
        }
        const isFirst = pauses === undefined
        pauses ??= yield* RetryPolicy.start(limits.retry)
        if (stream?.silent === true) {
          session.silentStreams++
          report.failed(index, error, false)
          // the same engine once more, then each of the others
          if (session.silentStreams === 1) {
            yield* pauses(error)
            retryAfterMs = 0
          }
        } else {
          const isSessionsOwn = Resilience.isSessionsOwn(error, optionsFor(session, index, language.active(index)))
          const opened = isSessionsOwn ? false : yield* admission.fail(error)
          report.failed(index, error, opened)
          circuitWasOpen = circuitWasOpen || opened
          const pause = yield* pauses(error)
          // a stream that was open is retried at once the first time, unless the engine is overloaded
          const atOnce = isFirst && stream !== undefined && !stream.flooded &&
            error.details?.["reason"] !== "overloaded"
          const delay = atOnce ? 0 : pause
          // without a fallback, an engine that has worked may work again whatever the failure says
          const hopeless = !error.retryable && (count > 1 || stream === undefined)
          if (isSessionsOwn && language.goBack(index)) retryAfterMs = 0
          else if (!hopeless && !opened && pause !== undefined && endedAt + (delay ?? 0) < budget.until) {
            retryAfterMs = delay
          }
        }
      }
      yield* SttSuccession.close(scope, parent)
      last = error
      if (retryAfterMs !== undefined) {
        report.retrying(index, error)
        yield* pauseFor(retryAfterMs, error)
        continue
      }
      if (!budget.next(now())) {
        // circuits that other sessions opened may let this one in again in time
        const pause = Math.max(MIN_PAUSE_MS, Duration.toMillis(limits.retry.delay))
        const waits = circuitWasOpen && Deferred.isDoneUnsafe(ready) && now() + pause < budget.deadline
        if (waits) {
          yield* pauseFor(pause, error)
          budget.retryAll(now())
        } else {
          // what failed may be the language alone
          if (!language.allGoBack()) return yield* error
          budget.restart(now())
        }
        circuitWasOpen = false
      }
      index = (index + 1) % count
      pauses = undefined
    }
  }
)
