/**
 * The contract of a running backend.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"
import type { Authorize } from "../hooks/AuthHook.ts"
import type { Observable } from "../session/Observable.ts"
import type { SessionArchive } from "../session/retention/SessionArchive.ts"
import type { SessionConfig } from "../session/SessionConfig.ts"
import type { VoiceSession } from "../session/VoiceSession.ts"
import type { BackendConfig } from "./config/BackendConfig.ts"
import type { HealthStatus } from "./health/HealthStatus.ts"
import type { ProviderCapabilities, ProviderRoute, SessionAccess } from "./provider/ProviderInfo.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type ConnectionState = "disconnected" | "connecting" | "connected" | "reconnecting" | "error"

/**
 * The result of a stop: sessions that completed within the deadline, and those that were interrupted.
 *
 * @category models
 * @since 0.1.0
 */
export interface DrainReport {
  readonly completed: number
  readonly interrupted: number
  readonly durationMs: number
}

/**
 * The contract's backend.
 *
 * @category models
 * @since 0.1.0
 */
export interface Backend {
  /** Connects the provider and opens admission; idempotent. The layers do it on build. */
  readonly start: Effect.Effect<void, BackendError>
  /** Closes admission, drains every session within `drain.deadline`, disconnects; idempotent. */
  readonly stop: Effect.Effect<DrainReport, BackendError>
  /** Ends a drain early: sessions that are still active are interrupted. */
  readonly abort: Effect.Effect<void>
  /**
   * Creates a session, which takes a slot until it ends. Fails `session_limit_exceeded` when full or draining,
   * `connection_failed` when not started.
   */
  readonly createSession: (config: SessionConfig) => Effect.Effect<VoiceSession, BackendError>
  readonly getSession: (id: string) => Effect.Effect<VoiceSession, BackendError>
  readonly listSessions: Effect.Effect<ReadonlyArray<VoiceSession>>
  /** Ends a session at once and waits until it is closed. */
  readonly closeSession: (id: string) => Effect.Effect<void, BackendError>
  /** What the session's user needs to connect. */
  readonly access: (id: string) => Effect.Effect<SessionAccess, BackendError>
  readonly healthCheck: Effect.Effect<HealthStatus>
  readonly connectionState: Observable<ConnectionState>
  readonly activeSessionCount: Effect.Effect<number>
  readonly config: Effect.Effect<BackendConfig>
  /**
   * Validated whole before anything changes; running sessions keep theirs. Another provider or pipeline type fails
   * `invalid_config`; a lower maximum only stops new sessions.
   */
  readonly updateConfig: (next: BackendConfig) => Effect.Effect<void, BackendError>
  readonly provider: { readonly name: string; readonly capabilities: ProviderCapabilities }
  /** The names of the engines, by kind. */
  readonly engines: { readonly [kind: string]: string }
  /** Whether new sessions are accepted. */
  readonly ready: Effect.Effect<boolean>
  /**
   * Asks the application's `AuthHook` who a token belongs to and whether they may do this; `undefined` where there is no
   * hook. Fails `authentication_failed` and `authorization_failed`.
   */
  readonly authorize?: Authorize | undefined
  /** The archive of session data; `undefined` without one. */
  readonly archive?: SessionArchive["Service"] | undefined
  /** What the provider wants the HTTP server to mount. */
  readonly routes: ReadonlyArray<ProviderRoute>
  /** Where users' clients connect beside this server. Default: nowhere. */
  readonly clientOrigins?: ReadonlyArray<string> | undefined
}
