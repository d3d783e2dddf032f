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
  /** Unix time in ms at which the token ends. */
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
  | "session.update"
  | "session.close"
  | (string & {})

/**
 * Provide this service to have every connect and every operation checked; without it, everything is allowed.
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
