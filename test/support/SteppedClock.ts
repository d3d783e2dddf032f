/** The present clock, with a wall reading that a test steps: sleeps and monotonic time do not notice. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export interface SteppedClock {
  readonly clock: Clock.Clock
  /** Steps the wall clock by so many ms. */
  readonly step: (byMs: number) => void
}

export const make: Effect.Effect<SteppedClock> = Effect.map(Clock.Clock, (inner) => {
  let steppedMs = 0
  const millis = () => inner.currentTimeMillisUnsafe() + steppedMs
  const nanos = () => inner.currentTimeNanosUnsafe() + BigInt(steppedMs) * 1_000_000n
  return {
    clock: {
      ...inner,
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos)
    },
    step: (byMs) => void (steppedMs += byMs)
  }
})
