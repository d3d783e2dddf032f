/**
 * A provider is a way to reach users: this process's own WebSocket and WebRTC, a room, a platform.
 *
 * It has a name, capabilities, options, and opens a session's link to its user. Everything else (sessions, limits, hooks,
 * drain, persistence, health) is implemented once, in `VoiceBackend`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { AgentRegistry } from "../../agent/AgentRegistry.ts"
import type { BackendError } from "../../BackendError.ts"
import type { ProcessorRegistry } from "../../hooks/AudioProcessor.ts"
import type { KnownUser, Operation } from "../../hooks/AuthHook.ts"
import type { RateLimiter } from "../../hooks/RateLimiter.ts"
import type { CallControl } from "../../session/call/CallControl.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import type { SessionEnd } from "../../session/SessionEvent.ts"
import type { UserConnection } from "../../session/UserConnection.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import type { EngineRegistry } from "../../speech/EngineRegistry.ts"
import type { OutboundCalls } from "../calls/OutboundCalls.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"
import type { HealthPart } from "../health/HealthStatus.ts"
import type { ProviderCapabilities, ProviderRoute, SessionAccess } from "./ProviderInfo.ts"

export * from "./ProviderInfo.ts"
import type { Backend } from "../BackendContract.ts"

/**
 * A session, as its provider sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface LinkedSession {
  readonly id: string
  readonly config: SessionConfig
  /** Whether it was taken over from another process after its user had connected: then an expired token is accepted. */
  readonly resumed: boolean
  /** Why the session has ended; `undefined` while it goes on. Default: it is not known. */
  readonly endReason?: (() => SessionEnd | undefined) | undefined
  /** Whether it was taken over from another process at all: the call of `config.call.dial` has been made. Default: it is new. */
  readonly restored?: boolean | undefined
}

/**
 * A session's link to its user. Users connect later, disconnect, and reconnect on another transport: each connection is an
 * element of `attachments`, which ends when no further connection is possible.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionLink {
  readonly access: SessionAccess
  readonly attachments: Stream.Stream<UserConnection, BackendError>
  /** The telephone call behind the session. Default: it is none. */
  readonly call?: CallControl | undefined
}

/**
 * A connected provider.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProviderConnection {
  /** Opens a session's link, in the session's scope. */
  readonly open: (session: LinkedSession) => Effect.Effect<SessionLink, BackendError, Scope.Scope>
  /**
   * The states of the provider's connection after it was established: reconnecting, failed, connected again. A stream that
   * fails counts as `error`. Default: it stays connected.
   */
  readonly states?: Stream.Stream<"connected" | "reconnecting" | "error", BackendError> | undefined
  /** Sessions that users start, by joining a room or calling. */
  readonly incoming?: Stream.Stream<SessionConfig, BackendError> | undefined
  readonly routes?: ReadonlyArray<ProviderRoute> | undefined
  /** Where users' clients connect beside this server, as `wss://host` and `https://host`: a page must be allowed to. */
  readonly clientOrigins?: ReadonlyArray<string> | undefined
  /**
   * How users can be called: `open` calls the user of a session whose config has `call.dial`, unless it was `restored`, and fails
   * where the carrier refuses; closing the session's scope ends the call, ringing or not. Read at each call. Default: it cannot.
   */
  readonly outbound?: OutboundCalls | undefined
  /** A rate limiter of its own, asked before the framework's. */
  readonly limiter?: RateLimiter["Service"] | undefined
  /** Checks that the provider can be reached. */
  readonly probe: Effect.Effect<HealthPart>
}

/**
 * What a backend offers its provider.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProviderHost {
  /**
   * The key that signs session tokens: `session.signing_key`, or one that all processes on the session store share, so that a
   * token outlives the process that issued it. To be read at each use: after a loss of the store's data it may be another.
   */
  readonly signingKey: Redacted.Redacted<string>
  /** Keys that were signed with before: what they signed is still valid. Default: none. */
  readonly formerKeys?: (() => ReadonlyArray<Redacted.Redacted<string>>) | undefined
  /** The current limits of sessions; they may have changed since the provider was connected. */
  readonly limits?: (() => Pick<BackendConfig["session"], "resumeWindow" | "tokenTtl">) | undefined
  /** Authorizes a user's connection to a session by the application's hooks and rate limits. */
  readonly admit: (session: LinkedSession, from: Peer) => Effect.Effect<void, BackendError>
  /**
   * Takes over a session that another process has left, and opens its link. Fails `session_not_found` when there is none, and
   * `connection_failed` with `details.retryAfterMs` while another process owns it.
   */
  readonly recover: (id: string) => Effect.Effect<void, BackendError>
  /**
   * Has a session that nobody has taken up by the process of a cluster that has least to do, this one included; does nothing when
   * any of them has it. For a provider whose agents come to the users. Fails like `recover`. Default: `recover`.
   */
  readonly recoverAnywhere?: ((id: string) => Effect.Effect<void, BackendError>) | undefined
  /**
   * The places for sessions, for a provider whose platform asks whether another call can be taken. Default: it is not known,
   * and a call is refused when its session is created.
   */
  readonly places?: (() => ProviderPlaces) | undefined
  /**
   * Takes a place for a session that is to come; closing the scope gives it back, unless a session was created in it. Fails
   * like `createSession` where there is none.
   */
  readonly reserve?: Effect.Effect<ReservedPlace, BackendError, Scope.Scope> | undefined
  /**
   * Like `reserve`, for a session whose id follows from something of the platform's, such as a call (`SessionId.of`): another process can
   * then `recover` it when the call comes back. Fails `connection_failed` while this process has such a session or place.
   */
  readonly reserveAs?: ((id: string) => Effect.Effect<ReservedPlace, BackendError, Scope.Scope>) | undefined
  /** The agents that a session can name, and which one answers where it names none. Default: they are not known. */
  readonly agents?: (() => KnownAgents) | undefined
  /**
   * Asks the application's hook who a token belongs to, and whether that user may do this, for a session that is created later.
   * `undefined` without a hook: then whoever has been let in may name any user.
   */
  readonly identify?:
    | ((token: string | undefined, operation: Operation) => Effect.Effect<KnownUser, BackendError>)
    | undefined
  /**
   * Has the application answer a message of its own client, by the id of the session, in bounded time. `undefined` where it answers none.
   */
  readonly answerRequest?:
    | ((session: string, type: string, data: unknown) => Effect.Effect<Schema.Json, BackendError>)
    | undefined
}

/**
 * The agents of a backend, by name. `default` is `undefined` where that agent has no name, or there is none.
 *
 * @category models
 * @since 0.1.0
 */
export interface KnownAgents {
  readonly names: ReadonlyArray<string>
  readonly default: string | undefined
}

/**
 * How many sessions a backend has and can have, with those that are reserved.
 *
 * - `refuses`: no session would be created now: the backend is not running, draining, full or overloaded.
 * - `load`: its load: 0 normal, 1 busy, 2 overloaded.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProviderPlaces {
  readonly taken: number
  readonly max: number
  readonly refuses: boolean
  readonly load: number
}

/**
 * A place that is taken before its session is created.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReservedPlace {
  /** The id that the session will have. */
  readonly id: string
  /**
   * Creates the session in this place, once. A user who is `known` is not authenticated again, only authorized. Fails like
   * `createSession`.
   */
  readonly create: (config: SessionConfig, known?: KnownUser) => Effect.Effect<ReservedSession, BackendError>
}

/**
 * A session that was created in a reserved place.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReservedSession {
  readonly session: VoiceSession
  /** Lets the turn in flight be finished, then ends the session. */
  readonly drain: Effect.Effect<void>
}

/**
 * The remote end of a request or a connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Peer {
  /** The network address, if known. */
  readonly address?: string | undefined
}

/**
 * The remote end of the current request, as far as the server knows. Routes of providers read it; a program's own calls have
 * none.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentPeer = Context.Reference<Peer>("effect-voice/backend/CurrentPeer", {
  defaultValue: () => ({})
})

/**
 * The URL at which the routes are mounted, without a slash at its end, as the client of a request sees it. Default: by the request's
 * scheme and `Host`.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentBaseUrl = Context.Reference<(request: HttpServerRequest.HttpServerRequest) => string>(
  "effect-voice/backend/CurrentBaseUrl",
  { defaultValue: () => ({ headers, protocol }) => `${protocol ?? "http"}://${headers["host"] ?? "localhost"}` }
)

/**
 * The registries of the parts that a config names.
 *
 * @category models
 * @since 0.1.0
 */
export type Registries = EngineRegistry | AgentRegistry | ProcessorRegistry

/**
 * A provider whose options have been decoded; connecting decodes nothing again.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConfiguredProvider {
  readonly name: string
  readonly capabilities: ProviderCapabilities
  /** The decoded `provider_config`, with its defaults. */
  readonly options: unknown
  /**
   * Finds out whether the packages that it needs and the addresses of this machine that it names are there. Reaches for no
   * network. Default: nothing is looked for.
   */
  readonly check?: Effect.Effect<void, BackendError> | undefined
  /** Connects to the platform through which users are reached. */
  readonly connect: (
    config: BackendConfig,
    host: ProviderHost
  ) => Effect.Effect<ProviderConnection, BackendError, Scope.Scope>
}

/**
 * The contract's provider.
 *
 * @category services
 * @since 0.1.0
 */
export class BackendProvider extends Context.Service<BackendProvider, {
  readonly name: string
  readonly description: string
  readonly capabilities: ProviderCapabilities
  /** The schema of `provider_config`; JSON Schema is derived from it. */
  readonly configSchema: Schema.Constraint
  /** Decodes `provider_config`; fails with all its faults at once. Nothing is connected. */
  readonly configure: (options: unknown) => Effect.Effect<ConfiguredProvider, BackendError>
  /** Reports all faults of the provider's part of a config at once; nothing is created. */
  readonly validateConfig: (config: BackendConfig) => Effect.Effect<void, BackendError>
  /** Creates a backend with the engines, agent and processors that the config names; it is not started. */
  readonly createBackend: (
    config: BackendConfig
  ) => Effect.Effect<Backend, BackendError, Scope.Scope | Registries>
}>()("effect-voice/backend/BackendProvider") {}
