/**
 * Schedules decodes on a recogniser that all sessions share: at most `parallel` at once, finals before interims, each
 * class in order of arrival and bounded. A final does not wait for interims that run: it is started beside them. A session has at most one interim in the queue; a newer one replaces it.
 *
 * A decode that has started cannot be cancelled: it occupies its slot until it is done, even when its caller was
 * interrupted. Only a decode that exceeds `timeout` gives up its slot earlier.
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
import { type BackendError, PipelineError } from "../../../BackendError.ts"
import { deadline } from "../../../Deadline.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"

/**
 * The queue in front of a shared recogniser.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecodeQueue {
  /** Runs a decode of a final transcript. Fails `pipeline_error`, retryable, when the queue is full. */
  readonly final: <A>(decode: Effect.Effect<A, BackendError>) => Effect.Effect<A, BackendError>
  /** Runs a decode of an interim transcript; `None` when a newer one of the same owner replaced it or the queue is full. */
  readonly interim: <A>(
    owner: object,
    decode: Effect.Effect<A, BackendError>
  ) => Effect.Effect<Option.Option<A>, BackendError>
  /** How many decodes are running and queued. */
  readonly load: () => { readonly running: number; readonly finals: number; readonly interims: number }
  /** How long the oldest queued final has been waiting, in ms; 0 without one. */
  readonly backlogMs: () => number
}

/**
 * The limits of a queue.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecodeQueueOptions {
  /** The engine's name, for errors. */
  readonly engine: string
  /** Concurrent decodes. */
  readonly parallel: number
  /** How many finals may be queued, and how many interims. */
  readonly maxQueued: number
  /** From submission to result. */
  readonly timeout: Duration.Input
}

interface Job {
  readonly isFinal: boolean
  readonly since: number
  readonly start: () => void
  readonly drop: () => void
}

const overload = (engine: string) =>
  new PipelineError({
    op: "SpeechToText.decode",
    message: `${engine} is overloaded: its queue of decodes is full`,
    details: { engine, reason: "overloaded" },
    retryable: true
  })

/**
 * Creates the queue; its decodes run in the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: DecodeQueueOptions
): Effect.fn.Return<DecodeQueue, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const withDeadline = deadline("SpeechToText.decode", `${options.engine}'s decode`, options.timeout)
  const overloaded = overload(options.engine)
  const fork = yield* FiberSet.makeRuntime<never>()
  const finals = new Set<Job>()
  const interims = new Map<object, Job>()
  let running = 0
  let runningFinals = 0

  const next = (): Job | undefined => {
    for (const job of finals) {
      if (runningFinals >= options.parallel) return undefined
      finals.delete(job)
      return job
    }
    for (const [owner, job] of interims) {
      if (running >= options.parallel) return undefined
      interims.delete(owner)
      return job
    }
    return undefined
  }

  const pump = (): void => {
    for (let job = next(); job !== undefined; job = next()) {
      running++
      if (job.isFinal) runningFinals++
      job.start()
    }
  }

  /** Enters a job into its class and waits for the result; an interrupted or timed out caller removes the job again. */
  const submit = <A>(
    decode: Effect.Effect<A, BackendError>,
    isFinal: boolean,
    enter: (job: Job) => void,
    leave: (job: Job) => void
  ): Effect.Effect<Option.Option<A>, BackendError> =>
    Effect.suspend(() => {
      const result = Deferred.makeUnsafe<Option.Option<A>, BackendError>()
      const job: Job = {
        isFinal,
        since: MonotonicTime.nowMs(clock),
        start: () => {
          fork(
            Effect.onExit(
              withDeadline(decode),
              (exit) =>
                Effect.sync(() => {
                  running--
                  if (isFinal) runningFinals--
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
        withDeadline,
        Effect.ensuring(Effect.sync(() => leave(job)))
      )
    })

  return {
    final: (decode) =>
      Effect.suspend(() =>
        runningFinals >= options.parallel && finals.size >= options.maxQueued
          ? Effect.fail(overloaded)
          : Effect.map(
            submit(decode, true, (job) => finals.add(job), (job) => finals.delete(job)),
            Option.getOrThrow // a final is never dropped
          )
      ),
    interim: (owner, decode) =>
      submit(
        decode,
        false,
        (job) => {
          const former = interims.get(owner)
          if (former === undefined && interims.size >= options.maxQueued) return job.drop()
          // The newer one keeps the former's place in the queue, so that a session that speaks on is not starved.
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
      for (const { since } of finals) return MonotonicTime.nowMs(clock) - since
      return 0
    }
  }
})
