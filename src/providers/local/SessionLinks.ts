/**
 * The sessions that users may connect to, with what lets them in: an id, a token, a place.
 *
 * A link lives from `open` to the end of the session's scope, and takes its connections along. Of a token only the hash
 * is kept.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import type { LinkedSession } from "../../backend/BackendProvider.ts"
import { AuthenticationFailed, type BackendError, RateLimitExceeded, SessionNotFound } from "../../BackendError.ts"
import type { UserConnection } from "../../session/UserConnection.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionLinksOptions {
  readonly tokenTtl: Duration.Duration
  /** How long a token is still good after its last connection has ended. */
  readonly resumeWindow: Duration.Duration
  readonly maxConnectionsPerSession: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface OpenedLink {
  /** 256 random bits, base64url. */
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
  /** Takes one of the session's places for as long as the scope; fails `rate_limit_exceeded` when there is none. */
  readonly place: Effect.Effect<void, BackendError, Scope.Scope>
  /** Hands a connection to the session; it counts as the session's until the scope ends. */
  readonly attach: (connection: UserConnection) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionLinks {
  readonly open: (session: LinkedSession) => Effect.Effect<OpenedLink, never, Scope.Scope>
  /** Fails `session_not_found` or `authentication_failed`; the latter does not say what was wrong with the token. */
  readonly authenticate: (id: string, token: string | undefined) => Effect.Effect<Link, BackendError>
}

interface Entry {
  readonly link: Link
  readonly hash: Buffer
  /** Unix time in ms; later as long as the user is connected. */
  expiresAt: number
  places: number
}

const TOKEN_BYTES = 32
const MAX_TOKEN_LENGTH = 256
const op = "LocalProvider.connect"

const hashOf = (token: string): Buffer => createHash("sha256").update(token).digest()

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: SessionLinksOptions
): Effect.fn.Return<SessionLinks, never, Scope.Scope> {
  const parent = yield* Effect.scope
  const clock = yield* Clock.Clock
  const entries = new Map<string, Entry>()
  const resumeMs = Duration.toMillis(options.resumeWindow)

  const open = Effect.fnUntraced(function*(session: LinkedSession): Effect.fn.Return<OpenedLink, never, Scope.Scope> {
    // One place more than connections can wait, so that an offer never fails.
    const queue = yield* Queue.bounded<UserConnection>(options.maxConnectionsPerSession + 1)
    const connections = new Set<UserConnection>()
    const scope = yield* Scope.fork(parent, "parallel")
    const token = randomBytes(TOKEN_BYTES).toString("base64url")
    const expiresAt = clock.currentTimeMillisUnsafe() + Duration.toMillis(options.tokenTtl)

    const place = Effect.acquireRelease(
      Effect.suspend(() => {
        if (entry.places >= options.maxConnectionsPerSession) {
          return Effect.fail(
            new RateLimitExceeded({
              op,
              message: `the session has ${entry.places} connections already`,
              details: { limit: options.maxConnectionsPerSession, retryAfterMs: 1_000 }
            })
          )
        }
        entry.places++
        return Effect.void
      }),
      () =>
        Effect.sync(() => {
          entry.places--
          entry.expiresAt = Math.max(entry.expiresAt, clock.currentTimeMillisUnsafe() + resumeMs)
        })
    )
    const attach = Effect.fnUntraced(function*(connection: UserConnection) {
      yield* Effect.addFinalizer(() => Effect.sync(() => connections.delete(connection)))
      connections.add(connection)
      if (entries.get(session.id) !== entry || !Queue.offerUnsafe(queue, connection)) {
        yield* connection.close("session_ended")
      }
    })
    const entry: Entry = {
      link: { id: session.id, scope, place, attach },
      hash: hashOf(token),
      expiresAt,
      places: 0
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

  const authenticate = (id: string, token: string | undefined): Effect.Effect<Link, BackendError> =>
    Effect.suspend((): Effect.Effect<Link, BackendError> => {
      const entry = entries.get(id)
      if (entry === undefined) {
        return Effect.fail(new SessionNotFound({ op, message: "no session has this id, or it is over" }))
      }
      const good = token !== undefined && token.length <= MAX_TOKEN_LENGTH &&
        timingSafeEqual(hashOf(token), entry.hash) &&
        (entry.places > 0 || clock.currentTimeMillisUnsafe() < entry.expiresAt)
      return good
        ? Effect.succeed(entry.link)
        : Effect.fail(new AuthenticationFailed({ op, message: "the session's token is missing, wrong or expired" }))
    })

  return { open, authenticate }
})
