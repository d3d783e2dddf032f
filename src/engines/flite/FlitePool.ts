/**
 * A pool of worker threads that synthesise text for all sessions: one text per worker at a time, in order of arrival, with
 * a bounded queue.
 *
 * A worker that crashes is started again and its text is tried once more; a worker that hangs is terminated. When the
 * caller is interrupted, its text leaves the queue; if it is being synthesised already, the audio is dropped.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { type BackendError, PipelineError } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import type { FliteRequest, FliteResponse } from "./FliteWorker.ts"

/**
 * The part of `node:worker_threads`' `Worker` that the pool uses.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoolWorker {
  readonly postMessage: (request: FliteRequest) => void
  readonly on: {
    (event: "message", listener: (response: FliteResponse) => void): unknown
    (event: "error", listener: (cause: Error) => void): unknown
    (event: "exit", listener: (code: number) => void): unknown
  }
  readonly removeAllListeners: () => unknown
  readonly terminate: () => Promise<unknown>
}

/**
 * Synthesises text on worker threads that all sessions share.
 *
 * @category models
 * @since 0.1.0
 */
export interface FlitePool {
  /** Synthesises one text as PCM at 16 kHz. Fails `pipeline_error` (retryable) or `timeout`. */
  readonly synthesize: (text: string, voice: string, rate: number) => Effect.Effect<Int16Array, BackendError>
}

/**
 * The size of a pool, its limits, and how its workers are started.
 *
 * @category models
 * @since 0.1.0
 */
export interface FlitePoolOptions {
  readonly workers: number
  /** How many texts may be queued; a text beyond that fails. */
  readonly maxQueued: number
  /** How long the synthesis of one text may take, without its time in the queue. */
  readonly timeout: Duration.Input
  readonly start: () => PoolWorker
}

interface Slot {
  worker: PoolWorker | undefined
  fail: ((why: string) => void) | undefined
  done: ((response: FliteResponse) => void) | undefined
}

const crashed = (why: string, retryable: boolean) =>
  new PipelineError({
    op: "TextToSpeech.speak",
    message: `flite failed: ${why}`,
    details: { engine: "flite" },
    retryable
  })

const TERMINATE_TIMEOUT = Duration.seconds(2)

/**
 * Creates the pool; its workers are started when first needed and terminated with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: FlitePoolOptions
): Effect.fn.Return<FlitePool, never, Scope.Scope> {
  const slots = Array.from({ length: options.workers }, (): Slot => ({
    worker: undefined,
    fail: undefined,
    done: undefined
  }))
  const free = [...slots]
  const permits = Semaphore.makeUnsafe(options.workers)
  let queued = 0
  let nextId = 0

  const terminate = (slot: Slot): Effect.Effect<void> =>
    Effect.suspend(() => {
      const worker = slot.worker
      slot.worker = undefined
      if (worker === undefined) return Effect.void
      worker.removeAllListeners()
      worker.on("error", () => {}) // without a listener a late error would end the process
      return Effect.promise(() => worker.terminate()).pipe(Effect.timeoutOption(TERMINATE_TIMEOUT), Effect.asVoid)
    })

  yield* Effect.addFinalizer(() => Effect.forEach(slots, terminate, { concurrency: "unbounded", discard: true }))
  const fork = yield* FiberSet.makeRuntime<never>()

  const workerOf = (slot: Slot): PoolWorker => {
    if (slot.worker !== undefined) return slot.worker
    const worker = options.start()
    const lost = (why: string) => {
      if (slot.worker === worker) slot.worker = undefined
      slot.fail?.(why)
    }
    worker.on("message", (response) => slot.done?.(response))
    worker.on("error", (cause) => lost(cause.message))
    worker.on("exit", (code) => lost(`the worker exited with code ${code}`))
    slot.worker = worker
    return worker
  }

  const synthesizeOn = (slot: Slot, request: Omit<FliteRequest, "id">): Effect.Effect<Int16Array, BackendError> =>
    Effect.callback<Int16Array, BackendError>((resume) => {
      const id = nextId++
      slot.fail = (why) => resume(Effect.fail(crashed(why, true)))
      slot.done = (response) => {
        if (response.id !== id) return
        resume("pcm" in response ? Effect.succeed(response.pcm) : Effect.fail(crashed(response.error, true)))
      }
      workerOf(slot).postMessage({ ...request, id })
    }).pipe(
      Effect.ensuring(Effect.sync(() => {
        slot.fail = undefined
        slot.done = undefined
      })),
      deadline("TextToSpeech.speak", "flite's synthesis", options.timeout),
      Effect.tapErrorTag("Timeout", () => terminate(slot))
    )

  return {
    synthesize: (text, voice, rate) =>
      Effect.suspend(() => {
        if (queued >= options.maxQueued) {
          return Effect.fail(
            new PipelineError({
              op: "TextToSpeech.speak",
              message: `flite is overloaded: ${options.maxQueued} texts are queued`,
              details: { engine: "flite", reason: "overloaded" },
              retryable: true
            })
          )
        }
        queued++
        let started = false
        const result = Deferred.makeUnsafe<Int16Array, BackendError>()
        const work = Effect.suspend(() => {
          started = true
          queued--
          const slot = free.pop()! // as many as the semaphore has permits
          const once = synthesizeOn(slot, { text, voice, rate })
          return Effect.catchTag(once, "PipelineError", () => once).pipe(
            Effect.ensuring(Effect.sync(() => free.push(slot)))
          )
        })
        // Forked in the pool's scope: a worker cannot be stopped in the middle of a text, so it stays occupied.
        const fiber = fork(Effect.exit(Deferred.into(Semaphore.withPermit(permits, work), result)))
        return Effect.onInterrupt(Deferred.await(result), () =>
          Effect.suspend(() => {
            if (started) return Effect.void
            queued--
            return Fiber.interrupt(fiber)
          }))
      })
  }
})
