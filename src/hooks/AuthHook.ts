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
  /** Unix time in ms from which the user may no longer connect. A conversation in progress goes on. */
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
  | "call.create"
  | "call.control"
  | "backend.read"
  | (string & {})

/**
 * Provide this service to have every connection and every operation checked; without it, everything is allowed.
 *
 * `authenticate` is called for each token: when a session is created, and over HTTP with each operation of a caller without
 * an API key. `authorize` is called for each operation, and for each connection, whose user is known by the session's own
 * token. Both have the config's `timeout`. Callers get only the code of their errors; a defect or a timeout is
 * `connection_failed`. In each case nothing is allowed.
 *
 * @category services
 * @since 0.1.0
 */
export class AuthHook extends Context.Service<AuthHook, {
  /** Verifies a token and returns its user. Fails `authentication_failed` for an invalid token. */
  readonly authenticate: (
    token: string,
    metadata: { readonly [key: string]: unknown }
  ) => Effect.Effect<AuthResult, BackendError>
  /** Whether the user may perform the operation. */
  readonly authorize: (userId: string, operation: Operation) => Effect.Effect<boolean, BackendError>
}>()("effect-voice/hooks/AuthHook") {}

/**
 * A user whom the application's hook has authenticated.
 *
 * @category models
 * @since 0.1.0
 */
export interface Principal {
  readonly userId: string
  readonly tenant: string | undefined
}

/**
 * A user who was authenticated before their session is created: by the hook, or by a caller with a key who may name any.
 *
 * @category models
 * @since 0.1.0
 */
export interface KnownUser extends Principal, Pick<AuthResult, "metadata" | "expiresAt"> {}

/**
 * Asks the application's hook who a token belongs to, and whether that user may do this.
 *
 * @category models
 * @since 0.1.0
 */
export type Authorize = (token: string | undefined, operation: Operation) => Effect.Effect<Principal, BackendError>
