/**
 * Supervises the worker that classifies windows: restarts it when it exits or stops responding.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { Worker } from "node:worker_threads"
import { type BackendError, PipelineError } from "../../BackendError.ts"
import { deadline, finalizeWithin } from "../../Deadline.ts"
import { packageFile } from "../../ExternalPackage.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as InferenceGuard from "../local/InferenceGuard.ts"
import * as OptionalPackage from "../local/OptionalPackage.ts"
import { resourceLimits } from "../local/WorkerMemory.ts"
import { type FromWorker, type ModelRate, shapes, type ToWorker, type WorkerOptions } from "./BatchProtocol.ts"
import { BatchScheduler } from "./BatchScheduler.ts"

/**
 * How long an incomplete batch waits, half a window: waking the worker costs as much as ten windows. With few sessions it
 * waits less.
 */
const MAX_WAIT_MS = 16
const SESSIONS_PER_MS = 4
/** Loading the runtime and the model takes 0.3 s. */
const START_TIMEOUT = "10 seconds"
/** A worker without a result for this long is taken to hang; a batch takes 2 ms. */
const HANG_MS = 3_000
const HANG_CHECK_INTERVAL = "500 millis"
const EXIT_TIMEOUT = "2 seconds"
/** How long the exit of the process waits for the inference in progress: one batch of one session's windows, 0.5 s. */
const PROCESS_EXIT_MS = 500

const file = packageFile(import.meta.url, "./BatchWorker.js", "engines/silero/BatchWorker.js")

const op = "VoiceActivityDetector.open"

/**
 * A supervised worker and the scheduler in front of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SileroWorker {
  readonly batches: BatchScheduler
  /** Classifies one window of silence. */
  readonly probe: Effect.Effect<void, BackendError>
}

/**
 * Lets the worker exit by itself. A worker that hangs is abandoned, because `terminate` in the runtime's native code crashes
 * the process.
 */
const exit = (worker: Worker): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (worker.threadId === -1) return resume(Effect.void)
    worker.once("exit", () => resume(Effect.void))
    worker.postMessage({ _tag: "End" } satisfies ToWorker)
  })

const workerFailed = (message: string, retryable: boolean) =>
  new PipelineError({ op, message: `silero's worker ${message}`, retryable })

/**
 * Starts the worker in the scope. Fails `invalid_config` without any of the packages, `pipeline_error` when it cannot be
 * started.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly model: string
  readonly rate: ModelRate
  /** The packages that can run it, in the order of preference. */
  readonly packages: ReadonlyArray<string>
  /** Called with each worker that is started. */
  readonly onWorker?: ((worker: Worker) => void) | undefined
}): Effect.fn.Return<SileroWorker, BackendError, Scope.Scope> {
  const clock = yield* Clock.Clock
  const now = () => MonotonicTime.nowMs(clock)
  const first = Latch.makeUnsafe()
  const guard = yield* InferenceGuard.make(PROCESS_EXIT_MS)
  let worker: Worker | undefined
  const batches: BatchScheduler = new BatchScheduler({
    rate: options.rate,
    now,
    send: ({ count, index }) => {
      // keeps the process alive until the result is there
      worker?.ref()
      worker?.postMessage({ _tag: "Classify", index, count } satisfies ToWorker)
    },
    onFirst: () => first.openUnsafe()
  })

  /** Starts a worker in the scope; the result is resolved with the reason when the worker ends. */
  const start = Effect.gen(function*() {
    const ready = yield* Deferred.make<void, BackendError>()
    const ended = yield* Deferred.make<string>()
    const started = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const workerData: WorkerOptions = {
          model: options.model,
          rate: options.rate,
          packages: options.packages,
          memory: batches.memory,
          guard
        }
        return new Worker(file, { workerData, resourceLimits })
      }),
      (which) => finalizeWithin(EXIT_TIMEOUT)(exit(which))
    )
    const end = (why: string): void => {
      Deferred.doneUnsafe(ended, Effect.succeed(why))
      Deferred.doneUnsafe(ready, Effect.fail(workerFailed(why, true)))
    }
    // an idle worker does not keep the process alive
    started.unref()
    started.on("message", (message: FromWorker) => {
      switch (message._tag) {
        case "Ready":
          return Deferred.doneUnsafe(ready, Effect.void)
        case "Failed":
          return Deferred.doneUnsafe(
            ready,
            Effect.fail(
              message.missing
                ? OptionalPackage.missing({
                  engine: "silero",
                  purpose: "silero in mode \"batched\"",
                  packageName: options.packages[0] ?? "",
                  cause: message.message
                })
                : workerFailed(`did not start: ${message.message.split("\n", 1)[0]}`, false)
            )
          )
        case "Classified":
          if (worker !== started) return
          batches.classified(message.index)
          if (batches.oldestAt === undefined) started.unref()
      }
    })
    started.on("error", (cause) => end(`failed: ${cause instanceof Error ? cause.message : String(cause)}`))
    started.on("exit", (code) => end(`exited with code ${code}`))
    options.onWorker?.(started)
    yield* Deferred.await(ready).pipe(
      deadline(op, "starting silero's worker", START_TIMEOUT)
    )
    worker = started
    batches.workerStarted()
    return ended
  })

  const hang = Effect.gen(function*() {
    while (true) {
      yield* Effect.sleep(HANG_CHECK_INTERVAL)
      const { oldestAt } = batches
      if (oldestAt !== undefined && now() - oldestAt > HANG_MS) return `sent no result for ${HANG_MS} ms`
    }
  })

  const down = (): void => {
    worker = undefined
    batches.workerStopped()
  }

  /** Waits for the end of a worker and returns the reason. */
  const awaitEnd = (ended: Deferred.Deferred<string>) =>
    Effect.raceFirst(Deferred.await(ended), hang).pipe(
      Effect.ensuring(Effect.sync(down))
    )

  const begin = Effect.gen(function*() {
    const scope = yield* Scope.make()
    const ended = yield* Scope.provide(start, scope).pipe(Effect.onError(() => Scope.close(scope, Exit.void)))
    return { scope, ended }
  })
  let current = yield* begin
  // Registered before the supervising fiber, so it runs after that fiber was interrupted and closes the last worker. (A
  // finalizer inside the fiber would not run if the fiber had not begun.)
  yield* Effect.addFinalizer(() => Effect.andThen(Effect.sync(down), Scope.close(current.scope, Exit.void)))
  yield* Effect.gen(function*() {
    while (true) {
      const why = yield* awaitEnd(current.ended)
      yield* Scope.close(current.scope, Exit.void)
      yield* Effect.logWarning(`silero's worker ${why}; restarting it`)
      current = yield* begin.pipe(
        Effect.tapError(({ message }) =>
          Effect.logWarning("silero's worker could not be restarted; will retry", message)
        ),
        Effect.retry(Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("10 seconds")]))
      )
    }
  }).pipe(Effect.forkScoped)

  yield* Effect.gen(function*() {
    yield* first.await
    yield* Effect.sleep(Math.min(MAX_WAIT_MS, Math.ceil(batches.open / SESSIONS_PER_MS)))
    first.closeUnsafe()
    batches.flush()
  }).pipe(Effect.forever, Effect.forkScoped)

  const probe = Effect.gen(function*() {
    const answered = yield* Deferred.make<void, BackendError>()
    const slot = batches.openSlot((speech) =>
      Deferred.doneUnsafe(
        answered,
        Number.isNaN(speech) ? Effect.fail(workerFailed("has exited", true)) : Effect.void
      )
    )
    if (!batches.push(slot, (samples, at) => samples.fill(0, at, at + shapes[options.rate].window))) {
      batches.closeSlot(slot)
      return yield* workerFailed("is overloaded or has exited", true)
    }
    yield* Effect.ensuring(Deferred.await(answered), Effect.sync(() => batches.closeSlot(slot)))
  })
  return { batches, probe }
})
