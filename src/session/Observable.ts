/**
 * A value that can be read and watched, but not written.
 *
 * Not a `SubscriptionRef`, which anyone may set, and whose update is an effect: a session's state is derived from its
 * conversation, which changes synchronously. Where a `SubscriptionRef` holds the value, `fromRef` gives its readable side.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"

/**
 * @category models
 * @since 0.1.0
 */
export interface Observable<out A> {
  readonly get: Effect.Effect<A>
  /** The value now, then each change. */
  readonly changes: Stream.Stream<A>
}

/**
 * The readable side of a `SubscriptionRef`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromRef = <A>(ref: SubscriptionRef.SubscriptionRef<A>): Observable<A> => ({
  get: SubscriptionRef.get(ref),
  changes: SubscriptionRef.changes(ref)
})
