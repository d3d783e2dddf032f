/**
 * Stores the snapshots of active sessions, so that a conversation survives its process.
 *
 * Each instance of the service is one *owner*. A session has one owner at a time. An owner has one lease for all of its
 * sessions, and renews it; once it has run out, another owner may take each of them over. Who takes a session over gets a
 * higher *fence*, and writes of the former owner are refused. The snapshot is opaque to the
 * store: a head, which each write replaces, and a list of items, which grows. Both are texts of JSON, of at most
 * `MAX_HEAD_BYTES` and `MAX_ITEM_BYTES`, and come back to the character: not parsed, not written anew. A store that takes less
 * fails `invalid_config` with `details.reason` `"too_large"`, and is then given less. An id is a text of up to 1,024 bytes without
 * NUL; ids that differ in a character, also in its case, are those of different sessions. What is refused changes nothing.
 *
 * Each operation ends, with a value or one of the errors of the contract: a session waits for it.
 *
 * The data is operational: it is erased when the session ends, or by a sweep when no user has reconnected within its resume
 * window. The sweep of a session whose process may only be cut off from the store comes 10 min later.
 * Recordings and transcripts that outlive a session belong to `DataRetentionHook`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { BackendError } from "../../BackendError.ts"

/**
 * The largest head of a stored session: 256 KiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_HEAD_BYTES = 262_144

/**
 * The largest item of a stored session: 64 KiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_ITEM_BYTES = 65_536

/**
 * The right to write a session's snapshot, as long as no other owner has a higher `fence`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionLease {
  readonly id: string
  readonly fence: number
}

/**
 * The snapshot of a session, as JSON texts.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredSession {
  readonly head: string
  readonly items: ReadonlyArray<string>
}

/**
 * What is wrong with the items of a stored session: how many are `missing`, and how many `surplus` ones were left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface SnapshotDamage {
  readonly missing: number
  readonly surplus: number
}

/**
 * A session that the store has of an owner: the fence of its lease, and how many items are there.
 *
 * @category models
 * @since 0.1.0
 */
export interface OwnedSession {
  readonly id: string
  readonly fence: number
  readonly items: number
}

/**
 * The most secrets that are stored under one name.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_SECRETS = 8

/**
 * The result of an attempt to take a session over.
 *
 * - `Claimed`: this owner has it now. `damage`: items of the snapshot were lost, or do not belong to it.
 * - `Held`: another owner has it, and its lease runs for another `forMs`.
 * - `Unknown`: there is no such session: it has ended, or never existed.
 *
 * @category models
 * @since 0.1.0
 */
export type Claim =
  | {
    readonly _tag: "Claimed"
    readonly lease: SessionLease
    readonly snapshot: StoredSession
    readonly damage?: SnapshotDamage
  }
  | { readonly _tag: "Held"; readonly forMs: number }
  | { readonly _tag: "Unknown" }

/**
 * Who has a stored session. `owner` is `undefined` where nobody has it; `live`: the owner's lease runs, and its process is
 * not known to have ended, so that nobody else can claim the session now.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionLocation {
  readonly owner: string | undefined
  readonly live: boolean
}

/**
 * The session store of a backend, as one owner. A store that cannot be reached fails `connection_failed`; writing with a
 * lease that is not the newest fails `session_not_found` with `details.reason` `"fenced"`.
 *
 * A store may lose what was written: it is emptied, or comes back as an older copy. The owner of a session has all of it, so
 * a write from the index 0 stores it again, also where there is no session of this id any more or a lease from before.
 *
 * @category services
 * @since 0.1.0
 */
export class SessionStore extends Context.Service<SessionStore, {
  readonly name: string
  /** The name of this owner: unique for each instance of the service. */
  readonly owner: string
  /**
   * Stores a new session; an id that is taken fails `invalid_config`. `resumeWindowMs` is how long it is stored after its
   * last lease has run out.
   */
  readonly create: (
    id: string,
    snapshot: StoredSession,
    resumeWindowMs: number
  ) => Effect.Effect<SessionLease, BackendError>
  /**
   * Replaces the head, and the items from the index `from` on (0: all); items after the new ones are dropped. Atomic.
   *
   * Fails `invalid_config` with `details.reason` `"gap"` when the items before `from` are not all there, or the session is
   * gone: a write from 0 then stores it again. A lease that was released, given back or removed stores nothing again.
   */
  readonly write: (
    lease: SessionLease,
    change: { readonly head: string; readonly from: number; readonly items: ReadonlyArray<string> }
  ) => Effect.Effect<void, BackendError>
  /**
   * Takes a session over whose owner is gone: its lease has run out or was released, or its process is known to have
   * ended.
   */
  readonly claim: (id: string) => Effect.Effect<Claim, BackendError>
  /**
   * Gives back a session that was claimed and cannot be used here: it stays stored, no longer than if it had not been claimed.
   */
  readonly undoClaim: (lease: SessionLease) => Effect.Effect<void, BackendError>
  /** Finds who has a session. `undefined`: there is none of this id. Takes nothing over. */
  readonly locate: (id: string) => Effect.Effect<SessionLocation | undefined, BackendError>
  /**
   * Reads the snapshot of a session without taking it over, whoever has it. `undefined`: there is none of this id. Items that
   * are missing or do not belong to it are left out.
   */
  readonly read: (id: string) => Effect.Effect<StoredSession | undefined, BackendError>
  /**
   * Renews this owner's lease, which is that of all of its sessions. One write, whatever their number; nothing that is locked
   * of a session delays it. To be called several times within the lease time, also while there are no sessions: the renewals
   * tell that the store can be reached. `create`, `claim` and a write from 0 see to it that there is a lease.
   */
  readonly renew: Effect.Effect<void, BackendError>
  /** How long a lease lasts, in ms. */
  readonly leaseMs: number
  /** The sessions that the store has of this owner. One without a head is left out. */
  readonly listOwned: Effect.Effect<ReadonlyArray<OwnedSession>, BackendError>
  /** Releases one session, which stays stored: another owner may claim it at once. */
  readonly releaseLease: (lease: SessionLease) => Effect.Effect<void, BackendError>
  /** Releases all of this owner's sessions, which stay stored, and its lease: other owners may claim them at once. */
  readonly releaseAll: Effect.Effect<void, BackendError>
  /** Erases a session that has ended. One that another owner has taken over is not touched. */
  readonly remove: (lease: SessionLease) => Effect.Effect<void, BackendError>
  /**
   * Erases abandoned sessions, and forgets owners that are gone and have none; returns how many sessions. A session is
   * abandoned when its resume window has passed without a user
   *
   * - since its owner let it go: released it, or gave a claim back;
   * - since the lease of its owner ended, whose process is known to have ended;
   * - and 10 min more, since the lease of its owner ended: it may only be cut off from the store. Time counts from when the
   *   store could be reached: since the first of the owners that have a lease now began to renew it without a gap.
   *
   * A session that is locked is left to the next sweep. To be called when this owner has renewed its lease for the time of a
   * lease: owners that could not reach the store either have then renewed theirs.
   */
  readonly sweep: Effect.Effect<number, BackendError>
  /**
   * Returns a secret that all owners of the store share, such as the key of session tokens: the first `candidate` that any
   * of them offered.
   */
  readonly secret: (name: string, candidate: string) => Effect.Effect<string, BackendError>
  /**
   * Adds secrets to those of this name, unless they are there, and returns all of them: first the one that `secret` returns. A
   * store that has lost its secrets so gets back what each owner knows. At most `MAX_SECRETS` are stored; further ones are not.
   */
  readonly shareSecrets: (
    name: string,
    known: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<string>, BackendError>
  /**
   * Checks that sessions can be stored, by storing one and erasing it again. Fails with what is wrong otherwise:
   * `connection_failed`, with a word for it in `details.reason` (`unreachable`, `full`, `read_only`, `damaged`, …).
   */
  readonly probe: Effect.Effect<void, BackendError>
}>()("effect-voice/session/SessionStore") {}
