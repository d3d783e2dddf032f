/**
 * What a backend counts, in Effect's metric registry: how many sessions, how many turns, how long the user waited.
 *
 * Synchronous and cheap, so that the callbacks of sessions may call it. Backends of one process that share a registry and
 * a provider share their numbers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Names from "./Names.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface BackendMetrics {
  readonly sessionOpened: () => void
  readonly sessionClosed: () => void
  readonly turnAnswered: (latencyMs: number) => void
}

/** Seconds: fine around the latencies that people notice (0.2 to 2 s), then up to what nobody waits for. */
const boundaries = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10]

const nothing = (): void => {}

/**
 * Makes the metrics of a backend, so that they stand in the registry with 0 from the start; without `enabled` nothing is
 * counted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly provider: string
  readonly enabled: boolean
}): Effect.fn.Return<BackendMetrics> {
  if (!options.enabled) return { sessionOpened: nothing, sessionClosed: nothing, turnAnswered: nothing }
  const context = yield* Effect.context()
  const attributes = { [Names.labels.provider]: options.provider }
  const active = Metric.gauge(Names.metrics.sessionsActive, {
    description: "Sessions that hold a slot now",
    attributes
  })
  const sessions = Metric.counter(Names.metrics.sessionsTotal, {
    description: "Sessions created",
    incremental: true,
    attributes
  })
  const turns = Metric.counter(Names.metrics.turnsTotal, {
    description: "Turns that the agent began to answer",
    incremental: true,
    attributes
  })
  const latency = Metric.histogram(Names.metrics.turnLatency, {
    description: "From the end of the user's speech to the first audio of the answer, in seconds",
    boundaries,
    attributes
  })
  // A metric that nobody has read or updated is not in the registry yet.
  for (const metric of [active, sessions, turns, latency]) metric.valueUnsafe(context)
  return {
    sessionOpened: () => {
      sessions.updateUnsafe(1, context)
      active.modifyUnsafe(1, context)
    },
    sessionClosed: () => active.modifyUnsafe(-1, context),
    turnAnswered: (latencyMs) => {
      turns.updateUnsafe(1, context)
      latency.updateUnsafe(latencyMs / 1000, context)
    }
  }
})
