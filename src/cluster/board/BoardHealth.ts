/**
 * Whether the board answers, as a part of the health report.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HealthStatus from "../../backend/health/HealthStatus.ts"

/** A board that has not answered for so long, in ms, is told. */
const BOARD_AWAY_MS = 5_000

/**
 * Adds the board to a health report, as its part `cluster`. `silentMs` says how long the board has not answered. A part of that name
 * that the report already has stays while the board answers.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withBoard = (
  report: Effect.Effect<HealthStatus.HealthStatus>,
  silentMs: () => number
): Effect.Effect<HealthStatus.HealthStatus> =>
  Effect.map(report, (status) => {
    const awayMs = silentMs()
    const part: HealthStatus.HealthPart = awayMs < BOARD_AWAY_MS
      ? { name: "cluster", status: "healthy" }
      : {
        name: "cluster",
        status: "degraded",
        cause: `the cluster's board has not answered for ${Math.round(awayMs / 1_000)} s`
      }
    if (part.status === "healthy" && status.parts.some(({ name }) => name === part.name)) return status
    return {
      ...status,
      parts: [...status.parts.filter(({ name }) => name !== part.name), part],
      status: HealthStatus.worst([{ name: "", status: status.status }, part])
    }
  })
