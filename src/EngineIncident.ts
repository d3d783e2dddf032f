/**
 * Incidents of engines in sessions that continue: failures, retries, switches to a fallback, recoveries.
 *
 * Resilient engines report them to the callback that they were opened with, synchronously and in order. The callback must be
 * quick and must not throw.
 *
 * @since 0.1.0
 */
import type { BackendError } from "./BackendError.ts"

/**
 * One incident of one engine.
 *
 * - `failed`: it failed, hung, ended its stream early or returned nothing; `error` says how.
 * - `retrying`: it is retried after that `error`.
 * - `switched`: the session uses the engine `to` in its place, or has switched back to it.
 * - `opened_circuit`: it failed too often in a row; no session uses it until its cool-down has passed.
 * - `recovered`: it works again after a failure.
 * - `unavailable`, `available`: the session has no working engine of this kind, and later has one again.
 *
 * @category models
 * @since 0.1.0
 */
export interface EngineIncident {
  /** The engine's (or agent's) name. */
  readonly engine: string
  readonly kind: "stt" | "tts" | "s2s" | "agent"
  readonly what: "failed" | "retrying" | "switched" | "opened_circuit" | "recovered" | "unavailable" | "available"
  /** The session in which it happened. */
  readonly sessionId: string
  readonly error?: BackendError | undefined
  /** With `switched`: the engine that takes over. */
  readonly to?: string | undefined
}

/**
 * Receives incidents as they happen.
 *
 * @category models
 * @since 0.1.0
 */
export type OnIncident = (incident: EngineIncident) => void
