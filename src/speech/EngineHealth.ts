/**
 * What an engine tells of how it is.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"

/**
 * An engine as the health check sees it; every engine's service is one.
 *
 * - `probe`: really asks it for a sign of life, cheaply, and not in a session's place.
 * - `failing`: why no session uses it for now (an open circuit).
 * - `backlogMs`: for how long the oldest work has been waiting for its turn, in ms; 0 when none waits.
 * - `members`: the engines behind one that has fallbacks, the first choice first.
 *
 * @category models
 * @since 0.1.0
 */
export interface EngineHealth {
  readonly name: string
  readonly probe?: Effect.Effect<void, BackendError> | undefined
  readonly failing?: (() => BackendError | undefined) | undefined
  readonly backlogMs?: (() => number) | undefined
  readonly members?: ReadonlyArray<EngineHealth> | undefined
}
