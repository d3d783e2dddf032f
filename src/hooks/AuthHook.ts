/**
 * An application's own authentication and authorization, for any provider.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"

/**
 * Who a token belongs to.
 *
 * @category models
 * @since 0.1.0
 */
export interface AuthResult {
  readonly userId: string
  readonly authorized: boolean
  readonly tenant?: string | undefined
  /** Merged into the session's metadata. */
  readonly metadata?: { readonly [key: string]: unknown } | undefined
  /** Unix time in ms from which the user may no longer connect; a conversation that is on goes on. */
  readonly expiresAt?: number | undefined
}

/**
 * What a user wants to do.
 *
 * @category models
 * @since 0.1.0
 */
export type Operation =
  | "session.create"
  | "session.connect"
  | "session.read"
  | "session.list"
  | "session.update"
  | "session.close"
  | "backend.read"
  | (string & {})

/**
 * Provide this service to have every connect and every operation checked; without it, everything is allowed.
 *
 * `authenticate` is asked whenever a token comes in: at create, and over HTTP with each operation of a caller who has no
 * API key. `authorize` is asked for each operation, and at connect, where the session's own token says who it is. Both may
 * take `timeout` of the config. What they fail with is told as its code alone; what else goes wrong is
 * `connection_failed`, and nothing is allowed.
 *
 * @category services
 * @since 0.1.0
 */
export class AuthHook extends Context.Service<AuthHook, {
  readonly authenticate: (
    token: string,
    metadata: { readonly [key: string]: unknown }
  ) => Effect.Effect<AuthResult, BackendError>
  readonly authorize: (userId: string, operation: Operation) => Effect.Effect<boolean, BackendError>
}>()("effect-voice/hooks/AuthHook") {}

/**
 * Somebody whom the application's hook knows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Principal {
  readonly userId: string
  readonly tenant: string | undefined
}

/**
 * Asks the application's hook who a token belongs to, and whether they may do this.
 *
 * @category models
 * @since 0.1.0
 */
export type Authorize = (token: string | undefined, operation: Operation) => Effect.Effect<Principal, BackendError>
