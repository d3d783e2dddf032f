/**
 * The sessions of a running backend: each takes a slot when it is created and gives it back when nothing of it is left.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed, SessionNotFound } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import type { AccessControl } from "../admission/AccessControl.ts"
import { type Admission, drainingError } from "../admission/Admission.ts"
import type { ReservedPlace } from "../provider/ProviderContract.ts"
import * as ProviderLink from "../provider/ProviderLink.ts"
import * as SessionId from "./SessionId.ts"
import type { SessionLeases } from "./SessionLeases.ts"
import type { SessionEntry, SessionOpening } from "./SessionOpening.ts"

const existing = () =>
  new ConnectionFailed({
    op: "BackendProvider.reserve",
    message: "the session exists already",
    details: { reason: "session_exists" }
  })

/** The deadline for closing a single session, so that nothing in a close path can hang. */
const CLOSE_DEADLINE = "5 seconds"

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionTableOptions {
  readonly admission: Admission
  readonly access: AccessControl
  readonly leases: SessionLeases
  readonly open: SessionOpening
  /** The scopes of sessions are its children. */
  readonly scope: Scope.Scope
  /** The cell that new ids name. */
  readonly cell: () => string | undefined
  /** Completes when the drain is over: a session that is still being created then fails. */
  readonly drained: Deferred.Deferred<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionTable {
  readonly entries: () => ReadonlyArray<SessionEntry>
  /** Asks the hooks and the rate limits about a new session. */
  readonly check: (session: SessionConfig) => Effect.Effect<SessionConfig, BackendError>
  /** Opens a session that was checked, under a new id or this one, which no session here may have. */
  readonly openChecked: (session: SessionConfig, id?: string) => Effect.Effect<VoiceSession, BackendError>
  /** Does both. */
  readonly create: (session: SessionConfig) => Effect.Effect<VoiceSession, BackendError>
  /** Takes a place ahead of its session; closing the scope gives it back, unless the session was created. */
  readonly reserve: Effect.Effect<ReservedPlace, BackendError, Scope.Scope>
  /** The same for a session of this id, which no session here may have. */
  readonly reserveAs: (id: string) => Effect.Effect<ReservedPlace, BackendError, Scope.Scope>
  /** Takes over a session that another process has left; does nothing when it is here already. */
  readonly recover: (id: string) => Effect.Effect<void, BackendError>
  /** Gives a session that is here, or that the store has: it is then taken over. `undefined`: there is none of this id. */
  readonly findStored: (id: string) => Effect.Effect<VoiceSession | undefined, BackendError>
  /** Leaves a session, which is stored, to another process: it ends here as `taken_over`. Fails when it cannot be stored. */
  readonly handOver: (entry: SessionEntry) => Effect.Effect<void, BackendError>
  /** Fails `session_not_found`; `op` is the operation that needs the session. */
  readonly find: (op: string, id: string) => Effect.Effect<SessionEntry, BackendError>
}

/**
 * Closes a scope in a fiber of its own: a finalizer that hangs delays the caller no longer than the deadline.
 *
 * @category finalization
 * @since 0.1.0
 */
export const closeScope = (scope: Scope.Closeable, within: Duration.Input = CLOSE_DEADLINE) =>
  finalizeWithin(within)(Scope.close(scope, Exit.void))

/**
 * Makes the empty table.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: SessionTableOptions
): Effect.fn.Return<SessionTable, never, Scope.Scope> {
  const { access, admission, drained, leases, open, scope } = options
  const sessions = new Map<string, SessionEntry>()
  /** The ids of sessions whose place is taken, until its scope is closed. */
  const reserved = new Set<string>()
  const watchers = yield* FiberSet.make()

  /** Removes a session that has ended, within a deadline, whatever hangs. */
  const removeWhenEnded = (entry: SessionEntry) =>
    entry.handle.session.ended.pipe(
      Effect.andThen((reason) =>
        Effect.sync(() => {
          sessions.delete(entry.handle.session.id)
          entry.observer.ended(reason)
        })
      ),
      Effect.andThen(closeScope(entry.scope)),
      Effect.andThen(leases.end(entry.handle.session.id)),
      Effect.ensuring(Effect.suspend(() => {
        admission.leave()
        entry.observer.closed()
        return Deferred.succeed(entry.closed, undefined)
      }))
    )

  /** Takes a slot and opens a session in it; a session that cannot be opened leaves nothing behind. */
  const admit = (
    enter: Effect.Effect<void, BackendError>,
    opening: (scope: Scope.Closeable) => Effect.Effect<SessionEntry, BackendError>
  ) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        yield* enter
        const sessionScope = yield* Scope.fork(scope)
        const entry = yield* restore(
          opening(sessionScope).pipe(
            ProviderLink.raceInterruptible(scope),
            Effect.raceFirst(
              Effect.andThen(Deferred.await(drained), Effect.suspend(() => Effect.fail(drainingError())))
            )
          )
        ).pipe(
          Effect.onError(() => Effect.ensuring(closeScope(sessionScope), Effect.sync(() => admission.leave())))
        )
        sessions.set(entry.handle.session.id, entry)
        entry.observer.opened()
        yield* FiberSet.run(watchers, removeWhenEnded(entry))
        // the drain may have begun meanwhile
        if (!admission.open) entry.handle.drain("drained")
        return entry
      })
    )

  /** Opens a new session, in a slot that `enter` takes. */
  const openNew = (id: string, enter: Effect.Effect<void, BackendError>, config: SessionConfig) =>
    admit(enter, (sessionScope) => open({ id, config }, sessionScope).pipe(Effect.onError(() => leases.end(id))))

  const openAs = (id: string, config: SessionConfig) =>
    Effect.acquireUseRelease(
      Effect.suspend(() => {
        if (sessions.has(id) || reserved.has(id)) return Effect.fail(existing())
        return Effect.sync(() => reserved.add(id))
      }),
      () => openNew(id, admission.enter, config),
      () => Effect.sync(() => reserved.delete(id))
    )

  const openChecked: SessionTable["openChecked"] = Effect.fnUntraced(function*(config, id) {
    const { handle } = yield* id === undefined
      ? openNew(yield* SessionId.make(options.cell()), admission.enter, config)
      : openAs(id, config)
    return handle.session
  })

  const reserveAs = (id: string): SessionTable["reserve"] =>
    Effect.gen(function*() {
      let isHeld = true
      yield* Effect.acquireRelease(
        Effect.suspend(() => {
          if (sessions.has(id) || reserved.has(id)) return Effect.fail(existing())
          return Effect.tap(admission.enter, () => Effect.sync(() => reserved.add(id)))
        }),
        () =>
          Effect.sync(() => {
            reserved.delete(id)
            if (isHeld) admission.leave()
            isHeld = false
          })
      )
      /** The place becomes the session's; it may have been given back, or the drain may have begun. */
      const enter = Effect.suspend(() => {
        if (!isHeld || !admission.open) return Effect.fail(drainingError())
        isHeld = false
        return Effect.void
      })
      return {
        id,
        create: Effect.fnUntraced(function*(session, known) {
          const { handle } = yield* openNew(id, enter, yield* access.create(session, known))
          return { session: handle.session, drain: Effect.sync(() => handle.drain("drained")) }
        })
      }
    })

  const recover: SessionTable["recover"] = (id) =>
    sessions.has(id) ?
      Effect.void :
      Effect.asVoid(admit(admission.enterResumed, (sessionScope) =>
        Effect.gen(function*() {
          const restored = yield* leases.claim(id)
          return yield* open({ id, config: restored.config, restored }, sessionScope)
        }).pipe(
          // a session that cannot be read or resumed is left to expire
          Effect.tapError((error) => leases.refused(id, error)),
          Effect.onError(() => leases.release(id))
        )))

  return {
    entries: () => Array.from(sessions.values()),
    check: (session) => access.create(session),
    openChecked,
    create: (session) =>
      // before the hooks, which may be slow: a full backend does not ask them
      admission.check.pipe(Effect.andThen(access.create(session)), Effect.flatMap(openChecked)),
    reserve: Effect.flatMap(SessionId.make(options.cell()), reserveAs),
    reserveAs,
    recover,
    findStored: (id) =>
      Effect.suspend(() => {
        const here = Effect.sync(() => sessions.get(id)?.handle.session)
        if (sessions.has(id) || reserved.has(id) || !leases.enabled) return here
        return recover(id).pipe(
          Effect.andThen(here),
          Effect.catchTag("SessionNotFound", () => Effect.undefined)
        )
      }),
    handOver: ({ handle }) =>
      Effect.gen(function*() {
        const { id } = handle.session
        yield* leases.write(id, { ...handle.snapshot(), from: 0 })
        // told or not, this process has it no more: without the store's word others wait for the end of the lease
        yield* Effect.ensuring(leases.leave(id), Effect.sync(handle.takenOver))
      }),
    find: (op, id) =>
      Effect.suspend(() => {
        const entry = sessions.get(id)
        return entry !== undefined ? Effect.succeed(entry) : Effect.fail(
          new SessionNotFound({ op, message: "no session has this id", details: { session: id.slice(0, 64) } })
        )
      })
  }
})
