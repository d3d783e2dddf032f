/**
 * The sessions that Pipecat's clients start: who starts one, and how its media finds it again.
 *
 * A client of a WebSocket gets the session's token. One of WebRTC gets an id alone, and sends the headers again that it has started the
 * session with: the id is signed together with the bearer of that request, so that it is of use to nobody else. Nothing is stored: any
 * process with the signing key knows the id again.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Redacted from "effect/Redacted"
import { createHmac, timingSafeEqual } from "node:crypto"
import type { ProviderHost } from "../../../backend/provider/BackendProvider.ts"
import { CurrentCallers } from "../../../backend/provider/Callers.ts"
import { AuthenticationFailed, type BackendError, ConnectionFailed } from "../../../BackendError.ts"
import type { SessionConfig } from "../../../session/SessionConfig.ts"
import { bearerOf, tokenOf } from "../../RouteRequest.ts"
import type { SessionElsewhere } from "../../SessionElsewhere.ts"
import type { Link, SessionLinks } from "../../SessionLinks.ts"

const op = "RtviSessions.create"
/** Of a signature, in base64url: 132 bits. */
const SIGNATURE_LENGTH = 22

/**
 * - `sessionId`: what a client of WebRTC gets.
 *
 * @category models
 * @since 0.1.0
 */
export interface CreatedSession {
  readonly link: Link
  readonly sessionId: string
}

/**
 * Who may start a session.
 *
 * - `bearer`: what they have sent.
 * - `token`: of a user, for the application's hook.
 *
 * @category models
 * @since 0.1.0
 */
export interface Caller {
  readonly bearer: string | undefined
  readonly token: Redacted.Redacted<string> | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RtviSessions {
  /** Fails `authentication_failed` for a caller without a key, where one is needed. */
  readonly callerOf: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<Caller, AuthenticationFailed>
  /**
   * Creates a session of the caller, as `POST /v1/sessions` does. Fails like it: then nothing is left behind. It cannot be interrupted.
   */
  readonly create: (caller: Caller, config: SessionConfig) => Effect.Effect<CreatedSession, BackendError>
  /**
   * The session of an id that `create` has given, for a request with the same bearer; or of its own id, for a request with its token.
   * Fails `authentication_failed` and `session_not_found`.
   */
  readonly find: (
    request: HttpServerRequest.HttpServerRequest,
    sessionId: string
  ) => Effect.Effect<Link, BackendError | SessionElsewhere>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ host, links }: {
  readonly host: ProviderHost
  readonly links: SessionLinks
}): RtviSessions => {
  const sign = (id: string, bearer: string | undefined, key: Redacted.Redacted<string>): string =>
    createHmac("sha256", Redacted.value(key)).update(`rtvi session\n${id}\n${bearer ?? ""}`).digest("base64url")
      .slice(0, SIGNATURE_LENGTH)

  const isSigned = (id: string, signature: string, bearer: string | undefined): boolean => {
    const given = Buffer.from(signature)
    return given.length === SIGNATURE_LENGTH &&
      [host.signingKey, ...host.formerKeys?.() ?? []].some((key) =>
        timingSafeEqual(given, Buffer.from(sign(id, bearer, key)))
      )
  }

  return {
    callerOf: Effect.fnUntraced(function*(request) {
      const bearer = bearerOf(request)
      const credential = (yield* CurrentCallers).authenticate(bearer)
      if (credential === undefined) {
        return yield* new AuthenticationFailed({ op, message: "missing or invalid API key" })
      }
      if (credential._tag === "User") return { bearer, token: credential.token }
      // where everybody is let in, a hook still knows its users; a key is nobody's token
      const isToken = bearer !== undefined && credential.byKey !== true
      return { bearer, token: isToken ? Redacted.make(bearer) : undefined }
    }),
    create: Effect.fnUntraced(
      function*({ bearer, token }, config) {
        if (host.reserve === undefined) {
          return yield* new ConnectionFailed({ op, message: "the backend cannot reserve a place" })
        }
        const place = yield* host.reserve
        const { drain } = yield* place.create({
          ...config,
          ...(token === undefined ? {} : { token: Redacted.value(token) })
        })
        const link = yield* Effect.onError(links.linkOf(place.id), () => drain)
        return { link, sessionId: `${place.id}.${sign(place.id, bearer, host.signingKey)}` }
      },
      Effect.scoped,
      Effect.uninterruptible
    ),
    find: (request, sessionId) => {
      const dot = sessionId.indexOf(".")
      if (dot === -1) return links.authenticate(sessionId, tokenOf(request))
      const id = sessionId.slice(0, dot)
      return isSigned(id, sessionId.slice(dot + 1), bearerOf(request))
        ? links.resume(id)
        : Effect.fail(new AuthenticationFailed({ op: "RtviSessions.find", message: "not the session of this caller" }))
    }
  }
}
