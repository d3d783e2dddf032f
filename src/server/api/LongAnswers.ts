/**
 * Makes answers that may be long, such as the list of all sessions, one at a time and one in a turn of the event loop: a client
 * that asks for hundreds at once waits for them, and not the calls; and what nobody reads is noticed before there is too much.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

/**
 * Makes a function that lets effects run one after the other, each in a turn of the event loop of its own. What follows an
 * effect synchronously, as the encoding of an answer, comes before the next effect.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> => {
  const turn = Semaphore.makeUnsafe(1)
  return (self) => turn.withPermits(1)(Effect.andThen(Effect.yieldNow, self))
}
