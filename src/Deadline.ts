/**
 * Work in finalizers that ends in time, whatever hangs in it.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"

/**
 * Waits for an effect at most so long; `None` when that was not enough. For finalizers: a fiber that has been interrupted
 * can make nothing interruptible any more (`Effect.interruptible` fails at once there), so the effect runs in a fiber of
 * its own. What hangs is interrupted and left behind.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withDeadline =
  (within: Duration.Input) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Option.Option<A>, E, R> =>
    Effect.flatMap(Effect.forkDetach(effect, { startImmediately: true }), (fiber) =>
      Fiber.join(fiber).pipe(
        Effect.timeoutOption(within),
        Effect.ensuring(Effect.sync(() => fiber.interruptUnsafe()))
      ))
