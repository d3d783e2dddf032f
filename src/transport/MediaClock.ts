/**
 * One clock of 20 ms for all the connections that need one: a fiber that sleeps while there is none.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { frameMs } from "../audio/AudioFormat.ts"

/**
 * Something that is called once every 20 ms. It must not throw.
 *
 * @category models
 * @since 0.1.0
 */
export type Tick = () => void

/**
 * @category models
 * @since 0.1.0
 */
export interface MediaClock {
  /** Begins to call `tick`; the result ends it, and may be called twice. */
  readonly add: (tick: Tick) => () => void
  /** How many are called now. */
  readonly size: () => number
}

/** Ticks that a process which stood still makes up for: 1 s, what a jitter buffer holds. */
const MAX_CATCH_UP = 50

/**
 * Makes a clock whose fiber lives in the scope. A late tick is made up for, so that the rate is exact; after more than a
 * second the clock starts anew.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<MediaClock, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const ticks = new Set<Tick>()
  const awake = Latch.makeUnsafe(false)
  const nowMs = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

  const run = Effect.gen(function*() {
    yield* awake.await
    let due = nowMs()
    while (ticks.size > 0) {
      const now = nowMs()
      if (now - due > MAX_CATCH_UP * frameMs) due = now
      for (; due <= now; due += frameMs) {
        for (const tick of ticks) tick()
      }
      yield* Effect.sleep(Duration.millis(Math.max(1, due - nowMs())))
    }
    awake.closeUnsafe()
  })
  yield* Effect.forkScoped(Effect.forever(run))

  return {
    add: (tick) => {
      ticks.add(tick)
      awake.openUnsafe()
      return () => {
        ticks.delete(tick)
      }
    },
    size: () => ticks.size
  }
})
