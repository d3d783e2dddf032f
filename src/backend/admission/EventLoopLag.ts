/**
 * The event-loop lag of the last minute.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as MonotonicTime from "../../MonotonicTime.ts"

/**
 * The time between two samples.
 *
 * @category constants
 * @since 0.1.0
 */
export const INTERVAL_MS = 100
const KEPT = 600
/** 2 s, so that a single stall does not count as load. */
const RECENT = 20

/**
 * The last 600 delays of a timer of 100 ms.
 *
 * @category models
 * @since 0.1.0
 */
export class EventLoopLag {
  readonly #lags = new Float64Array(KEPT)
  #seen = 0

  add(lagMs: number): void {
    this.#lags[this.#seen++ % KEPT] = Math.max(0, lagMs)
  }

  /** The 90th percentile of the last 2 s, in ms. */
  get recent(): number {
    const recent = new Float64Array(RECENT)
    for (let i = 0; i < RECENT; i++) {
      const at = this.#seen - 1 - i
      if (at >= 0) recent[i] = this.#lags[at % KEPT]!
    }
    return recent.sort()[Math.ceil(RECENT * 0.9) - 1]!
  }

  /**
   * The 99th percentile of the last minute, in ms. What was not measured yet counts as no lag, so that a single stall after the
   * start is not taken for a minute of them: it takes seven in a minute.
   */
  get p99(): number {
    return this.#lags.toSorted()[Math.ceil(KEPT * 0.99) - 1]!
  }
}

/**
 * Measures, while the scope lives, by how much a sleep overruns. `onSample` is called after each sample.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  onSample: (window: EventLoopLag) => Effect.Effect<void>
): Effect.fn.Return<EventLoopLag, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const window = new EventLoopLag()
  yield* Effect.suspend(() => {
    const before = MonotonicTime.nowMs(clock)
    return Effect.flatMap(Effect.sleep(INTERVAL_MS), () => {
      window.add(MonotonicTime.nowMs(clock) - before - INTERVAL_MS)
      return onSample(window)
    })
  }).pipe(Effect.forever, Effect.forkScoped)
  return window
})
