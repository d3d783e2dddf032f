/**
 * Requests to the session store within a deadline; those for a lease leave nothing behind when they fail.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { type BackendError, normalize } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import type { LeaseTable, Outcome } from "./LeaseTable.ts"

/** The time limit of a store operation that a caller waits for. */
const STORE_DEADLINE = Duration.seconds(5)
/** A lease that comes later than its deadline is waited for so long, to be given back. */
const LATE_DEADLINE = Duration.minutes(2)
/** When a user whose request timed out should try again. */
const RETRY_AFTER_MS = 5_000

/**
 * Limits the time of an operation of the store, which `what` names; `details` are those of the time-out.
 *
 * @category combinators
 * @since 0.1.0
 */
export const bounded =
  (what: string, details?: { readonly [key: string]: unknown }) =>
  <A>(effect: Effect.Effect<A, BackendError>): Effect.Effect<A, BackendError> =>
    effect.pipe(deadline(what, "the session store", STORE_DEADLINE, { part: "store", ...details }), normalize(what))

/**
 * What becomes of a lease.
 *
 * - `keep`: notes it.
 * - `giveBack`: gives back one that came too late.
 * - `outcome`: what to do with one whose answer was lost.
 *
 * @category models
 * @since 0.1.0
 */
export interface LeaseUse<A> {
  readonly keep: (taken: A) => void
  readonly giveBack: (taken: A) => Effect.Effect<void, BackendError>
  readonly outcome: Outcome
}

/**
 * Makes the function that takes leases within the deadline. One that the store gives later is given back: nobody here would
 * know of it, but it would be renewed with the others, and nobody could have the session. One whose answer is lost is found
 * when the table is compared with the store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (table: LeaseTable, scope: Scope.Scope) =>
<A>(
  id: string,
  what: string,
  taking: Effect.Effect<A, BackendError>,
  use: LeaseUse<A>
): Effect.Effect<A, BackendError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.forkIn(
        Effect.sync(() => table.begin(id)).pipe(Effect.andThen(Effect.interruptible(taking))),
        scope,
        { startImmediately: true }
      ),
      (fiber) =>
        restore(bounded(what, { retryAfterMs: RETRY_AFTER_MS })(Fiber.join(fiber))).pipe(
          Effect.tap((taken) =>
            Effect.sync(() => {
              use.keep(taken)
              table.settled(id)
            })
          ),
          Effect.onError(() =>
            Fiber.join(fiber).pipe(
              Effect.flatMap(use.giveBack),
              Effect.timeoutOption(LATE_DEADLINE),
              Effect.ensuring(Fiber.interrupt(fiber)),
              Effect.ensuring(Effect.sync(() => table.failed(id, use.outcome))),
              Effect.ignoreCause,
              Effect.forkIn(scope)
            )
          )
        )
    )
  )
