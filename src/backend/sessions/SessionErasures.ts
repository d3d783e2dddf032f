/**
 * Erases sessions that have ended from the session store: at once, or again and again until the store has done it. What is
 * left when the process ends is noted for the next one (`PendingErasures`), which erases it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { BackendError } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import { PendingErasures } from "../../session/persistence/PendingErasures.ts"
import type { Claim, SessionLease, SessionStore } from "../../session/persistence/SessionStore.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import * as LeaseRequests from "./LeaseRequests.ts"
import { bounded } from "./LeaseRequests.ts"
import type { LeaseTable } from "./LeaseTable.ts"
import type { PersistenceStatus } from "./PersistenceStatus.ts"

/** When the process ends: for erasing what has ended, and for noting the rest. */
const FINAL_DEADLINE = Duration.seconds(1)

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionErasuresOptions {
  readonly store: SessionStore["Service"]
  readonly table: LeaseTable
  readonly status: PersistenceStatus
  readonly nowMs: () => number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionErasures {
  /** Erases one session; failing, it is tried again. */
  readonly remove: (lease: SessionLease) => Effect.Effect<void, BackendError>
  /** Tells the health check, and notes for other processes, what is not erased yet. */
  readonly note: Effect.Effect<void>
  /** Reads what other processes have noted; to be done before a session is claimed. */
  readonly find: Effect.Effect<void>
  /** Erases all that are not erased yet, those of former processes included. To be repeated. */
  readonly eraseAll: Effect.Effect<void>
  /** When the process ends. */
  readonly finish: Effect.Effect<void>
}

const sessions = (count: number): string => `${count} ${count === 1 ? "session" : "sessions"}`

/**
 * Makes it, and reads what former processes have noted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { nowMs, status, store, table }: SessionErasuresOptions
): Effect.fn.Return<SessionErasures, never, Scope.Scope> {
  const take = LeaseRequests.make(table, yield* Effect.scope)
  const notes = Option.getOrUndefined(yield* Effect.serviceOption(PendingErasures))
  /** Those whose erasure has failed. Others of the table are being erased. */
  const failed = new Set<string>()
  /** What is noted. */
  let noted = ""
  let hasWarned = false
  let isFinding = false

  // once, until it works again
  const warn = (what: string) => (error: BackendError) =>
    Effect.suspend(() => {
      if (hasWarned) return Effect.void
      hasWarned = true
      return Effect.logWarning(
        `cannot ${what} which sessions have ended while the store was away`,
        ThrownValue.textOf(error)
      )
    })
  const worked = Effect.sync(() => {
    hasWarned = false
  })

  const textOf = (leases: ReadonlyArray<SessionLease>) => leases.map(({ fence, id }) => `${id} ${fence}`).join()
  const noteThese = (leases: ReadonlyArray<SessionLease>) => {
    const text = textOf(leases)
    if (notes === undefined || text === noted) return Effect.void
    return notes.note(leases).pipe(
      Effect.andThen(Effect.sync(() => {
        noted = text
      })),
      Effect.andThen(worked),
      Effect.catch(warn("note"))
    )
  }
  const note = Effect.suspend(() => {
    status.waitingErasures(table.unerased, nowMs())
    for (const id of failed) if (!table.isWaiting(id)) failed.delete(id)
    return noteThese(table.waiting.filter(({ id }) => failed.has(id)))
  })

  /** A session of a former process that needs nothing more: it is erased, or goes on with a newer lease. */
  const settle = (id: string) =>
    Effect.andThen(Effect.sync(() => table.settleFormer(id)), notes === undefined ? Effect.void : notes.settled(id))

  const find = Effect.suspend(() => {
    if (notes === undefined || isFinding) return Effect.void
    isFinding = true
    return notes.find.pipe(
      Effect.flatMap(({ faults, leases }) => {
        const fresh = leases.filter((lease) => table.noteFormer(lease, nowMs()))
        const resumed = leases.filter(({ id }) => !table.hasEnded(id))
        return Effect.all([
          // those go on here, with newer leases
          ...resumed.map(({ id }) => settle(id)),
          ...faults.map((fault) =>
            Effect.annotateLogs(Effect.logWarning("a note of ended sessions was passed over", fault), {
              directory: notes.where
            })
          ),
          ...(fresh.length === 0 ? [] : [
            Effect.logInfo(`erasing ${sessions(fresh.length)} of other processes that ended while the store was away`)
          ])
        ], { discard: true })
      }),
      Effect.andThen(worked),
      Effect.catch(warn("read")),
      Effect.ensuring(Effect.sync(() => {
        isFinding = false
      }))
    )
  })

  const remove = (lease: SessionLease) =>
    bounded("SessionStore.remove")(store.remove(lease)).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (exit._tag === "Failure") return void failed.add(lease.id)
          failed.delete(lease.id)
          table.erased(lease)
        })
      )
    )
  const removeWaiting = Effect.suspend(() =>
    Effect.forEach(table.waiting, (lease) => Effect.ignore(remove(lease)), { concurrency: 8, discard: true })
  )

  /** Takes over the session of a process that has ended, to erase it. */
  const eraseFormer = (lease: SessionLease) => {
    const isOurs = (claim: Claim) => claim._tag === "Claimed" && claim.lease.fence === lease.fence + 1
    return take(lease.id, "SessionStore.claim", store.claim(lease.id), {
      keep: (claim) => {
        if (claim._tag === "Claimed" && isOurs(claim)) table.await(claim.lease)
      },
      giveBack: (claim) =>
        claim._tag !== "Claimed"
          ? Effect.void
          : isOurs(claim)
          ? store.remove(claim.lease)
          : store.undoClaim(claim.lease),
      outcome: "release"
    }).pipe(Effect.flatMap((claim) => {
      switch (claim._tag) {
        case "Unknown":
          return settle(lease.id)
        case "Held":
          // its process has ended: whoever renews the lease has a newer one
          return nowMs() - table.formerSinceMs(lease.id) > 2 * store.leaseMs ? settle(lease.id) : Effect.void
        case "Claimed":
          return isOurs(claim)
            ? Effect.andThen(remove(claim.lease), settle(lease.id))
            : Effect.andThen(bounded("SessionStore.undoClaim")(store.undoClaim(claim.lease)), settle(lease.id))
      }
    }))
  }

  const eraseAll = removeWaiting.pipe(
    // the first that fails ends the attempt: the store is away
    Effect.andThen(Effect.suspend(() => Effect.ignore(Effect.forEach(table.former, eraseFormer, { discard: true })))),
    Effect.andThen(note)
  )

  const noteAll = Effect.suspend(() => noteThese(table.waiting))
  const finish = noteAll.pipe(
    finalizeWithin(FINAL_DEADLINE),
    Effect.andThen(
      Effect.suspend(() => table.waiting.length === 0 ? Effect.void : finalizeWithin(FINAL_DEADLINE)(removeWaiting))
    ),
    Effect.andThen(finalizeWithin(FINAL_DEADLINE)(noteAll)),
    Effect.andThen(Effect.suspend(() => {
      const left = table.waiting
      if (left.length === 0) return Effect.void
      const told = `${sessions(left.length)} that have ended could not be erased from the session store`
      return notes !== undefined && noted === textOf(left)
        ? Effect.annotateLogs(Effect.logWarning(`${told}: the next process erases them`), { directory: notes.where })
        : Effect.logWarning(`${told}, and can be resumed until their resume window is over`)
    }))
  )

  yield* find
  return { remove, note, find, eraseAll, finish }
})
