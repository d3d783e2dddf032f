/**
 * What resilient engines have in common: how long to wait, how often to retry, which engines there are.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type BackendError, ConnectionFailed } from "../../BackendError.ts"
import type { OnIncident } from "../../EngineIncident.ts"
import type { RetryPolicy } from "../../RetryPolicy.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import type { EngineHealth } from "../EngineHealth.ts"
import type { SessionSpeech } from "../SessionSpeech.ts"
import * as CircuitBreaker from "./CircuitBreaker.ts"
import { IncidentReporter } from "./IncidentReporter.ts"

/**
 * How failures are handled. Every default is the config's.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResilienceOptions {
  /** How often one engine is retried before the next one is used. Default 3. */
  readonly maxRetries?: number | undefined
  /** The pause before the first retry; doubles with each, ± 20 %. Default 1 s. */
  readonly retryDelay?: Duration.Input | undefined
  /**
   * How long all engines together may take to give something: each is allowed an equal share of what is left, so that one
   * that hangs leaves time for the others. Default 30 s.
   */
  readonly timeout?: Duration.Input | undefined
  readonly breaker?: CircuitBreaker.BreakerOptions | undefined
  /** Called for the incidents of all sessions; a session's own callback is given to `open`. */
  readonly onIncident?: OnIncident | undefined
}

/**
 * An engine with its circuit breaker.
 *
 * @category models
 * @since 0.1.0
 */
export interface Guarded<Engine> {
  readonly engine: Engine
  readonly breaker: CircuitBreaker.CircuitBreaker
}

/**
 * Gives each engine its circuit breaker.
 *
 * @category constructors
 * @since 0.1.0
 */
export const guard = <Engine>(
  engines: ReadonlyArray<Engine>,
  options: ResilienceOptions
): Effect.Effect<ReadonlyArray<Guarded<Engine>>> =>
  Effect.forEach(
    engines,
    (engine) => Effect.map(CircuitBreaker.make(options.breaker), (breaker) => ({ engine, breaker }))
  )

/**
 * The engines as the health check sees them: one whose circuit is open is failing, with its last error.
 *
 * @category accessors
 * @since 0.1.0
 */
export const members = (
  engines: ReadonlyArray<Guarded<EngineHealth>>
): ReadonlyArray<EngineHealth> =>
  engines.map((guarded) => ({
    name: guarded.engine.name,
    probe: guarded.engine.probe,
    backlogMs: guarded.engine.backlogMs,
    failing: () => guarded.breaker.isOpen() ? circuitOpen("health", guarded) : undefined
  }))

/**
 * The options with their defaults; the timeout in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly retry: RetryPolicy & { readonly maxRetries: number }
  readonly timeoutMs: number
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const settings = (options: ResilienceOptions): Settings => ({
  retry: {
    delay: Duration.fromInputUnsafe(options.retryDelay ?? "1 second"),
    maxRetries: Math.max(0, Math.trunc(options.maxRetries ?? 3))
  },
  timeoutMs: Duration.toMillis(Duration.fromInputUnsafe(options.timeout ?? "30 seconds"))
})

/**
 * The failure of a call that an open circuit refuses: the last failure that opened it, as far as known.
 *
 * @category errors
 * @since 0.1.0
 */
export const circuitOpen = <Engine extends { readonly name: string }>(
  op: string,
  { breaker, engine }: Guarded<Engine>
): BackendError =>
  breaker.lastError() ??
    new ConnectionFailed({ op, message: `${engine.name}: circuit open`, details: { circuit: "open" } })

/**
 * Whether a failure may be due to the language, voice or key terms that the session chose. It says nothing about the engine,
 * so its circuit breaker, which all sessions share, does not count it.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSessionsOwn = (error: BackendError, { keyterms = [], language, voice }: SessionSpeech): boolean =>
  error._tag === "InvalidConfig" && (language !== undefined || voice !== undefined || keyterms.length > 0)

/**
 * Makes the reporter of a session's incidents. An application's callback that throws is logged, and nothing else.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reporter = (
  kind: "stt" | "tts",
  engines: ReadonlyArray<Guarded<{ readonly name: string }>>,
  session: { readonly sessionId: string; readonly onIncident?: OnIncident | undefined },
  { onIncident }: ResilienceOptions
): Effect.Effect<IncidentReporter> =>
  Effect.map(Effect.context<never>(), (context) => {
    const guarded: OnIncident | undefined = onIncident === undefined ? undefined : (incident) => {
      try {
        onIncident(incident)
      } catch (cause) {
        Effect.runForkWith(context)(Effect.logError("onIncident threw", ThrownValue.loggable(Cause.die(cause))))
      }
    }
    return new IncidentReporter(
      kind,
      engines.map(({ engine }) => engine.name),
      session.sessionId,
      [guarded, session.onIncident]
    )
  })
