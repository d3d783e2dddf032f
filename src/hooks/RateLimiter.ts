/**
 * Limits how often something may happen, by key: `user:<id>`, `addr:<ip>`, `tenant:<id>`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"

/**
 * Provide this service to limit creation, connection and audio; without it there is no limit.
 *
 * @category services
 * @since 0.1.0
 */
export class RateLimiter extends Context.Service<RateLimiter, {
  /** Whether one more is allowed now; it counts when it is. */
  readonly allow: (key: string) => Effect.Effect<boolean, BackendError>
  /** Waits until one more is allowed. */
  readonly wait: (key: string) => Effect.Effect<void, BackendError>
}>()("effect-voice/hooks/RateLimiter") {}
