/** A slower clock for tests of real engines: deadlines take longer, so that a busy machine does not exceed them. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Provides a clock that is `factor` times slower than the machine's; sleeps take `factor` times as long. */
export const layer = (factor: number): Layer.Layer<never> =>
  Layer.effect(
    Clock.Clock,
    Effect.map(Clock.Clock, (clock): Clock.Clock => {
      const startMs = clock.currentTimeMillisUnsafe()
      const startNs = clock.currentTimeNanosUnsafe()
      const startMonotonic = clock.monotonicTimeNanosUnsafe()
      const slower = (start: bigint, now: bigint) => start + (now - start) / BigInt(factor)
      const nowMs = () => Math.floor(startMs + (clock.currentTimeMillisUnsafe() - startMs) / factor)
      const nowNs = () => slower(startNs, clock.currentTimeNanosUnsafe())
      const monotonic = () => slower(startMonotonic, clock.monotonicTimeNanosUnsafe())
      return {
        currentTimeMillisUnsafe: nowMs,
        currentTimeMillis: Effect.sync(nowMs),
        currentTimeNanosUnsafe: nowNs,
        currentTimeNanos: Effect.sync(nowNs),
        monotonicTimeNanosUnsafe: monotonic,
        monotonicTimeNanos: Effect.sync(monotonic),
        sleep: (duration) => clock.sleep(Duration.times(duration, factor))
      }
    })
  )
