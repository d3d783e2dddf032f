/**
 * Supervises the worker that listens: starts it in the background, and again when it exits or stops responding.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { Worker } from "node:worker_threads"
import type { BackendError } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import { packageFile } from "../../ExternalPackage.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as InferenceGuard from "../local/InferenceGuard.ts"
import { resourceLimits } from "../local/WorkerMemory.ts"
import type { FromWorker, ToWorker, WorkerOptions } from "./VerdictMessages.ts"
import { VerdictQueue } from "./VerdictQueue.ts"

/** Loading the runtime and the model takes 0.2 s, with WebAssembly 2 s, and more on a busy machine. */
const START_MS = 30_000
/** A worker without an answer for this long is taken to hang; a verdict takes 0.1 s, with WebAssembly 0.5 s. */
const HANG_MS = 10_000
const HANG_CHECK_INTERVAL = "1 second"
const EXIT_TIMEOUT = "2 seconds"
/** How long the exit of the process waits for a verdict in progress. */
const PROCESS_EXIT_MS = 2_000
/** How long after a failure a worker is started again; doubles up to the second. */
const FIRST_RESTART_MS = 500
const LAST_RESTART_MS = 60_000

const file = packageFile(import.meta.url, "./VerdictWorker.js", "engines/smart-turn/VerdictWorker.js")

/**
 * A supervised worker.
 *
 * @category models
 * @since 0.1.0
 */
export interface SmartTurnWorker {
  /** The probability (0 to 1) that a turn is over, from its audio. Takes the memory of the samples. */
  readonly listen: (pcm: Int16Array) => Effect.Effect<number, BackendError>
  /** Waits for the first worker, and fails while there is none. */
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

/** Samples that can be given away: a view of a part would take the rest with it. */
const own = (pcm: Int16Array): Int16Array<ArrayBuffer> =>
  pcm.buffer instanceof ArrayBuffer && pcm.byteLength === pcm.buffer.byteLength
    // its buffer was just found to be one
    ? pcm as Int16Array<ArrayBuffer>
    : Int16Array.from(pcm)

/**
 * Starts the worker in the scope, and returns at once: what cannot be started fails `listen`, is logged once and tried again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly model: string
  readonly packages: ReadonlyArray<string>
  /** Called with each worker that is started. */
  readonly onWorker?: ((worker: Worker) => void) | undefined
  /** The script of the worker, for tests. Default: that of the model. */
  readonly script?: URL | undefined
}): Effect.fn.Return<SmartTurnWorker, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const now = () => MonotonicTime.nowMs(clock)
  const guard = yield* InferenceGuard.make(PROCESS_EXIT_MS)
  /** Open once the first worker is ready or has failed. */
  const known = Latch.makeUnsafe()
  let worker: Worker | undefined
  const queue = new VerdictQueue({
    now,
    send: (id, pcm) => {
      const samples = own(pcm)
      // keeps the process alive until the verdict is there
      worker?.ref()
      worker?.postMessage({ _tag: "Listen", id, pcm: samples } satisfies ToWorker, [samples.buffer])
    }
  })

  /** Runs one worker from its start to its end; returns why it ended. `onReady` is called when it has started. */
  const live = (onReady: () => void) =>
    Effect.gen(function*() {
      const ended = yield* Deferred.make<string>()
      const end = (why: string): void => void Deferred.doneUnsafe(ended, Effect.succeed(why))
      const workerData: WorkerOptions = { model: options.model, packages: options.packages, guard }
      const started = yield* Effect.acquireRelease(
        Effect.sync(() => new Worker(options.script ?? file, { workerData, name: "smart-turn", resourceLimits })),
        (which) => finalizeWithin(EXIT_TIMEOUT)(exit(which))
      )
      const ready = yield* Deferred.make<Extract<FromWorker, { readonly _tag: "Ready" }>>()
      yield* Deferred.await(ready).pipe(
        Effect.flatMap(({ packageName, unusable }) =>
          unusable === undefined
            ? Effect.logDebug(`smart-turn runs on ${packageName}`)
            : Effect.logWarning(
              `smart-turn runs on ${packageName}, because another ONNX runtime does not load: ${unusable}`
            )
        ),
        Effect.forkScoped
      )
      const beganAt = now()
      let isReady = false
      // an idle worker does not keep the process alive
      started.unref()
      started.on("message", (message: FromWorker) => {
        switch (message._tag) {
          case "Ready":
            isReady = true
            worker = started
            Deferred.doneUnsafe(ready, Effect.succeed(message))
            onReady()
            return queue.workerStarted()
          case "Failed":
            return end(`did not start: ${message.message}`)
          case "Verdict":
            if (worker !== started) return
            queue.verdict(message.id, message.probability)
            break
          case "NoVerdict":
            if (worker !== started) return
            queue.noVerdict(message.id, message.message)
        }
        if (queue.sentAt === undefined) started.unref()
      })
      started.on("error", (cause) => end(`failed: ${cause instanceof Error ? cause.message : String(cause)}`))
      started.on("exit", (code) => end(`exited with code ${code}`))
      options.onWorker?.(started)
      const hang = Effect.gen(function*() {
        while (true) {
          yield* Effect.sleep(HANG_CHECK_INTERVAL)
          const { sentAt } = queue
          if (!isReady && now() - beganAt > START_MS) return `did not start within ${START_MS} ms`
          if (sentAt !== undefined && now() - sentAt > HANG_MS) return `gave no verdict for ${HANG_MS} ms`
        }
      })
      return yield* Effect.raceFirst(Deferred.await(ended), hang).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            worker = undefined
            queue.workerStopped(exit._tag === "Success" ? exit.value : "is stopped")
          })
        )
      )
    }).pipe(Effect.scoped)

  // a worker that was not even started is waited for no longer
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      queue.workerStopped("is stopped")
      known.openUnsafe()
    })
  )
  yield* Effect.gen(function*() {
    let waitMs = FIRST_RESTART_MS
    let isFailing = false
    while (true) {
      const why = yield* live(() => {
        known.openUnsafe()
        waitMs = FIRST_RESTART_MS
        isFailing = false
      })
      const line = `smart-turn's worker ${why}; starting it again`
      yield* isFailing ? Effect.logDebug(line) : Effect.logWarning(line)
      known.openUnsafe()
      isFailing = true
      yield* Effect.sleep(waitMs)
      waitMs = Math.min(LAST_RESTART_MS, 2 * waitMs)
    }
  }).pipe(Effect.forkScoped)

  return {
    listen: (pcm) =>
      Effect.callback<number, BackendError>((resume) => {
        const takeBack = queue.add(pcm, {
          onVerdict: (probability) => resume(Effect.succeed(probability)),
          onFailure: (error) => resume(Effect.fail(error))
        })
        return Effect.sync(takeBack)
      }),
    probe: Effect.andThen(
      known.await,
      Effect.suspend(() => queue.failing === undefined ? Effect.void : Effect.fail(queue.failing))
    )
  }
})
