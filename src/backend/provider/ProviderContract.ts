/**
 * A provider is a way to reach a user: a socket of our own, a room, a platform.
 *
 * It knows names, capabilities, options, and how to open a session's link. Everything else (sessions, limits, hooks,
 * drain, persistence, health) is written once, in `VoiceBackend`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { AgentRegistry } from "../../agent/AgentRegistry.ts"
import type { BackendError } from "../../BackendError.ts"
import type { ProcessorRegistry } from "../../hooks/AudioProcessor.ts"
import type { RateLimiter } from "../../hooks/RateLimiter.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import type { UserConnection } from "../../session/UserConnection.ts"
import type { EngineRegistry } from "../../speech/EngineRegistry.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"
import type { HealthPart } from "../health/HealthStatus.ts"
import type { ProviderCapabilities, ProviderRoute, SessionAccess } from "./ProviderInfo.ts"

export * from "./ProviderInfo.ts"
import type { Backend } from "../BackendContract.ts"

/**
 * What a provider knows of a session that it links.
 *
 * @category models
 * @since 0.1.0
 */
export interface LinkedSession {
  readonly id: string
  readonly config: SessionConfig
  /** Taken up from another process, in which its user had been connected: a token of theirs is good though it has ended. */
  readonly resumed: boolean
}

/**
 * A session's way to its user. Users arrive later, leave, and come back on another transport: each connection is one
 * attachment, and the stream ends when none can come any more.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionLink {
  readonly access: SessionAccess
  readonly attachments: Stream.Stream<UserConnection, BackendError>
}

/**
 * A provider that has been configured and connected.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProviderConnection {
  /** Prepares a session's link; the scope is the session's. */
  readonly open: (session: LinkedSession) => Effect.Effect<SessionLink, BackendError, Scope.Scope>
  /**
   * What becomes of the line, from its being connected on: lost and looked for, lost, there again. A stream that fails is
   * a line that is lost. Default: it stays connected.
   */
  readonly states?: Stream.Stream<"connected" | "reconnecting" | "error", BackendError> | undefined
  /** Sessions that users start: a room joined, a call. */
  readonly incoming?: Stream.Stream<SessionConfig, BackendError> | undefined
  readonly routes?: ReadonlyArray<ProviderRoute> | undefined
  /** Where users' clients connect beside this server, as `wss://host` and `https://host`: a page must be allowed to. */
  readonly clientOrigins?: ReadonlyArray<string> | undefined
  /** Limits of its own, asked before the framework's. */
  readonly limiter?: RateLimiter["Service"] | undefined
  /** Really looks whether the provider can be reached. */
  readonly probe: Effect.Effect<HealthPart>
}

/**
 * What a backend does for its provider.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProviderHost {
  /**
   * The key that signs what lets users in: `session.signing_key`, else one that all owners of the session store share, so
   * that a token outlives the process that gave it.
   */
  readonly signingKey: Redacted.Redacted<string>
  /** The limits of sessions as they are now; those that the provider was connected with may have changed since. */
  readonly limits?: (() => Pick<BackendConfig["session"], "resumeWindow" | "tokenTtl">) | undefined
  /** Lets the user of a session connect, as far as the application and its limits go. */
  readonly admit: (session: LinkedSession, from: Peer) => Effect.Effect<void, BackendError>
  /**
   * Takes up a session that another process has left, and opens its link. Fails `session_not_found` when there is none, and
   * `connection_failed` with `details.retryAfterMs` while another process holds it.
   */
  readonly recover: (id: string) => Effect.Effect<void, BackendError>
}

/**
 * Whoever knocks.
 *
 * @category models
 * @since 0.1.0
 */
export interface Peer {
  /** The network address, where one is known. */
  readonly address?: string | undefined
}

/**
 * Who is behind the present request, as far as a server knows. Routes of providers read it; what a program does has nobody
 * behind it.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentPeer = Context.Reference<Peer>("effect-voice/backend/CurrentVisitor", {
  defaultValue: () => ({})
})

/**
 * The services that a config may call on by name.
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
