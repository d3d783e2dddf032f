/**
 * Tells of changes of health: a log line when a part becomes unhealthy or well again, and the status of each part as a
 * metric.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import * as HealthProbes from "./HealthProbes.ts"
import type { HealthPart } from "./HealthStatus.ts"

/**
 * Makes the teller. It is given the parts of each health check; a part whose status is as before is not told again, whatever
 * its cause says; nor are the `quiet` ones, which are only counted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  clock: Clock.Clock,
  onStatus: (part: string, status: HealthPart["status"]) => void,
  quiet: ReadonlySet<string> = new Set()
): (parts: ReadonlyArray<HealthPart>) => Effect.Effect<void> => {
  const known = new Map<string, { status: HealthPart["status"]; brokenMs: number | undefined }>()
  const note = (part: HealthPart): Effect.Effect<void> | undefined => {
    onStatus(part.name, part.status)
    if (quiet.has(part.name)) return undefined
    const former = known.get(part.name) ?? { status: "healthy", brokenMs: undefined }
    if (former.status === part.status) {
      known.set(part.name, former)
      return undefined
    }
    const now = MonotonicTime.nowMs(clock)
    const isWell = part.status === "healthy"
    known.set(part.name, { status: part.status, brokenMs: isWell ? undefined : former.brokenMs ?? now })
    const forMs = Math.round((now - (former.brokenMs ?? now)) / 1_000) * 1_000
    const crash = HealthProbes.crashOf(part)
    return Effect.annotateLogs(
      isWell
        ? Effect.logInfo(`${part.name} is healthy again after ${Duration.format(Duration.millis(forMs))}`)
        : Effect.logWarning(
          `${part.name} is ${part.status}`,
          ...(crash === undefined ? [] : [ThrownValue.loggable(crash)])
        ),
      {
        part: part.name,
        status: part.status,
        former: former.status,
        ...(part.cause === undefined ? {} : { cause: part.cause })
      }
    )
  }
  return (parts) => Effect.suspend(() => Effect.forEach(parts, (part) => note(part) ?? Effect.void, { discard: true }))
}
