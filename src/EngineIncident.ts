/**
 * What happens to an engine behind the back of a session that goes on: failures, retries, switches, recoveries.
 *
 * Engines with a fallback report each of these through a callback, synchronously, in the order things happened. The
 * callback must be quick and must not throw.
 *
 * @since 0.1.0
 */
import type { BackendError } from "./BackendError.ts"

/**
 * One incident of one engine.
 *
 * - `failed`: it failed, hung, ended without cause or said nothing; `error` says how.
 * - `retrying`: it is asked again after that `error`.
 * - `switched`: a session that used it uses the engine `to` from now on, or again.
 * - `opened_circuit`: it failed so often in a row that no session uses it before its cool-down is over.
 * - `recovered`: it has failed, and works again.
 * - `unavailable`, `available`: the session has no such engine for a while, and then has one again.
 *
 * @category models
 * @since 0.1.0
 */
export interface EngineIncident {
  /** The engine's (or agent's) name. */
  readonly engine: string
  readonly kind: "stt" | "tts" | "s2s" | "agent"
  readonly what: "failed" | "retrying" | "switched" | "opened_circuit" | "recovered" | "unavailable" | "available"
  /** The session that met it. */
  readonly sessionId: string
  readonly error?: BackendError | undefined
  /** With `switched`: the engine that takes over. */
  readonly to?: string | undefined
}

/**
 * Takes incidents as they happen.
 *
 * @category models
 * @since 0.1.0
 */
export type OnIncident = (incident: EngineIncident) => void
