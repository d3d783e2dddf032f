/**
 * The sessions that users may connect to, with what lets them in: an id, a token, a place.
 *
 * A link lives from `open` to the end of the session's scope, and takes its connections along. A token is looked at before
 * anything else: whoever has none that we signed for this session learns nothing and costs nothing.
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
import type { UserConnection } from "../session/UserConnection.ts"
import * as SessionTokens from "../transport/SessionTokens.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionLinksOptions {
  readonly host: ProviderHost
  /** As they are now: `resumeWindow` is how long a token is still good after its last connection has ended. */
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
  /** Ends with the session, after its connections were asked to close. */
  readonly scope: Scope.Scope
  /**
   * Takes one of the session's places for as long as the scope, and asks the application whether this user may connect.
   * Fails `rate_limit_exceeded` when there is no place, and as the application says.
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
   * Fails `authentication_failed`, which does not say what was wrong with the token; with a token of ours also
   * `session_not_found`. A session that is not here is asked of the backend, which may take it up from another process.
   */
  readonly authenticate: (id: string, token: string | undefined) => Effect.Effect<Link, BackendError>
}

interface Entry {
  readonly link: Link
  readonly userId: string
  readonly connections: Set<UserConnection>
  /** Unix time in ms up to which a token that has ended is good nevertheless. */
  extendedTo: number
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
  const tokens = yield* SessionTokens.make(host.signingKey)
  const recoveries = yield* FiberMap.make<string, void, BackendError>()
  const entries = new Map<string, Entry>()
  const now = () => clock.currentTimeMillisUnsafe()
  const resumeMs = () => Duration.toMillis(options.limits().resumeWindow)

  const open = Effect.fnUntraced(function*(session: LinkedSession): Effect.fn.Return<OpenedLink, never, Scope.Scope> {
    // One place more than connections can wait, so that an offer never fails.
    const queue = yield* Queue.bounded<UserConnection>(options.maxConnectionsPerSession + 1)
    const connections = new Set<UserConnection>()
    const scope = yield* Scope.fork(parent, "parallel")
    const expiresAt = now() + Duration.toMillis(options.limits().tokenTtl)
    const token = yield* tokens.issue(session.id, session.config.userId, expiresAt)
    let places = 0

    const place = Effect.acquireRelease(
      Effect.suspend(() => {
        if (places >= options.maxConnectionsPerSession) {
          return Effect.fail(
            new RateLimitExceeded({
              op,
              message: `the session has ${places} connections already`,
              details: { limit: options.maxConnectionsPerSession, retryAfterMs: 1_000 }
            })
          )
        }
        places++
        return Effect.void
      }),
      () =>
        Effect.sync(() => {
          places--
        })
    )
    const attach = Effect.fnUntraced(function*(connection: UserConnection) {
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          connections.delete(connection)
          entry.extendedTo = now() + resumeMs()
        })
      )
      connections.add(connection)
      if (entries.get(session.id) !== entry || !Queue.offerUnsafe(queue, connection)) {
        yield* connection.close("session_ended")
      }
    })
    const entry: Entry = {
      link: { id: session.id, scope, enter: (from) => Effect.andThen(place, host.admit(session, from)), attach },
      userId: session.config.userId,
      connections,
      extendedTo: session.resumed === true ? now() + resumeMs() : 0
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
        new SessionNotFound({ op, message: "no session has this id, or it is over" })
      )
    })

  /** In a fiber of its own, so that all who ask for a session wait for the same recovery, and none of them can end it. */
  const recover = (id: string): Effect.Effect<void, BackendError> =>
    Effect.suspend(() => {
      const running = FiberMap.getUnsafe(recoveries, id)
      return running._tag === "Some" ? Effect.succeed(running.value) : FiberMap.run(recoveries, id, host.recover(id))
    }).pipe(Effect.flatMap(Fiber.join))

  const authenticate: SessionLinks["authenticate"] = Effect.fnUntraced(function*(id, given) {
    const token = yield* tokens.verify(given, id)
    if (!entries.has(id)) yield* recover(id)
    const { connections, extendedTo, link, userId } = yield* find(id)
    const good = token.isFor(userId) && (!token.expired || connections.size > 0 || now() < extendedTo)
    return good ? link : yield* SessionTokens.invalidToken()
  })

  return { open, authenticate }
})
