/**
 * One 20 ms clock for all connections that need one: a fiber that sleeps while there are none.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { frameMs } from "../audio/AudioFormat.ts"
import * as MonotonicTime from "../MonotonicTime.ts"

/**
 * Called once every 20 ms. It must not throw.
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
  /** Starts to call `tick`; the result stops it, and may be called twice. */
  readonly add: (tick: Tick) => () => void
  /** How many ticks are registered. */
  readonly size: () => number
}

/** Ticks that are made up for after the process stalled: 1 s, the capacity of a jitter buffer. */
const MAX_CATCH_UP = 50

/**
 * Makes a clock whose fiber lives in the scope. Late ticks are made up for, so that the rate is exact; after a stall of
 * more than a second the clock starts again from now.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<MediaClock, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const ticks = new Set<Tick>()
  const awake = Latch.makeUnsafe(false)
  const nowMs = () => MonotonicTime.nowMs(clock)

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
