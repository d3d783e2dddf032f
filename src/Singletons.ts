/**
 * Jobs that one process of several does for all of them: the sweep of a store that they share, a look at a media server.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ThrownValue from "./ThrownValue.ts"

/**
 * Runs jobs in exactly one process of the cluster.
 *
 * - `run`: runs a job for as long as the scope lives. `name` names it in all processes: those that run a job of the same
 *   name do it once between them. When its process ends, another one begins the job anew. For a short time two processes may
 *   do it, when one has stopped without having ended: what a job does has to bear that. A job does not fail; one that dies is
 *   logged and begun anew.
 *
 * @category models
 * @since 0.1.0
 */
export interface SingletonJobs {
  readonly run: (name: string, job: Effect.Effect<never>) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * Where a backend's single jobs run. Default: in this process, each of them.
 *
 * @category services
 * @since 0.1.0
 */
export const Singletons = Context.Reference<SingletonJobs>("effect-voice/Singletons", {
  defaultValue: () => ({ run: (name, job) => Effect.asVoid(Effect.forkScoped(supervised(name, job))) })
})

/** How long a job that died waits until it is begun anew. */
const RESTART_AFTER = "5 seconds"

/**
 * A job that is logged and begun anew when it dies.
 *
 * @category combinators
 * @since 0.1.0
 */
export const supervised = (name: string, job: Effect.Effect<never>): Effect.Effect<never> =>
  job.pipe(
    Effect.catchDefect((defect) =>
      Effect.andThen(
        Effect.logError(`the job ${name} failed; it is begun anew`, ThrownValue.loggable(Cause.die(defect))),
        Effect.sleep(RESTART_AFTER)
      )
    ),
    Effect.forever
  )
