/**
 * The stored sessions of a backend: it holds their leases, takes over those of dead processes, and erases those that have
 * ended.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type BackendError, SessionNotFound } from "../../BackendError.ts"
import type { HealthSource } from "../../HealthSource.ts"
import type { LeaseWatch } from "../../session/persistence/LeaseWatch.ts"
import type * as SessionSnapshot from "../../session/persistence/SessionSnapshot.ts"
import type { StoredSession } from "../../session/persistence/SessionStore.ts"
import type { SnapshotChange } from "../../session/persistence/SnapshotWriter.ts"
import type { StoredListener } from "./LeaseTable.ts"
import * as SharedSecret from "./SharedSecret.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionLeases {
  /** Whether there is a store. */
  readonly enabled: boolean
  /** Stores a new session and takes its lease. */
  readonly begin: (
    id: string,
    kept: StoredSession,
    resumeWindow: Duration.Duration
  ) => Effect.Effect<void, BackendError>
  readonly write: (id: string, change: SnapshotChange) => Effect.Effect<void, BackendError>
  /** Tells a session, until it ends, what becomes of what is stored of it. */
  readonly watch: (id: string, listener: StoredListener) => void
  /** Whether sessions that are stored may act: not after this process stood still, until it knows which are still its own. */
  readonly leaseWatch?: LeaseWatch | undefined
  /**
   * Takes over a session that another process has left. Fails `session_not_found` when there is none, and
   * `connection_failed` with `details.retryAfterMs` while its owner's lease is valid. One that cannot be read fails
   * `pipeline_error` and is given back.
   */
  readonly claim: (id: string) => Effect.Effect<SessionSnapshot.RestoredSession, BackendError>
  /** Gives back a session that was claimed and could not be resumed, so that another process can claim it. */
  readonly release: (id: string) => Effect.Effect<void>
  /** Stops having a session, which stays stored: another process can claim it at once. Fails when the store cannot be told. */
  readonly leave: (id: string) => Effect.Effect<void, BackendError>
  /** Logs, once for each session, why it cannot be resumed in this process, unless a retry may help. */
  readonly refused: (id: string, error: BackendError) => Effect.Effect<void>
  /** Erases a session that has ended; a failed erasure is retried. It cannot be claimed here any more. */
  readonly end: (id: string) => Effect.Effect<void>
  /** The secret by this name that all processes on the store share; `candidate` is stored when there is none. */
  readonly sharedSecret: (name: string, candidate: string) => Effect.Effect<SharedSecret.SharedSecret, BackendError>
  /** Fails while sessions, or the shared secret, have not been stored for more than 30 s, or were lost. */
  readonly health?: HealthSource | undefined
}

/**
 * The failure of a claim of a session that is not stored, or has ended.
 *
 * @category errors
 * @since 0.1.0
 */
export const notFound = (id: string): SessionNotFound =>
  new SessionNotFound({
    op: "VoiceBackend.recover",
    message: "no session has this id, or it has ended",
    details: { session: id.slice(0, 64) }
  })

/**
 * Without a store: nothing is stored, and no session is ever found.
 *
 * @category constants
 * @since 0.1.0
 */
export const nothing: SessionLeases = {
  enabled: false,
  begin: () => Effect.void,
  write: () => Effect.void,
  watch: () => {},
  claim: (id) => Effect.fail(notFound(id)),
  release: () => Effect.void,
  leave: () => Effect.void,
  refused: () => Effect.void,
  end: () => Effect.void,
  sharedSecret: (_, candidate) => Effect.succeed(SharedSecret.own(candidate))
}
