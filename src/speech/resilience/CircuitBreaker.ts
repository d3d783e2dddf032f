/**
 * A circuit breaker for each engine of a backend, shared by all its sessions.
 *
 * It opens after some failures in a row. When its cool-down is over, one call is admitted as a probe: success closes the
 * circuit, failure opens it for twice as long. The state machine is that of `effect/persistence`, in memory.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as EffectCircuitBreaker from "effect/persistence/CircuitBreaker"
import type * as Scope from "effect/Scope"
import type { BackendError } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as RetryPolicy from "../../RetryPolicy.ts"

/**
 * When a circuit breaker opens, and for how long.
 *
 * @category models
 * @since 0.1.0
 */
export interface BreakerOptions {
  /** Failures in a row that open it. Default 5. */
  readonly failures?: number | undefined
  /** How long it stays open the first time; doubles with every probe that fails. Default 5 s. */
  readonly coolDown?: Duration.Input | undefined
  /** The longest it stays open. Default 2 min. */
  readonly maxCoolDown?: Duration.Input | undefined
}

/**
 * Permission to use the engine. One that is not settled when its scope closes counts as neither success nor failure.
 *
 * @category models
 * @since 0.1.0
 */
export interface Admission {
  /** This call decides whether the circuit closes; all others are refused meanwhile. */
  readonly probe: boolean
  /** The engine has worked. True when this closed the circuit. */
  readonly succeed: Effect.Effect<boolean>
  /** The engine has failed; ignored after `succeed`. True when this opened the circuit. */
  readonly fail: (error: BackendError) => Effect.Effect<boolean>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface CircuitBreaker {
  /** Admits a call, or gives `undefined` while the circuit is open or another call probes it. */
  readonly admit: Effect.Effect<Admission | undefined, never, Scope.Scope>
  /** No call is admitted: the cool-down runs. False after it, so that the health check does not prevent the probe. */
  readonly isOpen: () => boolean
  /** The latest failure. */
  readonly lastError: () => BackendError | undefined
}

/**
 * Makes a circuit breaker. A failure that says when to come back (`details.retryAfterMs`) keeps the circuit open at least that
 * long, up to `maxCoolDown`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: BreakerOptions = {}): Effect.Effect<CircuitBreaker> =>
  Effect.gen(function*() {
    const store = yield* EffectCircuitBreaker.CircuitBreakerStore
    const tripPolicy = EffectCircuitBreaker.consecutive(Math.max(1, Math.trunc(options.failures ?? 5)))
    const coolDown = Duration.toMillis(Duration.fromInputUnsafe(options.coolDown ?? "5 seconds"))
    const maxCoolDown = Duration.toMillis(Duration.fromInputUnsafe(options.maxCoolDown ?? "2 minutes"))
    const key = "engine"
    let lastError: BackendError | undefined
    let openUntil = 0
    const clock = yield* Clock.Clock

    const record = (
      { consecutiveOpenings, generation }: EffectCircuitBreaker.Admission,
      outcome: "Success" | "Failure" | "Ignored",
      retryAfterMs: number
    ) => {
      const openMs = Math.min(
        maxCoolDown,
        // 2 ** 30 times any cool-down is beyond any bound
        Math.max(retryAfterMs, coolDown * 2 ** Math.min(30, consecutiveOpenings))
      )
      return store.record({ key, generation, outcome, tripPolicy, openFor: Duration.millis(openMs) }).pipe(
        Effect.map((transition) => {
          const to = transition?.to
          if (to === "Open") openUntil = MonotonicTime.nowMs(clock) + openMs
          if (to === "Closed") openUntil = 0
          return to
        }),
        MonotonicTime.withSteadyClock,
        // the store in memory does not fail
        Effect.orDie
      )
    }

    const admit: CircuitBreaker["admit"] = Effect.uninterruptible(Effect.gen(function*() {
      const admission = yield* store.admit(key).pipe(
        MonotonicTime.withSteadyClock,
        Effect.catch(() => Effect.undefined)
      )
      if (admission === undefined) return undefined
      let settled = false
      const settle = (outcome: "Success" | "Failure" | "Ignored", retryAfterMs = 0) =>
        Effect.suspend(() => {
          if (settled) return Effect.undefined
          settled = true
          return record(admission, outcome, retryAfterMs)
        })
      yield* Effect.addFinalizer(() => settle("Ignored"))
      return {
        probe: admission.probe,
        succeed: Effect.map(settle("Success"), (to) => to === "Closed"),
        fail: (error) =>
          Effect.suspend(() => {
            lastError = error
            return Effect.map(settle("Failure", RetryPolicy.retryAfterMs(error)), (to) => to === "Open")
          })
      }
    }))

    return { admit, isOpen: () => MonotonicTime.nowMs(clock) < openUntil, lastError: () => lastError }
  }).pipe(Effect.provide(EffectCircuitBreaker.layerStoreMemory()))
