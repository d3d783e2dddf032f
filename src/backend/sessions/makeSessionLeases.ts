/**
 * The one implementation of `SessionLeases`, on a session store.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import { SessionStore } from "../../session/persistence/SessionStore.ts"
import * as LeaseRenewal from "./LeaseRenewal.ts"
import * as LeaseRequests from "./LeaseRequests.ts"
import { bounded } from "./LeaseRequests.ts"
import { type HeldLease, LeaseTable } from "./LeaseTable.ts"
import { PersistenceStatus } from "./PersistenceStatus.ts"
import * as SessionErasures from "./SessionErasures.ts"
import * as SessionLeases from "./SessionLeases.ts"
import * as SharedSecret from "./SharedSecret.ts"
import * as SnapshotReader from "./SnapshotReader.ts"

/** When the process ends: for releasing the leases. */
const FINAL_DEADLINE = Duration.seconds(1)

const reasonOf = ({ details }: BackendError): unknown => details?.["reason"]

/**
 * Makes it on the session store, if there is one. While the scope lives, leases are renewed and abandoned sessions erased;
 * closing the scope releases the leases.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeSessionLeases: Effect.Effect<SessionLeases.SessionLeases, never, Scope.Scope> = Effect.gen(
  function*() {
    const found = yield* Effect.serviceOption(SessionStore)
    if (Option.isNone(found)) return SessionLeases.nothing
    const store = found.value
    const scope = yield* Effect.scope
    const clock = yield* Clock.Clock
    const table = new LeaseTable()
    const { read, refused } = SnapshotReader.make(table)
    const status = new PersistenceStatus()
    const secrets: Array<SharedSecret.OfferedSecret> = []
    const nowMs = () => MonotonicTime.nowMs(clock)

    const erasures = yield* SessionErasures.make({ store, table, status, nowMs })
    const leaseWatch = yield* LeaseRenewal.start({ store, table, status, erasures, secrets, clock })
    yield* Effect.addFinalizer(() =>
      Effect.andThen(erasures.finish, Effect.ignore(finalizeWithin(FINAL_DEADLINE)(store.releaseAll)))
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
      status.snapshotFailed(id, reason === "gap" ? LeaseRenewal.lost : error, nowMs())
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
          if (held === undefined) return Effect.fail(SessionLeases.notFound(id))
          return bounded("SessionStore.write")(store.write(held.lease, change)).pipe(
            Effect.onExit((exit) =>
              Effect.sync(() => held.written(exit._tag === "Success" ? change.from + change.items.length : undefined))
            ),
            Effect.tap(() => Effect.sync(() => written(id, held))),
            Effect.tapError((error) => Effect.sync(() => notWritten(id, held, error)))
          )
        }),
      watch: (id, listener) => table.watch(id, listener),
      leaseWatch,
      claim: Effect.fnUntraced(function*(id) {
        yield* erasures.find
        if (table.hasEnded(id)) return yield* SessionLeases.notFound(id)
        const claim = yield* take(id, "SessionStore.claim", store.claim(id), {
          keep: (claim) => claim._tag === "Claimed" ? table.hold(claim.lease, claim.snapshot.items.length) : undefined,
          giveBack: (claim) => claim._tag === "Claimed" ? store.undoClaim(claim.lease) : Effect.void,
          outcome: "release"
        })
        switch (claim._tag) {
          case "Unknown":
            return yield* SessionLeases.notFound(id)
          case "Held":
            return yield* new ConnectionFailed({
              op: "VoiceBackend.recover",
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
      leave: (id) =>
        Effect.suspend(() => {
          const lease = table.drop(id, "release")
          status.snapshotStored(id)
          return lease === undefined ? Effect.void : bounded("SessionStore.releaseLease")(store.releaseLease(lease))
        }),
      refused,
      end: (id) =>
        Effect.suspend(() => {
          const lease = table.end(id)
          status.snapshotStored(id)
          return lease === undefined
            ? Effect.void
            : Effect.andThen(Effect.ignore(erasures.remove(lease)), erasures.note)
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
  }
)
