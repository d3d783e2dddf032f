/**
 * The public side of a provider: capabilities, how a user connects, routes.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as HttpRouter from "effect/http/HttpRouter"
import type * as Redacted from "effect/Redacted"

/**
 * The capabilities of a provider. `maxConcurrentSessions` 0 means no limit of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProviderCapabilities {
  readonly s2s: boolean
  readonly multiUser: boolean
  readonly sessionPersistence: boolean
  readonly customAuth: boolean
  readonly customRateLimiting: boolean
  readonly maxConcurrentSessions: number
  /** The minimum latency that it adds, from the user to the backend and back. */
  readonly minLatency: Duration.Duration
  readonly codecs: ReadonlyArray<string>
}

/**
 * A STUN or TURN server, like a browser's `RTCIceServer`. `credential` is a secret of the user: never logged.
 *
 * @category models
 * @since 0.1.0
 */
export interface IceServer {
  readonly urls: string | ReadonlyArray<string>
  readonly username?: string | undefined
  readonly credential?: Redacted.Redacted<string> | undefined
}

/**
 * What a user's client needs to connect.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionAccess {
  readonly connectionUrl: string
  /** A secret of the user: never logged. */
  readonly token?: string | undefined
  /** The Unix time in ms at which `token` expires. */
  readonly expiresAt?: number | undefined
  /** The ICE servers for the user's WebRTC client; absent when there are none or the session does not use WebRTC. */
  readonly iceServers?: ReadonlyArray<IceServer> | undefined
  /** The client to use, where it is not effect-voice's own: `livekit`. */
  readonly protocol?: string | undefined
}

/**
 * A route of a provider for the server to mount: it responds to failures itself.
 *
 * - `protocol`: what users or carriers speak there, as `server.protocols` names it; absent for routes that are of no such protocol.
 *
 * @category models
 * @since 0.1.0
 */
export type ProviderRoute = HttpRouter.Route<never, never> & { readonly protocol?: string | undefined }

/**
 * Says what a route speaks.
 *
 * @category combinators
 * @since 0.1.0
 */
export const speaking = (protocol: string, route: HttpRouter.Route<never, never>): ProviderRoute => ({
  ...route,
  protocol
})
