/**
 * The workers that synthesise for all sessions: one text each at a time, first come, first served, bounded.
 *
 * A worker that crashes is started again and its text tried once more; one that hangs is terminated. A text that nobody
 * waits for any more leaves the queue; if it is being synthesised already, its audio is thrown away.
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
import { type BackendError, PipelineError, Timeout } from "../../BackendError.ts"
import type { FliteRequest, FliteResponse } from "./FliteWorker.ts"

/**
 * The part of a worker thread that the pool uses.
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
 * @category models
 * @since 0.1.0
 */
export interface FlitePool {
  /** PCM at 16 kHz, as the voice speaks it. */
  readonly synthesize: (text: string, voice: string, rate: number) => Effect.Effect<Int16Array, BackendError>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface FlitePoolOptions {
  readonly workers: number
  /** Texts that may wait. */
  readonly waiting: number
  /** For one text, once it is its turn. */
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
    message: `flite could not speak: ${why}`,
    details: { engine: "flite" },
    retryable
  })

const closing = Duration.seconds(2)

/**
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
  const turn = Semaphore.makeUnsafe(options.workers)
  let waiting = 0
  let nextId = 0

  const terminate = (slot: Slot): Effect.Effect<void> =>
    Effect.suspend(() => {
      const worker = slot.worker
      slot.worker = undefined
      if (worker === undefined) return Effect.void
      worker.removeAllListeners()
      worker.on("error", () => {}) // without a listener a late error would end the process
      return Effect.promise(() => worker.terminate()).pipe(Effect.timeoutOption(closing), Effect.asVoid)
    })

  yield* Effect.addFinalizer(() => Effect.forEach(slots, terminate, { concurrency: "unbounded", discard: true }))
  const fork = yield* FiberSet.makeRuntime<never>()

  const ensure = (slot: Slot): PoolWorker => {
    if (slot.worker !== undefined) return slot.worker
    const worker = options.start()
    const lost = (why: string) => {
      if (slot.worker === worker) slot.worker = undefined
      slot.fail?.(why)
    }
    worker.on("message", (response) => slot.done?.(response))
    worker.on("error", (cause) => lost(cause.message))
    worker.on("exit", (code) => lost(`its worker ended with code ${code}`))
    slot.worker = worker
    return worker
  }

  const ask = (slot: Slot, request: Omit<FliteRequest, "id">): Effect.Effect<Int16Array, BackendError> =>
    Effect.callback<Int16Array, BackendError>((resume) => {
      const id = nextId++
      slot.fail = (why) => resume(Effect.fail(crashed(why, true)))
      slot.done = (response) => {
        if (response.id !== id) return
        resume("pcm" in response ? Effect.succeed(response.pcm) : Effect.fail(crashed(response.error, true)))
      }
      ensure(slot).postMessage({ ...request, id })
    }).pipe(
      Effect.ensuring(Effect.sync(() => {
        slot.fail = undefined
        slot.done = undefined
      })),
      Effect.timeoutOrElse({
        duration: options.timeout,
        orElse: () =>
          Effect.andThen(
            terminate(slot),
            Effect.fail(
              new Timeout({
                op: "TextToSpeech.speak",
                message: "flite did not answer in time",
                details: { engine: "flite" }
              })
            )
          )
      })
    )

  return {
    synthesize: (text, voice, rate) =>
      Effect.suspend(() => {
        if (waiting >= options.waiting) {
          return Effect.fail(
            new PipelineError({
              op: "TextToSpeech.speak",
              message: "flite is overloaded",
              details: { engine: "flite", reason: "overloaded" },
              retryable: true
            })
          )
        }
        waiting++
        let started = false
        const result = Deferred.makeUnsafe<Int16Array, BackendError>()
        const work = Effect.suspend(() => {
          started = true
          waiting--
          const slot = free.pop()! // as many as the semaphore has permits
          const once = ask(slot, { text, voice, rate })
          return Effect.catchTag(once, "PipelineError", () => once).pipe(
            Effect.ensuring(Effect.sync(() => free.push(slot)))
          )
        })
        // In the pool's scope: a worker cannot be stopped in mid text, so its place is taken until it is done.
        const fiber = fork(Effect.exit(Deferred.into(Semaphore.withPermit(turn, work), result)))
        return Effect.onInterrupt(Deferred.await(result), () =>
          Effect.suspend(() => {
            if (started) return Effect.void
            waiting--
            return Fiber.interrupt(fiber)
          }))
      })
  }
})
