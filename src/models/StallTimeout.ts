/**
 * A time limit on how long a transfer may go without a new byte, and its progress.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MonotonicTime from "../MonotonicTime.ts"
import { FetchFailure } from "./FetchFailure.ts"

/** How often progress is looked at. */
const tick = Duration.millis(100)

/**
 * Runs an attempt of a transfer: reports at most every 100 ms that `received` has changed, and fails `timeout` when it does
 * not change for the time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (stallTimeout: Duration.Input) => {
  const stallMs = Duration.toMillis(stallTimeout)
  return <A>(
    received: () => number,
    report: Effect.Effect<void>,
    attempt: Effect.Effect<A, FetchFailure>
  ): Effect.Effect<A, FetchFailure> =>
    Effect.raceFirst(
      attempt,
      Effect.gen(function*() {
        let seen = received()
        let since = yield* MonotonicTime.currentMs
        while (true) {
          yield* Effect.sleep(tick)
          const now = yield* MonotonicTime.currentMs
          if (received() !== seen) {
            seen = received()
            since = now
            yield* report
          } else if (now - since >= stallMs) {
            return yield* new FetchFailure({ reason: "timeout", message: `no data received for ${stallMs} ms` })
          }
        }
      })
    )
}
