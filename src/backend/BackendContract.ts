/**
 * The contract of a running backend.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"
import type { Authorize } from "../hooks/AuthHook.ts"
import type { DialRequest } from "../session/call/DialRequest.ts"
import type { Observable } from "../session/Observable.ts"
import type { SessionStore } from "../session/persistence/SessionStore.ts"
import type { SessionArchive } from "../session/retention/SessionArchive.ts"
import type { SessionConfig } from "../session/SessionConfig.ts"
import type { VoiceSession } from "../session/VoiceSession.ts"
import type { LoadLevel } from "./admission/LoadLevel.ts"
import type { CallPlaces } from "./calls/CallPlaces.ts"
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
 * The places of a process: one for each session from its creation until nothing of it is left.
 *
 * - `max`: how many new sessions may have one now: the config's maximum, the provider's, and what a cluster allows.
 * - `processMax`: the same without what a cluster allows. Resumed sessions may have so many.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessPlaces {
  readonly taken: number
  readonly max: number
  readonly processMax: number
}

/**
 * Where a session is.
 *
 * - `Here`: in this process. `nodeUrl` is the base URL at which clients reach exactly it, where there is one.
 * - `There`: in another, with its `nodeUrl`. `address` is the base URL at which other nodes ask it. Whoever does not reach it there
 *   runs `unanswered`: its sessions are then taken over as soon as its leases are out.
 * - `Nobody`: its process has left it; it is taken over when its user connects.
 * - `Unknown`: there is no such session, or it has ended.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionPlace =
  | { readonly _tag: "Here"; readonly nodeUrl?: string | undefined }
  | {
    readonly _tag: "There"
    readonly address: string
    readonly nodeUrl?: string | undefined
    readonly unanswered?: Effect.Effect<void> | undefined
  }
  | { readonly _tag: "Nobody" }
  | { readonly _tag: "Unknown" }

/**
 * Some of the sessions, in the order of their ids. `next` is the `after` of those that follow; absent when there are none.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionPage {
  readonly sessions: ReadonlyArray<VoiceSession>
  readonly next?: string | undefined
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
  /**
   * The first half of `createSession`: asks the hooks and the rate limits. The result has the user of the `AuthHook`, and no
   * token.
   */
  readonly checkSession: (config: SessionConfig) => Effect.Effect<SessionConfig, BackendError>
  /**
   * The second half of `createSession`: takes a place for a session that was checked, here or by another process. It gets a new id, or
   * this one; fails with `details.reason` `"session_exists"` where it is taken.
   */
  readonly openSession: (checked: SessionConfig, id?: string) => Effect.Effect<VoiceSession, BackendError>
  /**
   * Calls somebody, and gives the session of the call while it rings: `call.ringing`, `call.answered` and `call.ended` follow, and the
   * agent speaks when they have answered. Fails
   *
   * - `invalid_config` where the provider cannot call (`details.reason: "unsupported"`), a field is wrong, or the idempotency key belongs
   *   to another request (`"idempotency_key_reused"`);
   * - `authorization_failed` where the destination is not allowed (`"destination_not_allowed"`) or the `DoNotCall` hook refuses
   *   (`"do_not_call"`);
   * - `session_limit_exceeded` and `rate_limit_exceeded` as `createSession`, and beyond the limits of the provider and its carriers
   *   (`"calls_full"`);
   * - `session_not_found` where the call of the key is over (`"call_over"`);
   * - as the carrier refuses; `connection_failed` where it has not answered and may make the call (`"call_unknown"`): the key then
   *   gives the same failure again.
   */
  readonly dial: (request: DialRequest) => Effect.Effect<VoiceSession, BackendError>
  readonly getSession: (id: string) => Effect.Effect<VoiceSession, BackendError>
  readonly listSessions: Effect.Effect<ReadonlyArray<VoiceSession>>
  /** Those whose ids follow `after`, at most `limit`. */
  readonly listPage: (
    page: { readonly after?: string | undefined; readonly limit: number }
  ) => Effect.Effect<SessionPage>
  /** Ends a session at once and waits until it is closed. */
  readonly closeSession: (id: string) => Effect.Effect<void, BackendError>
  /**
   * Takes over a session that another process has left; does nothing when it is here already. Fails `session_not_found` when
   * there is none, and `connection_failed` with `details.retryAfterMs` while another process has it.
   */
  readonly recover: (id: string) => Effect.Effect<void, BackendError>
  /** Where a session is; `undefined` for a backend that is not clustered. */
  readonly locate?: ((id: string) => Effect.Effect<SessionPlace, BackendError>) | undefined
  /**
   * Completes when this process and the others of its cluster know of each other, or 15 s after it began to listen; `undefined` for a
   * backend that is not clustered.
   */
  readonly joined?: Effect.Effect<void> | undefined
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
  /** Whether new sessions are accepted, and the process has joined its cluster. */
  readonly ready: Effect.Effect<boolean>
  readonly places: Effect.Effect<ProcessPlaces>
  /**
   * Limits the places of new sessions to what a cluster allows this process, now or at each moment; `undefined` sets no limit. `askForMore` runs when a
   * session would be refused because of it alone, which then gets a place if there is one; a failure is that of the session.
   */
  readonly limitPlaces: (
    max: number | (() => number) | undefined,
    askForMore?: Effect.Effect<void, BackendError> | undefined
  ) => void
  /**
   * Sets where the sessions are made that users start at the provider (`create`), and by whom those that nobody has are taken up
   * (`recover`, `ProviderHost.recoverAnywhere`): where it does not matter by which process; and where those of calls are found and made.
   * Default: by this one.
   */
  readonly placeSessions: (by: {
    readonly create: (config: SessionConfig) => Effect.Effect<unknown, BackendError>
    readonly recover: (id: string) => Effect.Effect<void, BackendError>
    readonly calls: CallPlaces
  }) => void
  readonly loadLevel: Effect.Effect<LoadLevel>
  /** The session store, as the owner that this process is; `undefined` without one. */
  readonly store?: SessionStore["Service"] | undefined
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
