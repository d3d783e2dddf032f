/**
 * The metrics of a cluster, in Effect's metric registry: as this process was last told, and how long its requests to others take.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as MetricFamily from "./MetricFamily.ts"
import * as TelemetryNames from "./TelemetryNames.ts"

/**
 * How a request to another process went: `error` is its answer, `gone` is none.
 *
 * @category models
 * @since 0.1.0
 */
export type RequestOutcome = "ok" | "error" | "gone"

/**
 * What is told of a cluster.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterState {
  readonly nodes: number
  readonly placesTaken: number
  readonly places: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ClusterMetrics {
  readonly cluster: (state: ClusterState) => void
  readonly requested: (outcome: RequestOutcome, afterMs: number) => void
}

/** In seconds: one between processes takes some milliseconds, and is given up after 5 s or more. */
const boundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const outcomes: ReadonlyArray<RequestOutcome> = ["ok", "error", "gone"]

/**
 * Makes the metrics of a cluster. They are registered as soon as `enabled` returns true; while it returns false, nothing is
 * recorded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly provider: string
  readonly enabled: () => boolean
}): Effect.fn.Return<ClusterMetrics> {
  const context = yield* Effect.context()
  const { clusterMetrics, labels } = TelemetryNames
  const family = (description: string, ...names: ReadonlyArray<string>) => ({
    description,
    labels: names,
    attributes: { [labels.provider]: options.provider },
    context
  })
  const register = () => {
    const request = MetricFamily.histogram(clusterMetrics.requestDuration, {
      ...family("Duration of requests to other processes of the cluster, in seconds", labels.outcome),
      boundaries
    })
    for (const outcome of outcomes) request(undefined, outcome)
    return {
      nodes: MetricFamily.gauge(clusterMetrics.nodes, family("Processes of the cluster that report")),
      taken: MetricFamily.gauge(
        clusterMetrics.placesTaken,
        family("Places for sessions that are taken in the whole cluster")
      ),
      places: MetricFamily.gauge(clusterMetrics.places, family("Places for sessions in the whole cluster")),
      request
    }
  }
  let all: ReturnType<typeof register> | undefined
  const families = () => options.enabled() ? all ??= register() : undefined
  return {
    cluster: ({ nodes, places, placesTaken }) => {
      const now = families()
      if (now === undefined) return
      now.nodes(nodes)
      now.taken(placesTaken)
      now.places(places)
    },
    requested: (outcome, afterMs) => families()?.request(afterMs / 1_000, outcome)
  }
})
