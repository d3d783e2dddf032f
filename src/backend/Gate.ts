/**
 * Who may do what: the application's authentication, authorization and rate limits, asked in one place.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  AuthenticationFailed,
  AuthorizationFailed,
  type BackendError,
  InvalidConfig,
  RateLimitExceeded
} from "../BackendError.ts"
import { AuthHook } from "../hooks/AuthHook.ts"
import { RateLimiter } from "../hooks/RateLimiter.ts"
import { decodeMetadata, type SessionConfig } from "../session/SessionConfig.ts"
import type { ProviderHost } from "./BackendProvider.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Gate {
  /** Lets a session be created, as the user that the hook says it is. */
  readonly create: (session: SessionConfig) => Effect.Effect<SessionConfig, BackendError>
  /** Lets a session's user connect. */
  readonly connect: ProviderHost["admit"]
}

/**
 * Makes the gate of a backend from the hooks that are there; without any, everything is allowed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Gate> = Effect.gen(function*() {
  const auth = yield* Effect.serviceOption(AuthHook)
  const limiter = yield* Effect.serviceOption(RateLimiter)

  const create = Effect.fnUntraced(function*(session: SessionConfig) {
    const op = "VoiceBackend.createSession"
    if (session.userId === "" || session.userId.length > 256) {
      return yield* new InvalidConfig({
        op,
        message: "user_id: expected 1 to 256 characters",
        details: { path: "user_id" }
      })
    }
    const metadata = yield* decodeMetadata(op, session.metadata ?? {})
    let admitted: SessionConfig = { ...session, metadata }
    if (Option.isSome(auth)) {
      if (session.token === undefined) {
        return yield* new AuthenticationFailed({ op, message: "a token is needed" })
      }
      const who = yield* auth.value.authenticate(session.token, metadata)
      if (!who.authorized || !(yield* auth.value.authorize(who.userId, "session.create"))) {
        return yield* new AuthorizationFailed({ op, message: "this user may not create a session" })
      }
      const merged = yield* decodeMetadata(op, { ...metadata, ...who.metadata })
      admitted = { ...admitted, userId: who.userId, metadata: merged }
    }
    if (Option.isSome(limiter) && !(yield* limiter.value.allow(`user:${admitted.userId}`))) {
      return yield* new RateLimitExceeded({
        op,
        message: "too many sessions for this user",
        details: { retryAfterMs: 1_000 }
      })
    }
    return admitted
  })

  const connect: Gate["connect"] = Effect.fnUntraced(function*({ config }) {
    const op = "VoiceBackend.connect"
    if (Option.isSome(auth) && !(yield* auth.value.authorize(config.userId, "session.connect"))) {
      return yield* new AuthorizationFailed({ op, message: "this user may not connect" })
    }
  })

  return { create, connect }
})
