/**
 * Where the sessions of calls are found and made.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { BackendError } from "../../BackendError.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"

/**
 * - `find`: gives a session, wherever it is; `undefined` where there is none.
 * - `open`: makes a session of this id that was checked, here or by another process. Where there is one already, it fails with
 *   `details.reason` `"session_exists"`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallPlaces {
  readonly find: (id: string) => Effect.Effect<VoiceSession | undefined, BackendError>
  readonly open: (id: string, checked: SessionConfig) => Effect.Effect<VoiceSession, BackendError>
}
