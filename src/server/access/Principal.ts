/**
 * Who calls the API: a caller with a key, who may do everything, or a user, who sees their own sessions.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Credential } from "../../backend/provider/Callers.ts"
import type { VoiceBackend } from "../../backend/VoiceBackend.ts"
import { AuthenticationFailed, type BackendError } from "../../BackendError.ts"
import type { Operation } from "../../hooks/AuthHook.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"

/**
 * The credential of the current request. Default: a user without a token.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentCredential = Context.Reference<Credential>("effect-voice/server/CurrentCredential", {
  defaultValue: () => ({ _tag: "User", token: undefined })
})

/**
 * Whether the current request may read what is for operators: the parts of the health, not the status alone.
 *
 * @category references
 * @since 0.1.0
 */
export const ReadsOperations = Context.Reference<boolean>("effect-voice/server/ReadsOperations", {
  defaultValue: () => true
})

/**
 * The bearer token of a request, unverified.
 *
 * @category accessors
 * @since 0.1.0
 */
export const bearerOf = (headers: { readonly [name: string]: string | undefined }): string | undefined =>
  /^Bearer +(\S+)$/i.exec(headers["authorization"] ?? "")?.[1]

/**
 * Authorizes the current caller, and gives the test of which sessions they may see.
 *
 * @category authorization
 * @since 0.1.0
 */
export const authorize = (
  backend: VoiceBackend["Service"],
  operation: Operation
): Effect.Effect<(session: SessionConfig) => boolean, BackendError> =>
  Effect.gen(function*() {
    const credential = yield* CurrentCredential
    if (credential._tag === "Trusted") return () => true
    if (backend.authorize === undefined) {
      return yield* new AuthenticationFailed({ op: "http", message: "missing API key" })
    }
    const { tenant, userId } = yield* backend.authorize(
      credential.token && Redacted.value(credential.token),
      operation
    )
    return (session: SessionConfig) => session.userId === userId && session.tenant === tenant
  })
