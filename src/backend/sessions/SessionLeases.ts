/**
 * Keeps a backend's sessions in its store: holds their leases, takes over what other processes left, erases what ended.
 *
 * Without a store nothing is kept, and nothing is ever found.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed, normalize, SessionNotFound } from "../../BackendError.ts"
import { deadline, finalizeWithin } from "../../Deadline.ts"
import * as SessionSnapshot from "../../session/persistence/SessionSnapshot.ts"
import { type SessionLease, SessionStore, type StoredSession } from "../../session/persistence/SessionStore.ts"
import type { SnapshotChange } from "../../session/persistence/SnapshotWriter.ts"

/** How long a store may take to answer what somebody waits for. */
const STORE_DEADLINE = Duration.seconds(5)
const SWEEP_EVERY = Duration.seconds(30)
const op = "VoiceBackend.recover"

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionLeases {
  /** There is a store. */
  readonly enabled: boolean
  /** Keeps a new session from now on. */
  readonly begin: (
    id: string,
    kept: StoredSession,
    resumeWindow: Duration.Duration
  ) => Effect.Effect<void, BackendError>
  readonly write: (id: string, change: SnapshotChange) => Effect.Effect<void, BackendError>
  /**
   * Takes over what another process left. Fails `session_not_found` when there is nothing, and `connection_failed` with
   * `details.retryAfterMs` while its owner lives.
   */
  readonly claim: (id: string) => Effect.Effect<SessionSnapshot.RestoredSession, BackendError>
  /** Leaves a session that was claimed and could not be taken up to whoever comes next. */
  readonly release: (id: string) => Effect.Effect<void>
  /** Erases a session that has ended. One that cannot be erased now is later. */
  readonly end: (id: string) => Effect.Effect<void>
  /** The secret of this name that all processes on the store share. */
  readonly sharedSecret: (name: string, candidate: string) => Effect.Effect<string, BackendError>
}

const notFound = (id: string) =>
  new SessionNotFound({
    op,
    message: "no session has this id, or it is over",
    details: { session: id.slice(0, 64) }
  })

/** Without a store. */
const nothing: SessionLeases = {
  enabled: false,
  begin: () => Effect.void,
  write: () => Effect.void,
  claim: (id) => Effect.fail(notFound(id)),
  release: () => Effect.void,
  end: () => Effect.void,
  sharedSecret: (_, candidate) => Effect.succeed(candidate)
}

const answering = (what: string) => <A>(effect: Effect.Effect<A, BackendError>): Effect.Effect<A, BackendError> =>
  effect.pipe(deadline(what, "the session store", STORE_DEADLINE), normalize(what))

/**
 * Makes the keeper on the store that is there. Its leases are renewed, and what is left over is erased, while the scope
 * lives; then they are let go of.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<SessionLeases, never, Scope.Scope> = Effect.gen(function*() {
  const found = yield* Effect.serviceOption(SessionStore)
  if (Option.isNone(found)) return nothing
  const store = found.value
  const leases = new Map<string, SessionLease>()
  /** Ended, and not erased yet. */
  const leaving = new Set<SessionLease>()

  const remove = (lease: SessionLease) =>
    Effect.andThen(
      answering("SessionStore.remove")(store.remove(lease)),
      Effect.sync(() => leaving.delete(lease))
    )

  let silent = false
  const renew = Effect.suspend(() => Effect.forEach(leaving, remove, { concurrency: 8, discard: true })).pipe(
    // what was not erased must not be held for ever, so it comes first
    Effect.andThen(
      Effect.suspend(() => leases.size === 0 ? Effect.void : answering("SessionStore.renew")(store.renew))
    ),
    Effect.andThen(Effect.suspend(() => {
      if (!silent) return Effect.void
      silent = false
      return Effect.logInfo(`the session store ${store.name} answers again`)
    })),
    Effect.catch((error) => {
      if (silent) return Effect.void
      silent = true
      return Effect.logWarning(`the session store ${store.name} does not answer`, error.message)
    })
  )
  yield* renew.pipe(Effect.repeat(Schedule.spaced(Duration.millis(store.leaseMs / 4))), Effect.forkScoped)
  yield* answering("SessionStore.sweep")(store.sweep).pipe(
    Effect.tap((count) => count === 0 ? Effect.void : Effect.logInfo(`${count} sessions that nobody came back for`)),
    Effect.ignore,
    Effect.repeat(Schedule.spaced(SWEEP_EVERY)),
    Effect.forkScoped
  )
  yield* Effect.addFinalizer(() =>
    Effect.andThen(Effect.forEach(leaving, remove, { discard: true }), store.releaseAll).pipe(
      finalizeWithin("2 seconds"),
      Effect.ignore
    )
  )

  const leaseOf = (id: string) =>
    Effect.suspend(() => {
      const lease = leases.get(id)
      return lease === undefined ? Effect.fail(notFound(id)) : Effect.succeed(lease)
    })

  return {
    enabled: true,
    begin: (id, kept, resumeWindow) =>
      Effect.map(
        answering("SessionStore.create")(store.create(id, kept, Duration.toMillis(resumeWindow))),
        (lease) => void leases.set(id, lease)
      ),
    write: (id, change) =>
      Effect.flatMap(leaseOf(id), (lease) => answering("SessionStore.write")(store.write(lease, change))),
    claim: Effect.fnUntraced(function*(id) {
      const claim = yield* answering("SessionStore.claim")(store.claim(id))
      switch (claim._tag) {
        case "Unknown":
          return yield* notFound(id)
        case "Held":
          return yield* new ConnectionFailed({
            op,
            message: "another process has this session",
            details: { reason: "held", retryAfterMs: Math.max(100, Math.min(claim.forMs, store.leaseMs)) }
          })
        case "Claimed": {
          leases.set(id, claim.lease)
          return yield* SessionSnapshot.decode(claim.snapshot)
        }
      }
    }),
    release: (id) =>
      Effect.suspend(() => {
        const lease = leases.get(id)
        leases.delete(id)
        return lease === undefined
          ? Effect.void
          : Effect.ignore(answering("SessionStore.releaseLease")(store.releaseLease(lease)))
      }),
    end: (id) =>
      Effect.suspend(() => {
        const lease = leases.get(id)
        if (lease === undefined) return Effect.void
        leases.delete(id)
        leaving.add(lease)
        return Effect.ignore(remove(lease))
      }),
    sharedSecret: (name, candidate) => answering("SessionStore.secret")(store.secret(name, candidate))
  }
})
