/**
 * What a backend's callers see of its provider: capabilities, how a user connects, routes.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as HttpRouter from "effect/http/HttpRouter"
import type * as Redacted from "effect/Redacted"

/**
 * What a provider can do. `maxConcurrentSessions` 0 means that it sets no limit of its own.
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
  /** What it adds at least, from the user's speech to our ears and back. */
  readonly minLatency: Duration.Duration
  readonly codecs: ReadonlyArray<string>
}

/**
 * A STUN or TURN server, as a browser's `RTCIceServer` has it. `credential` is a secret of the user's: never logged.
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
 * What a user's client needs to come in.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionAccess {
  readonly connectionUrl: string
  /** A secret of the user's: never logged. */
  readonly token?: string | undefined
  /** Unix time in ms at which `token` ends. */
  readonly expiresAt?: number | undefined
  /** What the user's side of WebRTC should use; absent when there is none or the session is no WebRTC one. */
  readonly iceServers?: ReadonlyArray<IceServer> | undefined
  /** Whose client it is for, where it is none of ours: `livekit`. */
  readonly protocol?: string | undefined
}

/**
 * A route that a provider wants the server to mount: it answers failures itself.
 *
 * @category models
 * @since 0.1.0
 */
export type ProviderRoute = HttpRouter.Route<never, never>
