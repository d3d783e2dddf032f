/**
 * Supervises the worker of the neural voice, which all sessions share: restarts it when it exits or stops responding, and
 * fails the texts that it was saying.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Worker } from "node:worker_threads"
import type { BackendError } from "../../../BackendError.ts"
import { deadline, finalizeWithin } from "../../../Deadline.ts"
import { adviceFor, packageFile } from "../../../ExternalPackage.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"
import { type SoundQueue, SpeechRequests, voiceFailed } from "./SpeechRequests.ts"
import {
  BUSY,
  type FromWorker,
  type Sound,
  type SpeechRequest,
  STOP,
  type ToWorker,
  type WorkerOptions
} from "./WorkerProtocol.ts"

/** Loading the tables and the networks takes 1 to 2 s, and ten times as long on a busy machine without the native runtime. */
const START_TIMEOUT = "60 seconds"
/** A worker that owes sound and sends none for this long is taken to hang; a step takes 0.3 s at most. */
const HANG_MS = 10_000
const HANG_CHECK_INTERVAL = "500 millis"
const EXIT_TIMEOUT = "2 seconds"
/** How long the exit of the process waits for the inference in progress. */
const PROCESS_EXIT_MS = 1_000
/** Texts of all sessions that are being said or wait; one more is refused. */
const MAX_TEXTS = 1_024

const file = packageFile(import.meta.url, "./VoiceWorker.js", "engines/hibari/worker/VoiceWorker.js")
const op = "EngineRegistry.layer"

/**
 * The part of `node:worker_threads`' `Worker` that is used.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThreadWorker {
  readonly postMessage: (message: ToWorker) => void
  readonly on: {
    (event: "message", listener: (message: FromWorker) => void): unknown
    (event: "error", listener: (cause: Error) => void): unknown
    (event: "exit", listener: (code: number) => void): unknown
  }
  readonly ref: () => void
  readonly unref: () => void
  readonly terminate: () => Promise<unknown>
}

/**
 * - `worker`: its options, but for the memory that is shared with it.
 * - `start`: starts a worker; tests give a scripted one.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceThreadOptions {
  readonly worker: Omit<WorkerOptions, "control">
  readonly start?: ((options: WorkerOptions) => ThreadWorker) | undefined
}

/**
 * A supervised worker.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceThread {
  /**
   * Says a text: its sound as it is made, at most 10 s ahead of who takes it (more to finish a piece of a sentence). Ending the
   * stream cancels the text. Fails `pipeline_error`, retryable.
   */
  readonly speak: (request: Omit<SpeechRequest, "id">) => Stream.Stream<Sound, BackendError>
}

const startWorker = (workerData: WorkerOptions): ThreadWorker => new Worker(file, { workerData, name: "hibari" })

/** Lets the worker exit by itself; one that hangs is terminated, unless it is in native code, where that crashes the process. */
const exit = (worker: ThreadWorker, control: Int32Array, hasEnded: Deferred.Deferred<string>) =>
  Effect.suspend(() => {
    worker.postMessage({ _tag: "End" })
    return Deferred.await(hasEnded)
  }).pipe(
    Effect.timeoutOption(EXIT_TIMEOUT),
    Effect.andThen(
      Effect.suspend(() => Atomics.load(control, BUSY) === 1 ? Effect.void : Effect.promise(() => worker.terminate()))
    )
  )

/**
 * Starts the worker in the scope. Fails `pipeline_error` when it cannot be started: without an ONNX runtime that loads, or with
 * another file than the pinned one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: VoiceThreadOptions
): Effect.fn.Return<VoiceThread, BackendError, Scope.Scope> {
  const clock = yield* Clock.Clock
  const now = () => MonotonicTime.nowMs(clock)
  const requests = new SpeechRequests()
  const runtime = options.worker.runtimes.at(-1) ?? "onnxruntime-web"
  let worker: ThreadWorker | undefined
  let control = new Int32Array(new SharedArrayBuffer(8))
  /** When the worker was last heard of, or owed nothing. */
  let quietSince = 0

  /** `process.exit` terminates threads at once, and a thread in the runtime's native code would crash the process. */
  const waitForInference = (): void => {
    Atomics.store(control, STOP, 1)
    while (Atomics.load(control, BUSY) === 1) {
      if (Atomics.wait(control, BUSY, 1, PROCESS_EXIT_MS) === "timed-out") return
    }
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("exit", waitForInference)),
    () => Effect.sync(() => process.off("exit", waitForInference))
  )

  const post = (message: ToWorker): void => worker?.postMessage(message)
  /** An idle worker does not keep the process alive. */
  const rest = (): void => {
    if (requests.size === 0) worker?.unref()
  }

  /** Starts a worker in the scope; the result is resolved with the reason when the worker ends. */
  const start = Effect.gen(function*() {
    const ready = yield* Deferred.make<void, BackendError>()
    const ended = yield* Deferred.make<string>()
    const shared = new Int32Array(new SharedArrayBuffer(8))
    const started = yield* Effect.acquireRelease(
      Effect.sync(() => (options.start ?? startWorker)({ ...options.worker, control: shared })),
      (which) => finalizeWithin("5 seconds")(exit(which, shared, ended))
    )
    control = shared
    const end = (why: string): void => {
      Deferred.doneUnsafe(ended, Effect.succeed(why))
      Deferred.doneUnsafe(ready, Effect.fail(voiceFailed(why, true)))
    }
    started.unref()
    started.on("message", (message) => {
      quietSince = now()
      switch (message._tag) {
        case "Ready":
          return Deferred.doneUnsafe(ready, Effect.void)
        case "Failed":
          return Deferred.doneUnsafe(
            ready,
            Effect.fail(
              voiceFailed(
                `did not start: ${
                  message.missing
                    ? `it needs the package ${runtime}: ${adviceFor(runtime, message.message)}`
                    : message.message.split("\n", 1)[0]
                }`,
                false
              )
            )
          )
        default:
          if (worker !== started) return
          requests.receive(message)
          rest()
      }
    })
    started.on("error", (cause) => end(`failed: ${cause instanceof Error ? cause.message : String(cause)}`))
    started.on("exit", (code) => end(`exited with code ${code}`))
    yield* Deferred.await(ready).pipe(deadline(op, "starting hibari's worker", START_TIMEOUT))
    worker = started
    return ended
  })

  const hang = Effect.gen(function*() {
    while (true) {
      yield* Effect.sleep(HANG_CHECK_INTERVAL)
      if (!requests.isExpecting) quietSince = now()
      if (now() - quietSince > HANG_MS) return `sent no sound for ${HANG_MS} ms`
    }
  })

  const down = (why: string): void => {
    worker = undefined
    requests.fail(voiceFailed(why, true))
  }

  const begin = Effect.gen(function*() {
    const scope = yield* Scope.make()
    const ended = yield* Scope.provide(start, scope).pipe(Effect.onError(() => Scope.close(scope, Exit.void)))
    return { scope, ended }
  })
  let current = yield* begin
  // Registered before the supervising fiber, so it runs after that fiber was interrupted and closes the last worker.
  yield* Effect.addFinalizer(() =>
    Effect.andThen(Effect.sync(() => down("was stopped")), Scope.close(current.scope, Exit.void))
  )
  yield* Effect.gen(function*() {
    while (true) {
      const why = yield* Effect.raceFirst(Deferred.await(current.ended), hang)
      down(why)
      yield* Effect.logWarning(`hibari's worker ${why}; restarting it`)
      yield* Scope.close(current.scope, Exit.void)
      current = yield* begin.pipe(
        Effect.tapError(({ message }) =>
          Effect.logWarning("hibari's worker could not be restarted; will retry", message)
        ),
        Effect.retry(Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("10 seconds")]))
      )
      quietSince = now()
    }
  }).pipe(Effect.forkScoped)

  const open = (request: Omit<SpeechRequest, "id">) =>
    Effect.gen(function*() {
      if (worker === undefined) return yield* voiceFailed("has exited", true)
      if (requests.size >= MAX_TEXTS) return yield* voiceFailed(`is overloaded: ${MAX_TEXTS} texts are queued`, true)
      // the worker stops ahead of a listener who takes nothing
      const queue: SoundQueue = yield* Queue.unbounded<Sound, BackendError | Cause.Done>()
      const id = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const added = requests.add(queue)
          worker?.ref()
          post({ _tag: "Speak", request: { ...request, id: added } })
          return added
        }),
        (which) =>
          Effect.sync(() => {
            if (requests.remove(which)) post({ _tag: "Cancel", id: which })
            rest()
          })
      )
      return Stream.fromQueue(queue).pipe(
        Stream.tap(() =>
          Effect.sync(() => {
            if (requests.taken(id)) post({ _tag: "Taken", id })
          })
        )
      )
    })

  return { speak: (request) => Stream.unwrap(open(request)) }
})
