/**
 * Stores a backend's sessions: holds their leases, takes over those of dead processes, erases those that have ended.
 *
 * Without a store nothing is stored, and no session is ever found.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed, normalize, SessionNotFound } from "../../BackendError.ts"
import { deadline, finalizeWithin } from "../../Deadline.ts"
import type { HealthSource } from "../../HealthSource.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as SessionSnapshot from "../../session/persistence/SessionSnapshot.ts"
import { type SessionLease, SessionStore, type StoredSession } from "../../session/persistence/SessionStore.ts"
import type { SnapshotChange } from "../../session/persistence/SnapshotWriter.ts"

/** The time limit of a store operation that a caller waits for. */
const STORE_DEADLINE = Duration.seconds(5)
/** A lease that comes later than its deadline is waited for so long, to be given back. */
const LATE_DEADLINE = Duration.minutes(2)
const SWEEP_EVERY = Duration.seconds(30)
const op = "VoiceBackend.recover"

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
  /**
   * Takes over a session that another process has left. Fails `session_not_found` when there is none, and
   * `connection_failed` with `details.retryAfterMs` while its owner's lease is valid.
   */
  readonly claim: (id: string) => Effect.Effect<SessionSnapshot.RestoredSession, BackendError>
  /** Releases a session that was claimed and could not be resumed, so that another process can claim it. */
  readonly release: (id: string) => Effect.Effect<void>
  /** Erases a session that has ended; a failed erasure is retried. */
  readonly end: (id: string) => Effect.Effect<void>
  /** The secret by this name that all processes on the store share; `candidate` is stored when there is none. */
  readonly sharedSecret: (name: string, candidate: string) => Effect.Effect<string, BackendError>
  /** Whether everything is stored that should be, for the health report. */
  readonly health?: HealthSource | undefined
}

const notFound = (id: string) =>
  new SessionNotFound({
    op,
    message: "no session has this id, or it has ended",
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

const bounded = (what: string) => <A>(effect: Effect.Effect<A, BackendError>): Effect.Effect<A, BackendError> =>
  effect.pipe(deadline(what, "the session store", STORE_DEADLINE, { part: "store" }), normalize(what))

/**
 * Makes it on the session store, if there is one. While the scope lives, leases are renewed and abandoned sessions erased;
 * closing the scope releases the leases.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<SessionLeases, never, Scope.Scope> = Effect.gen(function*() {
  const found = yield* Effect.serviceOption(SessionStore)
  if (Option.isNone(found)) return nothing
  const store = found.value
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const leases = new Map<string, SessionLease>()
  /** Leases of sessions that have ended and are not erased yet. */
  const ended = new Set<SessionLease>()

  const remove = (lease: SessionLease) =>
    Effect.andThen(
      bounded("SessionStore.remove")(store.remove(lease)),
      Effect.sync(() => ended.delete(lease))
    )

  // a failure is told by the health check
  const renew = Effect.suspend(() => Effect.forEach(ended, remove, { concurrency: 8, discard: true })).pipe(
    // erasures first: a session that could not be erased must not be held for ever
    Effect.andThen(
      Effect.suspend(() => leases.size === 0 ? Effect.void : bounded("SessionStore.renew")(store.renew))
    ),
    Effect.ignore
  )
  yield* renew.pipe(Effect.repeat(Schedule.spaced(Duration.millis(store.leaseMs / 4))), Effect.forkScoped)
  // set forward, the wall clock makes every lease look abandoned, until its owner renews it
  const clockSteps = MonotonicTime.wallClockSteps(clock)
  yield* Effect.suspend(() => clockSteps() === 0 ? bounded("SessionStore.sweep")(store.sweep) : Effect.succeed(0)).pipe(
    Effect.tap((count) =>
      count === 0 ? Effect.void : Effect.logInfo(`erased ${count} abandoned ${count === 1 ? "session" : "sessions"}`)
    ),
    Effect.ignore,
    Effect.repeat(Schedule.spaced(SWEEP_EVERY)),
    Effect.forkScoped
  )
  yield* Effect.addFinalizer(() =>
    Effect.andThen(Effect.forEach(ended, remove, { discard: true }), store.releaseAll).pipe(
      finalizeWithin("2 seconds"),
      Effect.ignore
    )
  )

  /**
   * Takes a lease within the deadline. One that the store gives later is given back: nobody here would know of it, but it
   * would be renewed with the others, and nobody could have the session.
   */
  const take = <A>(what: string, taking: Effect.Effect<A, BackendError>, use: {
    readonly keep: (taken: A) => void
    readonly giveBack: (taken: A) => Effect.Effect<void, BackendError>
  }): Effect.Effect<A, BackendError> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        Effect.forkIn(Effect.interruptible(taking), scope),
        (fiber) =>
          restore(bounded(what)(Fiber.join(fiber))).pipe(
            Effect.tap((taken) => Effect.sync(() => use.keep(taken))),
            Effect.onError(() =>
              Fiber.join(fiber).pipe(
                Effect.flatMap(use.giveBack),
                Effect.timeoutOption(LATE_DEADLINE),
                Effect.ensuring(Fiber.interrupt(fiber)),
                Effect.ignoreCause,
                Effect.forkIn(scope)
              )
            )
          )
      )
    )

  const leaseOf = (id: string) =>
    Effect.suspend(() => {
      const lease = leases.get(id)
      return lease === undefined ? Effect.fail(notFound(id)) : Effect.succeed(lease)
    })

  const release = (id: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      const lease = leases.get(id)
      leases.delete(id)
      return lease === undefined
        ? Effect.void
        : Effect.ignore(bounded("SessionStore.releaseLease")(store.releaseLease(lease)))
    })

  return {
    enabled: true,
    begin: (id, kept, resumeWindow) =>
      Effect.asVoid(
        take("SessionStore.create", store.create(id, kept, Duration.toMillis(resumeWindow)), {
          keep: (lease) => void leases.set(id, lease),
          giveBack: store.remove
        })
      ),
    write: (id, change) =>
      Effect.flatMap(leaseOf(id), (lease) => bounded("SessionStore.write")(store.write(lease, change))),
    claim: Effect.fnUntraced(function*(id) {
      const claim = yield* take("SessionStore.claim", store.claim(id), {
        keep: (claim) => claim._tag === "Claimed" ? void leases.set(id, claim.lease) : undefined,
        giveBack: (claim) => claim._tag === "Claimed" ? store.releaseLease(claim.lease) : Effect.void
      })
      switch (claim._tag) {
        case "Unknown":
          return yield* notFound(id)
        case "Held":
          return yield* new ConnectionFailed({
            op,
            message: "session is owned by another process",
            details: { reason: "held", retryAfterMs: Math.max(100, Math.min(claim.forMs, store.leaseMs)) }
          })
        case "Claimed":
          // what this version cannot read, another process may
          return yield* Effect.onError(SessionSnapshot.decode(claim.snapshot), () => release(id))
      }
    }),
    release,
    end: (id) =>
      Effect.suspend(() => {
        const lease = leases.get(id)
        if (lease === undefined) return Effect.void
        leases.delete(id)
        ended.add(lease)
        return Effect.ignore(remove(lease))
      }),
    sharedSecret: (name, candidate) => bounded("SessionStore.secret")(store.secret(name, candidate))
  }
})
