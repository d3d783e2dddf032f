/**
 * Keeps a number of processes running: starts again those that end, kills those that hang, and ends all of them with its
 * scope.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { ConnectionFailed } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import { CHECK_MS, Heartbeats } from "./Heartbeats.ts"

/** Loading models takes seconds, and much longer on a busy machine. */
const START_TIMEOUT = Duration.minutes(2)
/** A worker that has listened for this long has not failed at its start. */
const STABLE_MS = 60_000
const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 10_000

/**
 * What a process reports.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerEvents {
  readonly onListening: () => void
  readonly onHeartbeat: () => void
  /** `why`: the rest of the sentence "worker 1 …". */
  readonly onEnd: (why: string) => void
}

/**
 * - `start`: starts the process of a worker, and gives what sends it a signal.
 * - `drainDeadline`: how long a worker may take to end after SIGTERM; then it is killed.
 *
 * @category models
 * @since 0.1.0
 */
export interface SupervisorOptions {
  readonly count: number
  readonly start: (index: number, events: WorkerEvents) => (signal: NodeJS.Signals) => void
  readonly drainDeadline: Duration.Duration
}

/**
 * How long to wait before a worker is started again, by how often in a row it has ended soon after its start: at once the
 * first time, then 0.5 s, twice as long each time, at most 10 s.
 *
 * @category accessors
 * @since 0.1.0
 */
export const restartDelayMs = (failures: number): number =>
  failures === 0 ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1))

interface Running {
  readonly signal: (signal: NodeJS.Signals) => void
  readonly ended: Deferred.Deferred<string>
}

/**
 * Starts the workers, and gives what sends a signal to all of them. Fails `connection_failed` when one of them ends before it
 * listens, or does not listen within 2 minutes; later, such a worker is started again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { count, drainDeadline, start }: SupervisorOptions
): Effect.fn.Return<(signal: NodeJS.Signals) => void, ConnectionFailed, Scope.Scope> {
  const running = new Map<number, Running>()
  const heartbeats = new Heartbeats()
  const failure = (message: string) => new ConnectionFailed({ op: "serve", message })

  const signalAll = (signal: NodeJS.Signals): void => {
    for (const worker of running.values()) worker.signal(signal)
  }

  const launch = Effect.fnUntraced(function*(index: number) {
    const listening = yield* Deferred.make<void, ConnectionFailed>()
    const ended = yield* Deferred.make<string>()
    // A process that did not start in time may report after its successor was started.
    const isCurrent = () => running.get(index)?.ended === ended
    const signal = start(index, {
      onListening: () => {
        if (isCurrent()) heartbeats.watch(index)
        Deferred.doneUnsafe(listening, Effect.void)
      },
      onHeartbeat: () => {
        if (isCurrent()) heartbeats.heard(index)
      },
      onEnd: (why) => {
        if (isCurrent()) {
          heartbeats.forget(index)
          running.delete(index)
        }
        Deferred.doneUnsafe(listening, Effect.fail(failure(`worker ${index} ${why} before it listened`)))
        Deferred.doneUnsafe(ended, Effect.succeed(why))
      }
    })
    const worker: Running = { signal, ended }
    running.set(index, worker)
    yield* Deferred.await(listening).pipe(
      Effect.timeoutOrElse({
        duration: START_TIMEOUT,
        orElse: () =>
          Effect.suspend(() => {
            signal("SIGKILL")
            return Effect.fail(failure(`worker ${index} did not listen within ${Duration.format(START_TIMEOUT)}`))
          })
      })
    )
    return worker
  })

  const keepRunning = Effect.fnUntraced(function*(index: number, first: Running) {
    let worker: Running | undefined = first
    let failures = 0
    while (true) {
      if (worker !== undefined) {
        const startedMs = yield* MonotonicTime.currentMs
        const why = yield* Deferred.await(worker.ended)
        if ((yield* MonotonicTime.currentMs) - startedMs >= STABLE_MS) failures = 0
        yield* Effect.logWarning(`worker ${index} ${why}; restarting it`)
      }
      yield* Effect.sleep(restartDelayMs(failures++))
      worker = yield* launch(index).pipe(
        Effect.catch((error) => Effect.as(Effect.logWarning(`${error.message}; trying again`), undefined))
      )
    }
  })

  const killHung = Effect.gen(function*() {
    for (const index of heartbeats.check(yield* MonotonicTime.currentMs)) {
      yield* Effect.logWarning(`worker ${index} has not answered for 3 seconds; killing it`)
      running.get(index)?.signal("SIGKILL")
    }
  })

  const end = ({ ended, signal }: Running) =>
    Effect.gen(function*() {
      signal("SIGTERM")
      const over = yield* finalizeWithin(drainDeadline)(Deferred.await(ended))
      if (over._tag === "None") signal("SIGKILL")
    })

  // However this process exits, no worker outlives it.
  const killAll = () => signalAll("SIGKILL")
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("exit", killAll)),
    () => Effect.sync(() => process.off("exit", killAll))
  )
  // Finalizers run in reverse: nothing is restarted any more, then all drain, and one that hangs meanwhile is killed.
  yield* killHung.pipe(Effect.delay(Duration.millis(CHECK_MS)), Effect.forever, Effect.forkScoped)
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => Effect.forEach(Array.from(running.values()), end, { concurrency: "unbounded", discard: true }))
  )
  const started = yield* Effect.forEach(Array.from({ length: count }, (_, index) => index), launch, {
    concurrency: "unbounded"
  })
  yield* Effect.forEach(started, (worker, index) => Effect.forkScoped(keepRunning(index, worker)), { discard: true })
  return signalAll
})
