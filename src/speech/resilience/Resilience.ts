/**
 * What the dependable engines have in common: how long to wait, when to ask again, whom to tell.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { type BackendError, ConnectionFailed } from "../../BackendError.ts"
import type { EngineIncident, OnIncident } from "../../EngineIncident.ts"
import type { EngineHealth } from "../EngineHealth.ts"
import * as CircuitBreaker from "./CircuitBreaker.ts"

/**
 * How failures are met. Every default is the config's.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResilienceOptions {
  /** How often one engine is asked again before the next one is. Default 3. */
  readonly maxRetries?: number | undefined
  /** The pause before the first retry; doubles with each, ± 20 %. Default 1 s. */
  readonly retryDelay?: Duration.Input | undefined
  /**
   * How long all engines together may take to give something: each is allowed an equal share of what is left, so that a
   * hung engine leaves time for the others. Default 30 s.
   */
  readonly timeout?: Duration.Input | undefined
  readonly breaker?: CircuitBreaker.BreakerOptions | undefined
  readonly onIncident?: OnIncident | undefined
}

/**
 * An engine with its breaker.
 *
 * @category models
 * @since 0.1.0
 */
export interface Guarded<Engine> {
  readonly engine: Engine
  readonly breaker: CircuitBreaker.CircuitBreaker
}

/**
 * Gives each engine its breaker.
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
 * What the health check is told of engines: one whose circuit is open is failing, with its last error.
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
 * The options with their defaults, in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly maxRetries: number
  readonly retryDelayMs: number
  readonly timeoutMs: number
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const settings = (options: ResilienceOptions): Settings => ({
  maxRetries: Math.max(0, Math.trunc(options.maxRetries ?? 3)),
  retryDelayMs: Duration.toMillis(Duration.fromInputUnsafe(options.retryDelay ?? "1 second")),
  timeoutMs: Duration.toMillis(Duration.fromInputUnsafe(options.timeout ?? "30 seconds"))
})

/**
 * The pause before the nth retry (from 0) in ms: twice as long each time, ± 20 % so that sessions do not retry in step,
 * and at least what the failure asks for (`details.retryAfterMs`).
 *
 * @category accessors
 * @since 0.1.0
 */
export const backoff = (settings: Settings, retry: number, error: BackendError): Effect.Effect<number> =>
  Effect.map(Random.next, (chance) => {
    const asked = error.details?.["retryAfterMs"]
    const delay = settings.retryDelayMs * 2 ** Math.min(30, retry) * (0.8 + 0.4 * chance)
    return typeof asked === "number" && asked > delay ? asked : delay
  })

/**
 * The failure of a call that no circuit lets through: what closed them, as far as known.
 *
 * @category errors
 * @since 0.1.0
 */
export const circuitOpen = <Engine extends { readonly name: string }>(
  op: string,
  { breaker, engine }: Guarded<Engine>
) =>
  breaker.lastError() ??
    new ConnectionFailed({
      op,
      message: `${engine.name} has failed too often and is not asked`,
      details: { circuit: "open" }
    })

/**
 * Tells of the incidents of one session, and remembers which of its engines is in use and which have failed.
 *
 * @category models
 * @since 0.1.0
 */
export class IncidentReporter {
  readonly #kind: "stt" | "tts"
  readonly #engines: ReadonlyArray<Guarded<{ readonly name: string }>>
  readonly #sessionId: string
  readonly #listeners: ReadonlyArray<OnIncident>
  #used = 0
  #missed = false
  #failing: ReadonlyArray<number> = []

  constructor(
    kind: "stt" | "tts",
    engines: ReadonlyArray<Guarded<{ readonly name: string }>>,
    sessionId: string,
    listeners: ReadonlyArray<OnIncident | undefined>
  ) {
    this.#kind = kind
    this.#engines = engines
    this.#sessionId = sessionId
    this.#listeners = listeners.filter((listener) => listener !== undefined)
  }

  failed(index: number, error: BackendError, openedCircuit: boolean): void {
    if (!this.#failing.includes(index)) this.#failing = [...this.#failing, index]
    this.#tell(index, "failed", error)
    if (openedCircuit) this.#tell(index, "opened_circuit", error)
  }

  retrying(index: number, error: BackendError): void {
    this.#tell(index, "retrying", error)
  }

  /** The engine is in use from now on; a session is expected to use the first. */
  using(index: number, error?: BackendError): void {
    const before = this.#used
    this.#used = index
    if (before !== index) this.#tell(before, "switched", error, this.#nameOf(index))
  }

  /** No engine works for the session, which waits for one. */
  unavailable(index: number, error: BackendError): void {
    if (!this.#missed) this.#tell(index, "unavailable", error)
    this.#missed = true
  }

  /** One works again; nothing when none was missed. */
  available(index: number): void {
    if (this.#missed) this.#tell(index, "available")
    this.#missed = false
  }

  /** The engine has done its work. */
  succeeded(index: number, closedCircuit: boolean): void {
    const failed = this.#failing.includes(index)
    if (failed) this.#failing = this.#failing.filter((other) => other !== index)
    if (failed || closedCircuit) this.#tell(index, "recovered")
  }

  #nameOf(index: number): string {
    return this.#engines[index]?.engine.name ?? ""
  }

  #tell(index: number, what: EngineIncident["what"], error?: BackendError, to?: string): void {
    const incident: EngineIncident = {
      engine: this.#nameOf(index),
      kind: this.#kind,
      what,
      sessionId: this.#sessionId,
      ...(error === undefined ? {} : { error }),
      ...(to === undefined ? {} : { to })
    }
    for (const listener of this.#listeners) listener(incident)
  }
}
