/**
 * The health of an engine.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"

/**
 * An engine as the health check sees it; every engine's service is one.
 *
 * - `probe`: makes a cheap request to it, outside of any session.
 * - `failing`: the error that keeps sessions from using it now (an open circuit).
 * - `backlogMs`: how long the oldest queued work has waited, in ms; 0 when none is queued.
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
