/**
 * The worker that judges windows, kept alive: started, watched, and started anew when it dies or answers nothing.
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
import { type BackendError, InvalidConfig, PipelineError, Timeout } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import {
  BUSY,
  type FromWorker,
  type ModelRate,
  shapes,
  STOP,
  type ToWorker,
  type WorkerOptions
} from "./BatchProtocol.ts"
import { BatchScheduler } from "./BatchScheduler.ts"

/** A window waits at most so long for others, half its length: waking the worker costs as much as judging ten. With few sessions less. */
const MAX_WAIT_MS = 16
const SESSIONS_PER_MS = 4
/** Loading the runtime and the model takes 0.3 s. */
const START_TIMEOUT = "10 seconds"
/** A worker that answers nothing for so long is taken to hang; a batch takes 2 ms. */
const HANGS_MS = 3_000
const LOOK_EVERY = "500 millis"
const END_TIMEOUT = "2 seconds"
/** A batch takes 2 ms, and the longest row of windows of one session half a second. */
const PAUSE_MS = 500

/** Beside this file, compiled or not. */
const file = new URL(import.meta.url.endsWith(".ts") ? "./BatchWorker.ts" : "./BatchWorker.js", import.meta.url)

const op = "VoiceActivityDetector.open"

/**
 * @category models
 * @since 0.1.0
 */
export interface SileroWorker {
  readonly batches: BatchScheduler
  /** Has the worker judge a window. */
  readonly probe: Effect.Effect<void, BackendError>
}

/**
 * Waits until the worker has done what it does. One that hangs is left behind: `terminate` in the middle of the runtime's
 * native code ends the process.
 */
const finish = (worker: Worker): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (worker.threadId === -1) return resume(Effect.void)
    worker.once("exit", () => resume(Effect.void))
    worker.postMessage({ _tag: "End" } satisfies ToWorker)
  })

const unable = (message: string, retryable: boolean) =>
  new PipelineError({ op, message: `silero's worker ${message}`, retryable })

/**
 * Starts the worker in the scope. Fails `invalid_config` without `onnxruntime-node`, `pipeline_error` when it cannot be
 * started.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly model: string
  readonly rate: ModelRate
  /** Default: `onnxruntime-node`. */
  readonly runtime?: string | undefined
  /** Sees each worker that is started. */
  readonly onWorker?: ((worker: Worker) => void) | undefined
}): Effect.fn.Return<SileroWorker, BackendError, Scope.Scope> {
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const first = Latch.makeUnsafe()
  const runtime = options.runtime ?? "onnxruntime-node"
  const control = new Int32Array(new SharedArrayBuffer(8))
  /** A process that ends stops its threads wherever they are, and in the runtime's native code that ends it with a crash. */
  const pause = (): void => {
    Atomics.store(control, STOP, 1)
    while (Atomics.load(control, BUSY) === 1) {
      if (Atomics.wait(control, BUSY, 1, PAUSE_MS) === "timed-out") return
    }
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("exit", pause)),
    () => Effect.sync(() => process.off("exit", pause))
  )
  let worker: Worker | undefined
  const batches: BatchScheduler = new BatchScheduler({
    rate: options.rate,
    now,
    send: ({ count, index }) => {
      // a process does not end while an answer is on its way
      worker?.ref()
      worker?.postMessage({ _tag: "Judge", index, count } satisfies ToWorker)
    },
    onFirst: () => first.openUnsafe()
  })

  /** A worker in its scope, and when and why it ended. */
  const start = Effect.gen(function*() {
    const ready = yield* Deferred.make<void, BackendError>()
    const ended = yield* Deferred.make<string>()
    const started = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const workerData: WorkerOptions = {
          model: options.model,
          rate: options.rate,
          runtime,
          memory: batches.memory,
          control
        }
        return new Worker(file, { workerData })
      }),
      (which) => finalizeWithin(END_TIMEOUT)(finish(which))
    )
    const end = (why: string): void => {
      Deferred.doneUnsafe(ended, Effect.succeed(why))
      Deferred.doneUnsafe(ready, Effect.fail(unable(why, true)))
    }
    // by itself no reason for a process to live
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
                ? new InvalidConfig({
                  op: "EngineRegistry.layer",
                  message: `silero in batches needs the package ${runtime}: run "npm install ${runtime}"`,
                  details: { missing: [runtime], engine: "silero" }
                })
                : unable(`did not start: ${message.message.split("\n", 1)[0]}`, false)
            )
          )
        case "Judged":
          if (worker !== started) return
          batches.judged(message.index)
          if (batches.oldestAt === undefined) started.unref()
      }
    })
    started.on("error", (cause) => end(`failed: ${cause instanceof Error ? cause.message : String(cause)}`))
    started.on("exit", (code) => end(`ended with ${code}`))
    options.onWorker?.(started)
    yield* Deferred.await(ready).pipe(
      Effect.timeoutOrElse({
        duration: START_TIMEOUT,
        orElse: () => Effect.fail(new Timeout({ op, message: `silero's worker did not start within ${START_TIMEOUT}` }))
      })
    )
    worker = started
    batches.up()
    return ended
  })

  const hangs = Effect.gen(function*() {
    while (true) {
      yield* Effect.sleep(LOOK_EVERY)
      const { oldestAt } = batches
      if (oldestAt !== undefined && now() - oldestAt > HANGS_MS) return "answers nothing"
    }
  })

  const down = (): void => {
    worker = undefined
    batches.down()
  }

  /** Lives as long as one worker, and tells why it ended. */
  const live = (ended: Deferred.Deferred<string>) =>
    Effect.raceFirst(Deferred.await(ended), hangs).pipe(
      Effect.ensuring(Effect.sync(down))
    )

  const begin = Effect.gen(function*() {
    const scope = yield* Scope.make()
    const ended = yield* Scope.provide(start, scope).pipe(Effect.onError(() => Scope.close(scope, Exit.void)))
    return { scope, ended }
  })
  let current = yield* begin
  // the last one, whichever it is, after nobody starts another any more; a fiber that has not begun does nothing at its end
  yield* Effect.addFinalizer(() => Effect.andThen(Effect.sync(down), Scope.close(current.scope, Exit.void)))
  yield* Effect.gen(function*() {
    while (true) {
      const why = yield* live(current.ended)
      yield* Scope.close(current.scope, Exit.void)
      yield* Effect.logWarning(`silero's worker ${why}: it is started again`)
      current = yield* begin.pipe(
        Effect.tapError(({ message }) => Effect.logWarning("silero's worker cannot be started", message)),
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
    const place = batches.enter((speech) =>
      Deferred.doneUnsafe(answered, Number.isNaN(speech) ? Effect.fail(unable("is gone", true)) : Effect.void)
    )
    if (!batches.push(place, (samples, at) => samples.fill(0, at, at + shapes[options.rate].window))) {
      batches.leave(place)
      return yield* unable("is behind or gone", true)
    }
    yield* Effect.ensuring(Deferred.await(answered), Effect.sync(() => batches.leave(place)))
  })
  return { batches, probe }
})
