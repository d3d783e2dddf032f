/**
 * The audio quota of a user: one token bucket of milliseconds for all their sessions in this process.
 *
 * Synchronous, because it is checked for each frame.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as MonotonicTime from "../MonotonicTime.ts"
import type { RateLimits } from "./RateLimits.ts"
import { TokenBuckets } from "./TokenBuckets.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface AudioQuota {
  /**
   * Gives the function that takes milliseconds of audio from the user's quota; `false` when it is exceeded. The bucket is
   * kept for as long as the scope. `undefined` when there is no limit.
   */
  readonly open: (
    userId: string,
    rule: RateLimits["audio"]["user"]
  ) => Effect.Effect<((ms: number) => boolean) | undefined, never, Scope.Scope>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (clock: Clock.Clock, buckets: TokenBuckets = new TokenBuckets()): AudioQuota => ({
  open: (userId, rule) => {
    if (rule === undefined) return Effect.undefined
    const limitMs = Duration.toMillis(rule.limit)
    const refillMs = Duration.toMillis(rule.window) / limitMs
    return Effect.acquireRelease(
      Effect.sync(() => {
        const bucket = buckets.get(userId, limitMs, refillMs, MonotonicTime.nowMs(clock))
        bucket.holders++
        return bucket
      }),
      (bucket) => Effect.sync(() => bucket.holders--)
    ).pipe(Effect.map((bucket) => (ms: number) => bucket.take(ms, MonotonicTime.nowMs(clock)) >= 0))
  }
})
