/**
 * What a backend depends on besides its provider and its engines, as the health check sees it: the session store, the
 * archive, a rate-limit store, a telemetry receiver, or a service of the application's own.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { BackendError } from "./BackendError.ts"
import * as MonotonicTime from "./MonotonicTime.ts"

/**
 * One dependency: a part of the health report. While it fails, the backend is `degraded`, and goes on serving.
 *
 * - `name`: the name of the part, such as `retention`.
 * - `what`: the subject of a sentence: `the archive`.
 * - `failed`: the status of the part while the probe fails. Default: `unhealthy`.
 * - `isLogged`: its changes are logged elsewhere. Default: false.
 * - `probe`: asks whether it does its work now; the message of its failure is the part's cause. It is asked at each health
 *   check, so it bounds its own cost (`shared`). One that takes longer than 5 s has failed.
 *
 * @category models
 * @since 0.1.0
 */
export interface HealthSource {
  readonly name: string
  readonly what: string
  readonly failed?: "degraded" | "unhealthy" | undefined
  readonly isLogged?: boolean | undefined
  readonly probe: Effect.Effect<void, BackendError>
}

/**
 * The dependencies that are around when a backend is made; none by default.
 *
 * @category services
 * @since 0.1.0
 */
export const HealthSources = Context.Reference<ReadonlyArray<HealthSource>>("effect-voice/HealthSources", {
  defaultValue: () => []
})

/**
 * Adds dependencies to the health report of the backends that are built on it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (...sources: ReadonlyArray<HealthSource>): Layer.Layer<never> =>
  Layer.effect(HealthSources, Effect.map(HealthSources, (around) => [...around, ...sources]))

/**
 * Makes a probe that runs once for all who ask at the same time, and whose result holds for a while: however often health is
 * asked for, its cost is bounded. It runs in the present scope, so it goes on when one who asks is interrupted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const shared = Effect.fnUntraced(function*<A, E>(
  probe: Effect.Effect<A, E>,
  fresh: Duration.Input
): Effect.fn.Return<Effect.Effect<A, E>, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const freshMs = Duration.toMillis(Duration.fromInputUnsafe(fresh))
  let latest: { readonly fiber: Fiber.Fiber<A, E>; endedMs: number | undefined } | undefined
  return Effect.suspend(() => {
    if (
      latest !== undefined && (latest.endedMs === undefined || MonotonicTime.nowMs(clock) - latest.endedMs < freshMs)
    ) {
      return Fiber.join(latest.fiber)
    }
    const ended = Effect.sync(() => {
      if (latest !== undefined) latest.endedMs = MonotonicTime.nowMs(clock)
    })
    return Effect.flatMap(Effect.forkIn(Effect.ensuring(probe, ended), scope), (fiber) => {
      latest = { fiber, endedMs: undefined }
      return Fiber.join(fiber)
    })
  })
})
