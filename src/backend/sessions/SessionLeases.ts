/**
 * Stores a backend's sessions: holds their leases, takes over those of dead processes, erases those that have ended.
 *
 * What is stored is compared with what this process holds, at least once in the time of a lease: what the store has lost is
 * stored again, and what it has of this process that nobody here knows is given back. Without a store nothing is stored, and
 * no session is ever found.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed, SessionNotFound } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import type { HealthSource } from "../../HealthSource.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type * as SessionSnapshot from "../../session/persistence/SessionSnapshot.ts"
import { type SessionLease, SessionStore, type StoredSession } from "../../session/persistence/SessionStore.ts"
import type { SnapshotChange } from "../../session/persistence/SnapshotWriter.ts"
import * as LeaseRequests from "./LeaseRequests.ts"
import { bounded } from "./LeaseRequests.ts"
import { type HeldLease, LeaseTable } from "./LeaseTable.ts"
import { PersistenceStatus } from "./PersistenceStatus.ts"
import * as SharedSecret from "./SharedSecret.ts"
import * as SnapshotReader from "./SnapshotReader.ts"

const SWEEP_EVERY = Duration.seconds(30)
/** Leases are renewed, and what is stored compared with what is held, so often in the time of a lease. */
const RENEWALS = 4
/** When the process ends: for erasing what has ended, and for releasing the rest. */
const FINAL_DEADLINE = Duration.seconds(1)
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
  /** Calls `saveAgain` whenever the store has lost what was written of the session, until it ends. */
  readonly watch: (id: string, saveAgain: () => void) => void
  /**
   * Takes over a session that another process has left. Fails `session_not_found` when there is none, and
   * `connection_failed` with `details.retryAfterMs` while its owner's lease is valid. One that cannot be read fails
   * `pipeline_error` and is given back.
   */
  readonly claim: (id: string) => Effect.Effect<SessionSnapshot.RestoredSession, BackendError>
  /** Gives back a session that was claimed and could not be resumed, so that another process can claim it. */
  readonly release: (id: string) => Effect.Effect<void>
  /** Logs, once for each session, why it cannot be resumed in this process, unless a retry may help. */
  readonly refused: (id: string, error: BackendError) => Effect.Effect<void>
  /** Erases a session that has ended; a failed erasure is retried. It cannot be claimed here any more. */
  readonly end: (id: string) => Effect.Effect<void>
  /** The secret by this name that all processes on the store share; `candidate` is stored when there is none. */
  readonly sharedSecret: (name: string, candidate: string) => Effect.Effect<SharedSecret.SharedSecret, BackendError>
  /** Fails while sessions, or the shared secret, have not been stored for more than 30 s, or were lost. */
  readonly health?: HealthSource | undefined
}

const notFound = (id: string) =>
  new SessionNotFound({
    op,
    message: "no session has this id, or it has ended",
    details: { session: id.slice(0, 64) }
  })

/** Why a session is not stored that was. */
const lost = new ConnectionFailed({
  op: "SessionStore.write",
  message: "the session store has lost it",
  details: { part: "store" }
})

/** Without a store. */
const nothing: SessionLeases = {
  enabled: false,
  begin: () => Effect.void,
  write: () => Effect.void,
  watch: () => {},
  claim: (id) => Effect.fail(notFound(id)),
  release: () => Effect.void,
  refused: () => Effect.void,
  end: () => Effect.void,
  sharedSecret: (_, candidate) => Effect.succeed(SharedSecret.own(candidate))
}

const reasonOf = ({ details }: BackendError): unknown => details?.["reason"]

const sessions = (count: number): string => `${count} ${count === 1 ? "session" : "sessions"}`

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
  const table = new LeaseTable()
  const { read, refused } = SnapshotReader.make(table)
  const status = new PersistenceStatus()
  const secrets: Array<SharedSecret.OfferedSecret> = []
  const nowMs = () => MonotonicTime.nowMs(clock)

  // ---- what has ended

  const remove = (lease: SessionLease) =>
    Effect.andThen(
      bounded("SessionStore.remove")(store.remove(lease)),
      Effect.sync(() => table.erased(lease))
    )
  const noteErasures = Effect.sync(() => status.waitingErasures(table.waiting.length, nowMs()))
  const erase = Effect.suspend(() =>
    Effect.forEach(table.waiting, (lease) => Effect.ignore(remove(lease)), { concurrency: 8, discard: true })
  ).pipe(Effect.andThen(noteErasures))

  // ---- what the store has lost, and what it has too much

  /** Compares what is stored with what is held. */
  const compare = Effect.suspend(() => {
    const before = table.marks()
    return Effect.flatMap(bounded("SessionStore.listOwned")(store.listOwned), (owned) => {
      const { damaged, strays } = table.compare(before, owned)
      for (const { lease, saveAgain } of damaged) {
        status.snapshotFailed(lease.id, lost, nowMs())
        saveAgain?.()
      }
      // created, written or claimed by a request whose answer was lost
      return Effect.forEach(
        strays,
        ({ lease, outcome }) =>
          Effect.ignore(
            outcome === "remove" ? remove(lease) : bounded("SessionStore.releaseLease")(store.releaseLease(lease))
          ),
        { concurrency: 8, discard: true }
      )
    })
  })

  // ---- renewal

  let hasFailed = false
  let renewals = 0
  // a failure is told by the health check
  const renew = Effect.suspend(() => {
    if (table.isEmpty) return Effect.void
    const isDue = ++renewals % RENEWALS === 0 || hasFailed || table.isDoubtful
    return Effect.andThen(bounded("SessionStore.renew")(store.renew), isDue ? compare : Effect.void)
  }).pipe(
    Effect.onExit((exit) =>
      Effect.sync(() => {
        hasFailed = exit._tag === "Failure"
      })
    ),
    Effect.ignore
  )
  const offerSecrets = Effect.suspend(() =>
    Effect.forEach(secrets, ({ offer }) => bounded("SessionStore.shareSecrets")(offer), { discard: true })
  ).pipe(
    Effect.andThen(Effect.sync(() => status.secretStored())),
    Effect.catch((error) => Effect.sync(() => status.secretFailed(error, nowMs())))
  )
  // each on its own: an erasure that hangs must not cost the other sessions their leases
  yield* Effect.forEach([erase, renew, offerSecrets], (each) =>
    each.pipe(
      Effect.repeat(Schedule.spaced(Duration.millis(store.leaseMs / RENEWALS))),
      Effect.forkScoped
    ), { discard: true })
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
    erase.pipe(
      finalizeWithin(FINAL_DEADLINE),
      Effect.andThen(Effect.suspend(() => {
        const left = table.waiting.length
        return left === 0 ? Effect.void : Effect.logWarning(
          `${
            sessions(left)
          } that have ended could not be erased from the session store, and can be resumed until their ` +
            "resume window is over"
        )
      })),
      Effect.andThen(finalizeWithin(FINAL_DEADLINE)(store.releaseAll)),
      Effect.ignore
    )
  )

  const take = LeaseRequests.make(table, scope)

  const release = (id: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      const lease = table.drop(id, "release")
      status.snapshotStored(id)
      return lease === undefined
        ? Effect.void
        : Effect.ignore(bounded("SessionStore.undoClaim")(store.undoClaim(lease)))
    })

  // ---- snapshots

  // a failure is told by the health check, once it lasts

  const written = (id: string, held: HeldLease) => {
    status.snapshotStored(id)
    if (held.isDamaged) status.lost(id, nowMs())
    held.isDamaged = false
  }
  const notWritten = (id: string, held: HeldLease, error: BackendError) => {
    const reason = reasonOf(error)
    if (reason === "fenced") return
    // what the store lost is stored again, after a pause if it loses it again and again
    if (reason === "gap") held.isDamaged = true
    status.snapshotFailed(id, reason === "gap" ? lost : error, nowMs())
  }

  return {
    enabled: true,
    begin: (id, kept, resumeWindow) =>
      Effect.asVoid(
        take(id, "SessionStore.create", store.create(id, kept, Duration.toMillis(resumeWindow)), {
          keep: (lease) => table.hold(lease, kept.items.length),
          giveBack: store.remove,
          outcome: "remove"
        })
      ),
    write: (id, change) =>
      Effect.suspend(() => {
        const held = table.writing(id)
        if (held === undefined) return Effect.fail(notFound(id))
        return bounded("SessionStore.write")(store.write(held.lease, change)).pipe(
          Effect.onExit((exit) =>
            Effect.sync(() => held.written(exit._tag === "Success" ? change.from + change.items.length : undefined))
          ),
          Effect.tap(() => Effect.sync(() => written(id, held))),
          Effect.tapError((error) => Effect.sync(() => notWritten(id, held, error)))
        )
      }),
    watch: (id, saveAgain) => table.watch(id, saveAgain),
    claim: Effect.fnUntraced(function*(id) {
      if (table.hasEnded(id)) return yield* notFound(id)
      const claim = yield* take(id, "SessionStore.claim", store.claim(id), {
        keep: (claim) => claim._tag === "Claimed" ? table.hold(claim.lease, claim.snapshot.items.length) : undefined,
        giveBack: (claim) => claim._tag === "Claimed" ? store.undoClaim(claim.lease) : Effect.void,
        outcome: "release"
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
          return yield* read(id, claim.snapshot, claim.damage).pipe(
            Effect.tapError((error) => refused(id, error)),
            Effect.onError(() => release(id))
          )
      }
    }),
    release,
    refused,
    end: (id) =>
      Effect.suspend(() => {
        const lease = table.end(id)
        status.snapshotStored(id)
        return lease === undefined ? Effect.void : Effect.andThen(Effect.ignore(remove(lease)), noteErasures)
      }),
    sharedSecret: Effect.fnUntraced(function*(name, candidate) {
      const secret = yield* bounded("SessionStore.secret")(SharedSecret.make(store, name, candidate))
      secrets.push(secret)
      return secret
    }),
    health: {
      name: "persistence",
      what: "what is stored of the sessions",
      failed: "degraded",
      probe: Effect.suspend(() => {
        const fault = status.fault(nowMs())
        return fault === undefined ? Effect.void : Effect.fail(
          new ConnectionFailed({
            op: "VoiceBackend.healthCheck",
            message: fault,
            details: { part: "persistence" }
          })
        )
      })
    }
  }
})
