/**
 * When a process counts as one of its cluster: it is ready for clients, and may listen on a port that it shares, from then on.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A cluster whose database is away must not keep a process from serving its own sessions. */
const JOIN_WITHIN = "15 seconds"

/**
 * - `joined`: completes when the process has joined, or 15 s after it began to listen.
 * - `isJoined`: whether it has completed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Joining {
  readonly joined: Effect.Effect<void>
  readonly isJoined: Effect.Effect<boolean>
}

/**
 * Waits for it, for as long as the scope: `listening` completes when the address of the process is known, `joined` when it and the
 * others know of each other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  listening: Effect.Effect<unknown>,
  joined: Effect.Effect<unknown>
): Effect.fn.Return<Joining, never, Scope.Scope> {
  const done = yield* Deferred.make<void>()
  yield* Effect.forkScoped(
    Effect.andThen(listening, Effect.timeoutOption(joined, JOIN_WITHIN)).pipe(
      Effect.andThen(Deferred.succeed(done, undefined))
    )
  )
  return { joined: Deferred.await(done), isJoined: Deferred.isDone(done) }
})
