/**
 * The health of a backend and of its parts.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A `degraded` backend still serves sessions; an `unhealthy` one does not.
 *
 * @category models
 * @since 0.1.0
 */
export const Health = Schema.Literals(["healthy", "degraded", "unhealthy"])

/**
 * @category models
 * @since 0.1.0
 */
export type Health = typeof Health.Type

/**
 * One part: the provider, an engine, the session store, the event loop, …. `cause` says what is wrong.
 *
 * @category models
 * @since 0.1.0
 */
export const HealthPart = Schema.Struct({
  name: Schema.String,
  status: Health,
  cause: Schema.optionalKey(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type HealthPart = typeof HealthPart.Type

/**
 * The health of the whole backend: that of its worst part. A part without which calls go on, such as the session store, makes
 * it no worse than `degraded`.
 *
 * @category models
 * @since 0.1.0
 */
export const HealthStatus = Schema.Struct({
  status: Health,
  parts: Schema.Array(HealthPart),
  checkedAt: Schema.Finite
}).pipe(Schema.encodeKeys({ checkedAt: "checked_at" }))

/**
 * @category models
 * @since 0.1.0
 */
export type HealthStatus = typeof HealthStatus.Type

const rank = { healthy: 0, degraded: 1, unhealthy: 2 } as const

/**
 * The worst status among some parts; `healthy` when there is none.
 *
 * @category combinators
 * @since 0.1.0
 */
export const worst = (parts: ReadonlyArray<HealthPart>): Health =>
  parts.reduce<Health>((status, part) => rank[part.status] > rank[status] ? part.status : status, "healthy")

/**
 * A part as it counts for the whole backend when calls go on without it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const atMostDegraded = (part: HealthPart): HealthPart =>
  part.status === "unhealthy" ? { ...part, status: "degraded" } : part
