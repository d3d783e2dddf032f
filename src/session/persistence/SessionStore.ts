/**
 * Where active sessions are kept, so that a conversation outlives its process.
 *
 * A store is told what must not be lost, and by whom: each instance of the service is one *owner*. A session has one
 * owner at a time, by a lease that the owner renews; whoever takes a session over gets a higher *fence*, and what the
 * former owner still writes is refused. What is kept is opaque to the store: a head, which each write replaces, and a list
 * of items, which grows. Both are JSON.
 *
 * What is kept here is operational: it is erased when the session ends, or when nobody has come back for it within its
 * resume window. Data that is to stay is another matter: `DataRetentionHook`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { BackendError } from "../../BackendError.ts"

/**
 * The right to write a session, for as long as nobody has a higher `fence`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionLease {
  readonly id: string
  readonly fence: number
}

/**
 * A session as it is kept: JSON texts.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredSession {
  readonly head: string
  readonly items: ReadonlyArray<string>
}

/**
 * What became of an attempt to take a session over.
 *
 * - `Claimed`: it is this owner's now.
 * - `Held`: another owner has it, and its lease runs for another `forMs`.
 * - `Unknown`: there is no such session; it has ended, or was never there.
 *
 * @category models
 * @since 0.1.0
 */
export type Claim =
  | { readonly _tag: "Claimed"; readonly lease: SessionLease; readonly kept: StoredSession }
  | { readonly _tag: "Held"; readonly forMs: number }
  | { readonly _tag: "Unknown" }

/**
 * The store of a backend, as one owner. A store that cannot be reached fails `connection_failed`; writing with a lease
 * that is not the newest fails `session_not_found` with `details.reason` `"fenced"`.
 *
 * @category services
 * @since 0.1.0
 */
export class SessionStore extends Context.Service<SessionStore, {
  readonly name: string
  /**
   * Keeps a new session; an id that is taken fails `invalid_config`. `resumeWindowMs` is how long it is kept beyond the
   * last lease.
   */
  readonly create: (
    id: string,
    kept: StoredSession,
    resumeWindowMs: number
  ) => Effect.Effect<SessionLease, BackendError>
  /**
   * Replaces the head, and the items from the index `from` on (0: all); what follows the new ones is dropped. In one step:
   * a reader finds all of it or nothing.
   */
  readonly write: (
    lease: SessionLease,
    change: { readonly head: string; readonly from: number; readonly items: ReadonlyArray<string> }
  ) => Effect.Effect<void, BackendError>
  /**
   * Takes a session over whose owner is gone: its lease has run out or was let go of, or it is known that its process has
   * ended.
   */
  readonly claim: (id: string) => Effect.Effect<Claim, BackendError>
  /** Prolongs the leases of this owner's sessions by the lease time. To be called several times within it. */
  readonly renew: Effect.Effect<void, BackendError>
  /** How long a lease lasts, in ms. */
  readonly leaseMs: number
  /** Lets go of one session, which stays: another may claim it at once. */
  readonly letGo: (lease: SessionLease) => Effect.Effect<void, BackendError>
  /** Lets go of all of this owner's sessions, which stay: another may claim them at once. */
  readonly release: Effect.Effect<void, BackendError>
  /** Erases a session that has ended. One that another has taken over is left alone. */
  readonly remove: (lease: SessionLease) => Effect.Effect<void, BackendError>
  /** Erases the sessions that nobody has come back for within their resume window; tells how many. */
  readonly sweep: Effect.Effect<number, BackendError>
  /**
   * A secret that all owners of the store share, such as the key of session tokens: the first `candidate` that any of them
   * offers stays.
   */
  readonly secret: (name: string, candidate: string) => Effect.Effect<string, BackendError>
  /** Really asks the store for a sign of life. */
  readonly probe: Effect.Effect<void, BackendError>
}>()("effect-voice/session/SessionStore") {}
