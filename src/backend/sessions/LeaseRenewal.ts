/**
 * What is repeated while a backend has a session store: the lease of this process is renewed, abandoned sessions erased, and
 * the shared secrets offered again.
 *
 * What is stored is compared with what this process holds, at least once in the time of a lease: what the store has lost is
 * stored again, and what it has of this process that nobody here knows is given back.
 *
 * When the process has stood still for longer than its lease, its sessions wait until the store has told which are still its own.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import { LeaseWatch } from "../../session/persistence/LeaseWatch.ts"
import type { SessionStore } from "../../session/persistence/SessionStore.ts"
import { Singletons } from "../../Singletons.ts"
import { bounded } from "./LeaseRequests.ts"
import type { LeaseTable } from "./LeaseTable.ts"
import type { PersistenceStatus } from "./PersistenceStatus.ts"
import type { SessionErasures } from "./SessionErasures.ts"
import type * as SharedSecret from "./SharedSecret.ts"

const SWEEP_EVERY = Duration.seconds(30)
/** The lease is renewed, and what is stored compared with what is held, so often in the time of a lease. */
const RENEWALS = 4
/** How long sessions wait for the store after the process stood still. */
const CHECKED_WITHIN = Duration.seconds(1)
const LOCATED_AT_ONCE = 8

/**
 * Why a session is not stored that was.
 *
 * @category errors
 * @since 0.1.0
 */
export const lost = new ConnectionFailed({
  op: "SessionStore.write",
  message: "the session store has lost it",
  details: { part: "store" }
})

/**
 * @category models
 * @since 0.1.0
 */
export interface LeaseRenewalOptions {
  readonly store: SessionStore["Service"]
  readonly table: LeaseTable
  readonly status: PersistenceStatus
  readonly erasures: SessionErasures
  /** Grows. */
  readonly secrets: ReadonlyArray<SharedSecret.OfferedSecret>
  readonly clock: Clock.Clock
}

/**
 * Starts it in the scope, and returns what knows whether this process has stood still. A failure is told by the health check.
 *
 * @category operations
 * @since 0.1.0
 */
export const start = Effect.fnUntraced(function*(
  { clock, erasures, secrets, status, store, table }: LeaseRenewalOptions
): Effect.fn.Return<LeaseWatch, never, Scope.Scope> {
  const nowMs = () => MonotonicTime.nowMs(clock)
  const scope = yield* Effect.scope

  /** Compares what is stored with what is held. */
  const compare = Effect.suspend(() => {
    const before = table.marks()
    return Effect.flatMap(bounded("SessionStore.listOwned")(store.listOwned), (owned) => {
      const { damaged, strays } = table.compare(before, owned)
      for (const { lease, listener } of damaged) {
        status.snapshotFailed(lease.id, lost, nowMs())
        listener?.saveAgain()
      }
      // created, written or claimed by a request whose answer was lost
      return Effect.forEach(
        strays,
        ({ lease, outcome }) =>
          Effect.ignore(
            outcome === "remove"
              ? erasures.remove(lease)
              : bounded("SessionStore.releaseLease")(store.releaseLease(lease))
          ),
        { concurrency: 8, discard: true }
      )
    })
  })

  let hasFailed = false
  const renewed = yield* Deferred.make<void>()
  let isComparing = false
  let renewals = 0
  const noteFailure = <A>(effect: Effect.Effect<A, BackendError>) =>
    Effect.onExit(effect, (exit) =>
      Effect.sync(() => {
        hasFailed = exit._tag === "Failure"
      }))
  // beside the renewals: it waits for what is locked of a single session, and must not cost the others their leases
  const startToCompare = Effect.suspend(() => {
    if (isComparing) return Effect.void
    isComparing = true
    return compare.pipe(
      noteFailure,
      Effect.ignore,
      Effect.ensuring(Effect.sync(() => {
        isComparing = false
      })),
      Effect.forkIn(scope)
    )
  })
  const stoodStill = yield* Queue.sliding<number>(1)
  const watch = new LeaseWatch({
    leaseMs: store.leaseMs,
    nowMs,
    onStoodStill: (forMs) => void Queue.offerUnsafe(stoodStill, forMs)
  })
  const renewLease = Effect.suspend(() => {
    const begunMs = nowMs()
    return Effect.tap(bounded("SessionStore.renew")(store.renew), () => Effect.sync(() => watch.renewed(begunMs)))
  })
  const renew = Effect.suspend(() => {
    const isDue = !table.isEmpty && (++renewals % RENEWALS === 0 || hasFailed || table.isDoubtful)
    return noteFailure(renewLease).pipe(
      Effect.tap(() => Deferred.succeed(renewed, undefined)),
      Effect.andThen(isDue ? startToCompare : Effect.void)
    )
  }).pipe(Effect.ignore)

  /** Ends the sessions that others have taken over. */
  const findTakenOver = Effect.gen(function*() {
    const { held } = table
    yield* renewLease
    const owned = new Map((yield* store.listOwned).map(({ fence, id }) => [id, fence]))
    yield* Effect.forEach(
      held.filter(({ lease }) => owned.get(lease.id) !== lease.fence),
      ({ lease, listener }) =>
        Effect.map(
          store.locate(lease.id),
          (found) => found?.owner === undefined || found.owner === store.owner ? undefined : listener?.takenOver()
        ),
      { concurrency: LOCATED_AT_ONCE, discard: true }
    )
  })
  // a store that is away ends no call: they go on as in any outage
  const afterStandstill = Effect.gen(function*() {
    const forMs = yield* Queue.take(stoodStill)
    yield* Effect.logWarning(
      `this process stood still for ${
        Math.round(forMs)
      } ms, longer than its lease: its sessions wait until they are checked`
    )
    yield* findTakenOver.pipe(deadline("SessionStore.listOwned", "the session store", CHECKED_WITHIN), Effect.ignore)
    watch.goOn()
  })

  const offerSecrets = Effect.suspend(() =>
    Effect.forEach(secrets, ({ offer }) => bounded("SessionStore.shareSecrets")(offer), { discard: true })
  ).pipe(
    Effect.andThen(Effect.sync(() => status.secretStored())),
    Effect.catch((error) => Effect.sync(() => status.secretFailed(error, nowMs())))
  )

  // each on its own: an erasure that hangs must not cost the other sessions their leases
  yield* Effect.forEach([erasures.eraseAll, renew, offerSecrets], (each) =>
    each.pipe(
      Effect.repeat(Schedule.spaced(Duration.millis(store.leaseMs / RENEWALS))),
      Effect.forkScoped
    ), { discard: true })

  yield* Effect.sync(() => watch.mayAct()).pipe(
    Effect.repeat(Schedule.spaced(Duration.millis(store.leaseMs / RENEWALS))),
    Effect.forkScoped
  )
  yield* Effect.forkScoped(Effect.forever(afterStandstill))

  yield* erasures.find.pipe(Effect.repeat(Schedule.spaced(SWEEP_EVERY)), Effect.forkScoped)

  // set forward, the wall clock makes every lease look as if it had run out, until its owner renews it
  const clockSteps = MonotonicTime.wallClockSteps(clock)
  const sweep = Effect.suspend(() =>
    clockSteps() === 0 ? bounded("SessionStore.sweep")(store.sweep) : Effect.succeed(0)
  ).pipe(
    Effect.tap((count) =>
      count === 0 ? Effect.void : Effect.logInfo(`erased ${count} abandoned ${count === 1 ? "session" : "sessions"}`)
    ),
    Effect.ignore
  )
  // once the others have had the time to renew their leases, where the store was away until now
  const { run } = yield* Singletons
  yield* run(
    "session-sweep",
    Deferred.await(renewed).pipe(
      Effect.andThen(Effect.sleep(Duration.millis(store.leaseMs))),
      Effect.andThen(Effect.forever(Effect.andThen(sweep, Effect.sleep(SWEEP_EVERY))))
    )
  )
  return watch
})
