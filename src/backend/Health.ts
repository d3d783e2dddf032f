/**
 * Looks how a backend is: its provider, its engines, its admission, its latency; each with a cause when it is not well.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Admission } from "./Admission.ts"
import type { ProviderConnection } from "./BackendProvider.ts"
import { type HealthPart, type HealthStatus, worst } from "./HealthStatus.ts"
import type { LatencyWindow } from "./LatencyWindow.ts"

const PROBE_DEADLINE = "5 seconds"
/** A backend of whose last turns more than this share were late is degraded. */
const LATE_SHARE = 0.05

/**
 * What is looked at.
 *
 * @category models
 * @since 0.1.0
 */
export interface HealthOptions {
  readonly provider: string
  /** The provider's connection, while there is one. */
  readonly link: () => ProviderConnection | undefined
  /** The names of the engines, by kind. */
  readonly engines: { readonly [kind: string]: string }
  readonly admission: Admission
  readonly latency: LatencyWindow
  readonly latencyTarget: () => Duration.Duration
  readonly now: () => number
}

/**
 * The health of a backend, each time it is asked for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: HealthOptions): Effect.Effect<HealthStatus> => {
  const { admission, engines, latency, link, now, provider } = options

  const probe = Effect.suspend((): Effect.Effect<HealthPart> => {
    const connection = link()
    if (connection === undefined) {
      return Effect.succeed({ name: "provider", status: "unhealthy", cause: `the backend is ${admission.phase}` })
    }
    return connection.probe.pipe(
      Effect.timeoutOption(PROBE_DEADLINE),
      Effect.map(Option.getOrElse((): HealthPart => ({
        name: "provider",
        status: "unhealthy",
        cause: `${provider} did not answer within ${PROBE_DEADLINE}`
      })))
    )
  })

  return Effect.map(probe, (provided) => {
    const share = latency.exceeded
    const parts: ReadonlyArray<HealthPart> = [
      provided,
      ...Object.entries(engines).map(([kind, name]): HealthPart => ({
        name: `${kind}:${name}`,
        status: "healthy"
      })),
      admission.phase === "draining"
        ? { name: "admission", status: "degraded", cause: "the backend is draining" }
        : admission.isFull
        ? { name: "admission", status: "degraded", cause: "all sessions are taken" }
        : { name: "admission", status: "healthy" },
      share > LATE_SHARE
        ? {
          name: "latency",
          status: "degraded",
          cause: `${Math.round(100 * share)} % of the last turns took longer than ${
            Duration.format(options.latencyTarget())
          }`
        }
        : { name: "latency", status: "healthy" }
    ]
    return { status: worst(parts), parts, checkedAt: now() }
  })
}
