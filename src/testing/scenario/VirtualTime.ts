/**
 * Virtual time for a whole scenario: a test's clock that is advanced in frames, and a count of who sleeps and who lives.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"

/**
 * - `now`: ms since the beginning.
 * - `tick`: 20 ms pass, with all that they bring. In one big step sleepers would wake late: those that are forked by
 *   others begin to sleep only when their turn comes.
 * - `fibers`, `timers`: how many live, and how many sleep.
 *
 * @category models
 * @since 0.1.0
 */
export interface VirtualTime {
  readonly now: () => number
  readonly tick: Effect.Effect<void>
  readonly fibers: () => number
  readonly timers: () => number
}

/** Rounds of fibers waking fibers within one frame: far more than any chain of ours is long. */
const MAX_ROUNDS = 64

/**
 * Runs an effect in virtual time that only `tick` advances, with chance from a seed.
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
    const counted: TestClock.TestClock = {
      ...clock,
      sleep: (duration) =>
        Effect.suspend(() => {
          timers++
          activity++
          return Effect.ensuring(clock.sleep(duration), Effect.sync(() => timers--))
        })
    }
    // what was begun in this frame goes on until it sleeps, or it would sleep from a later frame on
    const settle = Effect.gen(function*() {
      let seen = -1
      for (let round = 0; round < MAX_ROUNDS && seen !== activity; round++) {
        seen = activity
        yield* Effect.yieldNow
        yield* Effect.yieldNow
      }
    })
    const time: VirtualTime = {
      now: () => clock.currentTimeMillisUnsafe(),
      tick: Effect.andThen(settle, clock.adjust(20)),
      fibers: () => fibers,
      timers: () => timers
    }
    // on a fiber of its own: who lives is counted from its beginning
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
