/**
 * The sessions that users may connect to, by id and token, with a limit on connections per session.
 *
 * A link lives from `open` to the end of the session's scope, and its connections end with it. The token is verified before
 * anything else: a caller without a valid token for this session learns nothing and costs nothing.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { LinkedSession, Peer, ProviderHost } from "../backend/provider/BackendProvider.ts"
import { type BackendError, RateLimitExceeded, SessionNotFound } from "../BackendError.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import type { UserConnection } from "../session/UserConnection.ts"
import * as SessionTokens from "../transport/SessionTokens.ts"
import * as SessionElsewhere from "./SessionElsewhere.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionLinksOptions {
  readonly host: ProviderHost
  /** The current limits. `resumeWindow` is how long an expired token is accepted after the last connection has ended. */
  readonly limits: () => { readonly tokenTtl: Duration.Duration; readonly resumeWindow: Duration.Duration }
  readonly maxConnectionsPerSession: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface OpenedLink {
  readonly token: string
  /** Unix time in ms. */
  readonly expiresAt: number
  readonly attachments: Stream.Stream<UserConnection>
}

/**
 * A session as the routes know it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  readonly id: string
  /** The session's token, a secret of its user. */
  readonly token: string
  /** Ends with the session, after its connections were asked to close. */
  readonly scope: Scope.Scope
  /**
   * Takes one of the session's connection slots for as long as the scope, and asks the application whether this user may
   * connect. Fails `rate_limit_exceeded` when no slot is free, and with the application's refusal.
   */
  readonly enter: (from: Peer) => Effect.Effect<void, BackendError, Scope.Scope>
  /** Hands a connection to the session; it counts as the session's until the scope ends. */
  readonly attach: (connection: UserConnection) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionLinks {
  readonly open: (session: LinkedSession) => Effect.Effect<OpenedLink, never, Scope.Scope>
  /**
   * Fails `authentication_failed`, which does not say what is wrong with the token; with a valid token, fails
   * `session_not_found`. A session that is not in this process is recovered by the backend, if another process stored it and
   * has left it; fails `SessionElsewhere` when another node has it.
   */
  readonly authenticate: (
    id: string,
    token: string | undefined
  ) => Effect.Effect<Link, BackendError | SessionElsewhere.SessionElsewhere>
  /**
   * The link of a session of this process whose user has been authenticated otherwise, as by a carrier's signature. Fails
   * `session_not_found`.
   */
  readonly linkOf: (id: string) => Effect.Effect<Link, SessionNotFound>
  /** The same of a session of any process, which is recovered as by `authenticate`. */
  readonly resume: (id: string) => Effect.Effect<Link, BackendError | SessionElsewhere.SessionElsewhere>
}

interface Entry {
  readonly link: Link
  readonly userId: string
  readonly connections: Set<UserConnection>
  /** Until when an expired token is still accepted, in monotonic ms. */
  acceptedUntil: number
}

const op = "BackendProvider.connect"

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: SessionLinksOptions
): Effect.fn.Return<SessionLinks, never, Scope.Scope> {
  const { host } = options
  const parent = yield* Effect.scope
  const clock = yield* Clock.Clock
  const tokens = yield* SessionTokens.make({ current: () => host.signingKey, former: host.formerKeys })
  const recoveries = yield* FiberMap.make<string, void, BackendError>()
  const entries = new Map<string, Entry>()
  const now = () => MonotonicTime.nowMs(clock)
  const resumeMs = () => Duration.toMillis(options.limits().resumeWindow)

  const open = Effect.fnUntraced(function*(session: LinkedSession): Effect.fn.Return<OpenedLink, never, Scope.Scope> {
    // One more than connections can wait, so that an offer does not fail.
    const queue = yield* Queue.bounded<UserConnection>(options.maxConnectionsPerSession + 1)
    const connections = new Set<UserConnection>()
    const scope = yield* Scope.fork(parent, "parallel")
    const expiresAt = clock.currentTimeMillisUnsafe() + Duration.toMillis(options.limits().tokenTtl)
    const token = yield* tokens.issue(session.id, session.config.userId, expiresAt)
    let open = 0

    const slot = Effect.acquireRelease(
      Effect.suspend(() => {
        if (open >= options.maxConnectionsPerSession) {
          return Effect.fail(
            new RateLimitExceeded({
              op,
              message: `connection limit of the session reached (${open})`,
              details: { limit: options.maxConnectionsPerSession, retryAfterMs: 1_000 }
            })
          )
        }
        open++
        return Effect.void
      }),
      () =>
        Effect.sync(() => {
          open--
        })
    )
    const attach = Effect.fnUntraced(function*(connection: UserConnection) {
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          connections.delete(connection)
          entry.acceptedUntil = now() + resumeMs()
        })
      )
      connections.add(connection)
      if (entries.get(session.id) !== entry || !Queue.offerUnsafe(queue, connection)) {
        yield* connection.close("session_ended")
      }
    })
    const entry: Entry = {
      link: { id: session.id, token, scope, enter: (from) => Effect.andThen(slot, host.admit(session, from)), attach },
      userId: session.config.userId,
      connections,
      // by the time that has passed since it was issued: the wall clock may be set forward meanwhile
      acceptedUntil: now() + (session.resumed === true ? resumeMs() : Duration.toMillis(options.limits().tokenTtl))
    }

    yield* Effect.acquireRelease(
      Effect.sync(() => entries.set(session.id, entry)),
      () =>
        Effect.gen(function*() {
          if (entries.get(session.id) === entry) entries.delete(session.id)
          yield* Queue.shutdown(queue)
          yield* Effect.forEach([...connections], (connection) => connection.close("session_ended"), {
            concurrency: "unbounded",
            discard: true
          })
          yield* Scope.close(scope, Exit.void)
        })
    )
    return { token, expiresAt, attachments: Stream.fromQueue(queue) }
  })

  const find = (id: string): Effect.Effect<Entry, SessionNotFound> =>
    Effect.suspend(() => {
      const entry = entries.get(id)
      return entry !== undefined ? Effect.succeed(entry) : Effect.fail(
        new SessionNotFound({ op, message: "no session has this id, or it has ended" })
      )
    })

  /** Runs in a fiber of its own: all callers wait for the same recovery, and none of them can interrupt it. */
  const recover = (id: string): Effect.Effect<void, BackendError> =>
    Effect.suspend(() => {
      const running = FiberMap.getUnsafe(recoveries, id)
      return running._tag === "Some" ? Effect.succeed(running.value) : FiberMap.run(recoveries, id, host.recover(id))
    }).pipe(Effect.flatMap(Fiber.join))

  const resume = Effect.fnUntraced(function*(id: string) {
    if (!entries.has(id)) {
      yield* SessionElsewhere.check(id)
      yield* recover(id)
    }
    return yield* find(id)
  })

  const authenticate: SessionLinks["authenticate"] = Effect.fnUntraced(function*(id, given) {
    const token = yield* tokens.verify(given, id)
    const { connections, acceptedUntil, link, userId } = yield* resume(id)
    const accepted = token.isFor(userId) && (!token.expired || connections.size > 0 || now() < acceptedUntil)
    return accepted ? link : yield* SessionTokens.invalidToken()
  })

  return {
    open,
    authenticate,
    linkOf: (id) => Effect.map(find(id), ({ link }) => link),
    resume: (id) => Effect.map(resume(id), ({ link }) => link)
  }
})
