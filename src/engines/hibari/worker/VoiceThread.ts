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
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Worker } from "node:worker_threads"
import { type BackendError, InvalidConfig } from "../../../BackendError.ts"
import { deadline, finalizeWithin } from "../../../Deadline.ts"
import { adviceFor, packageFile } from "../../../ExternalPackage.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"
import * as InferenceGuard from "../../local/InferenceGuard.ts"
import { resourceLimits } from "../../local/WorkerMemory.ts"
import { type SoundQueue, SpeechRequests, voiceFailed } from "./SpeechRequests.ts"
import type { FromWorker, Sound, SpeechRequest, ToWorker, WorkerOptions } from "./WorkerProtocol.ts"

/** Loading the tables and the networks takes 1 to 2 s, and ten times as long on a busy machine without the native runtime. */
const START_TIMEOUT = "60 seconds"
/** A worker that owes sound and makes no step for this long is taken to hang; one takes 0.1 s, on WebAssembly 0.4 s at most. */
const HANG_MS = 5_000
const HANG_CHECK_INTERVAL = "500 millis"
const EXIT_TIMEOUT = "2 seconds"
/** How long after its end a worker is started again; doubles with each that lives no longer than `STEADY_MS`, up to the last. */
const FIRST_RESTART_MS = 100
const LAST_RESTART_MS = 10_000
const STEADY_MS = 60_000
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
  readonly worker: Omit<WorkerOptions, "guard" | "current">
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

const startWorker = (workerData: WorkerOptions): ThreadWorker =>
  new Worker(file, { workerData, name: "hibari", resourceLimits })

/** Lets the worker exit by itself; one that hangs is terminated, unless it is in native code, where that crashes the process. */
const exit = (
  worker: ThreadWorker,
  guard: InferenceGuard.InferenceGuard,
  hasEnded: Deferred.Deferred<string>
): Effect.Effect<unknown> =>
  Effect.suspend(() => {
    worker.postMessage({ _tag: "End" })
    return Deferred.await(hasEnded)
  }).pipe(
    Effect.timeoutOption(EXIT_TIMEOUT),
    Effect.andThen(
      Effect.suspend(() => InferenceGuard.isBusy(guard) ? Effect.void : Effect.promise(() => worker.terminate()))
    )
  )

/** A worker that runs, or did. */
interface Running {
  readonly worker: ThreadWorker
  /** Resolved with the reason when it ends. */
  readonly ended: Deferred.Deferred<string>
  readonly current: Int32Array
}

const startFailure = ({ fault, message }: FromWorker & { readonly _tag: "Failed" }, runtime: string): BackendError => {
  const line = message.split("\n", 1)[0] ?? ""
  switch (fault) {
    case "model":
      return new InvalidConfig({
        op,
        message: `engines.hibari: ${line}`,
        details: { engine: "hibari", reason: "model" }
      })
    case "package":
      return voiceFailed(`did not start: it needs the package ${runtime}: ${adviceFor(runtime, message)}`, false)
    case "other":
      return voiceFailed(`did not start: ${line}`, false)
  }
}

/**
 * Starts the worker in the scope. Fails `invalid_config` for a file that is not a voice's network, or not the expected one, and
 * `pipeline_error` when the worker cannot be started, such as without an ONNX runtime that loads.
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
  /** When the worker was last heard of, or owed nothing. */
  let quietSince = 0

  const post = (message: ToWorker): void => worker?.postMessage(message)
  /** An idle worker does not keep the process alive. */
  const rest = (): void => {
    if (requests.size === 0) worker?.unref()
  }

  /** Starts a worker in the scope. */
  const start = Effect.gen(function*() {
    const ready = yield* Deferred.make<void, BackendError>()
    const ended = yield* Deferred.make<string>()
    // `process.exit` terminates threads at once, and a thread in the runtime's native code would crash the process
    const guard = yield* InferenceGuard.make(PROCESS_EXIT_MS)
    const current = new Int32Array(new SharedArrayBuffer(8))
    const started = yield* Effect.acquireRelease(
      Effect.sync(() => (options.start ?? startWorker)({ ...options.worker, guard, current })),
      (which) => finalizeWithin("5 seconds")(exit(which, guard, ended))
    )
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
          return Deferred.doneUnsafe(ready, Effect.fail(startFailure(message, runtime)))
        default:
          if (worker !== started) return
          requests.receive(message)
          rest()
      }
    })
    started.on("error", (cause) => end(`failed: ${cause instanceof Error ? cause.message : String(cause)}`))
    started.on("exit", (code) => end(`exited with code ${code}`))
    yield* Deferred.await(ready).pipe(deadline(op, "starting hibari's worker", START_TIMEOUT))
    return { worker: started, ended, current } satisfies Running as Running
  })

  const hang = Effect.fnUntraced(function*(current: Int32Array) {
    let steps = 0
    while (true) {
      yield* Effect.sleep(HANG_CHECK_INTERVAL)
      const done = Atomics.load(current, 1)
      if (!requests.isExpecting || done !== steps) quietSince = now()
      steps = done
      if (now() - quietSince > HANG_MS) return `sent no sound for ${HANG_MS} ms`
    }
  })

  const first = yield* Deferred.make<void, BackendError>()

  /** Says texts with a worker until it ends; returns why. */
  const serve = (running: Running) =>
    Effect.suspend(() => {
      worker = running.worker
      quietSince = now()
      // not before there is a worker to speak with: who waits for it may speak at once
      Deferred.doneUnsafe(first, Effect.void)
      return Effect.raceFirst(Deferred.await(running.ended), hang(running.current))
    }).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          worker = undefined
          requests.fail(exit._tag === "Success" ? exit.value : "was stopped", Atomics.load(running.current, 0))
        })
      )
    )

  yield* Effect.gen(function*() {
    let waitMs = FIRST_RESTART_MS
    let isFailing = false
    while (true) {
      const startedAt = now()
      const why = yield* start.pipe(
        Effect.flatMap(serve),
        Effect.scoped,
        // the first worker's failure is the caller's
        Effect.catch((error) =>
          Effect.flatMap(
            Deferred.fail(first, error),
            (isFirst) => isFirst ? Effect.never : Effect.succeed(error.message)
          )
        )
      )
      if (now() - startedAt > STEADY_MS) {
        waitMs = FIRST_RESTART_MS
        isFailing = false
      }
      const line = `hibari's worker ${why}; starting it again`
      yield* isFailing ? Effect.logDebug(line) : Effect.logWarning(line)
      isFailing = true
      yield* Effect.sleep(waitMs)
      waitMs = Math.min(LAST_RESTART_MS, 2 * waitMs)
    }
  }).pipe(Effect.forkScoped)
  yield* Deferred.await(first)

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
