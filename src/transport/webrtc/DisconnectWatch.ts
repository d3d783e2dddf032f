/**
 * Decides when a connection that reports interruptions is lost: when one of them lasts longer than a grace period.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

/**
 * - `disconnected`, `connected`: what the connection reports; synchronous, and repeated reports change nothing.
 * - `lost`: completes when it has been disconnected for the whole grace period without a break.
 *
 * @category models
 * @since 0.1.0
 */
export interface DisconnectWatch {
  /** The connection reports that it is disconnected. Synchronous. */
  readonly disconnected: () => void
  /** The connection reports that it is connected again. Synchronous. */
  readonly connected: () => void
  readonly lost: Effect.Effect<void>
}

/**
 * Makes a watch of a connection that is not disconnected.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (grace: Duration.Input): Effect.Effect<DisconnectWatch> =>
  Effect.sync(() => {
    const down = Latch.makeUnsafe(false)
    const up = Latch.makeUnsafe(true)
    // Each interruption has a grace period of its own.
    const interruption = Effect.andThen(
      down.await,
      Effect.raceFirst(Effect.as(Effect.sleep(grace), true), Effect.as(up.await, false))
    )
    return {
      disconnected: () => {
        up.closeUnsafe()
        down.openUnsafe()
      },
      connected: () => {
        down.closeUnsafe()
        up.openUnsafe()
      },
      lost: interruption.pipe(Effect.repeat({ until: (lost) => lost }), Effect.asVoid)
    }
  })
