/**
 * How late the event loop was, over the last minute.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const INTERVAL_MS = 500
const KEPT = 120

/**
 * The last 120 overshoots of a timer.
 *
 * @category models
 * @since 0.1.0
 */
export class LagWindow {
  readonly #lags = new Float64Array(KEPT)
  #seen = 0

  add(lagMs: number): void {
    this.#lags[this.#seen++ % KEPT] = Math.max(0, lagMs)
  }

  /** What 99 % of them did not exceed, in ms; 0 before the first. */
  get p99(): number {
    const sorted = this.#lags.slice(0, Math.min(this.#seen, KEPT)).sort()
    return sorted[Math.max(0, Math.ceil(sorted.length * 0.99) - 1)] ?? 0
  }
}

/**
 * Measures while the scope lives: how much longer than asked for a sleep took.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<LagWindow, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const window = new LagWindow()
  yield* Effect.suspend(() => {
    const before = clock.currentTimeMillisUnsafe()
    return Effect.map(Effect.sleep(INTERVAL_MS), () => {
      window.add(clock.currentTimeMillisUnsafe() - before - INTERVAL_MS)
    })
  }).pipe(Effect.forever, Effect.forkScoped)
  return window
})
