/**
 * Time for durations: it only goes forward, at the speed of real time, whatever is done to the machine's wall clock.
 *
 * The wall clock (`Clock.currentTimeMillis`, and `Clock.currentTimeNanos` as well) is stepped by NTP, by administrators and
 * after a machine was suspended. It is for what is shown, signed, or shared between processes; `npm run check` lists the files
 * that may read it. Effect's sleeps and timeouts are monotonic, and a test clock moves both kinds of time.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** The two clocks are read one after the other, and the wall clock in whole ms; less than this is no step. */
const MIN_STEP_MS = 100

/**
 * The monotonic time in ms, with fractions. Its origin has no meaning: only differences do, within one process.
 *
 * @category accessors
 * @since 0.1.0
 */
export const nowMs = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

/**
 * The monotonic time in ms, as an effect.
 *
 * @category accessors
 * @since 0.1.0
 */
export const currentMs: Effect.Effect<number> = Clock.clockWith((clock) => Effect.sync(() => nowMs(clock)))

/**
 * Makes a clock of timestamps: Unix time in ms as it is now, and from then on monotonic. Differences between two of its
 * timestamps are durations, and they never go back; after a step of the wall clock they keep the time from before it.
 *
 * `fromMs`: the earliest timestamp that it gives, for what continues an earlier clock.
 *
 * @category constructors
 * @since 0.1.0
 */
export const timestamps = (clock: Clock.Clock, fromMs: number = Number.NEGATIVE_INFINITY): () => number => {
  const startMs = nowMs(clock)
  const unixMs = Math.max(fromMs, clock.currentTimeMillisUnsafe())
  return () => unixMs + Math.floor(nowMs(clock) - startMs)
}

/**
 * Finds steps of the wall clock: each call gives by how many ms it was stepped since the last one, roughly; 0 when it was not.
 *
 * @category constructors
 * @since 0.1.0
 */
export const wallClockSteps = (clock: Clock.Clock): () => number => {
  const offsetMs = () => clock.currentTimeMillisUnsafe() - nowMs(clock)
  let lastMs = offsetMs()
  return () => {
    const steppedMs = offsetMs() - lastMs
    lastMs += steppedMs
    return Math.abs(steppedMs) < MIN_STEP_MS ? 0 : Math.round(steppedMs)
  }
}

/** A clock whose every reading is monotonic, for modules that measure durations by the wall clock. */
const steady = (clock: Clock.Clock): Clock.Clock => {
  const monotonic = (): bigint => clock.monotonicTimeNanosUnsafe()
  const steadyMs = (): number => nowMs(clock)
  return {
    currentTimeMillisUnsafe: steadyMs,
    currentTimeMillis: Effect.sync(steadyMs),
    currentTimeNanosUnsafe: monotonic,
    currentTimeNanos: Effect.sync(monotonic),
    monotonicTimeNanosUnsafe: monotonic,
    monotonicTimeNanos: Effect.sync(monotonic),
    sleep: (duration) => clock.sleep(duration)
  }
}

/**
 * Runs an effect on the steady clock: for an effect that only measures durations, and shows or stores no time.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withSteadyClock = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Clock.clockWith((clock) => Effect.provideService(effect, Clock.Clock, steady(clock)))
