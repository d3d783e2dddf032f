/**
 * Deadlines: for an operation that somebody waits for, and for a finalizer that must not hang.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"
import { ConnectionTimeout, Timeout } from "./BackendError.ts"

const sentence = (what: string, within: Duration.Input): string =>
  `${what} timed out after ${Duration.format(Duration.fromInputUnsafe(within))}`

/**
 * Fails with `Timeout` when the effect takes longer than `within`, and interrupts it: `"<what> timed out after 5s"`. `op`
 * is the operation that failed (`"VoiceBackend.createSession"`), `what` the subject of the sentence (`"the AuthHook"`);
 * `details` are the error's.
 *
 * @category combinators
 * @since 0.1.0
 */
export const deadline =
  (op: string, what: string, within: Duration.Input, details?: { readonly [key: string]: unknown }) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Timeout, R> =>
    Effect.timeoutOrElse(effect, {
      duration: within,
      orElse: () =>
        Effect.fail(
          new Timeout({ op, message: sentence(what, within), ...(details === undefined ? {} : { details }) })
        )
    })

/**
 * Does the same for a connect: fails with `ConnectionTimeout`. `cause` is read at the time-out, such as the failure of the
 * last attempt.
 *
 * @category combinators
 * @since 0.1.0
 */
export const connectDeadline = (
  op: string,
  what: string,
  within: Duration.Input,
  cause?: () => unknown,
  details?: { readonly [key: string]: unknown }
) =>
<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | ConnectionTimeout, R> =>
  Effect.timeoutOrElse(effect, {
    duration: within,
    orElse: () =>
      Effect.suspend(() => {
        const last = cause?.()
        return Effect.fail(
          new ConnectionTimeout({
            op,
            message: sentence(what, within),
            ...(details === undefined ? {} : { details }),
            ...(last === undefined ? {} : { cause: last })
          })
        )
      })
  })

/**
 * Waits for an effect in a finalizer, at most so long; `None` when the time was not enough. An interrupted fiber cannot make
 * anything interruptible again (`Effect.interruptible` fails at once there), so the effect runs in a fiber of its own. One
 * that hangs is interrupted and left behind.
 *
 * @category combinators
 * @since 0.1.0
 */
export const finalizeWithin =
  (within: Duration.Input) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Option.Option<A>, E, R> =>
    Effect.flatMap(Effect.forkDetach(effect, { startImmediately: true }), (fiber) =>
      Fiber.join(fiber).pipe(
        Effect.timeoutOption(within),
        Effect.ensuring(Effect.sync(() => fiber.interruptUnsafe()))
      ))

/**
 * Makes an effect that cannot be interrupted at each moment one that can: whoever is interrupted does not wait for it. It is
 * interrupted itself, as soon as that is possible.
 *
 * @category combinators
 * @since 0.1.0
 */
export const abandonable = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.forkDetach(restore(effect), { startImmediately: true }),
      (fiber) => restore(Fiber.join(fiber)).pipe(Effect.onInterrupt(() => Effect.sync(() => fiber.interruptUnsafe())))
    )
  )
