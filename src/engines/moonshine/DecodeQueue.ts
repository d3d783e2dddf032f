/**
 * Decides which decode runs next on a recogniser that all sessions share: at most `parallel` at once, finals before
 * interims, in either class first come, first served. A session has one interim in the queue at most; a newer one
 * replaces it. Both classes are bounded.
 *
 * A decode that has started cannot be cancelled, so it keeps its place until it is done, whoever still waits for it;
 * only one that outlasts `timeout` is written off.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { type BackendError, PipelineError, Timeout } from "../../BackendError.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface DecodeQueue {
  /** Runs a decode whose words are waited for. Fails `pipeline_error`, retryable, when too many wait already. */
  readonly final: <A>(decode: Effect.Effect<A, BackendError>) => Effect.Effect<A, BackendError>
  /** Runs a decode when there is room; `None` when it was replaced by a newer one of the same owner, or dropped. */
  readonly interim: <A>(
    owner: object,
    decode: Effect.Effect<A, BackendError>
  ) => Effect.Effect<Option.Option<A>, BackendError>
  /** What runs and what waits now. */
  readonly load: () => { readonly running: number; readonly finals: number; readonly interims: number }
  /** For how long the oldest final has been waiting for its turn, in ms. */
  readonly backlogMs: () => number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface DecodeQueueOptions {
  /** Decodes at once. */
  readonly parallel: number
  /** Finals, and interims, that may wait. */
  readonly waiting: number
  /** From submission to result. */
  readonly timeout: Duration.Input
}

interface Job {
  readonly since: number
  readonly start: () => void
  readonly drop: () => void
}

const timedOut = new Timeout({
  op: "SpeechToText.decode",
  message: "the speech recogniser did not answer in time",
  details: { engine: "moonshine" }
})

const overloaded = new PipelineError({
  op: "SpeechToText.decode",
  message: "the speech recogniser is overloaded",
  details: { engine: "moonshine", reason: "overloaded" },
  retryable: true
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: DecodeQueueOptions
): Effect.fn.Return<DecodeQueue, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const fork = yield* FiberSet.makeRuntime<never>()
  const finals = new Set<Job>()
  const interims = new Map<object, Job>()
  let running = 0

  const next = (): Job | undefined => {
    for (const job of finals) {
      finals.delete(job)
      return job
    }
    for (const [owner, job] of interims) {
      interims.delete(owner)
      return job
    }
    return undefined
  }

  const pump = (): void => {
    while (running < options.parallel) {
      const job = next()
      if (job === undefined) return
      running++
      job.start()
    }
  }

  /** Puts a job into its class and waits for it; whoever stops waiting takes it out again. */
  const submit = <A>(
    decode: Effect.Effect<A, BackendError>,
    enter: (job: Job) => void,
    leave: (job: Job) => void
  ): Effect.Effect<Option.Option<A>, BackendError> =>
    Effect.suspend(() => {
      const result = Deferred.makeUnsafe<Option.Option<A>, BackendError>()
      const job: Job = {
        since: clock.currentTimeMillisUnsafe(),
        start: () => {
          fork(
            Effect.onExit(
              Effect.timeoutOrElse(decode, { duration: options.timeout, orElse: () => Effect.fail(timedOut) }),
              (exit) =>
                Effect.sync(() => {
                  running--
                  Deferred.doneUnsafe(result, Exit.map(exit, Option.some))
                  pump()
                })
            ).pipe(Effect.ignoreCause)
          )
        },
        drop: () => {
          Deferred.doneUnsafe(result, Exit.succeed(Option.none()))
        }
      }
      enter(job)
      pump()
      return Deferred.await(result).pipe(
        Effect.timeoutOrElse({ duration: options.timeout, orElse: () => Effect.fail(timedOut) }),
        Effect.ensuring(Effect.sync(() => leave(job)))
      )
    })

  return {
    final: (decode) =>
      Effect.suspend(() =>
        running >= options.parallel && finals.size >= options.waiting
          ? Effect.fail(overloaded)
          : Effect.map(
            submit(decode, (job) => finals.add(job), (job) => finals.delete(job)),
            Option.getOrThrow // a final is never dropped
          )
      ),
    interim: (owner, decode) =>
      submit(
        decode,
        (job) => {
          const former = interims.get(owner)
          if (former === undefined && interims.size >= options.waiting) return job.drop()
          // Keeps the former's place in the queue, or a talkative session would never get its turn.
          interims.set(owner, job)
          former?.drop()
        },
        (job) => {
          if (interims.get(owner) === job) interims.delete(owner)
        }
      ),
    load: () => ({ running, finals: finals.size, interims: interims.size }),
    backlogMs: () => {
      // the first is the oldest
      for (const { since } of finals) return clock.currentTimeMillisUnsafe() - since
      return 0
    }
  }
})
