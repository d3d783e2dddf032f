/**
 * Virtual time for a whole scenario: a test clock that advances frame by frame, and counts of fibers and timers.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import * as MonotonicTime from "../../MonotonicTime.ts"

/**
 * A clock that only `tick` advances.
 *
 * - `now`: ms since the start.
 * - `tick`: advances by 20 ms and runs everything that is due. A larger step would wake some sleepers late, because a fiber
 *   that another one forks begins to sleep only after it has been scheduled.
 * - `stepWallClock`: what NTP or an administrator does to a machine's clock.
 * - `fibers`, `timers`: the number of running fibers and of sleeping ones.
 *
 * @category models
 * @since 0.1.0
 */
export interface VirtualTime {
  /** The virtual time, in ms. */
  readonly now: () => number
  readonly tick: Effect.Effect<void>
  /** Steps the wall clock by so many ms, either way. `now` and sleeps are monotonic: they do not notice. */
  readonly stepWallClock: (byMs: number) => void
  /** How many fibers are alive. */
  readonly fibers: () => number
  /** How many timers are pending. */
  readonly timers: () => number
}

/** Rounds of fibers waking other fibers within one frame; far more than the longest chain. */
const MAX_ROUNDS = 64

/**
 * Runs an effect in virtual time that only `tick` advances, with random numbers from a seed.
 *
 * @category running
 * @since 0.1.0
 */
export const provide = <A, E, R>(
  seed: string,
  body: (time: VirtualTime) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    const clock = yield* TestClock.testClockWith(Effect.succeed)
    let timers = 0
    let fibers = 0
    let activity = 0
    let steppedMs = 0
    const wallMs = () => clock.currentTimeMillisUnsafe() + steppedMs
    const wallNanos = () => clock.currentTimeNanosUnsafe() + BigInt(Math.round(steppedMs * 1e6))
    const counted: TestClock.TestClock = {
      ...clock,
      currentTimeMillisUnsafe: wallMs,
      currentTimeMillis: Effect.sync(wallMs),
      currentTimeNanosUnsafe: wallNanos,
      currentTimeNanos: Effect.sync(wallNanos),
      sleep: (duration) =>
        Effect.suspend(() => {
          timers++
          activity++
          return Effect.ensuring(clock.sleep(duration), Effect.sync(() => timers--))
        })
    }
    // run everything that started in this frame until it sleeps; otherwise its sleep would start one frame late
    const settle = Effect.gen(function*() {
      let seen = -1
      for (let round = 0; round < MAX_ROUNDS && seen !== activity; round++) {
        seen = activity
        yield* Effect.yieldNow
        yield* Effect.yieldNow
      }
    })
    const time: VirtualTime = {
      now: () => MonotonicTime.nowMs(clock),
      tick: Effect.andThen(settle, clock.adjust(20)),
      stepWallClock: (byMs) => void (steppedMs += byMs),
      fibers: () => fibers,
      timers: () => timers
    }
    // in a new fiber, because fibers are counted from their start
    return yield* Effect.forkChild(body(time)).pipe(
      Effect.flatMap(Fiber.join),
      Effect.provideService(Clock.Clock, counted),
      Effect.provideService(Metric.FiberRuntimeMetrics, {
        recordFiberStart: () => {
          fibers++
          activity++
        },
        recordFiberEnd: () => {
          fibers--
          activity++
        }
      })
    )
  }).pipe(Effect.provide(TestClock.layer()), Random.withSeed(seed))
